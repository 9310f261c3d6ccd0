"""A simulated day: who is dialed and answers how, how long agents talk, and what goes wrong (pure).

`lognormal` is the model of real calls with machine detection; `markov` (exponential ring and handle times, no
detection, no patience) has a provable best, which is why it is there. All times in seconds, ratios as fractions of 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import ConfigError

Model = Literal["lognormal", "markov"]
BLOCK = 2048
SPEED_SD = 0.2
MACHINES, RING_OUT = 0.40, 0.45
LEAK = 0.05
RING_OUT_S = 25.0


@dataclass(frozen=True, slots=True)
class Shift:
    """From `at_s` on something is different: the answer rate, or the share of agents who log off."""

    at_s: float
    value: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """What to simulate. Raises ConfigError with the field's name in front."""

    agents: int = 20
    answer_rate: float = 0.25
    hours: float = 4.0
    model: Model = "lognormal"
    shocks: tuple[Shift, ...] = ()
    logoffs: tuple[Shift, ...] = ()
    fp_rate: float = 0.0
    """Share of people whom the detection takes for machines: they are hung up on."""
    talk_mean_s: float = 120.0
    talk_cv: float = 0.9
    wrap_mean_s: float = 20.0
    wrap_cv: float = 0.6
    ring_median_s: float = 8.0
    ring_sigma: float = 0.5
    patience_s: float = 1.0
    warmup_s: float = 900.0
    """Occupancy is measured from here on."""

    def __post_init__(self) -> None:
        _check("agents", self.agents, 1 <= self.agents <= 5000, "1 to 5000")
        _check("answer_rate", self.answer_rate, 0 < self.answer_rate <= 1, "above 0 and at most 1")
        _check("hours", self.hours, 0 < self.hours <= 1000, "above 0 and at most 1000")
        _check("fp_rate", self.fp_rate, 0 <= self.fp_rate < 1, "0 or more and below 1")
        for name in ("talk_mean_s", "wrap_mean_s", "ring_median_s"):
            _check(name, getattr(self, name), 0 < getattr(self, name) <= 36000, "above 0 and at most 36000")
        for name in ("talk_cv", "wrap_cv", "ring_sigma", "patience_s", "warmup_s"):
            _check(name, getattr(self, name), 0 <= getattr(self, name) < math.inf, "0 or more")
        for name, shifts in (("shock", self.shocks), ("logoff", self.logoffs)):
            for shift in shifts:
                _check(name, shift.value, 0 < shift.value <= 1, "above 0 and at most 1")
                _check(name, shift.at_s, 0 <= shift.at_s < math.inf, "at 0 s or later")
        _check("model", 0, self.model in ("lognormal", "markov"), "lognormal or markov")

    def answer_rate_at(self, now: float) -> float:
        """The live answer rate of calls dialed at `now`."""
        rate = self.answer_rate
        for shock in self.shocks:
            if now >= shock.at_s:
                rate = shock.value
        return rate


def _check(name: str, value: float, ok: bool, expected: str) -> None:
    if not ok:
        raise ConfigError(f"{name}: {value} must be {expected}")


@dataclass(frozen=True, slots=True)
class Fate:
    """What will become of one dialed call; delays in seconds, each from the step before."""

    ringing_s: float | None
    answered_s: float | None
    detected_s: float
    live: bool
    """A person in truth."""
    taken_for_live: bool
    failed_s: float


class Chance:
    """Everything random of a scenario, drawn by number from a seed: the n-th call is the same under every policy."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._scenario = scenario
        self._calls = _Blocks(np.random.SeedSequence([seed, 1]), 6)
        self._handles = _Blocks(np.random.SeedSequence([seed, 2]), 2)
        agents = np.random.default_rng(np.random.SeedSequence([seed, 3]))
        lognormal = scenario.model == "lognormal"
        speed = np.clip(agents.normal(1.0, SPEED_SD, scenario.agents), 0.4, 1.6)
        self.speed: list[float] = speed.tolist() if lognormal else [1.0] * scenario.agents

    def fate(self, now: float) -> Fate:
        """The next call's."""
        kind, sort, dial, ring, detect, slip = self._calls.next()
        rate = self._scenario.answer_rate_at(now)
        if self._scenario.model == "markov":
            ring_s = -15.0 * math.log(1 - _uniform(ring))
            live = _uniform(kind) < rate
            return Fate(0.0, ring_s if live else None, 0.0, live, live, ring_s)
        return self._lognormal(_uniform(kind) < rate, _uniform(sort), _uniform(dial), ring, _uniform(detect), slip)

    def _lognormal(self, live: bool, sort: float, dial: float, ring: float, detect: float, slip: float) -> Fate:
        scenario = self._scenario
        dial_s = 1.5 + 2 * dial
        ring_s = min(scenario.ring_median_s * math.exp(scenario.ring_sigma * ring), RING_OUT_S - 0.1)
        if live:
            missed = _uniform(slip) < scenario.fp_rate
            return Fate(dial_s, ring_s, 1.2 + 1.2 * detect, True, not missed, 0.0)
        if sort < MACHINES:
            return Fate(dial_s, ring_s, 2 + 2 * detect, False, _uniform(slip) < LEAK, 0.0)
        if sort < MACHINES + RING_OUT:
            return Fate(dial_s, None, 0.0, False, False, dial_s + RING_OUT_S)
        return Fate(None, None, 0.0, False, False, 1 + 3 * detect)

    def handle(self, agent: int) -> tuple[float, float]:
        """Talk and wrap of the next connected call."""
        talk, wrap = self._handles.next()
        scenario = self._scenario
        if scenario.model == "markov":
            return -(scenario.talk_mean_s + scenario.wrap_mean_s) * math.log(1 - _uniform(talk)), 0.0
        speed = self.speed[agent]
        return (
            speed * _lognormal(scenario.talk_mean_s, scenario.talk_cv, talk),
            speed * _lognormal(scenario.wrap_mean_s, scenario.wrap_cv, wrap),
        )


class _Blocks:
    """Normal numbers in rows, drawn many at a time: one at a time costs more than the rest of the simulator."""

    def __init__(self, seed: np.random.SeedSequence, width: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._width = width
        self._rows: list[list[float]] = []

    def next(self) -> list[float]:
        if not self._rows:
            rows: NDArray[np.float64] = self._rng.standard_normal((BLOCK, self._width))
            self._rows = rows[::-1].tolist()
        return self._rows.pop()


def _uniform(normal: float) -> float:
    return min(0.5 * math.erfc(-normal / math.sqrt(2)), 1 - 1e-12)


def _lognormal(mean: float, cv: float, normal: float) -> float:
    variance = math.log(1 + cv * cv)
    return mean * math.exp(math.sqrt(variance) * normal - variance / 2)
