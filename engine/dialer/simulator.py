"""Discrete-event simulator of a campaign: any pacer against a scenario, some thousand times faster than life (pure).

The pacer sees only what a live engine would tell it, and never who is a person. Measured time comes from outside
(`clock_ns`), so that this module stays without a clock.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

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
    Observation,
)
from .pacer import LinePacer, PacingDecision, PacingLimits
from .scenario import Chance, Fate, Scenario

TICK_S = 0.5
HOUR_S = 3600.0


@dataclass(slots=True)
class Measured:
    """What came out of a run; ratios are fractions of 1, times seconds unless named otherwise."""

    occupancy: float = 0.0
    """(talk + wrap) / logged in, after the warm-up."""
    abandoned: int = 0
    """People who waited in vain, and people the detection took for machines."""
    live_answers: int = 0
    abandonment: float = 0.0
    worst_hour_abandonment: float = 0.0
    """The worst of the clock hours of the run that had at least 30 live answers."""
    wait_mean_s: float = 0.0
    wait_p90_s: float = 0.0
    """Agents' waiting for a call."""
    dials: int = 0
    cancelled: int = 0
    connected: int = 0
    false_positives: int = 0
    decisions: int = 0
    decision_us_p50: float | None = None
    decision_us_p99: float | None = None


@dataclass(slots=True)
class _Hour:
    live: int = 0
    abandoned: int = 0


class _Step(IntEnum):
    TICK = 0
    RINGING = 1
    ANSWERED = 2
    DETECTED = 3
    FAILED = 4
    PATIENCE = 5
    TALKED = 6
    WRAPPED = 7
    LOGOFF = 8


@dataclass(slots=True)
class _Agent:
    name: str
    idle_since: float | None = 0.0
    leaving: bool = False
    gone_at: float | None = None


@dataclass(slots=True)
class _Call:
    name: str
    fate: Fate
    rang_at: float | None = None
    up: bool = True
    waiting: bool = False


