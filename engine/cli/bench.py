"""`vss bench calls`: what the engine costs, beside a bare loop over the same Asterisk."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.answer import FAILURE, OK, Answer, AsJson, give
from engine.cli.menu import group

commands = group("Measure the engine against a bare loop.")


@commands.command()
def calls(
    seconds: Annotated[float, typer.Option(min=2, help="Measured time of each round.")] = 30.0,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Rounds of each side, in turns.")] = 3,
    lines: Annotated[int, typer.Option(min=1, max=500, help="Calls up at once, for both sides.")] = 60,
    only: Annotated[str, typer.Option(help="Parts to measure: calls, bridges, outcomes.")] = "calls,bridges,outcomes",
    as_json: AsJson = False,
) -> None:
    """Calls per second, CPU per attempt, answer to bridge, outcomes per second; 20 minutes, both sides in turns.

    Exits with 1 when an attempt of either side was not answered: then the calls per second are not sustained.
    """

    async def work() -> Answer:
        from engine.bench.run import BenchOptions, run

        report = await run(BenchOptions(seconds, rounds, lines, frozenset(only.split(","))))
        return Answer(report.data, report.lines, FAILURE if report.errors else OK)

    give(as_json, work)
