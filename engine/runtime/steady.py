"""The engine's clock: wall time at the start, then the monotonic clock."""

from __future__ import annotations

import time


class SteadyClock:
    """Epoch seconds that never jump: a step of the wall clock after the start does not move deadlines."""

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def now(self) -> float:
        return self._offset_s + time.monotonic()
