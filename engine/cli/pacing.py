"""`vss pacing`: what a pacing rule does, in the running engine or on a simulated day."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.answer import Answer, AsJson, give
from engine.cli.menu import group
from engine.cli.pacing_compare import compare
from engine.cli.pacing_explain import explain
from engine.cli.pacing_replay import replay
from engine.cli.table import Table

if TYPE_CHECKING:
    from engine.dialer.pacer import LinePacer
    from engine.dialer.scenario import Scenario, Shift

commands = group("How many calls to dial: explain a campaign, simulate a rule, compare all, repeat a recording.")
commands.command()(explain)
commands.command()(compare)
commands.command()(replay)


@commands.command()
def simulate(
    agents: Annotated[int, typer.Option(help="Agents logged in.")] = 20,
    answer_rate: Annotated[float, typer.Option(help="Share of calls that a person answers.")] = 0.25,
    hours: Annotated[float, typer.Option(help="Simulated hours.")] = 4.0,
    policy: Annotated[
        str,
        typer.Option(
            metavar="NAME[:ARGS]",
            help="lookahead, progressive, power:LINES, ratio:LINES, vicidial:LEVEL_MAX[:hard|average|tapered].",
        ),
    ] = "lookahead",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same day.")] = 1,
    model: Annotated[str, typer.Option(help="lognormal (real calls) or markov (with a provable best).")] = "lognormal",
    shock: Annotated[
        list[str] | None, typer.Option(metavar="T:P", help="From second T on a share P answers; repeatable.")
    ] = None,
    logoff: Annotated[
        list[str] | None, typer.Option(metavar="T:F", help="At second T a share F of the agents leaves; repeatable.")
    ] = None,
    fp: Annotated[float, typer.Option(help="Share of people taken for machines.")] = 0.0,
    talk_mean: Annotated[float, typer.Option(help="Seconds of talk, mean.")] = 120.0,
    talk_cv: Annotated[float, typer.Option(help="Its standard deviation over its mean.")] = 0.9,
    wrap_mean: Annotated[float, typer.Option(help="Seconds of paperwork, mean.")] = 20.0,
    wrap_cv: Annotated[float, typer.Option(help="Its standard deviation over its mean.")] = 0.6,
    jurisdiction: Annotated[str, typer.Option(help="Whose law: us-ftc, us-fcc, uk-ofcom, ca-crtc, de, ru, custom.")] = (
        "us-ftc"
    ),
    limit: Annotated[float | None, typer.Option(help="Abandoned of live answers; default: the law's.")] = None,
    cancel: Annotated[bool, typer.Option(help="lookahead: give up calls that rang 15 s when too many answer.")] = True,
    small_team: Annotated[bool, typer.Option(help="lookahead: one line per idle agent for very small teams.")] = True,
    theta0: Annotated[float, typer.Option(help="lookahead: theta at the start.")] = 0.02,
    theta_min: Annotated[float, typer.Option(help="lookahead: theta at least.")] = 0.002,
    theta_max: Annotated[float, typer.Option(help="lookahead: theta at most.")] = 0.8,
    eta: Annotated[float, typer.Option(help="lookahead: how far one answer moves the logarithm of theta.")] = 0.25,
    journal: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write a recording there, for `vss pacing replay`.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a pacing rule against a simulated campaign; occupancy, abandonment and the cost of a decision."""

    from engine.dialer.baselines import pacer_named
    from engine.dialer.pacer import PacerConfig
    from engine.dialer.recording import RecordedRule
    from engine.dialer.scenario import Scenario
    from engine.errors import ConfigError

    try:
        scenario = Scenario(
            agents=agents, answer_rate=answer_rate, hours=hours, model=model,  # type: ignore[arg-type]
            shocks=_shifts("shock", shock), logoffs=_shifts("logoff", logoff), fp_rate=fp,
            talk_mean_s=talk_mean, talk_cv=talk_cv, wrap_mean_s=wrap_mean, wrap_cv=wrap_cv,
        )  # fmt: skip
        config = PacerConfig(
            jurisdiction, limit, fp_rate=fp, cancel=cancel, small_team=small_team,
            theta0=theta0, theta_min=theta_min, theta_max=theta_max, eta=eta,
            patience_s=0.0 if model == "markov" else scenario.patience_s,
        )  # fmt: skip
        pacer = pacer_named(policy, config, seed)
    except ConfigError as error:
        # all of it came from the command line: wrong usage, not a wrong installation
        raise typer.BadParameter(str(error)) from None

    def work() -> Answer:
        if journal is None:
            return _ran(scenario, policy, seed, pacer)
        with journal.open("w", encoding="utf-8") as file:
            return _ran(scenario, policy, seed, RecordedRule(policy, config, seed, pacer, file.write))

    give(as_json, work)


def _ran(scenario: Scenario, policy: str, seed: int, pacer: LinePacer) -> Answer:
    import time

    from engine.dialer.simulator import Run

    data: dict[str, Any] = {"policy": policy, "model": scenario.model, "agents": scenario.agents}
    data |= {"answer_rate": scenario.answer_rate, "hours": scenario.hours, "seed": seed}
    data |= asdict(Run(scenario, pacer, seed, clock_ns=time.perf_counter_ns).run())
    return Answer(data, [Table(("", policy), [(name, _shown(value)) for name, value in data.items()])])


def _shown(value: object) -> object:
    return round(value, 4) if isinstance(value, float) else value


def _shifts(name: str, given: list[str] | None) -> tuple[Shift, ...]:
    """T:VALUE, in the order of time."""
    from engine.dialer.scenario import Shift
    from engine.errors import ConfigError

    found = []
    for text in given or []:
        at, colon, value = text.partition(":")
        try:
            found.append(Shift(float(at), float(value)))
        except ValueError:
            raise ConfigError(f"{name}: {text!r} is not seconds:share, such as 3600:0.45") from None
        if not colon:
            raise ConfigError(f"{name}: {text!r} is not seconds:share, such as 3600:0.45")
    return tuple(sorted(found, key=lambda shift: shift.at_s))
