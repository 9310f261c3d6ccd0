"""What the law counts as an abandoned call: a definition applied to the facts of an answered call (pure).

PostgreSQL says the same of the stored facts (`abandonment_answers` and `abandonment` in schema/0011_abandonment.sql);
tests/contract/test_abandonment.py holds the two together. docs/pacing.md names the sources.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from engine.outcome.disposition import Outcome

from .jurisdiction import Jurisdiction


class AnswerKind(StrEnum):
    """What an answered call counts as."""

    CONNECTED = "connected"
    """A person met an agent in time, or heard the message that the call was for."""
    ABANDONED = "abandoned"
    """A person met nobody in time, or was cut off by us or by a fault."""
    CUSTOMER_GONE = "customer_gone"
    """A person hung up before the limit: in neither side of the ratio."""


class AnsweredCall(Protocol):
    """The facts that decide; times are epoch seconds."""

    @property
    def outcome(self) -> Outcome: ...
    @property
    def answered_at(self) -> float | None: ...
    @property
    def live_at(self) -> float | None: ...
    @property
    def greeting_end_at(self) -> float | None: ...
    @property
    def bridged_at(self) -> float | None: ...
    @property
    def message_at(self) -> float | None: ...
    @property
    def ended_at(self) -> float: ...
    @property
    def machine(self) -> str | None: ...
    @property
    def hangup_by(self) -> str | None: ...


def kind_of(call: AnsweredCall, law: Jurisdiction) -> AnswerKind | None:
    """What the call counts as under `law`; None: no person answered it."""
    if call.answered_at is None or call.machine == "machine":
        return None
    limit_at = _limit_begins(call, call.answered_at, law) + law.connect_limit_s
    if call.bridged_at is not None:
        return AnswerKind.CONNECTED if call.bridged_at <= limit_at else AnswerKind.ABANDONED
    if call.outcome is Outcome.ANSWERED:
        return AnswerKind.CONNECTED
    if call.outcome is Outcome.CUSTOMER_HANGUP and call.message_at is not None:
        return AnswerKind.CONNECTED  # without agents: the message was what the call was for
    left = call.outcome is Outcome.CUSTOMER_HANGUP or (
        call.hangup_by == "customer" and call.outcome is not Outcome.ABANDONED
    )
    return AnswerKind.CUSTOMER_GONE if left and call.ended_at <= limit_at else AnswerKind.ABANDONED


def settled_at(call: AnsweredCall) -> float:
    """When it was decided what an answered call counts as."""
    if call.bridged_at is not None:
        return call.bridged_at
    return call.ended_at if call.message_at is None else call.message_at


def false_positives(live: int, law: Jurisdiction, fp_rate: float) -> float:
    """People whom the machine detection took for machines, estimated from those it let through.

    Of N people it lets (1 - fp) N through, which are the live answers, and drops fp N = live * fp / (1 - fp).
    """
    return live * fp_rate / (1 - fp_rate) if law.add_false_positives else 0.0


def ratio(live: int, abandoned: int, dropped: float) -> float:
    """Abandoned of all people who answered, those who were dropped as machines on both sides; 0 without any."""
    return (abandoned + dropped) / (live + dropped) if live else 0.0


def _limit_begins(call: AnsweredCall, answered_at: float, law: Jurisdiction) -> float:
    if law.counted_from == "answer":
        return answered_at
    return next(at for at in (call.greeting_end_at, call.live_at, answered_at) if at is not None)
