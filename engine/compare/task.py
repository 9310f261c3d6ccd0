"""One piece of work of a comparison: a rule in a cell, over some seeds; the same piece, the same result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.dialer.baselines import pacer_named
from engine.dialer.comparison import Row
from engine.dialer.grid import CONTENDERS, LIMIT, Cell, Contender
from engine.dialer.minutes import MinuteLog
from engine.dialer.scenario import Scenario
from engine.dialer.simulator import Run
from engine.dialer.tuning import Trial, Tuned, tune


@dataclass(frozen=True, slots=True)
class Task:
    """`minutes`: also follow the first seed minute by minute."""

    cell: Cell
    contender: Contender
    seeds: tuple[int, ...]
    halvings: int
    minutes: bool = False

    @property
    def cost(self) -> float:
        """Roughly, in seconds of a core: for the order of the work and the progress bar."""
        hour = (2.0 + 0.014 * self.cell.agents) if self.contender.ours else (0.15 + 0.003 * self.cell.agents)
        levels = 4.0 + self.halvings if self.contender.tuned else 1.0
        return self.cell.hours * hour * levels * len(self.seeds)


@dataclass(frozen=True, slots=True)
class Piece:
    """What came of a task."""

    rows: tuple[Row, ...]
    level: float | None = None
    trials: tuple[Trial, ...] = ()
    minutes: dict[str, list[float | None]] | None = None


def perform(task: Task) -> Piece:
    """Simulate, after tuning if the rule is a tuned one. A shock comes as a surprise to the oracle, too."""
    if not task.contender.tuned:
        return _piece(task, None, {})
    days: dict[float, tuple[Row, ...]] = {}
    tuned = _tuned(task, days)
    found = _piece(task, tuned.level, {} if task.cell.shock else days)
    return Piece(found.rows, tuned.level, tuned.trials, found.minutes)


def _tuned(task: Task, days: dict[float, tuple[Row, ...]]) -> Tuned:
    scenario = task.cell.scenario(calm=True)

    def judge(level: float) -> Trial:
        rows: list[Row] = []
        for seed in task.seeds:
            rows.append(_day(task.contender, scenario, seed, level))
            if sum(row.abandonment for row in rows) > LIMIT * len(task.seeds):
                break  # even if nobody more were abandoned
        complete = len(rows) == len(task.seeds)
        if complete:
            days[level] = tuple(rows)
        return Trial(level, _mean([row.occupancy for row in rows]), _mean([row.abandonment for row in rows]), complete)

    return tune(judge, task.contender.level_least, task.contender.level_most, LIMIT, task.halvings)


def _piece(task: Task, level: float | None, days: dict[float, tuple[Row, ...]]) -> Piece:
    """The days at this level, those known already not again."""
    known = days.get(level) if level is not None else None
    if known is not None and not task.minutes:
        return Piece(known)
    scenario = task.cell.scenario()
    log = MinuteLog(scenario.agents) if task.minutes else None
    rows = [_day(task.contender, scenario, task.seeds[0], level, log)]
    rows += [_day(task.contender, scenario, seed, level) for seed in task.seeds[1:]]
    return Piece(tuple(rows), minutes=None if log is None else log.columns())


def _day(contender: Contender, scenario: Scenario, seed: int, level: float | None, log: MinuteLog | None = None) -> Row:
    pacer = pacer_named(contender.policy(level), contender.config(scenario), seed)
    run = Run(scenario, pacer, seed)
    if log is not None:
        run.on_event, run.on_decision = log.event, log.decision
    return Row.of(seed, run.run())


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def tasks_for(cells: Sequence[Cell], baseline_seeds: int, halvings: int) -> list[Task]:
    """All the work: the look-ahead seed by seed; a tuned rule in one piece, since a level waits for the one before."""
    found = []
    for cell in cells:
        for contender in CONTENDERS:
            if not contender.takes_part(cell):
                continue
            numbers = tuple(range(1, 1 + (cell.runs if contender.ours else baseline_seeds)))
            parts = [(number,) for number in numbers] if contender.ours else [numbers]
            found += [
                Task(cell, contender, part, halvings, minutes=cell.group == "shock" and part[0] == 1) for part in parts
            ]
    return found


def packed(piece: Piece) -> dict[str, Any]:
    """As JSON."""
    return {
        "rows": [[row.seed, row.occupancy, row.abandoned, row.live_answers, row.worst_hour] for row in piece.rows],
        "level": piece.level,
        "trials": [[t.level, t.occupancy, t.abandonment, t.complete] for t in piece.trials],
        "minutes": piece.minutes,
    }


def unpacked(data: dict[str, Any]) -> Piece:
    """From JSON. Raises KeyError, TypeError or ValueError for anything else."""
    rows = tuple(Row(*row) for row in data["rows"])
    return Piece(rows, data["level"], tuple(Trial(*trial) for trial in data["trials"]), data["minutes"])
