"""What the machines ask the world to do, in the imperative; each with its repeat rule (pure).

The repeat rule says what recovery may do with a command of which nobody knows whether it was carried out:
REPEATABLE  the same command again changes nothing (the ids are ours);
AUDIBLE     may be repeated, but a person may hear it twice;
ONCE        never again: a person's phone would ring twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Literal

from engine.ids import AttemptId, BridgeId, CallId, ChannelId, PlaybackId, Slot


class Repeat(Enum):
    REPEATABLE = "repeatable"
    AUDIBLE = "audible"
    ONCE = "once"


@dataclass(frozen=True, slots=True)
class Originate:
    """Dial `endpoint` and, once answered, enter the dialplan at `context` (never straight into the application)."""

    repeat: ClassVar[Repeat] = Repeat.ONCE
    channel: ChannelId
    endpoint: str
    """As Asterisk writes it: PJSIP/<number>@<trunk> or PJSIP/<slot>."""
    context: str
    extension: str
    caller_id: str
    ring_timeout_s: int
    variables: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class HangUp:
    """End a channel; `cause` is Q.850 (16 normal, 17 busy, 21 rejected)."""

    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    channel: ChannelId
    cause: int = 16


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer an inbound channel."""

    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    channel: ChannelId


@dataclass(frozen=True, slots=True)
class CreateBridge:
    """Make a mixing bridge."""

    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    bridge: BridgeId
    name: str


@dataclass(frozen=True, slots=True)
class DestroyBridge:
    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    bridge: BridgeId


@dataclass(frozen=True, slots=True)
class Join:
    """Put a channel into a bridge; muted, it hears and is not heard."""

    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    bridge: BridgeId
    channel: ChannelId
    mute: bool = False


@dataclass(frozen=True, slots=True)
class Leave:
    """Take a channel out of a bridge; one that is not in it: nothing to do."""

    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    bridge: BridgeId
    channel: ChannelId


@dataclass(frozen=True, slots=True)
class StartMusic:
    """Channel music, not bridge music: the bridge stays native_rtp when the music stops."""

    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    channel: ChannelId
    music: str = "default"


@dataclass(frozen=True, slots=True)
class StopMusic:
    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    channel: ChannelId


@dataclass(frozen=True, slots=True)
class Play:
    """Play `media` (ARI media URIs: sound:..., tone:...) to a channel."""

    repeat: ClassVar[Repeat] = Repeat.AUDIBLE
    channel: ChannelId
    playback: PlaybackId
    media: tuple[str, ...]
    language: str = "en"


@dataclass(frozen=True, slots=True)
class StopPlay:
    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    playback: PlaybackId


@dataclass(frozen=True, slots=True)
class SetVariable:
    """Set a channel variable for the dialplan."""

    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    channel: ChannelId
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Continue:
    """Let a channel leave the application and go on in the dialplan where it came from."""

    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    channel: ChannelId


@dataclass(frozen=True, slots=True)
class ContinueAt:
    """Let a channel leave the application and go on at another place of the dialplan, which may bring it back."""

    repeat: ClassVar[Repeat] = Repeat.ONCE
    channel: ChannelId
    context: str
    extension: str = "s"


@dataclass(frozen=True, slots=True)
class RecordLeg:
    """Record what is heard from a channel, as a WAV file under `name`; LegRecorded tells its end. Seconds."""

    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    channel: ChannelId
    name: str
    max_s: int
    silence_s: int
    """So much silence ends it; 0: none does."""
    beep: bool


@dataclass(frozen=True, slots=True)
class StopRecording:
    """End a recording and keep it."""

    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    name: str


@dataclass(frozen=True, slots=True)
class PauseRecording:
    """What is said until it is resumed is not in the file."""

    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    name: str


@dataclass(frozen=True, slots=True)
class ResumeRecording:
    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    name: str


@dataclass(frozen=True, slots=True)
class Snoop:
    """Make a channel that hears another one (`in`: what comes from its far end); it enters the application."""

    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    channel: ChannelId
    snoop: ChannelId
    spy: Literal["in", "out", "both"]
    args: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenMedia:
    """Make a channel whose sound goes to and comes from an AudioSocket server (slin, 8 kHz); it enters the application.

    Asterisk connects to `address` (host:port) and names itself by `tap`, a UUID.
    """

    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    channel: ChannelId
    address: str
    tap: str


@dataclass(frozen=True, slots=True)
class SendDigits:
    """Press keys towards a channel's far end."""

    repeat: ClassVar[Repeat] = Repeat.ONCE
    channel: ChannelId
    digits: str
    between_ms: int
    duration_ms: int = 100


TelephonyCommand = (
    Originate
    | HangUp
    | Answer
    | CreateBridge
    | DestroyBridge
    | Join
    | Leave
    | StartMusic
    | StopMusic
    | Play
    | StopPlay
    | SetVariable
    | Continue
    | ContinueAt
    | RecordLeg
    | StopRecording
    | PauseRecording
    | ResumeRecording
    | Snoop
    | OpenMedia
    | SendDigits
)


@dataclass(frozen=True, slots=True)
class RequestAgent:
    """Ask the pool for an agent; calls with a lower `priority` number are served first, then the longest waiting."""

    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    call: CallId
    pool: str
    priority: int
    since: float
    slot: Slot | None = None
    """Only this agent will do; None: anybody of the pool."""


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Take the call out of the pool's queue."""

    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    call: CallId
    pool: str


@dataclass(frozen=True, slots=True)
class MarkTalking:
    """Tell the pool that both legs are in one bridge."""

    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    call: CallId
    slot: Slot


@dataclass(frozen=True, slots=True)
class MarkDecided:
    """Tell the pool that the agent decided about the lead shown: somebody sits there."""

    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    call: CallId
    slot: Slot


@dataclass(frozen=True, slots=True)
class ReleaseAgent:
    """Give the agent back to the pool: after a talk to `wrap_up_s` seconds of wrap-up, else to ready."""

    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    call: CallId
    slot: Slot
    talked: bool
    wrap_up_s: float
    unattended: bool = False
    """The agent let the time for a decision about a lead pass."""


@dataclass(frozen=True, slots=True)
class RecordOutcome:
    """Write what became of the attempt; idempotent by attempt id."""

    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    attempt: AttemptId


@dataclass(frozen=True, slots=True)
class RecordOptOut:
    """Write that the person of this call never wants to be called again; idempotent by number."""

    repeat: ClassVar[Repeat] = Repeat.REPEATABLE
    call: CallId


PoolCommand = RequestAgent | CancelRequest | MarkTalking | MarkDecided | ReleaseAgent
Command = TelephonyCommand | PoolCommand | RecordOutcome | RecordOptOut
