"""The next half minute as the look-ahead sees it: answers to come against agents to come free (pure).

Tables hold P(live by t) and P(free by t) for every age, derived now and then from the hazards; an outlook weighs them
with who is there now. Campaigns of one pool add up to one outlook: their answers want the same agents.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from .estimate import Floats, delayed, ended_by, leaving, phi
from .memory import Memory
from .watched import RING_BIN_S, TALK_BIN_S, Watched, WatchedCrew, detection_delay

HORIZON_S = 30
FIRST_TRIALS = np.concatenate([np.arange(1, 9), 2 ** np.arange(4, 31)])


class CallRates(Memory):
    """What the tables of a campaign's calls are made from: the hazards as they were then."""

    REMEMBERED = ("ring", "detect", "p_detected")

    def __init__(self, watched: Watched) -> None:
        self.ring = watched.ring.hazards()
        self.detect = watched.detect.hazards()
        self.p_detected = watched.detect.share_live()


class CallTables:
    """P(live by t) for every age and t = 1..30 s, beside their squares; and those of a new call."""

    def __init__(self, rates: CallRates) -> None:
        self.rates = rates
        steps = int(HORIZON_S / RING_BIN_S)
        in_detection = leaving(rates.detect, steps)
        self.p_detected = rates.p_detected
        live = np.cumsum(delayed(leaving(rates.ring, steps), detection_delay(rates.detect)), axis=1)[:, 1::2]
        detected = np.cumsum(in_detection, axis=1)[:, 1::2]
        self.ring = np.hstack([live, live * live])
        self.detect = np.hstack([detected, detected * detected])
        self.new: Floats = live[0]
        self.arrival: Floats = np.diff(self.new, prepend=0.0) / max(float(self.new[-1]), 1e-9)
        """When the answer of a new call comes, if one comes."""


class CrewRates(Memory):
    """What the table of the agents is made from: the hazards as they were then."""

    REMEMBERED = ("talk", "wrap", "patience_s")

    def __init__(self, crew: WatchedCrew, patience_s: float) -> None:
        self.patience_s = patience_s
        self.talk = crew.talk.hazards(5)
        self.wrap = crew.wrap.hazards(3)


class CrewTables:
    """P(free by t) for every age of talk, then of paperwork, beside their squares."""

    def __init__(self, rates: CrewRates) -> None:
        self.rates = rates
        # an answer waits so long: who is free that much later counts
        patience_s = int(rates.patience_s)
        seconds = HORIZON_S + patience_s
        wrapped = ended_by(rates.wrap, TALK_BIN_S, seconds)
        talked = ended_by(rates.talk, TALK_BIN_S, seconds)
        both = delayed(np.diff(talked, axis=1), wrapped[0, 1:])
        free = np.vstack([both[:, patience_s:], wrapped[:, 1 + patience_s :]])
        self.free: Floats = np.hstack([free, free * free])


class Demand:
    """What one campaign's calls want within the half minute, and what one more of them would."""

    def __init__(self, watched: Watched, tables: CallTables) -> None:
        factor = watched.factor
        p = tables.p_detected
        odds = factor / (1 - p + p * factor)
        ring = watched.ring.count @ tables.ring
        detect = watched.detect.count @ tables.detect
        from_ring, from_detect = factor * ring[:HORIZON_S], odds * detect[:HORIZON_S]
        self.came: Floats = from_ring + from_detect
        spread = self.came - factor * factor * ring[HORIZON_S:] - odds * odds * detect[HORIZON_S:]
        doubt = from_ring * from_ring * watched.multiplier.variance
        self.variance: Floats = np.maximum(spread, 0.1 * self.came) + doubt
        self.new: Floats = np.minimum(tables.new * factor, 1.0)
        self.spread_new: Floats = self.new * (1 - self.new)
        self.arrival = tables.arrival


class Outlook:
    """Demand of all campaigns of a pool against its supply."""

    def __init__(self, demands: Sequence[Demand], waiting: int, crew: WatchedCrew, tables: CrewTables) -> None:
        came, variance = demands[0].came, demands[0].variance
        for demand in demands[1:]:
            came, variance = came + demand.came, variance + demand.variance
        self.demand: Floats = came + waiting
        free = np.concatenate([crew.talk.count, crew.wrap.count]) @ tables.free
        self.supply: Floats = free[:HORIZON_S] + crew.idle
        self._variance = variance + free[:HORIZON_S] - free[HORIZON_S:] + 1e-6
        self._gap = self.demand - self.supply + 0.5

    def chances(self, answers: Floats, spread: Floats, arrival: Floats) -> Floats:
        """That an answer at `arrival` ends abandoned beside so many further `answers`: a row each."""
        nobody = phi((self._gap + answers) / np.sqrt(self._variance + spread))
        # an answer at t takes an agent whom a later answer would have had
        found: Floats = np.maximum.accumulate(nobody[:, ::-1], axis=1)[:, ::-1] @ arrival
        return found


class Prospect:
    """One campaign's further calls in an outlook, beside the `answers` of calls dialed but not yet in it."""

    def __init__(
        self, outlook: Outlook, demand: Demand, answers: Floats | None = None, spread: Floats | None = None
    ) -> None:
        self.outlook = outlook
        self._new = demand
        self._answers = answers
        self._spread = spread
        self.next_chance = self.chance(1)

    def chance(self, extra: int) -> float:
        """That the answer of the `extra`-th further call ends abandoned; 0: that of the last one in flight."""
        return float(self._chances(np.array([extra - 1.0]))[0])

    def most(self, theta: float, room: int) -> int:
        """The largest number of further calls, at most `room`, whose last one still is within theta."""
        return 0 if self.next_chance > theta else largest_within(self._chances, theta, room)

    def _chances(self, more: Floats) -> Floats:
        """For a call that has so many others beside it."""
        answers = more[:, None] * self._new.new
        spread = np.maximum(more, 0.0)[:, None] * self._new.spread_new
        if self._answers is not None and self._spread is not None:
            answers, spread = answers + self._answers, spread + self._spread
        return self.outlook.chances(answers, spread, self._new.arrival)


def largest_within(chances: Callable[[Floats], Floats], theta: float, room: int) -> int:
    """The largest k up to `room` with a chance within theta; `chances` grows with k - 1, its argument.

    The first eight and doubling, then the interval is cut in sixteen: each round is one evaluation of arrays, whatever
    the team's size.
    """
    low, high = 0, room + 1
    trial: NDArray[np.int64] = FIRST_TRIALS[: int(FIRST_TRIALS.searchsorted(high))]
    while high - low > 1:
        within = chances((trial - 1).astype(np.float64)) <= theta
        first = len(trial) if within.all() else int(within.argmin())
        if first < len(trial):
            high = int(trial[first])
        if first > 0:
            low = int(trial[first - 1])
        step = -(-(high - low) // 16)
        trial = np.arange(low + step, high, step)
    return low
