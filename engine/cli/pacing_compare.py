"""`vss pacing compare`: every rule on the grid of scenarios, with plots and verdicts."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.answer import FAILURE, OK, Answer, AsJson, give
from engine.cli.table import Table

if TYPE_CHECKING:
    from engine.compare.run import Options, Progress, Result


def compare(
    out: Annotated[Path, typer.Option(help="Folder to write into; what is known there already is not run again.")],
    seeds: Annotated[
        int | None,
        typer.Option(min=1, max=1000, help="Runs of the look-ahead per cell; default 20 for calls, 2 to 4 for others."),
    ] = None,
    baseline_seeds: Annotated[
        int | None, typer.Option(min=1, max=1000, help="Runs of each other rule per cell and level; default 4.")
    ] = None,
    hours: Annotated[float | None, typer.Option(help="Simulated hours of each run; default: each cell's own.")] = None,
    cells: Annotated[
        str, typer.Option(help="Cells or groups (calls, markov, shock, small), comma-separated; default: all.")
    ] = "",
    workers: Annotated[int | None, typer.Option(min=1, max=256, help="Processes; default: one a core.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Few short runs: shows how it looks, proves nothing.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run again what is known already.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare the pacing rules: tables, plots and whether the look-ahead keeps its promises (exit code 1: not all).

    Everything takes half an hour to an hour on two cores, --quick a few minutes. Interrupted, it goes on where it was.
    """
    from engine.compare.run import options_for
    from engine.errors import ConfigError

    words = [word.strip() for word in cells.split(",") if word.strip()]
    try:
        options = options_for(words, seeds, baseline_seeds, hours, quick, workers or _cores(), fresh)
    except ConfigError as error:
        raise typer.BadParameter(str(error)) from None
    command = _command(words, seeds, baseline_seeds, hours, quick)
    give(as_json, lambda: _compared(options, out, command))


def _compared(options: Options, out: Path, command: str) -> Answer:
    from engine.compare.report import as_data, write
    from engine.compare.run import compare as run

    out.mkdir(parents=True, exist_ok=True)
    with _stopped_by_term(), _progress() as progress:
        result = run(options, out, progress)
    files = write(result, out, command)
    data = as_data(result, runs=False) | {"out": str(out), "files": files}
    return Answer(data, _shown(result, out), OK if not result.missed else FAILURE)


def _shown(result: Result, out: Path) -> list[str | Table]:
    rows = [
        (
            cell.name, name, "" if standing.level is None else f"{standing.level:g}", f"{standing.occupancy * 100:.2f}",
            f"{standing.abandonment * 100:.2f}", f"{standing.excess:.1f}",
        )
        for cell, outcome in result.standings
        for name, standing in outcome.items()
    ]  # fmt: skip
    table = Table(("cell", "rule", "level", "occupancy %", "abandoned %", "over 3 %, worst run, calls"), rows)
    missed = [
        f"  MISSED  {v.promise} in {v.cell}: {v.value:.4f}, must be at {v.sense} {v.bound:.4f}" for v in result.missed
    ]
    kept = f"{len(result.verdicts) - len(missed)} of {len(result.verdicts)} promises kept; see {out / 'compare.md'}"
    return [table, *missed, kept]


def _cores() -> int:
    """Those this process may use."""
    return len(os.sched_getaffinity(0))


def _command(words: list[str], seeds: int | None, baseline_seeds: int | None, hours: float | None, quick: bool) -> str:
    """What repeats the comparison."""
    said = [("--cells", ",".join(words)), ("--seeds", seeds), ("--baseline-seeds", baseline_seeds), ("--hours", hours)]
    options = [f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in said if value]
    return " ".join(["vss pacing compare --out DIR", *options, *(["--quick"] if quick else [])])


@contextmanager
def _stopped_by_term() -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does, with nobody left behind."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda done, total, last: None
        return
    columns = (BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn(), TextColumn("left"))
    with Progress(*columns, TimeRemainingColumn(), TextColumn("{task.description}"), console=console) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total, last: bar.update(task, completed=done, total=total, description=last)
