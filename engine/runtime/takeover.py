"""The take-over: a new engine makes the calls and agents of the one before it its own.

It happens once, when the first socket brings the first snapshot, before anything of that is told to anybody: agents and
calls are put back as they were kept (handover.py) or as their open attempt names them, corrected by what the snapshot
says. Whose leg is gone ends as Asterisk's log tells. The ordinary look at what was missed follows (router.py), as after
every lost socket.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from engine.agent.machine import CALLING_LIMIT_S, Agent, AgentState, Released
from engine.call.commands import StartMusic
from engine.call.events import AgentLost
from engine.call.fate import Fates, ended_unheard
from engine.call.model import Call, Phase, Seat
from engine.call.reconcile import Sight
from engine.call.takeover import Taken, taken_over
from engine.ids import AttemptId, BridgeId, CallId, ChannelId, begun_at, bridge_of_seat, seat_slot
from engine.outcome.disposition import Outcome
from engine.ports import ClaimedLead, Metrics, Standing
from engine.revision import revised

from .switchboard import Switchboard

log = structlog.get_logger()

_ALONE = frozenset({AgentState.PAUSED, AgentState.READY, AgentState.WRAPPING})


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of kept calls elsewhere."""

    outcomes: Mapping[AttemptId, Outcome] = field(default_factory=dict)
    """Of those whose attempts have one."""
    ended: frozenset[CallId] = frozenset()
    """Those whose record says that they ended."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of the calls that were left."""

    settled: frozenset[CallId]
    """Ours now, or over and written: nothing is left to say about their attempts."""
    unclaimed: frozenset[CallId]
    """Kept, and nobody's: of a script whose run was never stored."""


