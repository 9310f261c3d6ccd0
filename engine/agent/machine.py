"""The agent machine: one pure step from (agent, event) to (agent, effects).

An agent is *nailed up*: at log-in the engine calls the seat's phone once, and that leg waits in a mixing bridge of its
own, hearing channel music, until calls are joined to it. So connecting a caller takes one join and no ringing.

    offline -> calling -> paused <-> ready -> reserved -> talking -> wrapping -> ready
                              (pause and log-out asked during a call wait until it is over)

offline    no leg; `reason` says why (logged out, did not answer, hung up, ...)
calling    the phone rings, or its leg is on its way into the bridge
paused     the leg waits, no calls are given; `reason` says why
ready      waits for a call, if the phone is registered
reserved   a call is being connected, or a lead is shown and the agent decides whether to dial it
talking    both legs are in the bridge
wrapping   the call is over; until `done`, a digit, or the wrap-up limit

An agent who lets the wrap-up limit, or the time for a decision about a lead, pass UNATTENDED_MAX times in a row
without a sign of life is paused, since the next caller would hear an empty room.

Legal races. The leg's end may come in every state and always means offline. Events of an earlier log-in's leg carry
another channel and never reach this machine. The digits of a plain phone: 0-9 in wrap-up is the disposition, `#`
switches between paused and ready.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from engine.call.commands import CreateBridge, DestroyBridge, HangUp, Join, Originate, StartMusic, TelephonyCommand
from engine.errors import ImpossibleEvent, Rejected
from engine.ids import BridgeId, CallId, ChannelId, Slot, seat_bridge, seat_channel
from engine.revision import Struct, revised

RING_TIMEOUT_S = 30
CALLING_LIMIT_S = 45.0
UNATTENDED_MAX = 2
UNATTENDED = "no sign of life after the call"
UNDECIDED = "no decision about the leads shown"
AGENT_CONTEXT = "vss-agent"


class AgentState(StrEnum):
    OFFLINE = "offline"
    CALLING = "calling"
    PAUSED = "paused"
    READY = "ready"
    RESERVED = "reserved"
    TALKING = "talking"
    WRAPPING = "wrapping"


class Agent(Struct, frozen=True):
    """One agent at one slot. Times are epoch seconds."""

    slot: Slot
    pool: str
    state: AgentState
    since: float
    reason: str | None = None
    channel: ChannelId | None = None
    bridge: BridgeId | None = None
    call: CallId | None = None
    last_call: CallId | None = None
    """The call being wrapped up; a disposition belongs to it."""
    registered: bool = False
    ready_after: bool = False
    """Asked to be ready once the leg waits."""
    pending: AgentState | None = None
    """PAUSED or OFFLINE: asked for during a call, done after it."""
    pending_reason: str | None = None
    done_early: bool = False
    """`done` came while talking: no wrap-up follows."""
    deadline_at: float | None = None
    unattended: int = 0
    """Limits passed in a row without a sign of life."""

    @property
    def seated(self) -> bool:
        """Whether the agent's leg waits in its bridge, or talks there."""
        return self.state not in {AgentState.OFFLINE, AgentState.CALLING}

    @property
    def available(self) -> bool:
        """Whether a call may be given to this agent now."""
        return self.state is AgentState.READY and self.registered


@dataclass(frozen=True, slots=True)
class LoginAsked:
    at: float
    ready: bool = False
    """Go to ready at once when the leg waits."""


@dataclass(frozen=True, slots=True)
class ReadyAsked:
    at: float


@dataclass(frozen=True, slots=True)
class PauseAsked:
    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class DoneAsked:
    at: float


@dataclass(frozen=True, slots=True)
class LogoutAsked:
    at: float


@dataclass(frozen=True, slots=True)
class SeatEntered:
    """The agent's leg is in the application."""

    at: float


@dataclass(frozen=True, slots=True)
class SeatJoined:
    """The agent's leg is in its own bridge."""

    at: float


@dataclass(frozen=True, slots=True)
class SeatFailed:
    """A command that the seat needs was refused, or the leg does not come: `reason` is for people."""

    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class SeatEnded:
    """The agent's leg is gone."""

    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class SeatDigit:
    digit: str
    at: float


@dataclass(frozen=True, slots=True)
class Reserved:
    call: CallId
    at: float


@dataclass(frozen=True, slots=True)
class Connected:
    at: float


@dataclass(frozen=True, slots=True)
class Released:
    """The call is over for this agent; after a talk `wrap_up_s` of wrap-up follow."""

    talked: bool
    wrap_up_s: float
    at: float
    unattended: bool = False
    """The agent let the time for a decision about a lead pass."""


@dataclass(frozen=True, slots=True)
class Decided:
    """The agent decided about the lead shown: a sign of life."""

    at: float


