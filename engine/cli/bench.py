"""`vss bench`: what the engine and its scripts cost beside bare loops, and what predictive dialing gains."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.answer import FAILURE, OK, Answer, AsJson, give
from engine.cli.menu import group

commands = group("Measure the engine: its cost, and what predictive dialing gains.")


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


@commands.command()
def pacing(
    answers: Annotated[int, typer.Option(min=10, max=2000, help="Live answers of each policy.")] = 500,
    rounds: Annotated[int, typer.Option(min=1, max=10, help="Parts of each policy, in turns.")] = 2,
    agents: Annotated[int, typer.Option(min=2, max=40, help="Agents' phones.")] = 20,
    answer_rate: Annotated[float, typer.Option(min=0.05, max=0.9, help="Share of calls that a person answers.")] = 0.25,
    limit_s: Annotated[float, typer.Option(min=60, help="No longer than this, programs' start not counted.")] = 1200.0,
    as_json: AsJson = False,
) -> None:
    """What the predictive rule gains over one line per idle agent: SIP calls, times shortened twelvefold; 20 minutes.

    Exits with 1 when a policy did not come to its live answers in time.
    """

    async def work() -> Answer:
        from engine.bench.pacing import PacingOptions, run

        report = await run(PacingOptions(agents, answer_rate, answers, rounds, limit_s))
        return Answer(report.data, report.lines, FAILURE if report.errors else OK)

    give(as_json, work)


@commands.command()
def flow(
    seconds: Annotated[float, typer.Option(min=2, help="Measured time of each round of calls.")] = 20.0,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Rounds of each side, in turns.")] = 3,
    callers: Annotated[int, typer.Option(min=1, max=400, help="Callers who press digits at once.")] = 200,
    only: Annotated[str, typer.Option(help="Parts: interpreter, calls, digits.")] = "interpreter,calls,digits",
    as_json: AsJson = False,
) -> None:
    """What scripts cost: steps, the check, a run on a real call beside a bare loop, digits of many callers; 6 minutes.

    Exits with 1 when a digit was wrong or lost, or a call of either side was not answered.
    """

    async def work() -> Answer:
        from engine.bench.flow import FlowOptions, run

        report = await run(FlowOptions(seconds, rounds, callers, frozenset(only.split(","))))
        return Answer(report.data, report.lines, FAILURE if report.errors else OK)

    give(as_json, work)
