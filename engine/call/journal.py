"""A call's journal: its entries as plain data, and back (pure).

An entry is a time, a name and fields. Most are events (events.py), so that the call machine can be run over them again
(replay.py); the others are here: how the call began, or with which state an engine took it over from one before it,
what was not kept, and a fault of ours. Numbers of people are in no entry (schema/README.md), nor is what repeats
itself in thousands of calls without the machine looking at it: rules for dialing again, long lists of media.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias, get_args

from engine.ids import CallId
from engine.plain import Malformed, defaults_of, plain, typed

from .commands import Command
from .events import CallEvent, CommandFailed, DialAsked, Failure, LegEntered
from .model import Call, CallPolicy, Phase

Entry: TypeAlias = tuple[float, str, Mapping[str, Any]]
"""Epoch seconds, the name of what happened, its fields."""

MASK = "?"
MEDIA_KEPT = 2
"""Of a message's media; how many more there were is said."""


class Way(StrEnum):
    """How a call began (the `start_` functions of machine.py)."""

    OUTBOUND = "outbound"
    PREVIEW = "preview"
    INBOUND = "inbound"
    SCRIPTED = "scripted"


WAYS: Mapping[Phase, Way] = {
    Phase.DIALING: Way.OUTBOUND,
    Phase.PREVIEWING: Way.PREVIEW,
    Phase.WAITING: Way.INBOUND,
    Phase.SCRIPTED: Way.SCRIPTED,
}
"""By the phase in which a call is when it has just begun."""


@dataclass(frozen=True, slots=True)
class Began:
    """The call began so."""

    call: Call
    at: float


@dataclass(frozen=True, slots=True)
class Adopted:
    """An engine took the call over from the one before it, and knew so much of it."""

    call: Call
    at: float


@dataclass(frozen=True, slots=True)
class Faulted:
    """The step of the event before this entry failed, by a fault of ours; the engine ended the call."""

    at: float


@dataclass(frozen=True, slots=True)
class Cut:
    """So many events were not kept."""

    dropped: int
    at: float


Opening = Began | Adopted
Remark = Opening | Faulted | Cut
EVENTS: Mapping[str, type] = {kind.__name__: kind for kind in get_args(CallEvent)}
COMMANDS: Mapping[str, type] = {kind.__name__: kind for kind in get_args(Command)}

_POLICY = {name: default for name, default in defaults_of(CallPolicy).items() if name != "recall"}
_STATE = tuple(
    (name, default)
    for name, default in defaults_of(Call).items()
    # the calls table has these, and the number has no other place
    if name not in {"id", "number", "recording", "policy"}
)
_DIGITS = re.compile(r"\+?\d{6,}")
_NUMBER = re.compile(r"\+\d{6,}")


def opening(call: Call, adopted_at: float | None = None) -> Opening:
    """The first entry of a call: it has just begun, unless an engine adopted it."""
    if adopted_at is None and call.phase in WAYS:
        return Began(call, call.created_at)
    return Adopted(call, call.created_at if adopted_at is None else adopted_at)


def entry_of(fact: CallEvent | Remark) -> Entry:
    """What is written of an event, or of what else belongs to the call's story."""
    name = type(fact).__name__
    fields: dict[str, Any]
    match fact:
        case Began(call):
            fields = {"way": WAYS[call.phase].value, "call": state_of(call)}
        case Adopted(call):
            fields = {"call": state_of(call)}
        case CommandFailed(command, failure, detail):
            told = {"command": {"type": type(command).__name__, **plain(command)}, "failure": failure.value}
            fields = without_numbers(name, {**told, "detail": detail})
        case _:
            fields = plain(fact)
            del fields["at"]
            if isinstance(fact, LegEntered | DialAsked):
                fields = without_numbers(name, fields)
    return fact.at, name, fields