@dataclass(frozen=True, slots=True)
class SeatDeadlinePassed:
    at: float


@dataclass(frozen=True, slots=True)
class RegistrationChanged:
    registered: bool
    at: float


AgentEvent = (
    LoginAsked
    | ReadyAsked
    | PauseAsked
    | DoneAsked
    | LogoutAsked
    | SeatEntered
    | SeatJoined
    | SeatFailed
    | SeatEnded
    | SeatDigit
    | Reserved
    | Connected
    | Released
    | Decided
    | SeatDeadlinePassed
    | RegistrationChanged
)


@dataclass(frozen=True, slots=True)
class TellCallLost:
    """Effect: the agent's call must know that its agent is gone."""

    call: CallId


@dataclass(frozen=True, slots=True)
class TellCallLeaving:
    """Effect: the agent of this call, not yet connected, asked for a pause or to log out."""

    call: CallId


@dataclass(frozen=True, slots=True)
class EndCall:
    """Effect: the agent asked for the end of the talk."""

    call: CallId


@dataclass(frozen=True, slots=True)
class KeepDisposition:
    """Effect: the agent at `slot` said `code` of `call`."""

    slot: Slot
    call: CallId
    code: str


Effect = TelephonyCommand | TellCallLost | TellCallLeaving | EndCall | KeepDisposition
Step = tuple[Agent, tuple[Effect, ...]]
S = AgentState


def step(agent: Agent, event: AgentEvent) -> Step:
    """Return the agent after `event` and its effects.

    Raises Rejected when somebody asks for what this state does not allow, ImpossibleEvent for a bug of ours.
    """
    key = (agent.state, type(event))
    if (transition := TABLE.get(key)) is not None:
        return transition(agent, event)
    if key in IGNORED:
        return agent, ()
    if (refusal := REFUSED.get(key)) is not None:
        raise Rejected("agent_state", f"agent {agent.slot} is {agent.state}: {refusal}")
    raise ImpossibleEvent(f"agent {agent.slot}: {type(event).__name__} in state {agent.state}")


def _to(agent: Agent, state: AgentState, at: float, reason: str | None = None, **changes: Any) -> Agent:
    return revised(agent, state=state, since=at, reason=reason, deadline_at=changes.pop("deadline_at", None), **changes)


# --- log-in and log-out


def _login(agent: Agent, event: LoginAsked) -> Step:
    login_ms = int(event.at * 1000)
    channel = seat_channel(agent.slot, login_ms)
    agent = revised(agent, channel=channel, bridge=seat_bridge(agent.slot, login_ms), ready_after=event.ready)
    agent = _to(agent, S.CALLING, event.at, deadline_at=event.at + CALLING_LIMIT_S, unattended=0)
    dial = Originate(channel, f"PJSIP/{agent.slot}", AGENT_CONTEXT, "s", f"VSS {agent.slot}", RING_TIMEOUT_S)
    return agent, (dial,)


def _entered(agent: Agent, event: SeatEntered) -> Step:
    assert agent.bridge is not None
    assert agent.channel is not None
    create = CreateBridge(agent.bridge, f"seat {agent.slot}")
    # A phone that answered is there, whatever was heard of its registration.
    return revised(agent, registered=True), (create, Join(agent.bridge, agent.channel))


def _seated(agent: Agent, event: SeatJoined) -> Step:
    if agent.ready_after:
        return _to(agent, S.READY, event.at), _music(agent)
    return _to(agent, S.PAUSED, event.at, "logged in"), _music(agent)


def _ready_when_seated(agent: Agent, event: ReadyAsked) -> Step:
    return revised(agent, ready_after=True), ()


def _pause_when_seated(agent: Agent, event: PauseAsked) -> Step:
    return revised(agent, ready_after=False), ()


def _logout(agent: Agent, event: LogoutAsked) -> Step:
    return _offline(agent, "logged out", event.at, hang_up=True)


def _seat_failed(agent: Agent, event: SeatFailed) -> Step:
    return _offline(agent, event.reason, event.at, hang_up=True)


def _not_seated(agent: Agent, event: SeatDeadlinePassed) -> Step:
    return _offline(agent, "did not answer", event.at, hang_up=True)


def _leg_ended(agent: Agent, event: SeatEnded) -> Step:
    return _offline(agent, event.reason, event.at, hang_up=False)


def _offline(agent: Agent, reason: str, at: float, *, hang_up: bool) -> Step:
    effects: list[Effect] = []
    if agent.call is not None:
        effects.append(TellCallLost(agent.call))
    if hang_up and agent.channel is not None:
        effects.append(HangUp(agent.channel))
    if agent.bridge is not None:
        effects.append(DestroyBridge(agent.bridge))
    agent = revised(agent, channel=None, bridge=None, call=None, ready_after=False, done_early=False)
    return _to(agent, S.OFFLINE, at, reason, pending=None, pending_reason=None), tuple(effects)