@dataclass(slots=True)
class Run:
    """One simulation. `watch` sees every decision and what the pacer was told, for tests and time series."""

    scenario: Scenario
    pacer: LinePacer
    seed: int
    limits: PacingLimits = field(default_factory=PacingLimits)
    clock_ns: Callable[[], int] | None = None
    on_decision: Callable[[PacingDecision], None] | None = None
    on_event: Callable[[Observation], None] | None = None
    on_cancel: Callable[[float], None] | None = None
    """Is given for how long a call had rung that was given up."""
    _chance: Chance = field(init=False)
    _agents: list[_Agent] = field(init=False)
    _idle: deque[int] = field(init=False)
    _steps: list[tuple[float, int, _Step, int]] = field(default_factory=list, init=False)
    _count: int = field(default=0, init=False)
    _calls: dict[int, _Call] = field(default_factory=dict, init=False)
    _ringing: deque[int] = field(default_factory=deque, init=False)
    _queue: deque[int] = field(default_factory=deque, init=False)
    _busy_s: float = field(default=0.0, init=False)
    _waits: list[float] = field(default_factory=list, init=False)
    _hours: dict[int, _Hour] = field(default_factory=dict, init=False)
    _costs_ns: list[int] = field(default_factory=list, init=False)
    _result: Measured = field(default_factory=Measured, init=False)

    def __post_init__(self) -> None:
        self._chance = Chance(self.scenario, self.seed)
        self._agents = [_Agent(f"agent-{number}") for number in range(self.scenario.agents)]
        self._idle = deque(range(self.scenario.agents))

    def run(self) -> Measured:
        """Simulate to the end."""
        end = self.scenario.hours * HOUR_S
        for agent in self._agents:
            self._tell(AgentReady(0.0, agent.name))
        self._at(0.0, _Step.TICK, 0)
        for number, logoff in enumerate(self.scenario.logoffs):
            self._at(logoff.at_s, _Step.LOGOFF, number)
        actions = {
            _Step.TICK: self._tick, _Step.RINGING: self._ring, _Step.ANSWERED: self._answer,
            _Step.DETECTED: self._detect, _Step.FAILED: self._fail, _Step.PATIENCE: self._give_up,
            _Step.TALKED: self._talked, _Step.WRAPPED: self._wrapped, _Step.LOGOFF: self._logoff,
        }  # fmt: skip
        while self._steps and self._steps[0][0] < end:
            now, _, step, subject = heapq.heappop(self._steps)
            actions[step](now, subject)
        return self._measured(end)

    def _at(self, when: float, step: _Step, subject: int) -> None:
        self._count += 1
        heapq.heappush(self._steps, (when, self._count, step, subject))

    def _tell(self, event: Observation) -> None:
        self.pacer.observe(event)
        if self.on_event is not None:
            self.on_event(event)

    def _tick(self, now: float, _: int) -> None:
        self._at(now + TICK_S, _Step.TICK, 0)
        if self.clock_ns is None:
            decision = self.pacer.decide(now, self.limits)
        else:
            began = self.clock_ns()
            decision = self.pacer.decide(now, self.limits)
            self._costs_ns.append(self.clock_ns() - began)
        self._result.decisions += 1
        if self.on_decision is not None:
            self.on_decision(decision)
        self._cancel(now, decision.cancel)
        for _launch in range(decision.launch):
            self._launch(now)

    def _launch(self, now: float) -> None:
        number = self._result.dials
        self._result.dials += 1
        call = self._calls[number] = _Call(f"call-{number}", self._chance.fate(now))
        self._tell(CallLaunched(now, call.name))
        if call.fate.ringing_s is None:
            self._at(now + call.fate.failed_s, _Step.FAILED, number)
        else:
            self._at(now + call.fate.ringing_s, _Step.RINGING, number)
            if call.fate.answered_s is None:
                self._at(now + call.fate.failed_s, _Step.FAILED, number)

    def _ring(self, now: float, number: int) -> None:
        call = self._calls[number]
        call.rang_at = now
        self._ringing.append(number)
        self._tell(CallRinging(now, call.name))
        if call.fate.answered_s is not None:
            self._at(now + call.fate.answered_s, _Step.ANSWERED, number)

    def _cancel(self, now: float, many: int) -> None:
        while many > 0 and self._ringing:
            call = self._calls.get(self._ringing.popleft())
            if call is None or not call.up or call.rang_at is None:
                continue
            many -= 1
            call.up = False
            self._result.cancelled += 1
            if self.on_cancel is not None:
                self.on_cancel(now - call.rang_at)
            self._tell(CallFailed(now, call.name, cancelled=True))

    def _answer(self, now: float, number: int) -> None:
        call = self._calls[number]
        if not call.up:
            del self._calls[number]
            return
        call.up = False  # from here on it cannot be given up
        self._tell(CallAnswered(now, call.name))
        if call.fate.detected_s > 0:
            self._at(now + call.fate.detected_s, _Step.DETECTED, number)
        else:
            self._detect(now, number)

    def _detect(self, now: float, number: int) -> None:
        call = self._calls[number]
        if not call.fate.taken_for_live:
            if call.fate.live:
                self._result.false_positives += 1
                self._settle(now, abandoned=True)
            self._tell(CallMachine(now, call.name))
            del self._calls[number]
            return
        self._tell(CallLive(now, call.name))
        if self._idle:
            self._connect(now, number)
        elif self.scenario.model == "markov" or self.scenario.patience_s == 0:
            self._abandon(now, number)
        else:
            call.waiting = True
            self._queue.append(number)
            self._at(now + self.scenario.patience_s, _Step.PATIENCE, number)

    def _fail(self, now: float, number: int) -> None:
        call = self._calls.pop(number)
        if call.up:
            self._tell(CallFailed(now, call.name))

    def _give_up(self, now: float, number: int) -> None:
        call = self._calls.get(number)
        if call is not None and call.waiting:
            self._queue.remove(number)
            self._abandon(now, number)

    def _abandon(self, now: float, number: int) -> None:
        self._tell(CallAbandoned(now, self._calls.pop(number).name))
        self._settle(now, abandoned=True)

    def _settle(self, now: float, abandoned: bool) -> None:
        hour = self._hours.setdefault(int(now // HOUR_S), _Hour())
        hour.live += 1
        hour.abandoned += abandoned
        self._result.live_answers += 1
        self._result.abandoned += abandoned

    def _connect(self, now: float, number: int) -> None:
        call = self._calls.pop(number)
        who = self._idle.popleft()
        agent = self._agents[who]
        if agent.idle_since is not None:
            self._waits.append(now - agent.idle_since)
        agent.idle_since = None
        self._tell(AgentTalking(now, agent.name, call.name))
        self._settle(now, abandoned=False)
        self._result.connected += 1
        talk_s, wrap_s = self._chance.handle(who)
        self._worked(now, now + talk_s + wrap_s)
        self._at(now + talk_s, _Step.TALKED, who)
        self._at(now + talk_s + wrap_s, _Step.WRAPPED, who)

    def _worked(self, began: float, ended: float) -> None:
        end = self.scenario.hours * HOUR_S
        self._busy_s += max(0.0, min(ended, end) - max(began, self.scenario.warmup_s))

    def _talked(self, now: float, who: int) -> None:
        agent = self._agents[who]
        if not agent.leaving:
            self._tell(AgentWrapping(now, agent.name))

    def _wrapped(self, now: float, who: int) -> None:
        agent = self._agents[who]
        if agent.leaving:
            agent.gone_at = now
            return
        self._tell(AgentReady(now, agent.name))
        agent.idle_since = now
        self._idle.append(who)
        if self._queue:
            self._connect(now, self._queue.popleft())

    def _logoff(self, now: float, number: int) -> None:
        """The first agents by number leave: at once if idle, else after their call, but as supply they are gone now."""
        staying = [who for who, agent in enumerate(self._agents) if not agent.leaving]
        for who in staying[: round(self.scenario.logoffs[number].value * len(staying))]:
            agent = self._agents[who]
            agent.leaving = True
            self._tell(AgentGone(now, agent.name))
            if agent.idle_since is not None:
                self._idle.remove(who)
                agent.idle_since, agent.gone_at = None, now

    def _measured(self, end: float) -> Measured:
        result = self._result
        begin = min(self.scenario.warmup_s, end)
        there = sum(max(0.0, (end if a.gone_at is None else a.gone_at) - begin) for a in self._agents)
        result.occupancy = self._busy_s / there if there > 0 else 0.0
        result.abandonment = result.abandoned / max(1, result.live_answers)
        result.worst_hour_abandonment = max(
            (hour.abandoned / hour.live for hour in self._hours.values() if hour.live >= 30), default=0.0
        )
        if self._waits:
            result.wait_mean_s = float(np.mean(self._waits))
            result.wait_p90_s = float(np.percentile(self._waits, 90))
        if self._costs_ns:
            result.decision_us_p50 = float(np.percentile(self._costs_ns, 50)) / 1000
            result.decision_us_p99 = float(np.percentile(self._costs_ns, 99)) / 1000
        return result