def event_of(entry: Entry) -> CallEvent:
    """The event of an entry. Raises Malformed when this version knows no such event, or not with such fields."""
    at, name, fields = entry
    kind = EVENTS.get(name)
    if kind is None:
        raise Malformed("this version knows no such event")
    if kind is not CommandFailed:
        event: CallEvent = typed({**fields, "at": at}, kind)
        return event
    try:
        failure = Failure(fields.get("failure"))
    except ValueError as error:
        raise Malformed(str(error)) from None
    return CommandFailed(command_of(fields.get("command")), failure, str(fields.get("detail", "")), at)


def plain_command(command: Command) -> dict[str, Any]:
    """A command with its kind, without numbers of people and what is pressed or set for them."""
    told: dict[str, Any] = _discreet({"type": type(command).__name__, **plain(command)})
    return told


def command_of(data: object) -> Command:
    """The command of a `plain_command`. Raises Malformed."""
    kind = COMMANDS.get(str(data.get("type"))) if isinstance(data, Mapping) else None
    if kind is None:
        raise Malformed("it does not say which command failed, or this version knows no such command")
    command: Command = typed(data, kind)
    return command


def state_of(call: Call) -> dict[str, Any]:
    """A call as plain data, as far as the machine looks at it: without its name and number; what is usual is left out.

    `call_of` makes the call again.
    """
    state: dict[str, Any] = {name: value for name, default in _STATE if (value := getattr(call, name)) != default}
    if call.seat is not None:
        state["seat"] = plain(call.seat)
    policy = call.policy
    state["policy"] = {name: value for name, default in _POLICY.items() if (value := getattr(policy, name)) != default}
    for media in ("message", "confirmation"):
        if len(getattr(policy, media)) > MEDIA_KEPT:
            kept = getattr(policy, media)
            state["policy"][media] = (*kept[:MEDIA_KEPT], f"and {len(kept) - MEDIA_KEPT} more")
    return state


def call_of(name: CallId, state: object) -> Call:
    """The call of a `state_of`. Raises Malformed."""
    if not isinstance(state, Mapping):
        raise Malformed("there is no call in it")
    return typed({**state, "id": name, "number": ""}, Call)


def without_numbers(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """An entry's fields without numbers of people, whichever version wrote them."""
    told = dict(fields)
    match name:
        case "LegEntered":
            args = told.get("args") or ()
            told |= {"args": list(args if args[:1] in (["amd"], ("amd",)) else args[:1]), "caller": "", "dialed": ""}
        case "DialAsked":
            told["originate"] = _discreet(told.get("originate"))
        case "CommandFailed":
            told["command"] = _discreet(told.get("command"))
            told["detail"] = _DIGITS.sub(MASK, str(told.get("detail", "")))
        case _ if name not in EVENTS and name not in {"Began", "Adopted"}:
            told = {
                field: _NUMBER.sub(MASK, value) if isinstance(value, str) else value for field, value in told.items()
            }
    return told


def joined(rows: Sequence[Sequence[Entry]]) -> tuple[Entry, ...]:
    """The entries of several commits, in order.

    A commit whose answer was lost is repeated, perhaps with more: what a row says again is there once.
    """
    entries: list[Entry] = []
    for row in rows:
        again = next((n for n in range(min(len(row), len(entries)), 0, -1) if entries[-n:] == list(row[:n])), 0)
        entries.extend(row[again:])
    return tuple(entries)


def _discreet(command: object) -> Any:
    """A command as plain data; what it carries of people is masked."""
    if not isinstance(command, Mapping):
        return command
    told = dict(command)
    if isinstance(told.get("endpoint"), str):
        technology, slash, rest = told["endpoint"].partition("/")
        _, at, trunk = rest.partition("@")
        told["endpoint"] = f"{technology}{slash}{MASK}{at}{trunk}"
        told |= {"caller_id": "", "variables": []}
    for secret in ("digits", "value"):
        if secret in told:
            told[secret] = MASK
    return told