# --- ready and paused


def _ready(agent: Agent, event: ReadyAsked | DoneAsked) -> Step:
    return _to(agent, S.READY, event.at, unattended=0), ()


def _pause(agent: Agent, event: PauseAsked) -> Step:
    return _to(agent, S.PAUSED, event.at, event.reason, unattended=0), ()


def _digit_idle(agent: Agent, event: SeatDigit) -> Step:
    agent = revised(agent, unattended=0)
    if event.digit != "#":
        return agent, ()
    if agent.state is S.READY:
        return _to(agent, S.PAUSED, event.at, "phone"), ()
    return _to(agent, S.READY, event.at), ()


# --- calls


def _reserve(agent: Agent, event: Reserved) -> Step:
    """A paused agent is reserved only for a call of their own, and is paused again after it."""
    if agent.state is S.PAUSED:
        agent = revised(agent, pending=S.PAUSED, pending_reason=agent.reason)
    return _to(agent, S.RESERVED, event.at, call=event.call), ()


def _connected(agent: Agent, event: Connected) -> Step:
    return _to(agent, S.TALKING, event.at, call=agent.call), ()


def _unreserve(agent: Agent, event: Released) -> Step:
    agent = revised(agent, call=None, unattended=agent.unattended + event.unattended)
    if event.unattended and agent.pending is None and agent.unattended >= UNATTENDED_MAX:
        return _to(agent, S.PAUSED, event.at, UNDECIDED), _music(agent)
    return _after_call(agent, event.at, _music(agent))


def _decided(agent: Agent, event: Decided) -> Step:
    return revised(agent, unattended=0), ()


def _over(agent: Agent, event: Released) -> Step:
    agent = revised(agent, last_call=agent.call, call=None)
    if agent.done_early or event.wrap_up_s <= 0 or not event.talked:
        return _after_call(revised(agent, done_early=False), event.at, _music(agent))
    return _to(agent, S.WRAPPING, event.at, deadline_at=event.at + event.wrap_up_s), _music(agent)


def _after_call(agent: Agent, at: float, effects: tuple[Effect, ...]) -> Step:
    """Ready again, unless the agent asked for something else meanwhile."""
    if agent.pending is S.OFFLINE:
        agent, more = _offline(agent, "logged out", at, hang_up=True)
        return agent, more
    if agent.pending is S.PAUSED:
        return _to(agent, S.PAUSED, at, agent.pending_reason, pending=None, pending_reason=None), effects
    return _to(agent, S.READY, at), effects


def _pause_later(agent: Agent, event: PauseAsked) -> Step:
    return revised(agent, pending=S.PAUSED, pending_reason=event.reason), _leaving(agent)


def _logout_later(agent: Agent, event: LogoutAsked) -> Step:
    return revised(agent, pending=S.OFFLINE), _leaving(agent)


def _leaving(agent: Agent) -> tuple[Effect, ...]:
    """A lead that is only shown is taken back at once; a call under way goes on."""
    return (TellCallLeaving(agent.call),) if agent.state is S.RESERVED and agent.call is not None else ()


def _ready_later(agent: Agent, event: ReadyAsked) -> Step:
    """Takes back a pause or log-out asked for during the call."""
    return revised(agent, pending=None, pending_reason=None), ()


def _done_talking(agent: Agent, event: DoneAsked) -> Step:
    assert agent.call is not None
    return revised(agent, done_early=True, unattended=0), (EndCall(agent.call),)


def _done_wrapping(agent: Agent, event: DoneAsked | ReadyAsked) -> Step:
    return _after_call(revised(agent, unattended=0), event.at, ())


def _pause_wrapping(agent: Agent, event: PauseAsked) -> Step:
    return revised(agent, pending=S.PAUSED, pending_reason=event.reason, unattended=0), ()


def _digit_wrapping(agent: Agent, event: SeatDigit) -> Step:
    agent = revised(agent, unattended=0)
    if event.digit == "#":
        return _to(agent, S.PAUSED, event.at, "phone"), ()
    if not event.digit.isdigit():
        return agent, ()
    kept: tuple[Effect, ...] = (KeepDisposition(agent.slot, agent.last_call, event.digit),) if agent.last_call else ()
    return _after_call(agent, event.at, kept)


def _wrap_up_passed(agent: Agent, event: SeatDeadlinePassed) -> Step:
    agent = revised(agent, unattended=agent.unattended + 1)
    if agent.pending is None and agent.unattended >= UNATTENDED_MAX:
        return _to(agent, S.PAUSED, event.at, UNATTENDED), ()
    return _after_call(agent, event.at, ())


