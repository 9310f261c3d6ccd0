"""The call machine run again over a call's journal: the same story, or not (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from engine.ids import CallId
from engine.outcome.disposition import Outcome
from engine.plain import Malformed
from engine.revision import revised

from .commands import Command, Originate
from .journal import Entry, Way, call_of, event_of
from .machine import Step, start_inbound, start_outbound, start_preview, start_scripted, step
from .model import Call, Phase

SAME_S = 2e-6
"""Times in the database are whole microseconds; a float's are not."""
BEGINNING_UNKNOWN = "recorded by a version that did not keep how calls begin: the machine cannot be run over it"


@dataclass(frozen=True, slots=True)
class Result:
    """Where a call stands, or how it ended; times are epoch seconds."""

    phase: str
    outcome: str | None
    hangup_by: str | None
    answered_at: float | None
    bridged_at: float | None
    ended_at: float | None

    @classmethod
    def of(cls, call: Call) -> Result:
        return cls(call.phase, call.outcome, call.hangup_by, call.answered_at, call.bridged_at, call.ended_at)


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that is not what was recorded."""

    field: str
    recorded: str | float | None
    repeated: str | float | None


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry, and what the machine made of it."""

    entry: Entry
    phase: Phase | None
    """After it; None while it is not known how the call began."""
    asks: tuple[Command, ...] = ()
    remark: str = ""
    """What people should know of it; empty: nothing."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A journal that was run through the machine."""

    moments: tuple[Moment, ...]
    result: Result | None
    """None: the journal does not say how the call began."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is to be said of the whole."""
        told = [f"{moment.entry[1]}: {moment.remark}" for moment in self.moments if moment.remark]
        return (*dict.fromkeys(told), *(() if self.result is not None else (BEGINNING_UNKNOWN,)))


def replay(name: CallId, entries: Iterable[Entry]) -> Replay:
    """Run the machine over a journal; never raises for what is in it."""
    call: Call | None = None
    before: Call | None = None
    moments = []
    for entry in entries:
        if entry[1] == "Faulted":  # the step before it changed nothing then; now it may do what it should have done
            call = before
        before = call
        call, asks, remark = _go_on(name, call, entry)
        moments.append(Moment(entry, None if call is None else call.phase, asks, remark))
    return Replay(tuple(moments), None if call is None else Result.of(call))


def differences(recorded: Result, repeated: Result) -> tuple[Difference, ...]:
    """What is not as it was recorded."""
    pairs = [(field.name, getattr(recorded, field.name), getattr(repeated, field.name)) for field in fields(Result)]
    return tuple(Difference(name, was, now) for name, was, now in pairs if not _same(was, now))


def _same(was: str | float | None, now: str | float | None) -> bool:
    if isinstance(was, float | int) and isinstance(now, float | int):
        return abs(was - now) <= SAME_S
    return was == now


def _go_on(name: CallId, call: Call | None, entry: Entry) -> tuple[Call | None, tuple[Command, ...], str]:
    """The call after an entry, the commands it asks for, and what is to be said of it."""
    at, kind, told = entry
    try:
        match kind:
            case "Began":
                return (*_begun(name, told), "")
            case "Adopted":
                return call_of(name, told.get("call")), (), ""
            case "Cut":
                return call, (), f"{told.get('dropped')} events were not kept"
            case "Faulted":
                return None if call is None else _faulted(call, at), (), "a fault of the engine ended the call"
            case _:
                event = event_of(entry)
    except Malformed as error:
        return call, (), f"left out: {error}"
    if call is None:
        return None, (), ""
    try:
        return (*step(call, event), "")
    except Exception as fault:  # the journal of a fault shows the fault again
        return call, (), f"the machine fails: {fault!r}"


def _begun(name: CallId, told: Any) -> Step:
    """The call as it began. Raises Malformed."""
    call = call_of(name, told.get("call"))
    match told.get("way"):
        case Way.OUTBOUND:
            return start_outbound(call, _originate(call))
        case Way.PREVIEW:
            return start_preview(call, (call.deadline_at or call.created_at) - call.created_at)
        case Way.INBOUND:
            return start_inbound(call)
        case Way.SCRIPTED:
            return start_scripted(call)
    raise Malformed(f"this version knows no way {told.get('way')!r} for a call to begin")


def _originate(call: Call) -> Originate:
    """The dial, without the number."""
    return Originate(call.channel, "", "", "", "", call.policy.ring_timeout_s)


def _faulted(call: Call, at: float) -> Call:
    """As the switchboard ends a call whose step failed."""
    return revised(
        call, phase=Phase.ENDED, ended_at=at, deadline_at=None, outcome=Outcome.ENGINE_ERROR, hangup_by="engine",
        seat_held=False,
    )  # fmt: skip
