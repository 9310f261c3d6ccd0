"""What a bot said and the caller has not heard yet, given out in frames of 20 ms (pure).

Bots send as fast as they synthesise, or as the network lets them. A piece of speech begins when PREBUFFER_MS of it
are there, or after that time; where it runs dry the caller hears silence, and the next piece begins the same way.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from .protocol import FRAME_B, FRAME_MS

BYTES_PER_MS = FRAME_B // FRAME_MS
QUEUE_MAX_MS = 60_000
"""A minute: more than anybody says at once. What goes beyond it is refused, so that what is said stays whole."""
PREBUFFER_MS = 60
"""What the arrival of frames may vary by without a gap being heard."""
MARKS_MAX = 100


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in what is said."""

    name: str


@dataclass(frozen=True, slots=True)
class Heard:
    """One tick: what the caller hears now (None: nothing), and the marks that have been reached."""

    frame: bytes | None
    marks: tuple[str, ...] = ()


class Playout:
    """The queue of one stream towards the caller."""

    def __init__(self, *, queue_max_ms: int = QUEUE_MAX_MS, prebuffer_ms: int = PREBUFFER_MS) -> None:
        self._max_b = queue_max_ms * BYTES_PER_MS
        self._prebuffer_b = prebuffer_ms * BYTES_PER_MS
        self._patience = prebuffer_ms // FRAME_MS
        self._pieces: deque[memoryview | Mark] = deque()
        self._queued_b = 0
        self._marks = 0
        self._playing = False
        self._waited = 0

    @property
    def queued_ms(self) -> int:
        return self._queued_b // BYTES_PER_MS

    def put(self, sound: bytes) -> int:
        """Queue whole samples; returns how many milliseconds of it found no room."""
        room = max(0, self._max_b - self._queued_b)
        taken = memoryview(sound)[:room]
        if taken:
            self._pieces.append(taken)
            self._queued_b += len(taken)
        return (len(sound) - len(taken)) // BYTES_PER_MS

    def mark(self, name: str) -> bool:
        """Queue a mark; False: there are too many."""
        if self._marks >= MARKS_MAX:
            return False
        self._marks += 1
        self._pieces.append(Mark(name))
        return True

    def clear(self) -> tuple[str, ...]:
        """Forget everything that the caller has not heard; returns the marks that will not be reached."""
        marks = tuple(piece.name for piece in self._pieces if isinstance(piece, Mark))
        self._pieces.clear()
        self._queued_b = self._marks = self._waited = 0
        self._playing = False
        return marks

    def tick(self) -> Heard:
        """The next 20 ms."""
        if not self._playing and not self._begins():
            return Heard(None, self._leading_marks() if not self._queued_b else ())
        frame, marks = bytearray(), list[str]()
        while self._pieces and len(frame) < FRAME_B:
            piece = self._pieces.popleft()
            if isinstance(piece, Mark):
                self._marks -= 1
                marks.append(piece.name)
                continue
            wanted = FRAME_B - len(frame)
            frame += piece[:wanted]
            if len(piece) > wanted:
                self._pieces.appendleft(piece[wanted:])
        self._queued_b -= len(frame)
        marks += self._leading_marks()
        self._playing = self._queued_b > 0
        return Heard(bytes(frame).ljust(FRAME_B, b"\0"), tuple(marks))

    def _begins(self) -> bool:
        if not self._queued_b:
            self._waited = 0
            return False
        self._waited += 1
        self._playing = self._queued_b >= self._prebuffer_b or self._waited > self._patience
        if self._playing:
            self._waited = 0
        return self._playing

    def _leading_marks(self) -> tuple[str, ...]:
        marks = list[str]()
        while self._pieces and isinstance(first := self._pieces[0], Mark):
            self._pieces.popleft()
            marks.append(first.name)
        self._marks -= len(marks)
        return tuple(marks)
