"""Pacing decisions on disk: one file per pool and segment, written by a thread, bounded in number and in what waits."""

from __future__ import annotations

import threading
from collections import deque
from pathlib import Path
from typing import TextIO

import structlog

log = structlog.get_logger()

SEGMENTS_MAX = 20
"""Files kept of each pool; the oldest go first."""
WAITING_MAX_CHARS = 8_000_000
"""More than this unwritten text is refused: the disk is slower than the calls, or full."""
STOP_LIMIT_S = 5.0


class PacingFiles:
    """Implements the PacingJournal port. Use as a context: at its end everything that waits is written."""

    def __init__(
        self, directory: Path, *, segments_max: int = SEGMENTS_MAX, waiting_max_chars: int = WAITING_MAX_CHARS
    ) -> None:
        self._directory = directory
        self._segments_max = segments_max
        self._waiting_max_chars = waiting_max_chars
        self._waiting: deque[tuple[str, str, str]] = deque()
        self._waiting_chars = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._open: dict[str, tuple[str, TextIO]] = {}
        self._failing: set[str] = set()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> PacingFiles:
        self._thread = threading.Thread(target=self._run, name="pacing journal", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(STOP_LIMIT_S)

    def append(self, pool: str, segment: str, text: str) -> bool:
        """Queue text for `<pool>/<segment>.jsonl`; False when too much waits. Never blocks for the disk."""
        with self._changed:
            if self._waiting_chars + len(text) > self._waiting_max_chars:
                return False
            self._waiting.append((pool, segment, text))
            self._waiting_chars += len(text)
            self._changed.notify()
        return True

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._stopping:
                    self._changed.wait()
                if not self._waiting:
                    break
                pool, segment, text = self._waiting.popleft()
            self._write(pool, segment, text)
            with self._changed:
                self._waiting_chars -= len(text)
        for _, file in self._open.values():
            file.close()

    def _write(self, pool: str, segment: str, text: str) -> None:
        """A file that cannot be written is told once and left alone: pacing goes on without its journal."""
        try:
            file = self._file(pool, segment)
            file.write(text)
            file.flush()
        except OSError as error:
            if pool not in self._failing:
                log.warning("pacing_journal_not_written", pool=pool, reason=str(error))
            self._failing.add(pool)
        else:
            self._failing.discard(pool)

    def _file(self, pool: str, segment: str) -> TextIO:
        known = self._open.get(pool)
        if known is not None and known[0] == segment:
            return known[1]
        if known is not None:
            known[1].close()
            del self._open[pool]
        folder = self._directory / pool
        folder.mkdir(parents=True, exist_ok=True)
        for old in sorted(folder.glob("*.jsonl"))[: -self._segments_max + 1 or None]:
            old.unlink(missing_ok=True)
        file = (folder / f"{segment}.jsonl").open("a", encoding="utf-8")
        self._open[pool] = (segment, file)
        return file
