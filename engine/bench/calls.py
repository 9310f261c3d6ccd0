"""Calls per second and CPU per attempt of both sides, in turns: originate, answer, hang up."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from .place import Place
from .sides import Count, Side, bare_side, engine_side


@dataclass(frozen=True, slots=True)
class Round:
    """One side's measured time. CPU in milliseconds per attempt."""

    cps: float
    errors: int
    own_ms: float
    postgres_ms: float
    asterisk_ms: float

    @property
    def spent_ms(self) -> float:
        """What the side costs beside Asterisk."""
        return self.own_ms + self.postgres_ms

    def __str__(self) -> str:
        return (
            f"{self.cps:6.1f} calls/s, {self.errors} errors; CPU per attempt: own {self.own_ms:.3f} ms, "
            f"PostgreSQL {self.postgres_ms:.3f} ms, Asterisk {self.asterisk_ms:.3f} ms"
        )


@dataclass(frozen=True, slots=True)
class CallsResult:
    """The rounds of both sides, in the order they took place."""

    engine: Sequence[Round]
    baseline: Sequence[Round]

    @property
    def errors(self) -> int:
        """Attempts of both sides that were not answered."""
        return sum(each.errors for each in (*self.engine, *self.baseline))


async def measure_calls(place: Place, rounds: int, warm_up_s: float, seconds: float) -> CallsResult:
    """Engine, bare loop, engine, bare loop, ...: each `rounds` times, `seconds` long."""
    engine: list[Round] = []
    baseline: list[Round] = []
    note = place.stack.report.note
    for turn in range(1, rounds + 1):
        engine.append(await measured_round(engine_side(place, place.calls), warm_up_s, seconds))
        note(f"round {turn}  engine     {engine[-1]}")
        # numbers differ from round to round, as the engine's do
        bare = bare_side(place, lines=place.plan.lines, series=f"1{turn}")
        baseline.append(await measured_round(bare, warm_up_s, seconds))
        note(f"round {turn}  bare loop  {baseline[-1]}")
    return CallsResult(engine, baseline)


async def measured_round(opening: AbstractAsyncContextManager[Side], warm_up_s: float, seconds: float) -> Round:
    """One side's time, after it warmed up."""
    async with opening as side:
        await asyncio.sleep(warm_up_s)
        before = await side.count()
        await asyncio.sleep(seconds)
        return _between(before, await side.count())


def _between(before: Count, after: Count) -> Round:
    done = max(1, after.done - before.done)
    return Round(
        done / (after.at - before.at),
        after.errors - before.errors,
        (after.own_s - before.own_s) * 1000 / done,
        (after.postgres_s - before.postgres_s) * 1000 / done,
        (after.asterisk_s - before.asterisk_s) * 1000 / done,
    )


def median_of(rounds: Sequence[Round], what: str) -> float:
    """The median of one figure over the rounds."""
    return statistics.median(float(getattr(each, what)) for each in rounds)
