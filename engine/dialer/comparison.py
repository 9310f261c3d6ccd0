"""What the rules came to on the grid, and whether the look-ahead keeps its promises (pure).

Means are over the runs of a cell, one a seed, each counting the same; `_se` is the standard error of that mean.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .grid import LIMIT, Cell
from .simulator import Measured
from .tuning import Trial

OCCUPANCY_SLACK = 0.005
"""Below the study's by at most half a point."""
EXCESS_MOST = 6.0
"""In each run abandoned <= LIMIT * live answers + this."""
SHARE_OF_OPTIMUM = 0.975
WORST_HOUR_MOST = 0.045
DECISION_US_MOST, DECISION_GROWTH_MOST = 300.0, 2.0
AHEAD_FROM_AGENTS = 10


@dataclass(frozen=True, slots=True)
class Row:
    """One run: a seed's day under one rule. Ratios are fractions of 1."""

    seed: int
    occupancy: float
    abandoned: int
    live_answers: int
    worst_hour: float

    @classmethod
    def of(cls, seed: int, measured: Measured) -> Row:
        """What of a run is kept."""
        occupancy, worst = round(measured.occupancy, 6), round(measured.worst_hour_abandonment, 6)
        return cls(seed, occupancy, measured.abandoned, measured.live_answers, worst)

    @property
    def abandonment(self) -> float:
        return self.abandoned / max(1, self.live_answers)

    @property
    def excess(self) -> float:
        """Abandoned calls beyond what the limit allows."""
        return self.abandoned - LIMIT * self.live_answers


@dataclass(frozen=True, slots=True)
class Standing:
    """What a rule came to in a cell; `level` and `trials` are the oracle's."""

    rows: tuple[Row, ...]
    level: float | None = None
    trials: tuple[Trial, ...] = ()

    @property
    def occupancy(self) -> float:
        return _mean([row.occupancy for row in self.rows])

    @property
    def occupancy_se(self) -> float | None:
        return _error([row.occupancy for row in self.rows])

    @property
    def abandonment(self) -> float:
        return _mean([row.abandonment for row in self.rows])

    @property
    def abandonment_se(self) -> float | None:
        return _error([row.abandonment for row in self.rows])

    @property
    def excess(self) -> float:
        """The worst run's."""
        return max(row.excess for row in self.rows)

    @property
    def worst_hour(self) -> float:
        """The mean over the runs of each run's worst hour."""
        return _mean([row.worst_hour for row in self.rows])

    @property
    def worst_hour_most(self) -> float:
        """The worst hour of all runs."""
        return max(row.worst_hour for row in self.rows)

    @property
    def live_answers(self) -> float:
        """Per run."""
        return _mean([float(row.live_answers) for row in self.rows])

    @property
    def within(self) -> bool:
        """The limit is kept on average."""
        return self.abandonment <= LIMIT


@dataclass(frozen=True, slots=True)
class Verdict:
    """One promise in one cell. `value` has to be at most (`most`) or at least (`least`) `bound`."""

    promise: str
    cell: str
    value: float
    sense: str
    bound: float

    @property
    def ok(self) -> bool:
        return self.value <= self.bound if self.sense == "most" else self.value >= self.bound


Outcome = Mapping[str, Standing]
"""By the contender's name."""


def verdicts(outcomes: Sequence[tuple[Cell, Outcome]]) -> list[Verdict]:
    """Every promise of every cell that was run."""
    return [verdict for cell, outcome in outcomes if "lookahead" in outcome for verdict in _judged(cell, outcome)]


def cost_verdicts(us_small: float, us_large: float) -> list[Verdict]:
    """A decision's median cost at 10 and at 1,000 agents, us."""
    return [
        Verdict("decision_cost_us", "1000-agents", us_large, "most", DECISION_US_MOST),
        Verdict("decision_cost_growth", "1000-agents", us_large / us_small, "most", DECISION_GROWTH_MOST),
    ]


def _judged(cell: Cell, outcome: Outcome) -> Iterator[Verdict]:
    ours = outcome["lookahead"]
    if cell.group != "small":
        yield Verdict("abandonment", cell.name, ours.abandonment, "most", LIMIT)
    if cell.study is not None:
        yield Verdict("occupancy_of_study", cell.name, ours.occupancy, "least", cell.study - OCCUPANCY_SLACK)
        yield Verdict("excess_in_each_run", cell.name, ours.excess, "most", EXCESS_MOST)
    if cell.optimum is not None:
        yield Verdict("share_of_optimum", cell.name, ours.occupancy / cell.optimum, "least", SHARE_OF_OPTIMUM)
    if cell.group == "shock":
        yield Verdict("worst_hour", cell.name, ours.worst_hour, "most", WORST_HOUR_MOST)
    if cell.group == "calls" and cell.agents >= AHEAD_FROM_AGENTS:
        for rival in ("power", "vicidial"):
            found = [standing.occupancy for name, standing in outcome.items() if name.partition("-")[0] == rival]
            if found:
                yield Verdict(f"ahead_of_{rival}", cell.name, ours.occupancy - max(found), "least", 0.0)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _error(values: Sequence[float]) -> float | None:
    """The standard error of the mean; None with a single run."""
    if len(values) < 2:
        return None
    mean = _mean(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))
