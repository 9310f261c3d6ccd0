"""The log that our SIPp scenarios write, a line per event of a call, read strictly: demo and tests reckon by it.

    invite n=<serial> call=<Call-ID> number=<dialed> rtp=<Asterisk's RTP port> at=<time>
    early  n= call= at=            183 with media is about to be sent
    answer n= call= [rtp=] at=     200 is about to be sent, or was received by a caller, who learns the port from it
    end    n= call= number= final=<status|none> by=<carrier|caller|nobody> at=<time>

SIPp prints the time twice (local date and time of day, then seconds since 1970), which must agree. Serials count from 1
without gaps. So a line that was altered, doubled or lost does not pass; only a last line without its end is ignored,
because the writer may be in the middle of it.
"""

import re
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

EndedBy = Literal["carrier", "caller", "nobody"]

_TIME = r"at=(?P<local>[-\d]{10}\t[:\d]{8})\.(?P<fraction>\d{6})\t(?P<epoch>\d{1,11})\.(?P<epoch_fraction>\d{6})"
_CALL = r"n=(?P<serial>\d+)\.000000 call=(?P<call>[^\s=]+)"
_LINES = {
    "invite": re.compile(rf"invite {_CALL} number=(?P<number>\S*) rtp=(?P<rtp>\d*) {_TIME}"),
    "early": re.compile(rf"early {_CALL} {_TIME}"),
    "answer": re.compile(rf"answer {_CALL}(?: rtp=(?P<rtp>\d+))? {_TIME}"),
    "end": re.compile(
        rf"end {_CALL} number=(?P<number>\S*) final=(?P<final>\d{{3}}|none) by=(?P<by>carrier|caller|nobody) {_TIME}"
    ),
}


class CallLogError(ValueError):
    """The log contradicts itself or its grammar: `line` counts from 1 (0: the log as a whole)."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}" if line else reason)
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One call as SIPp saw it; times are milliseconds since 1970, `final` is the last status sent (None: none yet or
    never), `rtp_port` is where Asterisk wants its media (None: no SDP)."""

    serial: int
    call_id: str
    number: str
    rtp_port: int | None
    invited_ms: float
    early_ms: float | None = None
    answered_ms: float | None = None
    ended_ms: float | None = None
    final: int | None = None
    ended_by: EndedBy | None = None

    @property
    def is_open(self) -> bool:
        """Whether the call has no end yet."""
        return self.ended_ms is None

    @property
    def talk_ms(self) -> float | None:
        """From the 200 to the end, for an answered and ended call."""
        if self.answered_ms is None or self.ended_ms is None:
            return None
        return self.ended_ms - self.answered_ms


@dataclass(frozen=True, slots=True)
class LogLine:
    """One parsed line."""

    event: str
    serial: int
    call_id: str
    at_ms: float
    number: str = ""
    rtp_port: int | None = None
    final: int | None = None
    by: EndedBy | None = None


def parse_line(text: str, line: int = 0) -> LogLine:
    """Read one line (without its end); raises CallLogError when it is not exactly in the grammar."""
    event = text.partition(" ")[0]
    pattern = _LINES.get(event)
    found = pattern.fullmatch(text) if pattern else None
    if found is None:
        raise CallLogError(line, "not a line of the call log")
    parts = found.groupdict()
    epoch = int(parts["epoch"])
    if _local(epoch) != parts["local"] or parts["fraction"] != parts["epoch_fraction"]:
        raise CallLogError(line, "the two times differ")
    final = parts.get("final")
    by = parts.get("by")
    return LogLine(
        event=event,
        serial=int(parts["serial"]),
        call_id=parts["call"],
        at_ms=epoch * 1000 + int(parts["epoch_fraction"]) / 1000,
        number=parts.get("number") or "",
        rtp_port=int(parts["rtp"]) if parts.get("rtp") else None,
        final=int(final) if final and final != "none" else None,
        by=by,  # type: ignore[arg-type]
    )


@lru_cache(maxsize=1024)
def _local(epoch: int) -> str:
    return time.strftime("%Y-%m-%d\t%H:%M:%S", time.localtime(epoch))


def read_calls(log: Path, ignore: tuple[str, ...] = ()) -> list[LoggedCall]:
    """All calls of a log, in order of their serials; an absent log has none. Lines that begin with one of `ignore` are
    another reader's. Raises CallLogError."""
    if not log.exists():
        return []
    text = log.read_text(encoding="utf-8", errors="replace")
    calls: dict[int, LoggedCall] = {}
    call_ids: set[str] = set()
    for number, raw in enumerate(text.split("\n")[:-1], start=1):
        if ignore and raw.startswith(ignore):
            continue
        _take(calls, call_ids, parse_line(raw, number), number)
    if sorted(calls) != list(range(1, len(calls) + 1)):
        raise CallLogError(0, "the serials have gaps: a call's lines are missing")
    return [calls[serial] for serial in sorted(calls)]


def _take(calls: dict[int, LoggedCall], call_ids: set[str], entry: LogLine, line: int) -> None:
    call = calls.get(entry.serial)
    if entry.event == "invite":
        if call is not None:
            raise CallLogError(line, "a second invite with the same serial")
        if entry.call_id in call_ids:
            raise CallLogError(line, "a second invite with the same Call-ID")
        call_ids.add(entry.call_id)
        calls[entry.serial] = LoggedCall(entry.serial, entry.call_id, entry.number, entry.rtp_port, entry.at_ms)
        return
    if call is None or call.call_id != entry.call_id:
        raise CallLogError(line, f"{entry.event} without its invite")
    if not call.is_open:
        raise CallLogError(line, f"{entry.event} after the end")
    if entry.at_ms < max(call.invited_ms, call.answered_ms or 0):
        raise CallLogError(line, f"{entry.event} before what it follows")
    calls[entry.serial] = _advance(call, entry, line)


def _advance(call: LoggedCall, entry: LogLine, line: int) -> LoggedCall:
    if entry.event == "early":
        if call.early_ms is not None or call.answered_ms is not None:
            raise CallLogError(line, "early media twice or after the answer")
        return replace(call, early_ms=entry.at_ms)
    if entry.event == "answer":
        if call.answered_ms is not None:
            raise CallLogError(line, "a second answer")
        return replace(call, answered_ms=entry.at_ms, rtp_port=entry.rtp_port or call.rtp_port)
    if entry.number != call.number:
        raise CallLogError(line, "the number differs from the invite's")
    if (entry.final == 200) != (call.answered_ms is not None):
        raise CallLogError(line, "the final status and the answer contradict each other")
    return replace(call, ended_ms=entry.at_ms, final=entry.final, ended_by=entry.by)
