"""Waiting for an agent: the script's caller stands in the same queue as everybody else, and comes back afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.agent.machine import AgentState
from engine.agent.pool import Pool
from engine.call.commands import StartMusic, StopMusic
from engine.call.events import AgentAsked, AgentUnasked, CallEvent, PlaybackEnded, TalkCut
from engine.call.model import Phase
from engine.call.reconcile import Sight
from engine.flow.run import events as told
from engine.flow.run.commands import Command, JoinQueue, RunCommand
from engine.flow.run.state import WaitKind
from engine.run_ports import RunId

from .performer import LiveRun, Performing

LOOK_S = 1.0
"""How often a place in the queue is looked at."""
HANDLING_S = 180.0
"""What a talk with its wrap-up takes until talks were seen."""
RETURN_S = 60.0
"""After a restart of the engine agents log in anew: its callers wait so long before they hear that nobody is there."""
HANDLING_WEIGHT = 0.05
"""Of one more talk in the running mean."""


def _nothing() -> None:
    """Nothing is to be stopped."""


@dataclass(slots=True)
class _Place:
    """A caller of a script in a queue, or with an agent."""

    request: str
    pool: str
    music: str
    stop: Callable[[], None] = _nothing
    asked: bool = False
    """The call machine has taken the wish for an agent."""
    talking_since: float | None = None
    told: tuple[int, int] | None = None


class Queueing(Performing):
    """The call machine does the joining (AgentAsked); this tells the run how it goes."""

    COMMANDS: tuple[type[Command], ...] = (JoinQueue,)

    def __init__(self, pools: Mapping[str, Pool]) -> None:
        self._pools = pools
        self._places: dict[RunId, _Place] = {}
        self._handling_s: dict[str, float] = {}
        self._returns_until: dict[RunId, float] = {}

    def perform(self, run: LiveRun, command: RunCommand) -> None:
        """Ask for an agent; the same request again (after a lost socket) keeps its place."""
        assert isinstance(command, JoinQueue)
        known = self._places.get(run.id)
        if known is not None and known.request == command.request:
            known.music = command.music
            if known.talking_since is None:
                run.send(StartMusic(run.channel, command.music))
            return
        if not self._staffed(run, command.pool):
            run.tell(told.NoAgents(at=run.now(), request=command.request))
            return
        run.send(StartMusic(run.channel, command.music))
        place = self._places[run.id] = _Place(command.request, command.pool, command.music)
        place.stop = run.later(0.0, lambda: self._look(run, place))
        run.post(AgentAsked(command.pool, command.priority, run.now()))

    def cancel(self, run: LiveRun, request: str) -> None:
        """Leave the queue, or the agent."""
        place = self._places.get(run.id)
        if place is None or place.request != request:
            return
        self._forget(run, place)
        if place.talking_since is None:
            run.post(AgentUnasked(run.now()))
            run.send(StopMusic(run.channel))
        else:
            run.post(TalkCut(run.now()))

    def heard(self, run: LiveRun, event: CallEvent) -> None:
        """The call's phase says how it goes; music goes on after what was said in between."""
        place = self._places.get(run.id)
        if place is None:
            return
        phase, request = run.call.phase, place.request
        place.asked |= bool(run.call.asked)
        if place.talking_since is None and phase is Phase.TALKING:
            place.talking_since = event.at
            place.stop()
            run.tell(told.AgentAssigned(at=event.at, request=request))
        elif place.talking_since is not None and phase is Phase.SCRIPTED:
            self._learn(place.pool, event.at - place.talking_since)
            self._forget(run, place)
            run.tell(told.AgentLost(at=event.at, request=request))
        elif place.asked and place.talking_since is None and phase is Phase.SCRIPTED and not run.call.asked:
            self._forget(run, place)
            run.tell(told.CommandFailed(at=event.at, request=request))
        elif isinstance(event, PlaybackEnded) and phase is Phase.SCRIPTED:
            run.send(StartMusic(run.channel, place.music))

    def adopt(self, run: LiveRun, request: str, sight: Sight) -> bool:
        """Who talks with an agent goes on; who waits for one keeps the place, and the interpreter asks for it again.

        Agents whose legs were lost as well are coming back.
        """
        self._returns_until[run.id] = run.now() + RETURN_S
        call = run.call
        if call.phase is Phase.TALKING and run.waits_for in {WaitKind.TALKING, WaitKind.QUEUED}:
            # A run that still believes to be queued hears of the agent with the next thing that is heard of the call.
            since = call.bridged_at if run.waits_for is WaitKind.TALKING else None
            self._places[run.id] = _Place(request, call.policy.pool, "", asked=True, talking_since=since)
            return True
        if call.asked:
            place = self._places[run.id] = _Place(request, call.asked, "", asked=True)
            place.stop = run.later(0.0, lambda: self._look(run, place))
        return False

    def over(self, run: LiveRun) -> None:
        """The call machine takes a call that ends out of the queue by itself."""
        self._returns_until.pop(run.id, None)
        if (place := self._places.get(run.id)) is not None:
            self._forget(run, place)

    # --- the place

    def _look(self, run: LiveRun, place: _Place) -> None:
        """Tell where the caller stands, when that changed; and that nobody is there any more."""
        if self._places.get(run.id) is not place or place.talking_since is not None:
            return
        place.stop = run.later(LOOK_S, lambda: self._look(run, place))
        if not self._staffed(run, place.pool):
            self.cancel(run, place.request)
            run.tell(told.NoAgents(at=run.now(), request=place.request))
            return
        pool = self._pools.get(place.pool)
        queue = pool.queue if pool is not None else []
        position = next((at for at, one in enumerate(queue, 1) if one.call == run.call.id), None)
        if position is None:
            return
        wait_s = self.expected_wait_s(place.pool, position)
        if place.told != (position, round(wait_s)):
            place.told = (position, round(wait_s))
            moved = told.QueueMoved(at=run.now(), request=place.request, position=position, expected_wait_s=wait_s)
            run.tell(moved)

    def expected_wait_s(self, pool: str, position: int) -> float:
        """An estimate: so many talks as stand before the caller, shared by the agents who are logged in.

        The mean of a talk is that of the script callers' own talks so far (HANDLING_S at first).
        """
        agents = self._pools[pool].agents.values()
        there = sum(agent.state is not AgentState.OFFLINE for agent in agents)
        return position * self._handling_s.get(pool, HANDLING_S) / max(1, there)

    def _learn(self, pool: str, talk_s: float) -> None:
        mean_s = self._handling_s.get(pool, HANDLING_S)
        self._handling_s[pool] = mean_s + HANDLING_WEIGHT * (talk_s - mean_s)

    def _staffed(self, run: LiveRun, pool: str) -> bool:
        """Whether somebody of the pool is logged in, on a pause too: pauses end."""
        if run.now() < self._returns_until.get(run.id, 0.0):
            return True
        known = self._pools.get(pool)
        return known is not None and any(agent.state is not AgentState.OFFLINE for agent in known.agents.values())

    def _forget(self, run: LiveRun, place: _Place) -> None:
        place.stop()
        self._places.pop(run.id, None)
