"""The SIPp carrier: starts it, and reads from its own log what became of every call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from engine.stack.calllog import CallLogError, LoggedCall
from engine.stack.calllog import read_calls as read_log
from engine.stack.ports import LOOPBACK
from engine.stack.scenario import Running, Scenario, SippHost, start

CarrierCall = LoggedCall

# What the last digit of a number makes the carrier send (sipp/carrier.xml); 487 whenever the caller gives up first.
_FINAL_BY_DIGIT: dict[str, int | None] = {
    "0": 200,
    "1": 200,
    "2": 486,
    "3": 480,
    "4": 603,
    "5": 404,
    "6": 503,
    "7": 200,
    "8": 200,
    "9": None,
}


class Carrier:
    """The carrier of demo and tests. `log` is the file its calls are read from."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.log = running.log

    @classmethod
    async def start(
        cls,
        host: SippHost,
        *,
        port: int,
        tone_port: int,
        talk_min_ms: int = 1500,
        talk_step_ms: int = 25,
        life_s: float = 3600.0,
    ) -> Self:
        """Start the carrier on a UDP port; its SDP wants media at `tone_port`. Calls that it ends itself talk for
        `talk_min_ms` plus 0..162 times `talk_step_ms`, by number. Raises StackFailure."""
        scenario = Scenario(
            "carrier",
            port,
            variables={"talk_min_ms": talk_min_ms, "talk_step_ms": talk_step_ms},
            keys={"tone_host": LOOPBACK, "tone_port": tone_port},
        )
        return cls(await start(host, scenario, "carrier", life_s))

    def calls(self) -> list[CarrierCall]:
        """What the log says now. Raises CallLogError."""
        return read_calls(self.log)

    async def stop(self) -> None:
        """End it."""
        await self.running.stop()


def read_calls(log: Path) -> list[CarrierCall]:
    """The carrier's calls, each ended as its number says. Raises CallLogError when a line is not as SIPp writes it, or
    when an end does not fit its number: then the log is not the carrier's."""
    calls = read_log(log)
    for call in calls:
        if not call.is_open and not _fits(call):
            raise CallLogError(0, f"call {call.serial} ended with {call.final}, which its number does not do")
    return calls


def count_finals(calls: Iterable[CarrierCall]) -> dict[str, int]:
    """The carrier's counters: how many calls ended with each final status (`none`: never answered at all)."""
    counts = Counter("open" if call.is_open else str(call.final or "none") for call in calls)
    return dict(sorted(counts.items()))


def _fits(call: CarrierCall) -> bool:
    if call.final == 487:
        return call.ended_by == "caller"
    expected = _FINAL_BY_DIGIT.get(call.number[-1:], 404)
    if call.final != expected:
        return False
    if expected == 200:
        return call.ended_by in {"carrier", "caller"}
    return call.ended_by == ("nobody" if expected is None else "carrier")
