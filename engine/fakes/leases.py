"""The Leases port in memory: cells that share one `FakeRegistry` share its trunks, as cells share a Redis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from engine.ids import TrunkName
from engine.ports import Tokens
from engine.trunk.capacity import BURST_S


@dataclass(slots=True)
class FakeRegistry:
    """What Redis would keep: a theoretical arrival time per trunk, on `clock`, or on a time that only tests move."""

    now_s: float = 1_000.0
    clock: Callable[[], float] | None = None
    arrivals: dict[TrunkName, float] = field(default_factory=dict)
    away: bool = False

    def time_s(self) -> float:
        """Redis's own time."""
        return self.clock() if self.clock is not None else self.now_s

    def empty(self) -> None:
        """Lose everything, as a Redis that was restarted without persistence."""
        self.arrivals.clear()


class FakeLeases:
    """One cell's view of a registry."""

    def __init__(self, registry: FakeRegistry | None = None, *, burst_s: float = BURST_S) -> None:
        self.registry = registry or FakeRegistry()
        self._burst_s = burst_s

    async def take(self, trunk: TrunkName, wanted: int, cps_max: float) -> Tokens:
        """The rule of take_tokens.lua."""
        if wanted <= 0 or cps_max <= 0:
            return Tokens(0, not self.registry.away)
        if self.registry.away:
            return Tokens(wanted, shared=False)
        now_s, interval_s, full = self.registry.time_s(), 1 / cps_max, max(1.0, cps_max * self._burst_s)
        arrival_s = self.registry.arrivals.get(trunk)
        if arrival_s is None:
            self.registry.arrivals[trunk] = now_s + full * interval_s
            return Tokens(wanted, shared=False)
        arrival_s = min(max(arrival_s, now_s), now_s + full * interval_s)
        granted = max(0, min(wanted, int(full - (arrival_s - now_s) / interval_s + 1e-6)))
        self.registry.arrivals[trunk] = arrival_s + granted * interval_s
        return Tokens(granted, shared=True)
