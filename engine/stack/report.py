"""What a step of the setup says of itself: its name, its time and, if it fails, the end of its log and what to do."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol, TextIO

LOG_TAIL_LINES = 20


class StackFailure(Exception):
    """A part could not be fetched or started; `log` is the end of its log, `advice` says what a person can do."""

    def __init__(self, step: str, message: str, *, log: str = "", advice: str = "") -> None:
        super().__init__(f"{step}: {message}")
        self.step = step
        self.message = message
        self.log = log
        self.advice = advice


class Step(Protocol):
    """The running step, to which a detail can be added that is shown behind its time."""

    detail: str


class Report(Protocol):
    """Receives the steps in order; `step` reports failure itself and lets the exception pass."""

    def step(self, name: str) -> AbstractContextManager[Step]: ...

    def note(self, text: str) -> None: ...


class _Step:
    def __init__(self) -> None:
        self.detail = ""


class PlainReport:
    """Writes one line per finished step, on stderr, so that stdout stays free for `--json`."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self.timings: list[tuple[str, float]] = []

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Times the block; a step that fails shows its log's end and the advice before the exception goes on."""
        started = time.monotonic()
        step = _Step()
        try:
            yield step
        except Exception as error:
            self._line(f"  FAILED {name}  after {time.monotonic() - started:.1f} s")
            if isinstance(error, StackFailure):
                self.failure(error)
            raise
        elapsed = time.monotonic() - started
        self.timings.append((name, elapsed))
        self._line(f"  {name:<44} {elapsed:6.1f} s  {step.detail}".rstrip())

    def note(self, text: str) -> None:
        """A line that is no step."""
        self._line(f"  {text}")

    def failure(self, error: StackFailure) -> None:
        """The whole of a failure: what, the last lines of the log, and what to do."""
        self._line(f"  {error.message}")
        for line in error.log.splitlines()[-LOG_TAIL_LINES:]:
            self._line(f"    | {line}")
        if error.advice:
            self._line(f"  -> {error.advice}")

    def _line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class SilentReport(PlainReport):
    """Keeps the timings and shows nothing but failures: for tests."""

    def _line(self, text: str) -> None:
        if text.startswith(("  FAILED", "    |", "  ->")):
            super()._line(text)


def log_tail(path: Path, lines: int = LOG_TAIL_LINES) -> str:
    """The last lines of a log file, at most 16 KiB of it; empty if there is none."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 16384))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
