"""Time as an argument: what the pure packages know of clocks."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Tells the time in epoch seconds; never goes backwards, and a step of the wall clock does not show in it."""

    def now(self) -> float: ...
