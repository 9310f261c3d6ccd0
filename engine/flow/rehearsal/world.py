"""The world a script is rehearsed in: what happens by itself, and everything that could happen at a wait (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ..nodes.centre import Consent, Queue
from ..nodes.entry import Asked, Collect, Gather, Menu
from ..nodes.media import BargeIn, Record
from ..nodes.outside import Lookup, Webhook
from ..run.commands import RunCommand, Say
from ..run.events import (
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
    RecordingEnded,
    Refused,
    Restarted,
    RoomFull,
    RoomJoined,
    RunEvent,
    Stored,
    StreamEnded,
    StreamStarted,
    TalkEnded,
    Verdict,
    WebhookAnswered,
    WebhookFailed,
    WebhookFailure,
)
from ..run.program import Program
from ..run.state import Run, Stage, Wait, WaitKind
from ..run.turn import length_s
from ..values import Kind, TypeSpec

TALK_S = 30.0
SOON_S = 1.0
EVIDENCE = "evidence-1"
RECORDING = "recording-1"
K = WaitKind


def waited(run: Run) -> Wait:
    assert run.wait is not None
    return run.wait


def action_of(program: Program, run: Run) -> Any:
    """What the run stands at."""
    frame = run.stack[-1]
    return program.flows[frame.flow].nodes[frame.node].action


def sound_s(commands: list[RunCommand], sound: str | None) -> float:
    """How long a prompt is heard."""
    for command in reversed(commands):
        if isinstance(command, Say) and command.playback == sound:
            return sum(map(length_s, command.sounds))
    return SOON_S


def usual(run: Run, commands: list[RunCommand]) -> RunEvent:
    """What happens where nothing is said: prompts end, nobody presses a key, writing works, nobody answers."""
    wait, at = waited(run), run.mark_at + SOON_S
    request = wait.request
    if wait.sound is not None and wait.kind in {K.SOUND, K.APOLOGY}:
        return PlaybackEnded(at=run.mark_at + sound_s(commands, wait.sound), request=wait.sound)
    match wait.kind:
        case K.STORING:
            return Stored(at=run.mark_at, request=request, id=EVIDENCE)
        case K.ACK:
            return Done(at=run.mark_at, request=request)
        case K.RECORDING:
            return RecordingEnded(at=at, request=request, name=RECORDING)
        case K.JOINING:
            return RoomJoined(at=at, request=request)
        case K.TALKING:
            return TalkEnded(at=run.mark_at + TALK_S, request=request)
        case K.BEEP:
            return BeepHeard(at=at, request=request)
        case K.OPENING:
            return StreamStarted(at=at, request=request)
        case K.STREAMING:
            return StreamEnded(at=at, request=request)
    return DeadlinePassed(at=wait.deadline_at)


def possible(program: Program, run: Run) -> list[tuple[RunEvent, ...]]:
    """Everything that is worth trying at a wait: what answers it (a whole entry is one), each way it can fail, and the
    faults: nothing happens, the caller hangs up, the engine is restarted.
    """
    wait, at = waited(run), run.mark_at + SOON_S
    action, request = action_of(program, run), wait.request
    found = _answers(action, wait, at)
    if wait.kind is K.DELAY and getattr(action, "barge_in", None) is BargeIn.DTMF:
        found.append(Digit(at=at, key="1"))
    if wait.kind not in {K.ENTRY, K.SOUND, K.APOLOGY}:
        found.append(CommandFailed(at=at, request=request))
    found += (DeadlinePassed(at=wait.deadline_at), HungUp(at=at), Restarted(at=at))
    asked = wait.kind is K.ENTRY and wait.stage is Stage.ASK and isinstance(action, (Gather, Collect))
    entries = right_entries(action, run.mark_at) if asked else ()
    return [*(tuple(Digit(at=at, key=key) for key in entry) for entry in entries), *((one,) for one in found)]


def _answers(action: Any, wait: Wait, at: float) -> list[RunEvent]:
    request = wait.request
    match wait.kind:
        case K.SOUND | K.APOLOGY:
            sound = wait.sound or request
            return [PlaybackEnded(at=at, request=sound), PlaybackEnded(at=at, request=sound, ok=False)]
        case K.ENTRY:
            return [Digit(at=at, key=key) for key in _keys(action, wait)]
        case K.RECORDING:
            ends = [RecordingEnded(at=at, request=request, name=RECORDING, silent=silent) for silent in (False, True)]
            key = action.finish_key if isinstance(action, Record) else None
            return [*ends, *([Digit(at=at, key=key)] if key is not None else [])]
        case K.ACK:
            return [Done(at=at, request=request)]
        case K.STORING:
            refused = "refused" in action.OUTCOMES and not isinstance(action, Consent)
            return [
                Stored(at=at, request=request, id=EVIDENCE),
                *([Refused(at=at, request=request)] if refused else []),
            ]
        case K.WEBHOOK:
            failures = [WebhookFailed(at=at, request=request, failure=failure) for failure in WebhookFailure]
            return [WebhookAnswered(at=at, request=request, body=response_of(action)), *failures]
        case K.LOOKUP:
            return [
                LookupAnswered(at=at, request=request, found=response_of(action)),
                LookupAnswered(at=at, request=request),
            ]
        case K.QUEUED:
            key = action.callback.key if isinstance(action, Queue) and action.callback is not None else None
            pressed = [Digit(at=at, key=key)] if key is not None else []
            return [AgentAssigned(at=at, request=request), NoAgents(at=at, request=request), *pressed]
        case K.RINGING:
            unjoined = [PartyFailed(at=at, request=request, failure=failure) for failure in PartyFailure]
            return [PartyAnswered(at=at, request=request), *unjoined]
        case K.JOINING:
            return [RoomJoined(at=at, request=request), RoomFull(at=at, request=request)]
        case K.TALKING:
            return [TalkEnded(at=at, request=request)]
        case K.DETECTING:
            return [Detected(at=at, request=request, verdict=verdict) for verdict in Verdict]
        case K.BEEP:
            return [BeepHeard(at=at, request=request)]
        case K.OPENING:
            return [StreamStarted(at=at, request=request), StreamEnded(at=at, request=request)]
        case K.STREAMING:
            return [StreamEnded(at=at, request=request)]
    return []


def _keys(action: Any, wait: Wait) -> list[str]:
    """The keys that make a difference."""
    match action:
        case Menu():
            wrong = next((key for key in "0123456789*#" if key not in action.options), None)
            return [*action.options, *([wrong] if wrong is not None else [])]
        case Consent():
            return [action.yes, action.no]
        case Collect() if wait.stage is Stage.CONFIRM:
            return ["1", "2"]
        case Collect() | Gather():
            return ["9"]
    return []


def right_entries(action: Gather | Collect, at: float) -> tuple[str, ...]:
    """Keys that such a node takes, the finish key included where it needs one; of dates a near and a far one."""
    if isinstance(action, Collect) and action.type is Asked.YES_NO:
        return "1", "2"
    if isinstance(action, Collect) and action.type is Asked.DATE:
        return f"{datetime.fromtimestamp(at, UTC) + timedelta(days=7):%d%m%Y}", "31122099"
    wanted = {Asked.MONEY: 3, Asked.PHONE: 10}.get(getattr(action, "type", Asked.DIGITS), action.min)
    keys = "1234567890123456789012345678901234"[: min(max(wanted, action.min), action.max)]
    return (keys if len(keys) == action.max or action.finish_key is None else keys + action.finish_key,)


def response_of(action: Webhook | Lookup) -> Mapping[str, Any]:
    """An answer of the declared types."""
    return {name: sample(spec) for name, spec in action.response.items()}


_SAMPLES: Mapping[Kind, Any] = {
    Kind.BOOL: True,
    Kind.INT: 1,
    Kind.DECIMAL: "1.5",
    Kind.STRING: "text",
    Kind.DIGITS: "12",
    Kind.PHONE: "+74951234567",
    Kind.DATE: "2026-12-31",
    Kind.DATETIME: "2026-12-31T12:00:00+00:00",
    Kind.DURATION: 90,
}


def sample(spec: TypeSpec) -> Any:
    """A JSON value of a type."""
    match spec.type:
        case Kind.ENUM:
            return spec.values[0]
        case Kind.MONEY:
            return {"amount": "1250.50", "currency": spec.currency or "RUB"}
        case Kind.LIST:
            return [sample(spec.of)] if spec.of is not None else []
        case Kind.RECORD:
            return {name: sample(one) for name, one in spec.fields.items()}
        case Kind.STRING | Kind.DIGITS:
            return str(_SAMPLES[spec.type])[: spec.max]
    return _SAMPLES[spec.type]
