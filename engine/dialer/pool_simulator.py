"""Simulator of several campaigns on one agent pool, with inbound callers behind the dialed answers (pure).

Each campaign has a world of its own (answer rate, shocks, detection); agents, their talks and the length of the day are
those of the pool's scenario. The pacers see only what a live engine would tell them.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np

from .observation import (
    AgentGone,
    AgentReady,
    AgentTalking,
    AgentWrapping,
    CallAbandoned,
    CallAnswered,
    CallFailed,
    CallLaunched,
    CallLive,
    CallMachine,
    CallRinging,
    CustomerGone,
    Observation,
)
from .pacer import PacingDecision, PacingLimits
from .scenario import Chance, Fate, Scenario
from .simulator import HOUR_S, TICK_S


class PoolPacers(Protocol):
    """What is driven: SharedPacers, or something that writes down what it is told."""

    def observe(self, event: Observation, campaign: str | None = None) -> None: ...

    def decide(self, now: float, limits: Mapping[str, PacingLimits]) -> Mapping[str, PacingDecision]: ...


@dataclass(frozen=True, slots=True)
class Dialed:
    """A campaign of the pool: its world, when it dials (seconds), and how many leads it has."""

    scenario: Scenario
    begins_s: float = 0.0
    ends_s: float = math.inf
    leads: int = 1_000_000


@dataclass(slots=True)
class Share:
    """What one campaign got."""

    dials: int = 0
    answered: int = 0
    abandoned: int = 0
    cancelled: int = 0
    rang_least_s: float = math.inf
    """The shortest ring of the calls that were given up."""


@dataclass(slots=True)
class _Call:
    name: str
    campaign: str | None
    fate: Fate | None
    rang_at: float | None = None
    phase: str = "dialed"


@dataclass(slots=True)
class PoolRun:
    """One simulation; `on_event` and `on_decision` watch."""

    pool: Scenario
    campaigns: Mapping[str, Dialed]
    pacers: PoolPacers
    seed: int
    inbound_per_hour: float = 0.0
    on_event: Callable[[Observation, str | None], None] | None = None
    on_decision: Callable[[float, Mapping[str, PacingDecision]], None] | None = None
    shares: dict[str, Share] = field(init=False)
    occupancy: float = field(default=0.0, init=False)
    """(talk + wrap)/agents, after the warm-up; of agents who log off it counts until they do."""
    inbound_served: int = field(default=0, init=False)
    _steps: list[tuple[float, int, Callable[[float], None]]] = field(default_factory=list, init=False)
    _count: int = field(default=0, init=False)
    _idle: deque[int] = field(init=False)
    _there: set[int] = field(init=False)
    _dialed_queue: deque[_Call] = field(default_factory=deque, init=False)
    _inbound_queue: deque[_Call] = field(default_factory=deque, init=False)
    _ringing: dict[str, deque[_Call]] = field(init=False)
    _chances: dict[str, Chance] = field(init=False)
    _handles: Chance = field(init=False)
    _arrivals: np.random.Generator = field(init=False)
    _busy_s: float = field(default=0.0, init=False)
    _logged_in_s: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.shares = {key: Share() for key in self.campaigns}
        self._idle = deque(range(self.pool.agents))
        self._there = set(range(self.pool.agents))
        self._ringing = {key: deque() for key in self.campaigns}
        self._chances = {
            key: Chance(dialed.scenario, self.seed + number)
            for number, (key, dialed) in enumerate(self.campaigns.items())
        }
        self._handles = Chance(self.pool, self.seed)
        self._arrivals = np.random.default_rng(np.random.SeedSequence([self.seed, 4]))

    def run(self) -> dict[str, Share]:
        """Simulate to the end."""
        end = self.pool.hours * HOUR_S
        for agent in self._there:
            self._tell(AgentReady(0.0, _name(agent)))
        self._at(0.0, self._tick)
        for logoff in self.pool.logoffs:
            self._at(logoff.at_s, partial(self._log_off, part=logoff.value))
        if self.inbound_per_hour > 0:
            self._next_inbound(0.0)
        while self._steps and self._steps[0][0] < end:
            now, _, action = heapq.heappop(self._steps)
            action(now)
        measured = max(1e-9, end - self.pool.warmup_s)
        self.occupancy = self._busy_s / (self._logged_in_s + len(self._there) * measured)
        return self.shares

    def _at(self, when: float, action: Callable[[float], None]) -> None:
        self._count += 1
        heapq.heappush(self._steps, (when, self._count, action))

    def _tell(self, event: Observation, campaign: str | None = None) -> None:
        self.pacers.observe(event, campaign)
        if self.on_event is not None:
            self.on_event(event, campaign)

    def _tick(self, now: float) -> None:
        self._at(now + TICK_S, self._tick)
        limits = {
            key: PacingLimits(leads=dialed.leads - self.shares[key].dials)
            for key, dialed in self.campaigns.items()
            if dialed.begins_s <= now < dialed.ends_s
        }
        decisions = self.pacers.decide(now, limits)
        if self.on_decision is not None:
            self.on_decision(now, decisions)
        for key, decision in decisions.items():
            self._give_up(now, key, decision.cancel)
            for _ in range(decision.launch):
                self._launch(now, key)

    def _launch(self, now: float, key: str) -> None:
        share = self.shares[key]
        call = _Call(f"{key}-{share.dials}", key, self._chances[key].fate(now))
        share.dials += 1
        self._tell(CallLaunched(now, call.name), key)
        fate = call.fate
        assert fate is not None
        if fate.ringing_s is not None:
            self._at(now + fate.ringing_s, lambda at: self._ring(at, call))
        if fate.answered_s is None:
            self._at(now + fate.failed_s, lambda at: self._fail(at, call))

    def _ring(self, now: float, call: _Call) -> None:
        assert call.campaign is not None
        assert call.fate is not None
        call.rang_at = now
        self._ringing[call.campaign].append(call)
        self._tell(CallRinging(now, call.name), call.campaign)
        if call.fate.answered_s is not None:
            self._at(now + call.fate.answered_s, lambda at: self._answer(at, call))

    def _fail(self, now: float, call: _Call) -> None:
        if call.phase == "dialed":
            call.phase = "over"
            self._tell(CallFailed(now, call.name), call.campaign)

    def _give_up(self, now: float, key: str, many: int) -> None:
        while many > 0 and self._ringing[key]:
            call = self._ringing[key].popleft()
            if call.phase != "dialed" or call.rang_at is None:
                continue
            many -= 1
            call.phase = "over"
            self.shares[key].cancelled += 1
            self.shares[key].rang_least_s = min(self.shares[key].rang_least_s, now - call.rang_at)
            self._tell(CallFailed(now, call.name, cancelled=True), key)

    def _answer(self, now: float, call: _Call) -> None:
        if call.phase != "dialed":
            return
        call.phase = "answered"
        assert call.fate is not None
        self._tell(CallAnswered(now, call.name), call.campaign)
        self._at(now + call.fate.detected_s, lambda at: self._detected(at, call))

    def _detected(self, now: float, call: _Call) -> None:
        assert call.fate is not None
        if not call.fate.taken_for_live:
            self._tell(CallMachine(now, call.name), call.campaign)
            return
        self._tell(CallLive(now, call.name), call.campaign)
        self._dialed_queue.append(call)
        self._serve(now)
        if call.phase == "answered":
            self._at(now + self.pool.patience_s, lambda at: self._abandon(at, call))

    def _abandon(self, now: float, call: _Call) -> None:
        if call.phase != "answered":
            return
        call.phase = "over"
        self._dialed_queue.remove(call)
        assert call.campaign is not None
        share = self.shares[call.campaign]
        share.answered += 1
        share.abandoned += 1
        self._tell(CallAbandoned(now, call.name), call.campaign)

    def _next_inbound(self, now: float) -> None:
        self._at(now + float(self._arrivals.exponential(HOUR_S / self.inbound_per_hour)), self._inbound)

    def _inbound(self, now: float) -> None:
        call = _Call(f"inbound-{self._count}", None, None, phase="answered")
        self._tell(CallLive(now, call.name))
        self._inbound_queue.append(call)
        self._next_inbound(now)
        self._at(now + float(self._arrivals.exponential(60.0)), lambda at: self._hang_up(at, call))
        self._serve(now)

    def _hang_up(self, now: float, call: _Call) -> None:
        if call.phase == "answered":
            call.phase = "over"
            self._inbound_queue.remove(call)
            self._tell(CustomerGone(now, call.name))

    def _serve(self, now: float) -> None:
        """Dialed answers first, then inbound callers; of the agents the one idle longest."""
        while self._idle and (queue := self._dialed_queue or self._inbound_queue):
            self._connect(now, queue.popleft(), self._idle.popleft())

    def _connect(self, now: float, call: _Call, agent: int) -> None:
        call.phase = "over"
        if call.campaign is None:
            self.inbound_served += 1
        else:
            self.shares[call.campaign].answered += 1
        self._tell(AgentTalking(now, _name(agent), call.name))
        talk_s, wrap_s = self._handles.handle(agent)
        ended = min(now + talk_s + wrap_s, self.pool.hours * HOUR_S)
        self._busy_s += max(0.0, ended - max(now, self.pool.warmup_s))
        self._at(now + talk_s, lambda at: self._wrap(at, agent))
        self._at(now + talk_s + wrap_s, lambda at: self._ready(at, agent))

    def _wrap(self, now: float, agent: int) -> None:
        if agent in self._there:
            self._tell(AgentWrapping(now, _name(agent)))

    def _ready(self, now: float, agent: int) -> None:
        if agent in self._there:
            self._tell(AgentReady(now, _name(agent)))
            self._idle.append(agent)
            self._serve(now)

    def _log_off(self, now: float, part: float) -> None:
        for agent in sorted(self._there)[: round(part * len(self._there))]:
            self._there.discard(agent)
            self._logged_in_s += max(0.0, now - self.pool.warmup_s)
            self._tell(AgentGone(now, _name(agent)))
            if agent in self._idle:
                self._idle.remove(agent)


def _name(agent: int) -> str:
    return f"agent-{agent}"
