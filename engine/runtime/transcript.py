"""What one pool's pacers are told and say, on its way to the journal: whole segments that each can be repeated."""

from __future__ import annotations

from engine.clock import Clock
from engine.ports import Metrics, PacingJournal

SEGMENT_MAX_CHARS = 8_000_000
"""A segment is ended once it is so long."""


class Transcript:
    """Gathers lines and hands them over at the end of a decision; `ended` asks for a new segment, which begins anew."""

    def __init__(
        self, pool: str, journal: PacingJournal, clock: Clock, metrics: Metrics, *, segment_max: int = SEGMENT_MAX_CHARS
    ) -> None:
        self._pool = pool
        self._journal = journal
        self._clock = clock
        self._metrics = metrics
        self._segment_max = segment_max
        self._segment = ""
        self._lines: list[str] = []
        self._written = 0
        self.ended = True
        """Whether the segment is over: too long, or the journal refused a part of it."""

    def begin(self) -> None:
        """Everything from here on belongs to a new segment."""
        self.flush()
        newest = f"{int(self._clock.now() * 1000):015}"
        self._segment = newest if newest > self._segment else f"{int(self._segment) + 1:015}"
        self._written = 0
        self.ended = False

    def write(self, line: str) -> None:
        """Add a line, which has its newline."""
        self._lines.append(line)

    def flush(self) -> None:
        """Hand over what was gathered; what belongs to a segment that has a gap is dropped."""
        lines, self._lines = self._lines, []
        if self.ended or not lines:
            return
        text = "".join(lines)
        self._written += len(text)
        if not self._journal.append(self._pool, self._segment, text):
            self._metrics.count("vss_bounds_reached_total", bound="pacing_journal")
            self.ended = True
        elif self._written > self._segment_max:
            self.ended = True
