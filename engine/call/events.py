"""What can happen to a call, in the past tense (pure).

The Asterisk adapter translates frames into the `Leg...`, `Playback...` and `Socket...` events; the runtime adds the
others. `at` is epoch seconds of the engine's clock when the fact became known.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from engine.ids import BridgeId, ChannelId, PlaybackId, Slot, TrunkName

from .commands import Command, Originate


@dataclass(frozen=True, slots=True)
class LegRinging:
    """The far end rings (SIP 180), or sends early media (SIP 183): either proves that somebody is there."""

    channel: ChannelId
    at: float


@dataclass(frozen=True, slots=True)
class LegAnswered:
    """The far end answered (SIP 200); the person's two seconds begin here."""

    channel: ChannelId
    at: float


@dataclass(frozen=True, slots=True)
class LegEntered:
    """The leg is in our application (StasisStart) with the dialplan's arguments; it can be commanded from now on."""

    channel: ChannelId
    args: tuple[str, ...]
    caller: str
    dialed: str
    at: float


@dataclass(frozen=True, slots=True)
class LegJoined:
    channel: ChannelId
    bridge: BridgeId
    at: float


@dataclass(frozen=True, slots=True)
class LegLeft:
    channel: ChannelId
    bridge: BridgeId
    at: float


@dataclass(frozen=True, slots=True)
class LegDigit:
    channel: ChannelId
    digit: str
    at: float


@dataclass(frozen=True, slots=True)
class LegEnded:
    """The channel is gone (ChannelDestroyed): `cause` is Q.850 (0: not known), `sip_code` the last SIP status."""

    channel: ChannelId
    cause: int
    sip_code: int | None
    at: float


@dataclass(frozen=True, slots=True)
class LegSeen:
    """The socket is back and the leg is still there; what was asked of it meanwhile may be lost, or its end unheard."""

    channel: ChannelId
    at: float


@dataclass(frozen=True, slots=True)
class PlaybackBegan:
    """Asterisk sends a playback from now on (PlaybackStarted); told again for each further sound in its list."""

    playback: PlaybackId
    channel: ChannelId
    at: float


@dataclass(frozen=True, slots=True)
class PlaybackEnded:
    playback: PlaybackId
    channel: ChannelId
    failed: bool
    at: float


@dataclass(frozen=True, slots=True)
class LegRecorded:
    """A recording of a leg ended."""

    channel: ChannelId
    name: str
    failed: bool
    duration_s: float
    talking_s: float | None
    """How long somebody spoke; None where that was not measured."""
    at: float


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The call's one armed deadline passed (a timer that was re-armed meanwhile never fires)."""

    at: float


class Failure(Enum):
    """Why a command was not carried out."""

    NOT_SENT = "not_sent"
    """There was no socket: Asterisk never saw it."""
    TIMED_OUT = "timed_out"
    """Sent, but no answer came in time or the socket broke: nobody knows."""
    GONE = "gone"
    """What it names does not exist any more, or is not in a state for it (404, 409): a fact, not an error."""
    REFUSED = "refused"
    """Asterisk said no."""


@dataclass(frozen=True, slots=True)
class CommandFailed:
    """A command was not carried out, or nobody knows; `detail` is for people."""

    command: Command
    failure: Failure
    detail: str
    at: float


@dataclass(frozen=True, slots=True)
class AgentAssigned:
    """The pool reserved an agent for this call."""

    slot: Slot
    channel: ChannelId
    bridge: BridgeId
    at: float


@dataclass(frozen=True, slots=True)
class AgentLost:
    """The agent's leg ended or left its bridge while reserved for, or talking on, this call."""

    slot: Slot
    at: float


@dataclass(frozen=True, slots=True)
class AgentLeaving:
    """The agent reserved for this call asked for a pause or to log out, and stays for what cannot be taken back."""

    slot: Slot
    at: float


@dataclass(frozen=True, slots=True)
class DialAsked:
    """The agent dials the lead shown; one call of `trunk` is taken for it."""

    originate: Originate
    trunk: TrunkName
    at: float


@dataclass(frozen=True, slots=True)
class SkipAsked:
    """The agent does not dial the lead shown; `reason` is what they say of it."""

    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class DialBarred:
    """The lead shown may not be dialed any more; `reason` is for people."""

    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class HangUpAsked:
    """Somebody asked for the end: `by` is `agent`, `operator`, `engine` or `script`."""

    by: str
    at: float


@dataclass(frozen=True, slots=True)
class ScriptTakes:
    """The call is handed to a script; with `keep_agent` the agent stays, and gets the caller back afterwards."""

    script: str
    keep_agent: bool
    at: float


@dataclass(frozen=True, slots=True)
class ScriptLeaves:
    """The script is over, and the caller goes back to the agent who handed them to it."""

    at: float


@dataclass(frozen=True, slots=True)
class Settled:
    """The script said what came of the call."""

    at: float


@dataclass(frozen=True, slots=True)
class Judged:
    """The machine detection's verdict (`person`, `machine`, `unknown`); `at`: when the greeting was over."""

    verdict: str
    at: float


@dataclass(frozen=True, slots=True)
class AgentAsked:
    """The script wants an agent of a pool for its caller."""

    pool: str
    priority: int
    at: float


@dataclass(frozen=True, slots=True)
class AgentUnasked:
    """The script waits for an agent no longer."""

    at: float


@dataclass(frozen=True, slots=True)
class TalkCut:
    """The script ends the talk with the agent; the caller stays."""

    at: float


@dataclass(frozen=True, slots=True)
class ChannelSeen:
    """One channel as a snapshot shows it. `state` is Asterisk's (Down, Ring, Ringing, Up, ...)."""

    channel: ChannelId
    state: str
    app_args: tuple[str, ...] | None
    """Arguments of our application when the channel is inside it, else None."""


@dataclass(frozen=True, slots=True)
class BridgeSeen:
    bridge: BridgeId
    channels: frozenset[ChannelId]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What Asterisk holds at one moment."""

    channels: tuple[ChannelSeen, ...]
    bridges: tuple[BridgeSeen, ...]


@dataclass(frozen=True, slots=True)
class SocketLost:
    at: float


@dataclass(frozen=True, slots=True)
class SocketRestored:
    """The ARI socket is back, subscribed and filtered; delivered before any event buffered since."""

    snapshot: Snapshot
    at: float


LegEvent = LegRinging | LegAnswered | LegEntered | LegJoined | LegLeft | LegDigit | LegRecorded | LegEnded
PlaybackEvent = PlaybackBegan | PlaybackEnded
TelephonyEvent = LegEvent | PlaybackEvent | SocketLost | SocketRestored
CallEvent = (
    LegRinging
    | LegAnswered
    | LegEntered
    | LegJoined
    | LegLeft
    | LegDigit
    | LegRecorded
    | LegEnded
    | LegSeen
    | PlaybackBegan
    | PlaybackEnded
    | DeadlinePassed
    | CommandFailed
    | AgentAssigned
    | AgentLost
    | AgentLeaving
    | DialAsked
    | SkipAsked
    | DialBarred
    | HangUpAsked
    | ScriptTakes
    | ScriptLeaves
    | Settled
    | Judged
    | AgentAsked
    | AgentUnasked
    | TalkCut
)
