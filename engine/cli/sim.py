"""`vss sim`: days of a whole cell, drawn from seeds, in virtual time."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.answer import FAILURE, OK, Answer, AsJson, give
from engine.cli.menu import group

if TYPE_CHECKING:
    from engine.simulation.day import Fault
    from engine.simulation.run import Lived, Plan

commands = group("Live through days of a whole cell in virtual time, faults included.")


@commands.command()
def run(
    seeds: Annotated[str, typer.Option(help="From..to, both included, or one seed.")] = "0..19",
    minutes: Annotated[float, typer.Option(min=1.0, max=1440.0, help="How long a day is, in virtual minutes.")] = 5.0,
    hours: Annotated[float, typer.Option(min=0.0, max=24.0, help="How long, in hours; instead of --minutes.")] = 0.0,
    agents: Annotated[int, typer.Option(min=1, max=200, help="Agents of the cell.")] = 3,
    faults: Annotated[str, typer.Option(help="all, none, or some of them, separated by commas.")] = "all",
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Processes at once.")] = os.cpu_count() or 1,
    as_json: AsJson = False,
) -> None:
    """Real runtime and core on a fake Asterisk and fake stores; a seed always gives the same day.

    Exits with 1 when something did not hold: then the seed, the last events and the command that repeats it are told.
    """
    chosen = _seeds(seeds)

    def work() -> Answer:
        from engine.simulation.run import Plan, live_through, summary

        plan = Plan(agents, hours * 60.0 or minutes, _faults(faults))
        days = []
        for day in live_through(chosen, plan, jobs):
            days.append(day)
            if not day.sound:
                _tell(day, plan)
        data = summary(days)
        lines = [f"{name:<12} {value}" for name, value in data.items()]
        return Answer(data, lines, FAILURE if data["violations"] else OK)

    give(as_json, work)


def _seeds(text: str) -> range:
    found = re.fullmatch(r"(\d{1,9})(?:\.\.(\d{1,9}))?", text)
    if found is None or int(found[2] or found[1]) < int(found[1]):
        raise typer.BadParameter("must be a seed, or from..to such as 0..99", param_hint="--seeds")
    return range(int(found[1]), int(found[2] or found[1]) + 1)


def _faults(text: str) -> frozenset[Fault]:
    from engine.simulation.day import Fault

    if text in {"all", "none"}:
        return frozenset(Fault) if text == "all" else frozenset()
    try:
        return frozenset(Fault(word.strip()) for word in text.split(","))
    except ValueError:
        known = ", ".join(Fault)
        raise typer.BadParameter(f"must be all, none, or some of: {known}", param_hint="--faults") from None


def _tell(day: Lived, plan: Plan) -> None:
    """What happened last, what did not hold, and how to see it again."""
    for line in day.trace:
        print(f"  {line}", file=sys.stderr)
    print(f"seed {day.seed}: {day.invariant} at {day.at:.3f} s: {day.detail}", file=sys.stderr)
    faults = ",".join(sorted(plan.faults)) or "none"
    again = f"vss sim run --seeds {day.seed} --minutes {plan.minutes:g} --agents {plan.agents} --faults {faults}"
    print(f"  again: {again}", file=sys.stderr)
