"""`vss bench calls` as a whole: its options, its parts in order, and the one object it prints."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from engine.cli.table import Table
from engine.stack.home import CHECKOUT, state_home
from engine.stack.instance import Stack
from engine.stack.programs import Part
from engine.stack.provision import provision
from engine.stack.report import PlainReport

from .bridges import BridgesResult, measure_bridges
from .calls import CallsResult, measure_calls, median_of
from .place import Place, PlacePlan, open_place

INSTANCE = "bench"
PARTS = (Part.POSTGRES, Part.REDIS, Part.ASTERISK, Part.SIPP)
WARM_UP_S = 4.0
CPS_MOST = 1200
"""No machine of two cores does more; so many leads per second are made."""
AGENTS = 40
TALK_MS = 300
OUTCOME_VARIANTS = ("no_trigger", "statement_trigger", "row_trigger", "ratio")


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """`seconds` of each of `rounds` per side; `lines` calls up at once; `parts` to measure."""

    seconds: float
    rounds: int
    lines: int
    parts: frozenset[str]


@dataclass(frozen=True, slots=True)
class BenchReport:
    """`data` is what --json prints, `lines` the same for a person.

    `errors`: attempts that were not answered, of either side; with any, the calls per second are not sustained.
    """

    data: Mapping[str, Any]
    lines: Sequence[str | Table]
    errors: int


async def run(options: BenchOptions) -> BenchReport:
    """Measure. Raises StackFailure."""
    report = PlainReport()
    programs = await asyncio.to_thread(provision, state_home(), PARTS, report)
    plan = PlacePlan(
        lines=options.lines,
        agents=AGENTS,
        leads=int(CPS_MOST * options.rounds * (options.seconds + WARM_UP_S + 4)) if "calls" in options.parts else 0,
        mixed_leads=int(130 * options.rounds * (options.seconds + 12)) if "bridges" in options.parts else 0,
        talk_ms=TALK_MS,
    )
    data: dict[str, Any] = {}
    errors = 0
    async with (
        Stack.open(INSTANCE, state_home(), programs, report) as stack,
        open_place(stack, plan) as place,
    ):
        if "calls" in options.parts:
            calls = await measure_calls(place, options.rounds, WARM_UP_S, options.seconds)
            data |= calls_told(calls)
            errors = calls.errors
        if "bridges" in options.parts:
            data["bridge_ms"] = bridges_told(await measure_bridges(place, options.rounds, options.seconds))
        if "outcomes" in options.parts:
            data["outcomes_per_s"] = await _outcomes(place, options.seconds)
    data |= {"asterisk_version": programs.asterisk.version, "cores": len(os.sched_getaffinity(0))}
    return BenchReport(data, _shown(data), errors)


def calls_told(result: CallsResult) -> dict[str, Any]:
    """The medians of both sides, and their ratios."""
    sides = {
        name: {
            "cps": round(median_of(rounds, "cps"), 1),
            "cpu_ms_per_attempt": round(median_of(rounds, "own_ms"), 4),
            "postgres_ms_per_attempt": round(median_of(rounds, "postgres_ms"), 4),
        }
        for name, rounds in (("engine", result.engine), ("baseline", result.baseline))
    }
    spent = {name: side["cpu_ms_per_attempt"] + side["postgres_ms_per_attempt"] for name, side in sides.items()}
    ratio = {
        "cps": round(sides["engine"]["cps"] / sides["baseline"]["cps"], 3),
        "cpu": round(spent["engine"] / spent["baseline"], 3),
    }
    return {**sides, "ratio": ratio}


def bridges_told(result: BridgesResult) -> dict[str, Any]:
    """By rate, and the worst rate on top."""
    ratios = {}
    for rate, sides in result.items():
        engine, baseline = sides["engine"].quantile(0.99), sides["baseline"].quantile(0.99)
        ratios[rate] = round(engine / baseline, 3) if engine is not None and baseline else None
    worst = max(ratios, key=lambda rate: ratios[rate] or 0.0)
    told = {
        side: {
            **result[worst][side].quantiles(),
            **{str(rate): sides[side].quantiles() for rate, sides in result.items()},
        }
        for side in ("engine", "baseline")
    }
    return {**told, "ratio_p99": ratios[worst]}


async def _outcomes(place: Place, seconds: float) -> dict[str, Any]:
    with place.stack.report.step("Outcomes through triggers"):
        measure: Callable[[str, float], Awaitable[Mapping[str, Mapping[str, Any]]]]
        measure = _loaded("bench_outcomes").bench_outcomes
        found = await measure(place.dsn, min(seconds, 12.0))
    return {case: {name: figures[name] for name in OUTCOME_VARIANTS} for case, figures in found.items()}


def _loaded(name: str) -> ModuleType:
    """A module of tests/load, which is in every checkout but in no package."""
    path = CHECKOUT / "tests/load" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _shown(data: Mapping[str, Any]) -> list[str | Table]:
    parts: list[str | Table] = []
    if "engine" in data:
        rows = [[name, *data[name].values()] for name in ("engine", "baseline")]
        parts.append(Table(("", "calls/s", "CPU ms/attempt", "PostgreSQL ms/attempt"), rows, "Originate to hang-up"))
        parts.append(f"ratio: calls per second {data['ratio']['cps']}, CPU {data['ratio']['cpu']}")
    if "bridge_ms" in data:
        bridge = data["bridge_ms"]
        rows = [
            [rate, side, bridge[side][rate]["p50"], bridge[side][rate]["p99"]]
            for rate in bridge["engine"]
            if rate not in {"p50", "p99"}
            for side in ("engine", "baseline")
        ]
        parts.append(Table(("attempts/s", "", "p50 ms", "p99 ms"), rows, "200 OK to bridge"))
        parts.append(f"ratio of p99, at worst: {bridge['ratio_p99']}")
    if "outcomes_per_s" in data:
        rows = [[case, *figures.values()] for case, figures in data["outcomes_per_s"].items()]
        parts.append(Table(("connections x campaigns", *OUTCOME_VARIANTS), rows, "Outcomes per second"))
    parts.append(f"Asterisk {data['asterisk_version']} on {data['cores']} cores")
    return parts
