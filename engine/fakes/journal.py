"""The PacingJournal port in memory."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field


@dataclass(slots=True)
class FakeJournal:
    """Keeps every segment's text; `refusals` more appends are refused."""

    segments: defaultdict[tuple[str, str], str] = field(default_factory=lambda: defaultdict(str))
    refusals: int = 0

    def append(self, pool: str, segment: str, text: str) -> bool:
        if self.refusals:
            self.refusals -= 1
            return False
        self.segments[pool, segment] += text
        return True