@dataclass(slots=True)
class Takeover:
    """Puts back what an engine before us left, in order: `agents`, then `take` for each call, then `resume`."""

    board: Switchboard
    metrics: Metrics
    again: Callable[[ClaimedLead], Call | None]
    """The call of an open attempt as it was dialed; None where its campaign is gone."""
    occupy: Callable[[Call], None]
    """Count a call on its trunk."""
    conclude: Callable[[Call], None]
    """Write what became of a call that had ended."""
    undialed: Callable[[AttemptId], None]
    """Write that an attempt was never dialed."""
    _kept: dict[CallId, Call] = field(default_factory=dict)
    _open: dict[CallId, ClaimedLead] = field(default_factory=dict)
    _sight: Sight = field(default_factory=lambda: Sight({}, {}))
    _seats: dict[CallId, Seat] = field(default_factory=dict)
    _taken: list[Taken] = field(default_factory=list)
    _fates: Fates = field(default_factory=Fates)

    def expect(self, standing: Standing, open_attempts: Iterable[ClaimedLead], known: Known) -> frozenset[CallId]:
        """What was kept, the attempts without an outcome, and what else is stored of kept calls; returns those of which
        everything is.

        A kept call whose attempt has its outcome ended a moment before: what is to be written of it says the same.
        """
        self._open = {CallId(lead.attempt): lead for lead in open_attempts}
        for call in standing.calls:
            lead = self._open.get(call.id)
            outcome = None if call.attempt is None else known.outcomes.get(call.attempt)
            if lead is not None:
                self._kept[call.id] = revised(call, number=lead.number)
            elif call.id not in known.ended:
                self._kept[call.id] = call if outcome is None else revised(call, outcome=outcome)
        return frozenset(call.id for call in standing.calls if call.id not in self._kept)

    def kept(self, call: CallId) -> Call | None:
        """A call as it was kept; one that had ended is to end again, for who has not heard of it."""
        known = self._kept.get(call)
        if known is None or known.phase is not Phase.ENDED:
            return known
        return revised(known, phase=Phase.HANGING_UP)

    def gone(self, sight: Sight, in_scripts: Collection[CallId]) -> frozenset[ChannelId]:
        """Channels of calls that were left and are not there any more: what became of them, a log may know."""
        left = {ChannelId(name) for name in (*self._kept, *self._open, *in_scripts)}
        return frozenset(left - sight.channels.keys())

    def agents(self, sight: Sight, fates: Fates, in_scripts: Collection[CallId], at: float) -> None:
        """Put the agents back; whoever is in an agent's bridge is that agent's caller."""
        self._sight, self._fates = sight, fates
        expected = self._kept.keys() | self._open.keys() | set(in_scripts)
        callers = _callers(sight)
        newcomers = {slot: channel for channel in sight.channels if (slot := seat_slot(channel)) is not None}
        for agent in self.board.agents():
            stood = _level(agent, callers, newcomers.get(agent.slot), expected, at)
            self.board.adopt_agent(stood)
            if stood.channel is None or stood.channel not in sight.channels or stood.bridge is None:
                continue
            if stood.call is not None:
                self._seats[stood.call] = Seat(stood.slot, stood.channel, stood.bridge)
            elif stood.state in _ALONE:
                self.board.perform(StartMusic(stood.channel))  # it may have been the engine's last wish that it stops

    def take(self, call: Call) -> None:
        """Make a call ours, as it stood. A fault of ours over one call must not cost the others theirs."""
        try:
            self._take(call)
        except Exception:
            log.exception("call_not_taken_over", call=call.id, phase=call.phase)
            self.metrics.count("vss_call_faults_total", kind="take_over")

    def _take(self, call: Call) -> None:
        seat = self._seats.get(call.id)
        taken: Taken = (call, (), ())
        if call.channel in self._sight.channels:
            joined = seat is not None and self._sight.bridge_of.get(call.channel) == seat.bridge
            taken = taken_over(call, seat, joined=joined, at=self.board.now())
        elif call.phase is not Phase.PREVIEWING:
            call, end = ended_unheard(call, self._fates.of.get(call.channel), self.board.now())
            taken = (call, (), (end,))
        self._taken.append(taken)
        self.occupy(taken[0])
        self.board.adopt(taken[0])

    def resume(self, at: float) -> Result:
        """Take what no script took, and let everything go on."""
        settled = self._take_kept() | self._take_dialed()
        for call, _, events in self._taken:
            self.board.resume(call.id, (), events)
            self._tell_of_lost_agent(call, at)
        for call, commands, _ in self._taken:
            self.board.resume(call.id, commands, ())
        for agent in self.board.agents():
            if agent.call is not None and agent.call not in self.board.calls:
                self.board.tell_agent(agent.slot, Released(agent.state is AgentState.TALKING, 0.0, at))
        settled |= {call.id for call, _, _ in self._taken}
        if self._taken:
            live = sum(call.channel in self._sight.channels for call, _, _ in self._taken)
            log.warning("calls_taken_over", live=live, ended=len(self._taken) - live)
            self.metrics.count("vss_calls_taken_over_total", live)
        unclaimed = frozenset(self._kept.keys() - settled)
        self._kept, self._open, self._seats, self._taken = {}, {}, {}, []
        return Result(settled, unclaimed)

    def _take_kept(self) -> frozenset[CallId]:
        """Take the calls that were kept; returns those that had ended already. Scripts took theirs."""
        ended: set[CallId] = set()
        for name, call in self._kept.items():
            if name in self.board.calls:
                continue
            if call.phase is Phase.ENDED:
                self.occupy(call)
                self.conclude(call)
                ended.add(name)
            elif not call.scripted:
                self.take(call)
        return frozenset(ended)

    def _take_dialed(self) -> frozenset[CallId]:
        """Take the calls that only their attempts name; returns those that were never dialed."""
        undialed: set[CallId] = set()
        for name, lead in self._open.items():
            if name in self._kept or name in self.board.calls:
                continue
            channel = ChannelId(name)
            if channel not in self._sight.channels and self._fates.never_made(channel, begun_at(lead.attempt)):
                self.undialed(lead.attempt)
                undialed.add(name)
            elif (dialed := self.again(lead)) is not None:
                self.take(dialed)
        return frozenset(undialed)

    def _tell_of_lost_agent(self, call: Call, at: float) -> None:
        """A call that counts on an agent who does not know of it."""
        now = self.board.calls.get(call.id)
        if now is None or not now.seat_held or now.seat is None:
            return
        agent = self.board.agent_or_none(now.seat.slot)
        if agent is None or agent.call != call.id:
            self.board.post(call.id, AgentLost(now.seat.slot, at))


def _callers(sight: Sight) -> dict[BridgeId, CallId]:
    """Who is in the bridges of seats besides the agent."""
    return {
        bridge: CallId(channel)
        for channel, bridge in sight.bridge_of.items()
        if seat_slot(bridge) is not None and seat_slot(channel) is None
    }


def _level(
    agent: Agent, callers: dict[BridgeId, CallId], newcomer: ChannelId | None, expected: Collection[CallId], at: float
) -> Agent:
    """The agent as they stood, and as the snapshot corrects it."""
    if agent.state is AgentState.OFFLINE and newcomer is not None:
        # They logged in at the last moment: the leg says so, and is seated as if it had just come.
        return revised(
            agent, state=AgentState.CALLING, since=at, reason=None, channel=newcomer, bridge=bridge_of_seat(newcomer),
            deadline_at=at + CALLING_LIMIT_S,
        )  # fmt: skip
    caller = None if agent.bridge is None else callers.get(agent.bridge)
    if not agent.seated or caller is None or caller == agent.call or caller not in expected:
        return agent
    return revised(agent, state=AgentState.RESERVED, since=at, reason=None, call=caller, deadline_at=None)
