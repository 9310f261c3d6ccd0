"""What a run asks the world to do, in the imperative; each with its repeat rule (pure).

`REPEAT` says what recovery may do with a command of which nobody knows whether it was carried out, as in
engine/call/commands.py. `OUTSIDE` ones have an effect that cannot be taken back: the cursor is stored before they are
issued. Answers name the command by `request` (by `playback` for sounds), which is built from call, node and visit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, TypeAlias

from ..nodes.centre import ConsentKind, Detector, DncScope
from ..nodes.control import RejectCause
from ..nodes.media import RecordAction
from ..nodes.outside import Direction, Method
from ..prompt import ToneName


class Repeat(Enum):
    REPEATABLE = "repeatable"
    AUDIBLE = "audible"
    ONCE = "once"


@dataclass(frozen=True, slots=True)
class Words:
    """Words to be synthesised."""

    text: str
    voice: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording by its content."""

    audio: str


@dataclass(frozen=True, slots=True)
class Toned:
    tone: ToneName
    for_s: float


@dataclass(frozen=True, slots=True)
class Quiet:
    for_s: float


Heard = Words | Recorded | Toned | Quiet


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    REPEAT: ClassVar[Repeat] = Repeat.REPEATABLE
    OUTSIDE: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCall(Command):
    request: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HangUpCall(Command):
    """End the caller's leg, and whatever the run still does on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectCall(Command):
    cause: RejectCause


@dataclass(frozen=True, slots=True, kw_only=True)
class Say(Command):
    """Let the caller hear a prompt. `sensitive`: keep neither its text nor its sound longer than it plays."""

    REPEAT: ClassVar[Repeat] = Repeat.AUDIBLE
    playback: str
    prompt: str
    sounds: tuple[Heard, ...]
    locale: str
    sensitive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StartMusic(Command):
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopMusic(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(Command):
    """Whatever goes on under this request (or playback) ends now; nobody waits for it any more."""

    request: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishRecording(Command):
    """End a recording and keep it; RecordingEnded follows."""

    request: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendKeys(Command):
    REPEAT: ClassVar[Repeat] = Repeat.ONCE
    request: str
    keys: str
    gap_ms: int
    sensitive: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordCaller(Command):
    OUTSIDE: ClassVar[bool] = True
    request: str
    max_s: float
    silence_s: float
    beep: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordWhole(Command):
    """The recording of the whole call."""

    OUTSIDE: ClassVar[bool] = True
    request: str
    action: RecordAction


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinQueue(Command):
    request: str
    pool: str
    priority: int
    music: str
    max_wait_s: float
    talk_max_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DialParty(Command):
    """Call a number and join it with the caller. `whisper`: what who answers hears first."""

    REPEAT: ClassVar[Repeat] = Repeat.ONCE
    OUTSIDE: ClassVar[bool] = True
    request: str
    to: str
    timeout_s: float
    talk_max_s: float
    locale: str
    """In which the whisper and the confirmation are said."""
    caller_id: str | None = None
    trunk: str | None = None
    music: str | None = None
    whisper: tuple[Heard, ...] = ()
    confirm: tuple[Heard, ...] = ()
    confirm_key: str | None = None
    confirm_timeout_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRoom(Command):
    request: str
    room: str
    members_max: int
    muted: bool
    music: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepCallback(Command):
    OUTSIDE: ClassVar[bool] = True
    request: str
    number: str
    pool: str
    at: str | None
    """ISO 8601; None: as soon as somebody is there."""
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispose(Command):
    """What came of the call; there is exactly one in a run."""

    OUTSIDE: ClassVar[bool] = True
    request: str
    code: str
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddToDnc(Command):
    OUTSIDE: ClassVar[bool] = True
    request: str
    number: str
    scope: DncScope


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepConsent(Command):
    OUTSIDE: ClassVar[bool] = True
    request: str
    kind: ConsentKind
    granted: bool
    prompt: str
    locale: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectMachine(Command):
    request: str
    detector: Detector
    timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitBeep(Command):
    request: str
    wait_s: float
    silence_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CallWebhook(Command):
    """`request` is the idempotency key."""

    OUTSIDE: ClassVar[bool] = True
    request: str
    url: str
    method: Method
    query: Mapping[str, Any]
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    timeout_s: float
    retries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp(Command):
    request: str
    source: str
    key: Any
    timeout_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EmitEvent(Command):
    """`request` lets who receives it see that it came twice."""

    request: str
    event: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TagCall(Command):
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStream(Command):
    OUTSIDE: ClassVar[bool] = True
    request: str
    url: str
    direction: Direction
    max_s: float
    connect_timeout_s: float
    silence_max_s: float
    name: str | None
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclude(Command):
    """The run is over. `results` are those that are not sensitive."""

    reason: str
    disposition: str
    results: Mapping[str, Any]


RunCommand: TypeAlias = (
    AnswerCall | HangUpCall | RejectCall | Say | StartMusic | StopMusic | Cancel | FinishRecording | SendKeys
    | RecordCaller | RecordWhole | JoinQueue | DialParty | JoinRoom | KeepCallback | Dispose | AddToDnc | KeepConsent
    | DetectMachine | AwaitBeep | CallWebhook | LookUp | EmitEvent | TagCall | OpenStream | Conclude
)  # fmt: skip
