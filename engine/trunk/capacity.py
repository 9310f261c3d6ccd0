"""How much a trunk may carry now: calls per second as a token bucket, channels as a count (pure)."""

from __future__ import annotations

from engine.revision import Struct, revised

BURST_S = 0.25
"""A bucket holds at most this many seconds' worth of calls (at least one), so that a pause never becomes a burst."""


class Capacity(Struct, frozen=True):
    """The state of one trunk's limits. `cps_max` in calls per second, `channels_max` and `channels` in legs."""

    cps_max: float
    channels_max: int
    tokens: float = 0.0
    channels: int = 0
    at: float = 0.0

    def refilled(self, now: float) -> Capacity:
        """The same trunk at `now`, its bucket filled for the time that passed."""
        passed_s = max(0.0, now - self.at) if self.at else BURST_S
        full = max(1.0, self.cps_max * BURST_S)
        return revised(self, tokens=min(full, self.tokens + passed_s * self.cps_max), at=now)

    @property
    def free(self) -> int:
        """How many calls may start at `at`."""
        return max(0, min(int(self.tokens + 1e-9), self.channels_max - self.channels))

    def taken(self, count: int) -> Capacity:
        """After `count` calls were started."""
        return revised(self, tokens=self.tokens - count, channels=self.channels + count)

    def occupied(self) -> Capacity:
        """With one leg more that was started before this count began."""
        return revised(self, channels=self.channels + 1)

    def returned(self, count: int) -> Capacity:
        """After `count` calls that were taken turned out not to be made."""
        return revised(self, tokens=self.tokens + count, channels=max(0, self.channels - count))

    def released(self, count: int = 1) -> Capacity:
        """After `count` legs ended."""
        return revised(self, channels=max(0, self.channels - count))
