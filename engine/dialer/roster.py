"""What is where right now, kept from the events: a campaign's calls in flight, its live callers who wait (pure).

Late and repeated events are facts that arrived late: they change nothing. A call is forgotten when it ends, an agent
when gone, so the memory is bounded by what is in flight.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import Any, ClassVar

from engine.errors import ConfigError

from .budget import Ledger
from .crew import Crew
from .memory import Memory, part, rows
from .observation import (
    AgentGone,
    AgentReady,
    AgentTalking,
    AgentWrapping,
    CallAbandoned,
    CallAnswered,
    CallFailed,
    CallLaunched,
    CallLive,
    CallMachine,
    CallRinging,
    CustomerGone,
    Observation,
)


class Phase(IntEnum):
    """Where a call is: on its way, in machine detection, a person waiting."""

    LAUNCHED = auto()
    DETECTING = auto()
    WAITING = auto()


@dataclass(slots=True)
class TrackedCall:
    """A call in flight; the bins are its entries into the cohorts of the look-ahead."""

    phase: Phase
    ring_bin: int = 0
    ring_age: int = 0
    detect_bin: int = 0


class Roster(Memory):
    """Counts of every phase, the calls that rang long enough to be given up, and the ledger."""

    REMEMBERED: ClassVar[tuple[str, ...]] = ("ledger",)

    def __init__(self, ring_min_s: float, ledger: Ledger, crew: Crew | None = None) -> None:
        self.calls: dict[str, TrackedCall] = {}
        self.phases = dict.fromkeys(Phase, 0)
        self.crew = Crew() if crew is None else crew
        self.ledger = ledger
        self._ring_min_s = ring_min_s
        self._ringing: deque[tuple[float, str]] = deque()
        self._rang_long: set[str] = set()

    def state(self) -> dict[str, Any]:
        """The calls and the ledger, as JSON; the crew has a state of its own."""
        return super().state() | {
            "calls": [[n, c.phase.name, c.ring_bin, c.ring_age, c.detect_bin] for n, c in self.calls.items()],
            "ringing": [[at, call] for at, call in self._ringing],
            "rang_long": sorted(self._rang_long),
        }

    def recall(self, state: Mapping[str, Any]) -> None:
        """Take on what `state` gave."""
        self.empty()
        super().recall(state)
        try:
            self.calls = {n: TrackedCall(Phase[phase], *bins) for n, phase, *bins in rows(state, "calls", 5)}
        except KeyError as error:
            raise ConfigError(f"state: {error} is nothing that a call does") from None
        for call in self.calls.values():
            self.phases[call.phase] += 1
        self._ringing = deque((at, call) for at, call in rows(state, "ringing", 2))
        self._rang_long = set(part(state, "rang_long"))

    def empty(self) -> None:
        """No call is there any more; the ledger stays."""
        self.calls = {}
        self.phases = dict.fromkeys(Phase, 0)
        self._ringing, self._rang_long = deque(), set()

    @property
    def idle(self) -> int:
        return self.crew.idle

    @property
    def waiting(self) -> int:
        """Live callers without an agent, inbound ones included."""
        return self.phases[Phase.WAITING] + len(self.crew.inbound)

    @property
    def in_flight(self) -> int:
        """Dialed and not yet known to be a person or not."""
        return self.phases[Phase.LAUNCHED] + self.phases[Phase.DETECTING]

    def floor(self) -> int:
        """One line per idle agent: how many more that are."""
        return max(0, self.idle - self.in_flight - self.waiting)

    def cancellable(self, now: float) -> int:
        """How many calls have rung for the legal minimum."""
        while self._ringing and self._ringing[0][0] <= now - self._ring_min_s:
            call = self._ringing.popleft()[1]
            known = self.calls.get(call)
            if known is not None and known.phase is Phase.LAUNCHED:
                self._rang_long.add(call)
        return len(self._rang_long)

    def observe(self, event: Observation) -> None:
        """Follow one event."""
        match event:
            case CallLaunched(_, call):
                if call not in self.calls and call not in self.crew.inbound:
                    self._enter(call, TrackedCall(Phase.LAUNCHED), event.at)
            case CallRinging(at, call):
                if call in self.calls:
                    self._ringing.append((at, call))
            case CallAnswered(at, call):
                self._move(call, Phase.DETECTING, at)
            case CallLive(at, call):
                self._live(call, at)
            case CallMachine(at, call):
                self._end(call, at, cancelled=False)
            case CallFailed(at, call, cancelled):
                self._end(call, at, cancelled)
            case CallAbandoned(at, call):
                self._settle(call, at, abandoned=True)
            case CustomerGone(at, call):
                self._end(call, at, cancelled=False, own_will=True)
            case AgentTalking(at, _, call):
                if call is not None:
                    self._settle(call, at, abandoned=False)
                self.crew.observe(event)
            case AgentReady() | AgentWrapping() | AgentGone():
                self.crew.observe(event)

    def connected(self, call: str, at: float) -> None:
        """An agent got this call."""
        self._settle(call, at, abandoned=False)

    # what the look-ahead adds its cohorts to
    def entered(self, call: TrackedCall, at: float) -> None:
        """A call came into a phase."""

    def left(self, call: TrackedCall, at: float, way: str) -> None:
        """A call leaves its phase: to `answered`, `live`, `other`, or `cancelled`."""

    def settled(self, abandoned: bool) -> None:
        """A dialed live answer got its agent, or none."""

    def _enter(self, name: str, call: TrackedCall, at: float) -> None:
        self.calls[name] = call
        self.phases[call.phase] += 1
        self.entered(call, at)

    def _move(self, name: str, phase: Phase, at: float) -> None:
        call = self.calls.get(name)
        if call is None or call.phase is not Phase.LAUNCHED:
            return
        self._leave(name, call, at, "answered")
        call.phase = phase
        self._enter(name, call, at)

    def _live(self, name: str, at: float) -> None:
        call = self.calls.get(name)
        if call is None:
            self.crew.inbound.add(name)
            return
        self._move(name, Phase.DETECTING, at)
        if call.phase is Phase.DETECTING:
            self._leave(name, call, at, "live")
            call.phase = Phase.WAITING
            self._enter(name, call, at)

    def _leave(self, name: str, call: TrackedCall, at: float, way: str) -> None:
        self.left(call, at, way)
        self.phases[call.phase] -= 1
        del self.calls[name]
        self._rang_long.discard(name)

    def _end(self, name: str, at: float, cancelled: bool, own_will: bool = False) -> None:
        call = self.calls.get(name)
        if call is None:
            self.crew.inbound.discard(name)
            return
        if call.phase is Phase.WAITING and not own_will:
            self._settle(name, at, abandoned=True)
            return
        if call.phase is Phase.WAITING:
            self.ledger.customer_gone += 1
        self._leave(name, call, at, "cancelled" if cancelled else "other")

    def _settle(self, name: str, at: float, abandoned: bool) -> None:
        call = self.calls.get(name)
        if call is None:
            self.crew.inbound.discard(name)
            return
        if call.phase is not Phase.WAITING:
            self._live(name, at)
        self._leave(name, call, at, "other")
        self.ledger.settle(at, abandoned)
        self.settled(abandoned)
