"""A call of an engine that is gone, as the next one goes on with it (pure).

What was kept of a call is a moment older than the engine's end, and calls that nobody had answered were not kept at
all: their attempt names them. The snapshot says the rest. `taken_over` returns the call as it stood, the commands that
nobody knows to have been carried out (all may be repeated), and the events that bring it level with what is seen; the
ordinary `step` and the ordinary look at what a call missed (reconcile.py) do the rest.

Who is in an agent's bridge talks with that agent, whatever was kept. Who should be there and is not was being joined,
and is joined again; or the talk was over, and then its end is asked for again.
"""

from __future__ import annotations

from engine.revision import revised

from .commands import Command, Leave, RequestAgent
from .events import AgentAssigned, CallEvent, HangUpAsked
from .machine import message_due
from .model import Call, CallKind, Phase, Seat

Taken = tuple[Call, tuple[Command, ...], tuple[CallEvent, ...]]

_AS_IT_STOOD = frozenset({Phase.PREVIEWING, Phase.HANGING_UP})
_NOT_YET_LIVE = frozenset({Phase.DIALING, Phase.RINGING, Phase.ANSWERED})


def taken_over(call: Call, seat: Seat | None, *, joined: bool, at: float) -> Taken:
    """Return the call as it stood, commands to repeat and events to come. Its channel is there.

    `seat` is that of the agent who is held for this call now, None: nobody is; `joined`: the call's leg is in that
    seat's bridge.
    """
    if call.phase in _AS_IT_STOOD or (call.phase is Phase.TALKING and joined and seat == call.seat):
        return call, (), ()
    if call.scripted:
        return _scripted(call, seat, joined=joined, at=at)
    if joined and seat is not None:
        return _assigned(_answered(call, at), seat, at)
    match call.phase:
        case Phase.TALKING:
            return _talk_over(call, seat, at)
        case Phase.CONNECTING | Phase.WAITING:
            return _waits(call, seat, at)
        case _:
            return call, (), ()


def _answered(call: Call, at: float) -> Call:
    """Who is joined answered, whatever was heard of that."""
    if call.phase not in _NOT_YET_LIVE:
        return call
    return revised(call, answered_at=call.answered_at or at, live_at=call.live_at or at)


def _talk_over(call: Call, seat: Seat | None, at: float) -> Taken:
    """The end of the talk was asked for, or its agent is gone: the caller must not be left alone in silence."""
    return revised(call, seat_held=call.seat_held and seat is not None), (), (HangUpAsked("engine", at),)


def _waits(call: Call, seat: Seat | None, at: float) -> Taken:
    """Joined again with the agent who is held for it; else in the queue, in its old place."""
    if seat is not None:
        return _assigned(call, seat, at)
    if call.kind is CallKind.MANUAL:
        return revised(call, seat_held=False), (), (HangUpAsked("engine", at),)
    since = call.answered_at or call.created_at
    request = RequestAgent(call.id, call.policy.pool, call.policy.priority, since, call.policy.slot)
    return _waiting(call), (request,), ()


def _assigned(call: Call, seat: Seat, at: float) -> Taken:
    """Back to the moment before the agent was assigned, and assigned again: the join may be repeated."""
    return _waiting(call), (), (AgentAssigned(seat.slot, seat.channel, seat.bridge, at),)


def _waiting(call: Call) -> Call:
    return revised(call, phase=Phase.WAITING, seat=None, seat_held=False, deadline_at=message_due(call))


def _scripted(call: Call, seat: Seat | None, *, joined: bool, at: float) -> Taken:
    """The script has the caller again, in its place in the queue where it waited for an agent."""
    if call.phase is not Phase.SCRIPTED:
        call = revised(call, phase=Phase.SCRIPTED, seat=None, seat_held=False, deadline_at=None)
    if call.asked and seat is not None:
        return call, (), (AgentAssigned(seat.slot, seat.channel, seat.bridge, at),)
    if call.asked:
        return call, (RequestAgent(call.id, call.asked, call.asked_priority, call.asked_at),), ()
    return call, ((Leave(seat.bridge, call.channel),) if joined and seat is not None else ()), ()
