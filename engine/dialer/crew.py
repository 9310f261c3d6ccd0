"""An agent pool as pacers see it: what its agents do, and the inbound callers who wait for them (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import Any, ClassVar

from engine.errors import ConfigError

from .memory import Memory, part, rows
from .observation import AgentEvent, AgentGone, AgentReady, AgentTalking, AgentWrapping


class Doing(IntEnum):
    """What an agent does."""

    READY = auto()
    TALKING = auto()
    WRAPPING = auto()


@dataclass(slots=True)
class TrackedAgent:
    """An agent; `since_bin` is the entry into the cohort of what they do."""

    doing: Doing
    since_bin: int = 0


class Crew(Memory):
    """The agents by what they do. Every campaign of the pool shares it."""

    REMEMBERED: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self.agents: dict[str, TrackedAgent] = {}
        self.doing = dict.fromkeys(Doing, 0)
        self.inbound: set[str] = set()
        """Callers nobody dialed who wait: demand for agents, never a dialed answer."""

    def state(self) -> dict[str, Any]:
        """Everybody who is there, as JSON."""
        return super().state() | {
            "agents": [[name, agent.doing.name, agent.since_bin] for name, agent in self.agents.items()],
            "inbound": sorted(self.inbound),
        }

    def recall(self, state: Mapping[str, Any]) -> None:
        """Take on what `state` gave."""
        self.empty()
        super().recall(state)
        try:
            self.agents = {name: TrackedAgent(Doing[doing], since) for name, doing, since in rows(state, "agents", 3)}
        except KeyError as error:
            raise ConfigError(f"state: {error} is nothing that an agent does") from None
        for agent in self.agents.values():
            self.doing[agent.doing] += 1
        self.inbound = set(part(state, "inbound"))

    def empty(self) -> None:
        """Nobody is there any more."""
        self.agents = {}
        self.doing = dict.fromkeys(Doing, 0)
        self.inbound = set()

    @property
    def idle(self) -> int:
        return self.doing[Doing.READY]

    def observe(self, event: AgentEvent) -> None:
        """Follow one event of an agent; what it says of a call is the roster's."""
        match event:
            case AgentReady(at, agent):
                self._move(agent, Doing.READY, at)
            case AgentTalking(at, agent):
                self._move(agent, Doing.TALKING, at)
            case AgentWrapping(at, agent):
                self._move(agent, Doing.WRAPPING, at)
            case AgentGone(at, agent):
                self._move(agent, None, at)

    # what the look-ahead adds its cohorts to
    def entered(self, agent: TrackedAgent, at: float) -> None:
        """An agent began something."""

    def left(self, agent: TrackedAgent, at: float, then: Doing | None) -> None:
        """An agent ended something."""

    def _move(self, name: str, doing: Doing | None, at: float) -> None:
        agent = self.agents.get(name)
        if agent is not None:
            if agent.doing is doing:
                return
            self.left(agent, at, doing)
            self.doing[agent.doing] -= 1
        if doing is None:
            self.agents.pop(name, None)
            return
        agent = self.agents[name] = TrackedAgent(doing)
        self.doing[doing] += 1
        self.entered(agent, at)
