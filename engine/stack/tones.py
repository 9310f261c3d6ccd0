"""A tone end: the far end of calls that says one tone and listens for another, and what it heard of each call.

The tone end is a process of its own (tone_server.py), one for the carrier's side and one for the agents'. A call has
audio both ways when each end heard the other's tone.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from engine.stack import process
from engine.stack.ports import LOOPBACK
from engine.stack.sound import Sound

CARRIER_HZ = 1000
AGENT_HZ = 1400
_PROJECT = Path(__file__).resolve().parents[2]
_LISTEN_TIMEOUT_S = 10.0
_STOP_GRACE_S = 3.0


@dataclass(frozen=True, slots=True)
class Segment:
    """From `start_ms` to `end_ms` (milliseconds since 1970; None: still) it sounded like `sound`."""

    sound: Sound
    start_ms: float
    end_ms: float | None


@dataclass(frozen=True, slots=True)
class Heard:
    """What one call sounded like at this end, from its INVITE to its end."""

    call_id: str
    number: str
    asterisk_rtp_port: int
    opened_ms: float
    closed_ms: float | None = None
    segments: tuple[Segment, ...] = ()
    digits: str = ""

    def first_ms(self, sound: Sound, start_ms: float = 0.0, end_ms: float = float("inf")) -> float | None:
        """When `sound` was first heard between two times, or None."""
        for segment in self.segments:
            last = segment.end_ms if segment.end_ms is not None else float("inf")
            if segment.sound is sound and last > start_ms and segment.start_ms < end_ms:
                return max(segment.start_ms, start_ms)
        return None

    @property
    def tone_heard(self) -> bool:
        """Whether the expected tone was heard at all."""
        return self.first_ms(Sound.TONE) is not None

    def lasting_ms(self, sound: Sound, start_ms: float, end_ms: float) -> float:
        """For how long `sound` was heard between two times."""
        total = 0.0
        for segment in self.segments:
            if segment.sound is sound:
                last = segment.end_ms if segment.end_ms is not None else end_ms
                total += max(0.0, min(last, end_ms) - max(segment.start_ms, start_ms))
        return total


class ToneEnd:
    """A running tone end."""

    def __init__(self, server: process.ManagedProcess, port: int, heard_file: Path) -> None:
        self._server = server
        self.port = port
        self._heard_file = heard_file

    @classmethod
    async def start(
        cls,
        directory: Path,
        label: str,
        *,
        port: int,
        log: Path,
        sends_hz: int,
        expects_hz: int,
        life_s: float = 3600.0,
        keep: Path | None = None,
    ) -> Self:
        """Start a tone end of the instance in `directory` on a UDP port; `log` is the call log it follows (it may not
        exist yet). `keep`: a directory for what is heard, as G.711 mu-law by number. Raises StackFailure."""
        heard_file = directory / f"{label}.heard"
        heard_file.unlink(missing_ok=True)
        words = [sys.executable, "-m", "engine.stack.tone_server", "--port", str(port), "--log", str(log)]
        words += ["--sends-hz", str(sends_hz), "--expects-hz", str(expects_hz)]
        words += ["--heard", str(heard_file), "--life-s", str(life_s)]
        if keep is not None:
            words += ["--keep", str(keep)]
        server = process.start(
            label,
            words,
            log=directory / "log" / f"{label}.log",
            records=directory / "processes",
            cwd=_PROJECT,
        )

        async def listens() -> bool:
            return heard_file.exists() and not _is_free(port)

        await process.until(server, listens, _LISTEN_TIMEOUT_S)
        return cls(server, port, heard_file)

    def heard(self) -> list[Heard]:
        """What has been heard so far, a record per call in the order of their INVITEs."""
        return fold(self._heard_file.read_text(encoding="utf-8").split("\n")[:-1])

    def press(self, number: str, digits: str, *, in_band: bool = False) -> None:
        """Send digits (RFC 4733) in the call of a slot or number; 240 ms each,
        from its answer on. A call that is not there is ignored. `in_band`: as tones in the sound."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as order:
            how = "tones" if in_band else "press"
            order.sendto(f"{how} {number} {digits}".encode("ascii"), (LOOPBACK, self.port))

    def mute(self, number: str, muted: bool = True) -> None:
        """Send silence instead of the tone in the call of a slot or number, or the tone again."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as order:
            order.sendto(f"{'mute' if muted else 'unmute'} {number}".encode("ascii"), (LOOPBACK, self.port))

    async def stop(self) -> None:
        """End the process; what was heard stays readable."""
        await self._server.stop(_STOP_GRACE_S)


def fold(lines: Iterable[str]) -> list[Heard]:
    """Make the records of the lines a tone server wrote."""
    calls: dict[str, Heard] = {}
    for line in lines:
        fact = json.loads(line)
        at_ms = float(fact["at_ms"])
        if "open" in fact:
            call_id = str(fact["open"])
            calls[call_id] = Heard(call_id, str(fact["number"]), int(fact["port"]), at_ms)
        elif "close" in fact:
            call_id = str(fact["close"])
            calls[call_id] = _closed(calls[call_id], at_ms)
        else:
            call_id = str(fact["call"])
            calls[call_id] = _added(calls[call_id], fact, at_ms)
    return list(calls.values())


def _added(heard: Heard, fact: dict[str, object], at_ms: float) -> Heard:
    if "digit" in fact:
        return _with(heard, heard.segments, heard.closed_ms, heard.digits + str(fact["digit"]))
    segments = (*_ended(heard.segments, at_ms), Segment(Sound(str(fact["sound"])), at_ms, None))
    return _with(heard, segments, heard.closed_ms, heard.digits)


def _closed(heard: Heard, at_ms: float) -> Heard:
    return _with(heard, _ended(heard.segments, at_ms), at_ms, heard.digits)


def _ended(segments: tuple[Segment, ...], at_ms: float) -> tuple[Segment, ...]:
    if not segments or segments[-1].end_ms is not None:
        return segments
    last = segments[-1]
    return (*segments[:-1], Segment(last.sound, last.start_ms, max(at_ms, last.start_ms)))


def _with(heard: Heard, segments: tuple[Segment, ...], closed_ms: float | None, digits: str) -> Heard:
    return Heard(heard.call_id, heard.number, heard.asterisk_rtp_port, heard.opened_ms, closed_ms, segments, digits)


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
