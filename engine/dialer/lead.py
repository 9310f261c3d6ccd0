"""What an outcome means for the lead: done, or dial again at a given time (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from engine.outcome.disposition import NEVER_AGAIN, UNCOUNTED, Outcome


class LeadStatus(StrEnum):
    """Where a lead stands. `excluded`: on the do-not-call list or without a required consent."""

    NEW = "new"
    DIALING = "dialing"
    WAITING = "waiting"
    DONE = "done"
    EXCLUDED = "excluded"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class RecallRule:
    """Dial again after `delay_s`, as long as the lead had fewer than `attempts_max` attempts."""

    attempts_max: int
    delay_s: float


@dataclass(frozen=True, slots=True)
class LeadNext:
    """The lead's next status, and for `waiting` when it may be dialed again (epoch seconds)."""

    status: LeadStatus
    next_at: float | None


NOT_DIALED_DELAY_S = 5.0
"""A claimed lead that was not dialed comes back after this pause."""

DEFAULT_RULES: Mapping[Outcome, RecallRule] = {
    Outcome.BUSY: RecallRule(3, 300.0),
    Outcome.NO_ANSWER: RecallRule(3, 3600.0),
    Outcome.UNREACHABLE: RecallRule(2, 3600.0),
    Outcome.CONGESTION: RecallRule(3, 60.0),
    Outcome.CANCELLED: RecallRule(3, 60.0),
    Outcome.ABANDONED: RecallRule(2, 72 * 3600.0),  # Ofcom: 72 h without an agent guaranteed
    Outcome.CUSTOMER_HANGUP: RecallRule(2, 24 * 3600.0),
    Outcome.SKIPPED: RecallRule(3, 4 * 3600.0),
    Outcome.UNKNOWN: RecallRule(2, 24 * 3600.0),
    Outcome.ENGINE_ERROR: RecallRule(2, 24 * 3600.0),
}
"""Used where a campaign says nothing; an outcome that has no rule ends the lead."""


def next_of(outcome: Outcome, attempts: int, rules: Mapping[Outcome, RecallRule], now: float) -> LeadNext:
    """Decide what becomes of a lead after `outcome`; `attempts` counts this attempt too."""
    if outcome in UNCOUNTED:
        return LeadNext(LeadStatus.WAITING, now + NOT_DIALED_DELAY_S)
    rule = rules.get(outcome, DEFAULT_RULES.get(outcome))
    if rule is None or outcome in NEVER_AGAIN or attempts >= rule.attempts_max:
        return LeadNext(LeadStatus.DONE, None)
    return LeadNext(LeadStatus.WAITING, now + rule.delay_s)
