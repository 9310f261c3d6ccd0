"""What pacers are told of calls and agents, derived from what the machines did (no I/O).

Only calls that need an agent of the pool are news: dialed ones whose answers go to agents, and inbound callers who wait
for any of them. An answer is settled by what the person meets: an agent's voice (the bridge, not the reservation) or
the message.
"""

from __future__ import annotations

from typing import assert_never

from engine.agent.machine import Agent, AgentState
from engine.call.model import Call, CallKind, Phase
from engine.dialer.campaign import AnswerAction
from engine.dialer.crew import Doing
from engine.dialer.observation import (
    AgentEvent,
    AgentGone,
    AgentReady,
    AgentTalking,
    AgentWrapping,
    CallAbandoned,
    CallAnswered,
    CallFailed,
    CallLaunched,
    CallLive,
    CallRinging,
    CustomerGone,
    Observation,
)
from engine.outcome.disposition import Outcome

NOT_YET_LIVE = frozenset({Phase.DIALING, Phase.RINGING, Phase.ANSWERED})
_UNSETTLED = NOT_YET_LIVE | {Phase.WAITING, Phase.CONNECTING}
_TELLS_NOTHING = frozenset({Outcome.CANCELLED, Outcome.NOT_DIALED, Outcome.UNKNOWN, Outcome.ENGINE_ERROR})
"""Ends of unanswered calls from which nothing can be learned about far ends."""


def takes_agent(call: Call) -> bool:
    """Whether a call that begins will take an agent from others."""
    match call.kind:
        case CallKind.CAMPAIGN:
            return call.seat is None and call.policy.answer_action is AnswerAction.AGENT
        case CallKind.INBOUND:
            return call.policy.slot is None
        case _:
            return False


def so_far(call: Call, at: float) -> tuple[Observation, ...]:
    """The news of such a call from its beginning to where it is now; none when its person is settled."""
    name = call.id
    match call.phase:
        case Phase.DIALING:
            return (CallLaunched(at, name),)
        case Phase.RINGING:
            return (CallLaunched(at, name), CallRinging(at, name))
        case Phase.ANSWERED:
            return (CallLaunched(at, name), CallAnswered(at, name))
        case Phase.WAITING | Phase.CONNECTING:
            return (CallLive(at, name),)
        case _:
            return ()


def of_call(before: Call, after: Call, at: float) -> tuple[Observation, ...]:
    """The news of one step of such a call, at the time of its event."""
    name = after.id
    if after.phase is before.phase:
        return _of_late_answer(before, after, at)
    match after.phase:
        case Phase.RINGING:
            return (CallRinging(at, name),)
        case Phase.ANSWERED:
            return (CallAnswered(at, name),)
        case Phase.WAITING if before.phase in NOT_YET_LIVE:
            return (CallLive(at, name),)
        case Phase.TALKING if after.seat is not None:
            return (CallAbandoned(at, name) if _too_late(after) else AgentTalking(at, str(after.seat.slot), name),)
        case Phase.ANNOUNCING | Phase.HANGING_UP | Phase.ENDED if before.phase in _UNSETTLED:
            return (_of_end(after, at),)
        case Phase.ENDED:
            return _of_late_answer(before, after, at)
        case _:
            return ()


def _too_late(call: Call) -> bool:
    """A dialed person met an agent after the limit: that is an abandoned call by law, though they talk."""
    if call.kind is CallKind.INBOUND or call.bridged_at is None or call.answered_at is None:
        return False
    return call.bridged_at - call.answered_at > call.policy.answer_limit_s


def _of_end(call: Call, at: float) -> Observation:
    """How a call ends, or is being ended, that met no agent: `outcome` is decided by then."""
    if call.outcome is Outcome.CUSTOMER_HANGUP:
        return CustomerGone(at, call.id)
    if call.answered_at is not None:
        return CallAbandoned(at, call.id)
    return CallFailed(at, call.id, cancelled=call.outcome in _TELLS_NOTHING)


def _of_late_answer(before: Call, after: Call, at: float) -> tuple[Observation, ...]:
    """A call that was told as given up was answered before that was done: it is told anew, as an abandoned answer."""
    if before.phase is not Phase.HANGING_UP or before.answered_at is not None or after.answered_at is None:
        return ()
    return (CallLaunched(at, after.id), CallAbandoned(at, after.id))


def doing(agent: Agent) -> Doing | None:
    """What an agent does for the pool; None: no supply from now on, even if a talk still lasts."""
    if agent.pending is not None or not agent.registered:
        return None
    match agent.state:
        case AgentState.OFFLINE | AgentState.CALLING | AgentState.PAUSED:
            return None
        case AgentState.READY:
            return Doing.READY
        case AgentState.RESERVED | AgentState.TALKING:
            return Doing.TALKING
        case AgentState.WRAPPING:
            return Doing.WRAPPING
        case _:
            assert_never(agent.state)


def of_agent(agent: Agent, at: float) -> AgentEvent:
    """The news of what an agent does now."""
    name = str(agent.slot)
    match doing(agent):
        case None:
            return AgentGone(at, name)
        case Doing.READY:
            return AgentReady(at, name)
        case Doing.TALKING:
            return AgentTalking(at, name)
        case Doing.WRAPPING:
            return AgentWrapping(at, name)