def _registration(agent: Agent, event: RegistrationChanged) -> Step:
    return revised(agent, registered=event.registered), ()


def _music(agent: Agent) -> tuple[Effect, ...]:
    return (StartMusic(agent.channel),) if agent.channel is not None else ()


_SEATED = (S.PAUSED, S.READY, S.RESERVED, S.TALKING, S.WRAPPING)
_ON_CALL = (S.RESERVED, S.TALKING)

TABLE: dict[tuple[AgentState, type], Callable[[Agent, Any], Step]] = {
    (S.OFFLINE, LoginAsked): _login,
    (S.CALLING, SeatEntered): _entered,
    (S.CALLING, SeatJoined): _seated,
    (S.CALLING, ReadyAsked): _ready_when_seated,
    (S.CALLING, PauseAsked): _pause_when_seated,
    (S.CALLING, LogoutAsked): _logout,
    (S.CALLING, SeatDeadlinePassed): _not_seated,
    (S.PAUSED, ReadyAsked): _ready,
    (S.PAUSED, PauseAsked): _pause,
    (S.PAUSED, LogoutAsked): _logout,
    (S.PAUSED, SeatDigit): _digit_idle,
    (S.PAUSED, Reserved): _reserve,
    (S.READY, PauseAsked): _pause,
    (S.READY, LogoutAsked): _logout,
    (S.READY, SeatDigit): _digit_idle,
    (S.READY, Reserved): _reserve,
    (S.RESERVED, Connected): _connected,
    (S.RESERVED, Released): _unreserve,
    (S.RESERVED, Decided): _decided,
    (S.TALKING, Released): _over,
    (S.TALKING, DoneAsked): _done_talking,
    (S.WRAPPING, DoneAsked): _done_wrapping,
    (S.WRAPPING, ReadyAsked): _done_wrapping,
    (S.WRAPPING, PauseAsked): _pause_wrapping,
    (S.WRAPPING, LogoutAsked): _logout,
    (S.WRAPPING, SeatDigit): _digit_wrapping,
    (S.WRAPPING, SeatDeadlinePassed): _wrap_up_passed,
    **{(state, PauseAsked): _pause_later for state in _ON_CALL},
    **{(state, LogoutAsked): _logout_later for state in _ON_CALL},
    **{(state, ReadyAsked): _ready_later for state in _ON_CALL},
    **{(state, SeatEnded): _leg_ended for state in (S.CALLING, *_SEATED)},
    **{(state, SeatFailed): _seat_failed for state in (S.CALLING, *_SEATED)},
    **{(state, RegistrationChanged): _registration for state in AgentState},
}

IGNORED: frozenset[tuple[AgentState, type]] = frozenset(
    {
        # The leg's own events after it was given up or is known to be seated.
        *((state, event) for state in (S.OFFLINE, *_SEATED) for event in (SeatEntered, SeatJoined)),
        *((S.OFFLINE, event) for event in (SeatEnded, SeatFailed, SeatDigit, SeatDeadlinePassed, LogoutAsked)),
        # Digits during a talk belong to the talk.
        *((state, SeatDigit) for state in (S.CALLING, *_ON_CALL)),
        # The call was told of the agent's loss, and may answer with what it had already under way.
        *((state, Released) for state in (S.OFFLINE, S.CALLING, S.PAUSED, S.READY, S.WRAPPING)),
        *((state, Decided) for state in AgentState if state is not S.RESERVED),
        *((state, Connected) for state in (S.OFFLINE, S.CALLING, S.PAUSED, S.READY, S.WRAPPING, S.TALKING)),
        # Asking for what is so already.
        *((state, LoginAsked) for state in (S.CALLING, *_SEATED)),
        (S.READY, ReadyAsked),
    }
)

REFUSED: dict[tuple[AgentState, type], str] = {
    (S.OFFLINE, ReadyAsked): "log in first",
    (S.OFFLINE, PauseAsked): "log in first",
    **{(state, DoneAsked): "there is no call to finish" for state in (S.OFFLINE, S.CALLING, S.PAUSED, S.READY)},
    (S.RESERVED, DoneAsked): "the call is still being connected",
    **{(state, Reserved): "a call needs a seated agent without a call" for state in (S.OFFLINE, S.CALLING)},
    **{(state, Reserved): "the agent has a call" for state in (*_ON_CALL, S.WRAPPING)},
}

IMPOSSIBLE: frozenset[tuple[AgentState, type]] = frozenset(
    (state, SeatDeadlinePassed) for state in (S.PAUSED, S.READY, *_ON_CALL)
)
"""Deadlines are armed only while calling and wrapping."""
