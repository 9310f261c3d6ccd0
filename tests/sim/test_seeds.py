"""Random days: after each of them everything adds up, and during none of them anybody is forgotten.

A day of five minutes costs half a second of a core, one and a half where it is paced at the desk and its journal is
repeated, so the quick check lives through SEEDS of them and the long one through LONG_SEEDS more.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from engine.simulation.day import Fault
from engine.simulation.run import Lived, Plan, live, live_through, summary

SEEDS = 16
LONG_SEEDS = 484
SEEDS_PER_TEST = 4
EVERYTHING = Plan()


def live_through_all(seeds: range) -> None:
    for day in live_through(seeds, EVERYTHING, jobs=1):
        assert day.sound, (day.seed, day.invariant, day.detail, *day.trace)


@pytest.mark.parametrize("first", range(0, SEEDS, SEEDS_PER_TEST))
def test_random_days_leave_nothing_behind(first: int) -> None:
    live_through_all(range(first, first + SEEDS_PER_TEST))


@pytest.mark.long
@pytest.mark.parametrize("first", range(SEEDS, SEEDS + LONG_SEEDS, SEEDS_PER_TEST))
def test_many_random_days_leave_nothing_behind(first: int) -> None:
    live_through_all(range(first, first + SEEDS_PER_TEST))


def test_faults_are_drawn_often_enough_to_matter() -> None:
    """At least one crash and three others in an hour; four days of five minutes have a third of that."""
    struck: Counter[str] = Counter()
    for day in live_through(range(4), EVERYTHING, jobs=1):
        struck.update(day.faults)
    assert struck[Fault.CRASH] >= 1
    assert sum(struck.values()) - struck[Fault.CRASH] >= 3


TOLD = """
from engine.simulation.run import Plan, live
day = live(3, Plan(minutes=2))
print(day.calls, day.events, day.faults)
"""


def test_seed_gives_the_same_day_whatever_python_hashes_names_to() -> None:
    told = {
        subprocess.run(
            [sys.executable, "-c", TOLD], env={"PYTHONHASHSEED": seed, "PATH": "/usr/bin:/bin"}, check=True,
            capture_output=True, text=True, timeout=120,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(told) == 1
    again = live(3, Plan(minutes=2))
    assert told == {f"{again.calls} {again.events} {again.faults}\n"}


def test_summary_counts_and_names_what_did_not_hold() -> None:
    days = [
        Lived(1, 10, 100, Counter({"crash": 2}), 0.5),
        Lived(2, 20, 50, Counter({"crash": 1, "store-away": 3}), 0.5, "dialed-once", "twice", 12.5),
    ]
    assert summary(days) == {
        "seeds": 2, "calls": 30, "events": 150, "crashes": 3, "faults": {"crash": 3, "store-away": 3},
        "violations": [{"seed": 2, "invariant": "dialed-once", "at": 12.5}], "calls_per_s": 30.0,
    }  # fmt: skip
