"""A whole comparison: what is known already, the rest over the cores, then the verdicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from engine.compare.cost import DecisionCost, decision_cost
from engine.compare.pool import performed
from engine.compare.store import Store
from engine.compare.task import Piece, Task, tasks_for
from engine.dialer.comparison import Standing, Verdict, cost_verdicts, verdicts
from engine.dialer.grid import CONTENDERS, Cell, cells_named

STORE = ".results"
BASELINE_SEEDS = 4
QUICK_HOURS, QUICK_SEEDS = 0.75, 2
HALVINGS, QUICK_HALVINGS = 4, 3
COST_HOURS = 0.25
Series = dict[str, list[float | None]]
Progress = Callable[[float, float, str], None]
"""Seconds of a core that are done, of how many in all, and what was done last."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to compare, and how."""

    cells: tuple[Cell, ...]
    baseline_seeds: int
    workers: int
    halvings: int = HALVINGS
    fresh: bool = False
    cost_hours: float = COST_HOURS


@dataclass(frozen=True, slots=True)
class Result:
    """All that is written down and drawn."""

    options: Options
    standings: tuple[tuple[Cell, dict[str, Standing]], ...]
    minutes: dict[str, dict[str, Series]]
    """By cell, then by contender: one run of a shock."""
    cost: DecisionCost
    verdicts: tuple[Verdict, ...]

    @property
    def missed(self) -> list[Verdict]:
        """The promises that were not kept."""
        return [verdict for verdict in self.verdicts if not verdict.ok]


def options_for(
    words: Sequence[str], seeds: int | None, baseline_seeds: int | None, hours: float | None, quick: bool, workers: int,
    fresh: bool = False,
) -> Options:  # fmt: skip
    """What is not said is chosen. Raises ConfigError for an unknown cell or hours that no scenario has."""
    if seeds is None and quick:
        seeds = QUICK_SEEDS
    cells = tuple(_resized(cell, seeds, hours, quick) for cell in cells_named(words))
    for cell in cells:
        cell.scenario()  # refuses what cannot be simulated
    others = BASELINE_SEEDS if baseline_seeds is None else baseline_seeds
    if seeds is not None:
        others = min(others, seeds)
    longest = max(cell.hours for cell in cells)
    halvings = QUICK_HALVINGS if quick else HALVINGS
    return Options(cells, others, workers, halvings, fresh, min(COST_HOURS, longest))


def _resized(cell: Cell, seeds: int | None, hours: float | None, quick: bool) -> Cell:
    if hours is None and quick:
        hours = min(cell.hours, QUICK_HOURS)
    cell = cell if hours is None else cell.lasting(hours)
    return cell if seeds is None else replace(cell, runs=seeds)


def compare(options: Options, out: Path, progress: Progress) -> Result:
    """Run what is not known yet. Raises VssError for a worker's error; what was done until then is kept."""
    store = Store(out / STORE)
    tasks = tasks_for(options.cells, options.baseline_seeds, options.halvings)
    total = sum(task.cost for task in tasks)
    pieces: list[tuple[Task, Piece]] = []
    missing: list[Task] = []
    for task in tasks:
        known = None if options.fresh else store.find(task)
        if known is None:
            missing.append(task)
        else:
            pieces.append((task, known))
    done = sum(task.cost for task, _ in pieces)
    progress(done, total, "")
    missing.sort(key=lambda task: -task.cost)  # the longest first: none is left for the end
    with closing(performed(missing, options.workers)) as results:
        for task, piece in results:
            store.keep(task, piece)
            pieces.append((task, piece))
            done += task.cost
            progress(done, total, f"{task.cell.name} {task.contender.name}")
    return _result(options, pieces)


def _result(options: Options, pieces: Sequence[tuple[Task, Piece]]) -> Result:
    standings: list[tuple[Cell, dict[str, Standing]]] = []
    minutes: dict[str, dict[str, Series]] = {}
    for cell in options.cells:
        here = [(task, piece) for task, piece in pieces if task.cell.name == cell.name]
        names = list(dict.fromkeys(task.contender.name for task, _ in sorted(here, key=_rank)))
        standings.append(
            (cell, {name: _standing([p for task, p in here if task.contender.name == name]) for name in names})
        )
        followed = {task.contender.name: piece.minutes for task, piece in sorted(here, key=_rank) if piece.minutes}
        if followed:
            minutes[cell.name] = followed
    cost = decision_cost(options.cost_hours)
    found = (*verdicts(standings), *cost_verdicts(cost.us_p50_10, cost.us_p50_1000))
    return Result(options, tuple(standings), minutes, cost, found)


def _rank(entry: tuple[Task, Piece]) -> int:
    return CONTENDERS.index(entry[0].contender)


def _standing(pieces: Sequence[Piece]) -> Standing:
    rows = sorted((row for piece in pieces for row in piece.rows), key=lambda row: row.seed)
    return Standing(tuple(rows), pieces[0].level, pieces[0].trials)
