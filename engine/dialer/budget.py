"""The account of abandoned calls and what it allows: three windows, theta's control, the hard stop (pure).

The budget property. log theta starts at log theta0 and every settled live answer adds eta (target - x), x = 1 if it
was abandoned; growth may be withheld, a fall never is. So always abandoned - target * answered <= ln(theta0/theta)/eta.
Once theta is at or below theta_min only floor calls are launched, each with an idle agent. So the excess never passes
ln(theta0/theta_min)/eta (9.2 as delivered) by more than the calls then in flight, the one that reached it among them,
and the floor calls whose agent left, however wrong every estimate is. theta may fall below theta_min: the excess is a
debt that must be earned back, which is why the sum holds over the whole campaign and not only for each episode.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .jurisdiction import jurisdiction
from .memory import Memory, rows
from .pacer import PacerConfig
from .period import next_began, period_end

DAY_S = 86_400.0
HOUR_S = 3_600.0


@dataclass(frozen=True, slots=True)
class SettledAnswer:
    """What became of one dialed live answer: a stored fact. `at` on the pacer's clock, seconds."""

    at: float
    abandoned: bool


class Window(Memory):
    """Answers of the last `span_s` seconds, in slices of a sixtieth of it."""

    REMEMBERED = ("answered", "abandoned")

    def __init__(self, span_s: float) -> None:
        self.span_s = span_s
        self.answered = 0
        self.abandoned = 0
        self._slice_s = span_s / 60
        self._slices: deque[list[int]] = deque()

    def state(self) -> dict[str, Any]:
        """As JSON."""
        return super().state() | {"slices": [list(found) for found in self._slices]}

    def recall(self, state: Mapping[str, Any]) -> None:
        """Take on what `state` gave."""
        super().recall(state)
        self._slices = deque(list(found) for found in rows(state, "slices", 3))

    def add(self, at: float, abandoned: bool) -> None:
        """Count one."""
        self.expire(at)
        number = int(at // self._slice_s)
        if not self._slices or self._slices[-1][0] != number:
            self._slices.append([number, 0, 0])
        self._slices[-1][1] += 1
        self._slices[-1][2] += abandoned
        self.answered += 1
        self.abandoned += abandoned

    def expire(self, now: float) -> None:
        """Forget what is older than the window."""
        oldest = int(now // self._slice_s) - 60
        while self._slices and self._slices[0][0] <= oldest:
            _, answered, abandoned = self._slices.popleft()
            self.answered -= answered
            self.abandoned -= abandoned


class Ledger(Memory):
    """Settled live answers of one campaign: the period from its start, the last 24 h, the last hour (an alarm only)."""

    REMEMBERED = (
        "_first", "_began", "answered", "abandoned", "_period_answered", "_period_abandoned", "customer_gone",
        "day", "hour",
    )  # fmt: skip

    def __init__(self, config: PacerConfig) -> None:
        legal = jurisdiction(config.jurisdiction)
        self._limit = config.ratio_limit - config.fp_rate
        self._limit_24h = None if legal.limit_24h is None else min(legal.limit_24h, config.ratio_limit) - config.fp_rate
        self._law = legal
        self._first: float | None = None
        self._began: float | None = None
        self._ends = 0.0
        self.answered = 0
        self.abandoned = 0
        self._period_answered = 0
        self._period_abandoned = 0
        self.customer_gone = 0
        """People who hung up before the limit: kept apart, they never dilute the ratio."""
        self.day = Window(DAY_S)
        self.hour = Window(HOUR_S)

    def recall(self, state: Mapping[str, Any]) -> None:
        """Take on what `state` gave."""
        super().recall(state)
        self._ends = 0.0 if self._began is None else period_end(self._law, self._began)

    def settle(self, at: float, abandoned: bool) -> None:
        """A live answer got an agent, or was abandoned."""
        self.begin(at)
        self.answered += 1
        self.abandoned += abandoned
        self._period_answered += 1
        self._period_abandoned += abandoned
        self.day.add(at, abandoned)
        self.hour.add(at, abandoned)

    def begin(self, at: float) -> None:
        """The period starts with the first event; when it is over the next one starts."""
        if self._began is None:
            self._first = self._began = at
        elif at < self._ends:
            return
        else:
            self._began = next_began(self._law, self._began, at)
            self._period_answered = self._period_abandoned = 0
        self._ends = period_end(self._law, self._began)

    def spent(self, now: float) -> str | None:
        """The window whose limit can no longer be kept with half of the answers still expected in it, or None."""
        if self._began is None or self._first is None:
            return None
        self.begin(now)
        elapsed = max(now - self._began, 60.0)
        left = max(0.0, self._ends - self._began - elapsed)
        if self._over(self._period_abandoned, self._period_answered, self._limit, left, elapsed):
            return "period"
        if self._limit_24h is not None:
            self.day.expire(now)
            elapsed = min(max(now - self._first, 60.0), DAY_S)
            if self._over(self.day.abandoned, self.day.answered, self._limit_24h, DAY_S - elapsed, elapsed):
                return "24h"
        return None

    def _over(self, abandoned: int, answered: int, limit: float, left_s: float, elapsed_s: float) -> bool:
        return abandoned > limit * (answered + 0.5 * answered * left_s / elapsed_s)


class Theta(Memory):
    """The one tuned quantity: the highest chance of abandonment at which one more call is still dialed."""

    REMEMBERED = ("_log",)

    def __init__(self, config: PacerConfig) -> None:
        self._config = config
        self._log = math.log(config.theta0)
        self._floor = math.log(config.theta_min)
        self._ceiling = math.log(config.theta_max)

    def recall(self, state: Mapping[str, Any]) -> None:
        """Take on what `state` gave, but no more than this configuration allows."""
        super().recall(state)
        self._log = min(self._log, self._ceiling)

    @property
    def value(self) -> float:
        """Not below theta_min; `braked` tells when the account is."""
        return math.exp(max(self._log, self._floor))

    @property
    def answers_owed(self) -> int:
        """So many answers must meet an agent, and none be abandoned, until it is above its least again."""
        debt = self._floor - self._log
        return max(0, math.floor(debt / (self._config.eta * self._config.target)) + 1)

    @property
    def braked(self) -> bool:
        """The budget is spent: only floor calls until the debt is earned back."""
        return self._log <= self._floor

    def start_at_most(self) -> None:
        """Not above theta0, whatever was earned."""
        self._log = min(self._log, math.log(self._config.theta0))

    def learn(self, abandoned: bool, may_grow: bool) -> None:
        """One settled live answer. Growth is withheld while something else than theta binds (no wind-up)."""
        if abandoned:
            self._log += self._config.eta * (self._config.target - 1)
        elif may_grow:
            self._log = min(self._ceiling, self._log + self._config.eta * self._config.target)
