"""An event loop whose time is virtual: when nothing is ready, it jumps to the next timer instead of waiting.

So hours of calls pass in moments, and the same program takes the same steps at the same times. There is no I/O in such
a loop and no thread beside it, so it asks the system for nothing: if nothing is ready and no timer is set, nothing can
ever happen again, which is an error and not a wait.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class NothingEverHappens(RuntimeError):
    """The program waits for something that no timer will bring."""


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise NothingEverHappens("nothing is ready and no timer is set")
        self.now += max(0.0, timeout)
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Use with asyncio.Runner(loop_factory=VirtualTimeLoop)."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._jumping.now


class LoopClock:
    """The Clock port on the running loop's time, starting at `epoch` (seconds)."""

    def __init__(self, loop: asyncio.AbstractEventLoop, epoch: float = 1_790_000_000.0) -> None:
        self._loop = loop
        self._epoch = epoch

    def now(self) -> float:
        return self._epoch + self._loop.time()


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in a virtual-time loop of its own."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
