"""Days lived through, one for each seed: what happened, and what did not hold."""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from engine.dialer.campaign import DialMode
from engine.fakes.virtual_time import run_virtually

from .cell import Cell, open_cell
from .day import EVENING_S, Day, Fault, callees_of
from .inspector import Inspector, check_the_day
from .invariant import Violation

MODES = (DialMode.PROGRESSIVE, DialMode.PREDICTIVE, DialMode.PROGRESSIVE, DialMode.POWER)
CPS_MAX = 5.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How a day is: `minutes` of it (the last 45 s everything works again)."""

    agents: int = 3
    minutes: float = 5.0
    faults: frozenset[Fault] = frozenset(Fault)


@dataclass(frozen=True, slots=True)
class Lived:
    """One day. `at` of a violation is seconds of the day; `trace` is what Asterisk told last before it."""

    seed: int
    calls: int
    events: int
    faults: Counter[str]
    cpu_s: float
    invariant: str = ""
    detail: str = ""
    at: float = 0.0
    trace: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        return not self.invariant


@dataclass(slots=True)
class _Lives:
    """The engines of one day, one after the other."""

    cell: Cell | None = None
    day: Day | None = None
    cells: list[Cell] = field(default_factory=list)


def live(seed: int, plan: Plan) -> Lived:
    """Live through the day of a seed; the same seed and plan always give the same day."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    lives = _Lives()
    began_s = time.process_time()
    invariant = detail = ""
    try:
        run_virtually(_live(seed, plan, lives))
        assert lives.cell is not None
        assert lives.day is not None
        check_the_day(lives.cell, crashes=lives.day.struck[Fault.CRASH])
    except Violation as broken:
        invariant, detail = broken.invariant, broken.detail
    except Exception as fault:  # whatever the engine, or a fake, comes to is a finding of this seed
        invariant, detail = "no-fault", f"{type(fault).__name__}: {fault}"
    cpu_s = time.process_time() - began_s
    return _told(seed, lives, cpu_s, invariant, detail)


async def _live(seed: int, plan: Plan, lives: _Lives) -> None:
    async with AsyncExitStack() as stack:
        callees = callees_of(seed)

        async def next_cell(before: Cell | None) -> Cell:
            serial = len(lives.cells)
            opened = open_cell(
                agents=plan.agents, callees=callees, cps_max=CPS_MAX, seed=1000 * seed + serial, before=before
            )
            lives.cell = await stack.enter_async_context(opened)
            lives.cells.append(lives.cell)
            return lives.cell

        cell = await next_cell(None)
        dice = random.Random(seed)
        day = lives.day = Day(
            cell, dice, MODES[seed % len(MODES)], again=next_cell, faults=plan.faults, agents=plan.agents,
            length_s=max(EVENING_S + 15.0, plan.minutes * 60.0),
        )  # fmt: skip
        inspector = Inspector(lambda: day.cell)
        await day.open()
        await day.live(inspector.look)
        await day.over()
        inspector.look()


def _told(seed: int, lives: _Lives, cpu_s: float, invariant: str, detail: str) -> Lived:
    cell, day = lives.cell, lives.day
    if cell is None or day is None:
        return Lived(seed, 0, 0, Counter(), cpu_s, invariant, detail)
    asterisk = cell.asterisk
    trace = tuple(f"{at - asterisk.began_at:9.3f}  {event}" for at, event in asterisk.recent) if invariant else ()
    at = asterisk.recent[-1][0] - asterisk.began_at if asterisk.recent else 0.0
    struck = Counter({fault.value: count for fault, count in sorted(day.struck.items())})
    calls = len(asterisk.dialed) + day.callers
    return Lived(seed, calls, asterisk.events, struck, cpu_s, invariant, detail, round(at, 3), trace)


def live_through(seeds: Sequence[int], plan: Plan, jobs: int) -> Iterator[Lived]:
    """Every seed's day, in the order of the seeds; over several processes where `jobs` says so."""
    one: Callable[[int], Lived] = partial(live, plan=plan)
    if jobs <= 1:
        yield from map(one, seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(one, seeds, chunksize=1)


def summary(days: Sequence[Lived]) -> dict[str, Any]:
    """For JSON."""
    faults: Counter[str] = Counter()
    for day in days:
        faults.update(day.faults)
    cpu_s = sum(day.cpu_s for day in days)
    calls = sum(day.calls for day in days)
    return {
        "seeds": len(days),
        "calls": calls,
        "events": sum(day.events for day in days),
        "crashes": faults[Fault.CRASH.value],
        "faults": dict(sorted(faults.items())),
        "violations": [{"seed": day.seed, "invariant": day.invariant, "at": day.at} for day in days if not day.sound],
        "calls_per_s": round(calls / cpu_s, 1) if cpu_s else 0.0,
    }
