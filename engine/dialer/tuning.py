"""The oracle: the level of a rule that keeps agents busiest while the mean abandonment keeps to a limit (pure).

It may try a level on the very days that level is judged by, which nobody who dials can: it favours the rule it tunes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

STEP = 1.5
DIGITS = 3


@dataclass(frozen=True, slots=True)
class Trial:
    """What a level came to, on average of all days; fractions of 1."""

    level: float
    occupancy: float
    abandonment: float
    complete: bool = True
    """Not: it was given up as soon as the limit could not be kept any more, and the figures are those until then."""


@dataclass(frozen=True, slots=True)
class Tuned:
    """The best level found. `within`: it keeps the limit; not even the least level does otherwise."""

    level: float
    within: bool
    trials: tuple[Trial, ...]


def tune(judge: Callable[[float], Trial], least: float, most: float, limit: float, halvings: int) -> Tuned:
    """Upward from `least` in steps of one half until the limit is passed, then bisection of the last step.

    Of all levels tried that keep the limit the busiest wins: more lines are not always more work done.
    """
    trials: list[Trial] = []

    def within(level: float) -> bool:
        trials.append(judge(level))
        return trials[-1].complete and trials[-1].abandonment <= limit

    low = round(least, DIGITS)
    if not within(low):
        return Tuned(low, False, tuple(trials))
    high = low
    while high < most:
        high = round(min(high * STEP, most), DIGITS)
        if not within(high):
            break
        low = high
    for _ in range(halvings if high > low else 0):
        middle = round((low + high) / 2, DIGITS)
        if within(middle):
            low = middle
        else:
            high = middle
    best = max((trial for trial in trials if trial.complete and trial.abandonment <= limit), key=lambda t: t.occupancy)
    return Tuned(best.level, True, tuple(trials))
