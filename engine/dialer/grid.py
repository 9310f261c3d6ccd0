"""The grid of scenarios that pacing rules are compared on, and who takes part (pure).

The figures to reach come from the study the rule was taken from: `study` is how busy its own rule kept agents,
`optimum` the provable best of every rule that gives no call up, at 3 % abandoned (Markov model).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from engine.errors import ConfigError

from .pacer import PacerConfig
from .scenario import Scenario, Shift

Group = Literal["calls", "markov", "shock", "small"]
LIMIT = 0.03
"""Abandoned of live answers, at most: the law of us-ftc."""
RUNS: Mapping[Group, int] = {"calls": 20, "markov": 3, "shock": 4, "small": 2}
"""Of the look-ahead per cell: as many as it takes to see on which side of its promise a cell is."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One scenario of the grid. Rates and occupancies are fractions of 1."""

    name: str
    group: Group
    agents: int
    answer_rate: float
    hours: float
    """Simulated per run: long enough for some 1,500 live answers with 10 agents or more, and for 1,000 with fewer."""
    runs: int
    """Of the look-ahead, one a seed."""
    shock: Shift | None = None
    study: float | None = None
    study_abandonment: float | None = None
    optimum: float | None = None

    def scenario(self, *, calm: bool = False) -> Scenario:
        """What to simulate; `calm`: without the shock."""
        shocks = () if self.shock is None or calm else (self.shock,)
        model: Literal["lognormal", "markov"] = "markov" if self.group == "markov" else "lognormal"
        return Scenario(self.agents, self.answer_rate, self.hours, model, shocks)

    def lasting(self, hours: float) -> Cell:
        """The same with other hours; a shock comes after half of them."""
        shock = None if self.shock is None else replace(self.shock, at_s=hours * 1800)
        return replace(self, hours=hours, shock=shock)


def _calls() -> list[Cell]:
    study = (
        (5, 0.10, 10.0, 0.714, 0.0275), (10, 0.25, 7.5, 0.819, 0.0279), (20, 0.25, 4.0, 0.865, 0.0278),
        (50, 0.25, 2.0, 0.918, 0.0283), (100, 0.25, 1.5, 0.946, 0.0271), (300, 0.25, 1.0, 0.977, 0.0257),
    )  # fmt: skip
    return [
        Cell(f"calls-{agents}-{rate * 100:.0f}", "calls", agents, rate, hours, RUNS["calls"], None, busy, drops)
        for agents, rate, hours, busy, drops in study
    ]


def _markov() -> list[Cell]:
    best = {5: (0.731, 0.786, 0.864), 10: (0.812, 0.834, 0.878), 20: (0.874, 0.883, 0.903), 50: (0.929, 0.932, 0.939)}
    hours = {5: 5.0, 10: 7.0, 20: 3.5, 50: 1.5}
    return [
        Cell(
            f"markov-{agents}-{rate * 100:.0f}", "markov", agents, rate, hours[agents], RUNS["markov"], optimum=optimum
        )
        for agents, optima in best.items()
        for rate, optimum in zip((0.10, 0.25, 0.60), optima, strict=True)
    ]


def _shocks() -> list[Cell]:
    """The answer rate trebles on the hour: all of it falls into one clock hour."""
    return [
        Cell(f"shock-{agents}", "shock", agents, 0.15, hours, RUNS["shock"], Shift(hours * 1800, 0.45))
        for agents, hours in ((20, 4.0), (100, 2.0), (300, 2.0))
    ]


def _small() -> list[Cell]:
    return [
        Cell(f"small-{agents}-{rate * 100:.0f}", "small", agents, rate, 3.0, RUNS["small"])
        for rate in (0.25, 0.60)
        for agents in (2, 3, 4, 5, 6)
    ]


CELLS: tuple[Cell, ...] = (*_calls(), *_markov(), *_shocks(), *_small())


def cells_named(words: Sequence[str]) -> tuple[Cell, ...]:
    """Cells by name or by group, in the order of the grid; none named: all. Raises ConfigError for an unknown word."""
    known = {cell.name for cell in CELLS} | {cell.group for cell in CELLS}
    for word in words:
        if word not in known:
            raise ConfigError(f"cells: {word!r} is not one of {', '.join(sorted(known))}")
    return tuple(cell for cell in CELLS if not words or cell.name in words or cell.group in words)


@dataclass(frozen=True, slots=True)
class Contender:
    """A rule that takes part; `pattern` is its policy with a place for the tuned level, if it has one."""

    name: str
    label: str
    pattern: str
    level_least: float = 1.0
    level_most: float = 1.0
    small_team: bool = True
    groups: tuple[Group, ...] = ("calls", "markov", "shock", "small")
    agents_most: int = 5000

    def takes_part(self, cell: Cell) -> bool:
        """It has something to say there."""
        return cell.group in self.groups and cell.agents <= self.agents_most

    @property
    def tuned(self) -> bool:
        """An oracle sets its level, cell by cell."""
        return "{}" in self.pattern

    @property
    def ours(self) -> bool:
        """It is the look-ahead, which nobody tunes."""
        return self.pattern == "lookahead"

    def policy(self, level: float | None) -> str:
        """As `pacer_named` reads it."""
        return self.pattern if level is None else self.pattern.format(f"{level:g}")

    def config(self, scenario: Scenario) -> PacerConfig:
        """The look-ahead's configuration; the others only take the limit from it."""
        patience_s = 0.0 if scenario.model == "markov" else scenario.patience_s
        return PacerConfig("us-ftc", fp_rate=scenario.fp_rate, patience_s=patience_s, small_team=self.small_team)


CONTENDERS: tuple[Contender, ...] = (
    Contender("lookahead", "look-ahead", "lookahead"),
    Contender(
        "lookahead-always",
        "look-ahead, also in small teams",
        "lookahead",
        small_team=False,
        groups=("small",),
        agents_most=3,
    ),
    Contender("progressive", "one line per idle agent", "progressive"),
    Contender("power", "power: lines per idle agent, tuned", "power:{}", 1.0, 60.0),
    Contender("ratio", "ratio: lines per agent, tuned", "ratio:{}", 0.5, 20.0, groups=("calls",)),
    Contender("vicidial-hard", "vicidial hard, tuned", "vicidial:{}:hard", 1.0, 20.0, groups=("calls", "shock")),
    Contender("vicidial-average", "vicidial average, tuned", "vicidial:{}:average", 1.0, 20.0, groups=("calls",)),
    Contender("vicidial-tapered", "vicidial tapered, tuned", "vicidial:{}:tapered", 1.0, 20.0, groups=("calls",)),
)
