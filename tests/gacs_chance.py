"""What may happen to a run of a script: every kind of event, answering what was asked for or something else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from engine.flow.model import Flow
from engine.flow.run.events import (
    AgentAssigned,
    BeepHeard,
    CommandFailed,
    DeadlinePassed,
    Detected,
    Digit,
    Done,
    HungUp,
    LookupAnswered,
    NoAgents,
    PartyAnswered,
    PartyFailed,
    PartyFailure,
    PlaybackEnded,
    QueueMoved,
    RecordingEnded,
    Refused,
    Reply,
    Restarted,
    RoomFull,
    RoomJoined,
    RunEvent,
    StopAsked,
    Stored,
    StreamEnded,
    StreamStarted,
    TalkEnded,
    Verdict,
    WebhookAnswered,
    WebhookFailed,
    WebhookFailure,
)
from engine.flow.run.state import Run, WaitKind
from engine.flow.values import Kind, TypeSpec

K = WaitKind
LIKELY: dict[WaitKind, Sequence[type[Any]]] = {
    K.SOUND: (PlaybackEnded,),
    K.ENTRY: (Digit,),
    K.DELAY: (DeadlinePassed,),
    K.RECORDING: (RecordingEnded, Digit),
    K.ACK: (Done,),
    K.STORING: (Stored, Refused),
    K.WEBHOOK: (WebhookAnswered, WebhookFailed),
    K.LOOKUP: (LookupAnswered,),
    K.QUEUED: (AgentAssigned, NoAgents, QueueMoved, Digit, PlaybackEnded),
    K.RINGING: (PartyAnswered, PartyFailed),
    K.JOINING: (RoomJoined, RoomFull),
    K.TALKING: (TalkEnded,),
    K.DETECTING: (Detected,),
    K.BEEP: (BeepHeard,),
    K.OPENING: (StreamStarted,),
    K.STREAMING: (StreamEnded,),
    K.APOLOGY: (PlaybackEnded,),
}
"""What answers each wait."""
EVENTS: Sequence[type[Any]] = get_args(RunEvent)
RARE: Sequence[type[Any]] = tuple(kind for kind in EVENTS if kind not in {StopAsked, HungUp, Restarted, CommandFailed})
FAULTS: Sequence[type[Any]] = (HungUp, Restarted, CommandFailed, DeadlinePassed, StopAsked)
_VALUES: dict[Kind, Sequence[Any]] = {
    Kind.BOOL: (True, False),
    Kind.INT: (0, 7, -1),
    Kind.DECIMAL: ("1.50", 0),
    Kind.MONEY: ({"amount": "12.50", "currency": "RUB"},),
    Kind.STRING: ("x", ""),
    Kind.DIGITS: ("1234", ""),
    Kind.PHONE: ("+74951234567",),
    Kind.DATE: ("2026-03-05",),
    Kind.DATETIME: ("2026-03-05T10:00:00+03:00",),
    Kind.DURATION: (1.5, "PT90S"),
}


def value_for(spec: TypeSpec, number: int) -> Any:
    """Some JSON value of a type; now and then none, or one of another type."""
    if number % 17 == 16:
        return None if number % 2 else ["?"]
    match spec.type:
        case Kind.ENUM:
            return spec.values[number % len(spec.values)]
        case Kind.LIST:
            assert spec.of is not None
            return [value_for(spec.of, number + at) for at in range(number % 4)]
        case Kind.RECORD:
            return {name: value_for(one, number + at) for at, (name, one) in enumerate(spec.fields.items())}
        case Kind.MONEY:
            return {"amount": "12.50", "currency": spec.currency or "RUB"}
    return _VALUES[spec.type][number % len(_VALUES[spec.type])]


def params_for(flow: Flow, number: int) -> dict[str, Any]:
    """Parameters with which a script can be started."""
    return {name: value_for(param, number - number % 17) for name, param in flow.params.items()}


def chance(flow: Flow, run: Run, choice: int, number: int) -> RunEvent:
    """An event for a run that waits: mostly what it waits for, else anything."""
    wait = run.wait
    assert wait is not None
    kinds = LIKELY[wait.kind] if choice % 8 < 5 else RARE if choice % 8 < 7 else FAULTS
    kind = kinds[number % len(kinds)]
    soon = run.mark_at + (number % 13) / 4
    if kind is DeadlinePassed:
        return DeadlinePassed(at=wait.deadline_at)
    if kind is Digit:
        return Digit(at=soon, key="0123456789*#121212"[choice % 18])
    if not issubclass(kind, Reply):
        return kind(at=soon)  # type: ignore[no-any-return]
    of_sound = kind is PlaybackEnded and wait.sound is not None
    request = "another" if number % 19 == 18 else wait.sound if of_sound else wait.request
    return kind(at=soon, request=request, **_more(flow, run, kind, number))  # type: ignore[no-any-return]


def _more(flow: Flow, run: Run, kind: type[Any], number: int) -> dict[str, Any]:
    node = flow.nodes.get(run.stack[-1].node) if run.stack[-1].flow == flow.id else None
    response = getattr(node.action, "response", {}) if node is not None else {}
    body = {name: value_for(spec, number) for name, spec in response.items()}
    if kind is PlaybackEnded:
        return {"ok": number % 11 != 10}
    if kind is RecordingEnded:
        return {"name": "recording", "silent": number % 3 == 0}
    if kind is WebhookAnswered:
        return {"body": body}
    if kind is WebhookFailed:
        return {"failure": list(WebhookFailure)[number % 4]}
    if kind is LookupAnswered:
        return {"found": None if number % 3 == 0 else body}
    if kind is PartyFailed:
        return {"failure": list(PartyFailure)[number % 4]}
    if kind is Detected:
        return {"verdict": list(Verdict)[number % 3]}
    if kind is QueueMoved:
        return {"position": number + 1, "expected_wait_s": number * 1.5}
    return {}


def numbers(seed: int) -> Iterator[int]:
    """Endless numbers below 10^6 (a linear congruential generator, so that a seed says it all)."""
    state = seed
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield (state >> 33) % 10**6
