"""What the past says of the next half minute: cohorts that age, and when their members leave (pure).

A cohort is everything that does one thing (ring, be in detection, talk, wrap up), counted by age. Its members leave by
competing ways, at a hazard per age: the leavers of an age over those who were there. The unfinished are in the
denominator, so being cut off by `now` biases nothing. Both fade with a half-life. The cost depends on the bins,
never on the members.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .memory import Memory

Floats = NDArray[np.float64]
LIVE, OTHER = 0, 1


class Cohort(Memory):
    """Members by age in `bins` bins of `width_s`; the last bin holds everything older."""

    REMEMBERED = ("count", "_at_risk", "_left", "_bin")

    def __init__(self, width_s: float, bins: int, half_life_s: float, prior: tuple[float, float, float]) -> None:
        """`prior`: worth in members, mean stay (s), share that leaves as LIVE."""
        worth, mean_s, live = prior
        self.width_s = width_s
        self.bins = bins
        self.count: Floats = np.zeros(bins)
        self._keep = 0.5 ** (width_s / half_life_s)
        self._at_risk: Floats = np.zeros(bins)
        self._left: Floats = np.zeros((2, bins))
        hazard = 1 - np.exp(-width_s / mean_s)
        self._prior_at_risk: Floats = worth * np.exp(-np.arange(bins) * width_s / mean_s)
        self._prior_left: Floats = np.outer([live, 1 - live], self._prior_at_risk * hazard)
        self._bin: int | None = None

    def empty(self) -> None:
        """Forget everybody who is in it. What was learned stays: they were there as long as they were."""
        self.count[:] = 0

    def enter(self, at: float) -> int:
        """One more of age 0; returns what `leave` wants to know it by."""
        self.advance(at)
        assert self._bin is not None
        self.count[0] += 1
        return self._bin

    def leave(self, entered: int, at: float, way: int | None) -> int:
        """One leaves; returns its age in bins. `way` None: it was taken away or is not known yet (see `credit`)."""
        self.advance(at)
        assert self._bin is not None
        age = min(self._bin - entered, self.bins - 1)
        self.count[age] -= 1
        self._at_risk[age] += 1
        if way is not None:
            self._left[way, age] += 1
        return age

    def credit(self, age: int, way: int) -> None:
        """Say by which way one left earlier."""
        self._left[way, age] += 1

    def withdraw(self, age: int) -> None:
        """One that was taken away is no evidence for its last bin."""
        self._at_risk[age] = max(0.0, self._at_risk[age] - 1)

    def advance(self, now: float) -> int:
        """Let everybody grow older; returns by how many bins."""
        here = int(now // self.width_s)
        if self._bin is None:
            self._bin = here
        steps = here - self._bin
        if steps <= 0:
            return 0
        for _ in range(min(steps, self.bins)):
            self._at_risk += self.count
            self._at_risk *= self._keep
            self._left *= self._keep
            oldest = self.count[-1]
            self.count[1:] = self.count[:-1]
            self.count[-1] += oldest
            self.count[0] = 0
        if steps > self.bins:
            self._at_risk *= self._keep ** (steps - self.bins)
            self._left *= self._keep ** (steps - self.bins)
        self._bin = here
        return steps

    def hazards(self, smooth: int = 1) -> Floats:
        """Chance to leave within a bin, for each way and age, averaged over `smooth` neighbouring ages."""
        left, at_risk = self._left + self._prior_left, self._at_risk + self._prior_at_risk
        if smooth > 1:
            window = np.ones(smooth)
            left = np.array([np.convolve(row, window, "same") for row in left])
            at_risk = np.convolve(at_risk, window, "same")
        found: Floats = np.minimum(left / np.maximum(at_risk, 1e-9), 1.0)
        return found

    def share_live(self) -> float:
        """Of those who left, how many as LIVE."""
        total = self._left + self._prior_left
        return float(total[LIVE].sum() / total.sum())


def leaving(hazards: Floats, horizon: int) -> Floats:
    """P(leave as LIVE in exactly the j-th bin from now | age): ages down, j across; rates stay after the last age."""
    padded = np.concatenate([hazards, np.repeat(hazards[:, -1:], horizon, axis=1)], axis=1)
    total = np.minimum(padded.sum(axis=0), 0.999999)
    log_stay = np.concatenate([[0.0], np.cumsum(np.log1p(-total))])
    bins = hazards.shape[1]
    stay = sliding_window_view(log_stay[:-1], horizon)[:bins]
    live = sliding_window_view(padded[LIVE], horizon)[:bins]
    found: Floats = np.exp(stay - log_stay[:bins, None]) * live
    return found


def delayed(leaves: Floats, delay: Floats) -> Floats:
    """The same with a further delay, given as its distribution over bins."""
    horizon = leaves.shape[1]
    lags = min(len(delay), horizon)
    padded = np.zeros(2 * horizon - 1)
    padded[horizon - 1 : horizon - 1 + lags] = delay[:lags]
    found: Floats = leaves @ sliding_window_view(padded, horizon)[::-1]
    return found


def ended_by(hazards: Floats, width_s: float, seconds: int) -> Floats:
    """P(left by second t | age), t = 0..seconds, for ages in bins of `width_s` (whole seconds)."""
    bins = hazards.shape[1]
    rate = -np.log1p(-np.minimum(hazards.sum(axis=0), 0.99))
    edges = np.concatenate([[0.0], np.cumsum(rate)])
    width = int(width_s)
    grid = np.arange(bins * width + seconds + 1, dtype=float)
    total = np.interp(grid, np.arange(bins + 1) * width_s, edges)
    beyond = grid > bins * width_s
    total[beyond] += (grid[beyond] - bins * width_s) * rate[-1] / width_s
    windows = sliding_window_view(total, seconds + 1)[: bins * width : width]
    found: Floats = 1 - np.exp(windows[:, :1] - windows)
    return found


class Multiplier(Memory):
    """Live answers now against what the slower statistics expect: (8 + seen)/(8 + expected), both fading in 90 s."""

    WORTH = 8.0
    HALF_LIFE_S = 90.0
    REMEMBERED = ("seen", "expected")

    def __init__(self, step_s: float) -> None:
        self._keep = 0.5 ** (step_s / self.HALF_LIFE_S)
        self.seen = 0.0
        self.expected = 0.0

    def step(self, expected: float, steps: int) -> None:
        """`steps` steps have passed, each with so many answers expected."""
        for _ in range(min(steps, 1000)):
            self.seen *= self._keep
            self.expected = (self.expected + expected) * self._keep

    @property
    def value(self) -> float:
        return (self.WORTH + self.seen) / (self.WORTH + self.expected)

    @property
    def variance(self) -> float:
        """Relative: ignorance means caution."""
        return 1 / (self.WORTH + self.seen)


class FailureAlarm(Memory):
    """A jump of failed calls that nothing explains: the share of the last minute against the share of the last hour."""

    REMEMBERED = ("_at", "_fast", "_slow")

    def __init__(self) -> None:
        self._at = 0.0
        self._fast = np.zeros(2)
        self._slow = np.zeros(2)

    def resolved(self, at: float, failed: bool) -> None:
        """A call ended or was answered."""
        gone, self._at = max(0.0, at - self._at), at
        one = np.array([failed, 1.0])
        self._fast = self._fast * 0.5 ** (gone / 60.0) + one
        self._slow = self._slow * 0.5 ** (gone / 3600.0) + one

    @property
    def raised(self) -> bool:
        """At least 20 calls in the last minute or so, and far more of them failed than usual."""
        if self._fast[1] < 20 or self._slow[1] < 100:
            return False
        return bool(self._fast[0] / self._fast[1] > 0.4 + self._slow[0] / self._slow[1])


def phi(x: Floats) -> Floats:
    """The normal distribution function, within 0.0002 (Page 1977)."""
    found: Floats = 1 / (1 + np.exp(np.minimum(x * (-1.5976 - 0.070565992 * x * x), 60.0)))
    return found
