"""A pool: its agents and the calls that wait for one (no I/O).

The pool is the only writer of its agents, and reserves synchronously, so two answers can never race for one agent.
Calls are served by priority, then by how long they wait; of the agents the one idle longest gets the next call.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.call.commands import TelephonyCommand
from engine.call.events import AgentAssigned, AgentLeaving, AgentLost, HangUpAsked
from engine.errors import NotFound
from engine.ids import CallId, Slot

from .machine import (
    Agent,
    AgentEvent,
    AgentState,
    Effect,
    EndCall,
    KeepDisposition,
    Reserved,
    TellCallLeaving,
    TellCallLost,
    step,
)


@dataclass(frozen=True, slots=True, order=True)
class Waiting:
    """A call in the queue; ordered as it is served."""

    priority: int
    since: float
    call: CallId
    slot: Slot | None = field(default=None, compare=False)
    """Only this agent will do."""


@dataclass(frozen=True, slots=True)
class ToCall:
    """Effect: this event belongs to that call."""

    call: CallId
    event: AgentAssigned | AgentLost | AgentLeaving | HangUpAsked


PoolEffect = TelephonyCommand | ToCall | KeepDisposition


@dataclass(slots=True)
class Pool:
    """The agents of one pool and its queue. Every method returns the effects it asks for, in order."""

    name: str
    agents: dict[Slot, Agent] = field(default_factory=dict)
    queue: list[Waiting] = field(default_factory=list)
    changes: list[tuple[Agent, Agent]] = field(default_factory=list)
    """Agents before and after each step since the owner last looked; the owner clears it."""

    @property
    def idle(self) -> int:
        """How many agents could take a call now."""
        return sum(agent.available for agent in self.agents.values())

    @property
    def waiting(self) -> int:
        """How many calls wait that any agent could take; who waits for one slot takes no other agent."""
        return sum(waiting.slot is None for waiting in self.queue)

    def agent(self, slot: Slot) -> Agent:
        """The agent at `slot`; raises NotFound."""
        try:
            return self.agents[slot]
        except KeyError:
            raise NotFound("no_such_slot", f"there is no slot {slot} in pool {self.name}") from None

    def longest_idle(self) -> Agent | None:
        """The agent who would get the next call, or None."""
        available = (agent for agent in self.agents.values() if agent.available)
        return min(available, key=lambda agent: (agent.since, agent.slot), default=None)

    def handle(self, slot: Slot, event: AgentEvent) -> list[PoolEffect]:
        """Step one agent, then serve whoever waits. Raises Rejected for an impossible wish."""
        effects = self._step(self.agent(slot), event)
        translated = [self._translate(slot, effect, event.at) for effect in effects]
        return [*translated, *self._serve(event.at)]

    def request(self, waiting: Waiting, at: float) -> list[PoolEffect]:
        """Put a call into the queue, or give it an agent at once."""
        if all(other.call != waiting.call for other in self.queue):
            insort(self.queue, waiting)
        return list(self._serve(at))

    def cancel(self, call: CallId) -> None:
        """Take a call out of the queue, if it is there."""
        self.queue = [waiting for waiting in self.queue if waiting.call != call]

    def _step(self, before: Agent, event: AgentEvent) -> tuple[Effect, ...]:
        after, effects = step(before, event)
        if after is not before:
            self.agents[after.slot] = after
            self.changes.append((before, after))
        return effects

    def _serve(self, at: float) -> Iterator[PoolEffect]:
        """Give agents to the waiting calls, in order, until nobody waits who can be served."""
        for waiting in tuple(self.queue):
            agent = self._next_agent(waiting.slot)
            if agent is None:
                if waiting.slot is None:
                    return
                continue
            self.queue.remove(waiting)
            self._step(agent, Reserved(waiting.call, at))
            assert agent.channel is not None
            assert agent.bridge is not None
            yield ToCall(waiting.call, AgentAssigned(agent.slot, agent.channel, agent.bridge, at))

    def _next_agent(self, slot: Slot | None) -> Agent | None:
        if slot is not None:
            wanted = self.agents.get(slot)
            return wanted if wanted is not None and wanted.available else None
        return self.longest_idle()

    @staticmethod
    def _translate(slot: Slot, effect: Effect, at: float) -> PoolEffect:
        match effect:
            case TellCallLost(call):
                return ToCall(call, AgentLost(slot, at))
            case TellCallLeaving(call):
                return ToCall(call, AgentLeaving(slot, at))
            case EndCall(call):
                return ToCall(call, HangUpAsked("agent", at))
            case _:
                return effect


def new_agent(slot: Slot, pool: str, at: float) -> Agent:
    """An agent who has not logged in yet."""
    return Agent(slot, pool, AgentState.OFFLINE, at, "not logged in")
