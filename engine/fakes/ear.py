"""An Ear for tests: the test says what is heard on a tap, and what a bot does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.flow.nodes.outside import Direction
from engine.flow.run.events import Verdict
from engine.run_ports import StreamLimits

Told = Callable[[str, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class FakeStream:
    url: str
    direction: Direction
    hello: Mapping[str, Any]
    limits: StreamLimits
    told: Told


class FakeEar:
    """Keeps what goes on by tap."""

    address = "127.0.0.1:4574"

    def __init__(self, *, tells_people: bool = False) -> None:
        self.tells_people = tells_people
        self.listening: dict[str, Callable[[bool], None]] = {}
        self.people: dict[str, Callable[[Verdict | None], None]] = {}
        self.streams: dict[str, FakeStream] = {}

    def listen_for_beep(self, tap: str, silence_s: float, heard: Callable[[bool], None]) -> None:
        self.listening[tap] = heard

    def listen_for_person(self, tap: str, limit_s: float, heard: Callable[[Verdict | None], None]) -> None:
        self.people[tap] = heard

    def relay(
        self,
        tap: str,
        url: str,
        direction: Direction,
        hello: Mapping[str, Any],
        limits: StreamLimits,
        told: Told,
    ) -> None:
        self.streams[tap] = FakeStream(url, direction, hello, limits, told)

    def close(self, tap: str) -> None:
        self.listening.pop(tap, None)
        self.people.pop(tap, None)
        self.streams.pop(tap, None)

    # --- what a test says

    def ends(self, tap: str, *, beep: bool) -> None:
        """A beep is over, or the tap ends without one."""
        self.listening.pop(tap)(beep)

    def answers(self, tap: str, verdict: Verdict | None) -> None:
        """It is known who answered, or the tap ends before."""
        self.people.pop(tap)(verdict)

    def tells(self, tap: str, what: str, **data: Any) -> None:
        """A stream started, reached a mark or ended."""
        stream = self.streams.pop(tap) if what == "ended" else self.streams[tap]
        stream.told(what, data)
