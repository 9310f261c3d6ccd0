"""Deadlines: at most one per owner, all of them on a single timer of the event loop."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Hashable

from engine.clock import Clock

SLACK_S = 0.0005
"""Timers may fire this early by rounding; such deadlines are taken as passed."""


class Deadlines:
    """Calls `passed(owner)` once the owner's deadline is over; arming again replaces the old deadline."""

    def __init__(self, clock: Clock, passed: Callable[[Hashable], None]) -> None:
        self._clock = clock
        self._passed = passed
        self._due: dict[Hashable, float] = {}
        self._heap: list[tuple[float, int, Hashable]] = []
        self._order = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = float("inf")

    def arm(self, owner: Hashable, at: float | None) -> None:
        """Set the owner's deadline to `at` (epoch seconds), or remove it with None."""
        if at is None:
            self._due.pop(owner, None)
            return
        self._due[owner] = at
        self._order += 1
        heapq.heappush(self._heap, (at, self._order, owner))
        if at < self._timer_at:
            self._schedule(at)
        if len(self._heap) > 64 + 4 * len(self._due):
            self._compact()

    def close(self) -> None:
        """Forget every deadline."""
        self._due.clear()
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _compact(self) -> None:
        """Drop replaced entries, so that the heap stays in proportion to the owners."""
        self._heap = [entry for entry in self._heap if self._due.get(entry[2]) == entry[0]]
        heapq.heapify(self._heap)

    def _schedule(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        delay_s = max(0.0, at - self._clock.now())
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._fire)

    def _fire(self) -> None:
        self._timer = None
        self._timer_at = float("inf")
        now = self._clock.now() + SLACK_S
        try:
            while self._heap and self._heap[0][0] <= now:
                at, _, owner = heapq.heappop(self._heap)
                if self._due.get(owner) == at:
                    del self._due[owner]
                    self._passed(owner)
        finally:  # a fault over one owner must not stop the time of all the others
            if self._heap and self._heap[0][0] < self._timer_at:
                self._schedule(self._heap[0][0])
