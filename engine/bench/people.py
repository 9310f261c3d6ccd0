"""The people of the pacing bench: what becomes of the n-th call is drawn once, and every policy meets the same."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

SHORTER = 12.0
"""All times of the study's model (docs/pacing.md, `lognormal`) are divided by this, ringing included."""


@dataclass(frozen=True, slots=True)
class People:
    """How people behave; seconds. The study's times, shortened."""

    answer_rate: float
    talk_mean_s: float = 120.0 / SHORTER
    talk_cv: float = 0.9
    wrap_mean_s: float = 20.0 / SHORTER
    wrap_cv: float = 0.6
    dialing_s: tuple[float, float] = (1.5 / SHORTER, 3.5 / SHORTER)
    """Until it rings; SIPp rings at once, so this is part of the ringing."""
    ring_median_s: float = 8.0 / SHORTER
    ring_sigma: float = 0.5
    rings_out_s: float = 25.0 / SHORTER
    busy_share: float = 0.25
    """Of those who do not answer: machines are left out, since nothing is listened to."""
    busy_s: tuple[float, float] = (1.0 / SHORTER, 4.0 / SHORTER)

    def numbers(self, seed: int, count: int, series: int) -> Iterator[str]:
        """Numbers for the scenario `people`, one per call; `series` is the digit that tells campaigns apart."""
        dice = random.Random(seed)
        for serial in range(count):
            yield f"+999{series}{serial:04}{self._fate(dice)}"

    def wrap_s(self, dice: random.Random) -> float:
        """An agent's paperwork."""
        return _lognormal(dice, self.wrap_mean_s, self.wrap_cv)

    def _fate(self, dice: random.Random) -> str:
        """F RR TTT of sipp/people.xml."""
        dialing_s = dice.uniform(*self.dialing_s)
        ring_s = dialing_s + dice.lognormvariate(math.log(self.ring_median_s), self.ring_sigma)
        talk_s = _lognormal(dice, self.talk_mean_s, self.talk_cv)
        busy_s = dice.uniform(*self.busy_s)
        answers, busy = dice.random() < self.answer_rate, dice.random() < self.busy_share
        if answers and ring_s < self.rings_out_s:
            return _shaped(1, ring_s, talk_s)
        return _shaped(2, busy_s, 0.0) if busy else _shaped(3, self.rings_out_s, 0.0)


def _shaped(fate: int, ring_s: float, talk_s: float) -> str:
    return f"{fate}{min(99, round(ring_s * 10)):02}{min(999, round(talk_s * 10)):03}"


def _lognormal(dice: random.Random, mean: float, cv: float) -> float:
    sigma = math.sqrt(math.log(1 + cv * cv))
    return dice.lognormvariate(math.log(mean) - sigma * sigma / 2, sigma)
