"""From the customer's 200 OK to both legs in one bridge, with other attempts going on around it.

Both sides wait with nailed-up agents and hear of the bridge by the same event, on the same machine and clock as SIPp,
whose log tells when the 200 went out.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from .place import MIXED, Place
from .sides import bare_side, engine_side

RATES_CPS = (20, 100)
BRIDGED_LIMIT_S = 1.0
"""The last answers of the measured time are given so long to be bridged."""
AGENTS_LOGIN_S = 4.0
"""The bare loop's agents are called first; customers only when they wait."""
WARM_UP_S = 3.0
"""Not counted, on both sides: the engine fills its trunk's bucket in one burst when it begins."""

_ANSWER = re.compile(r"answer number=(\S+) at=\S+\t\S+\t(\d+\.\d+)")
_BRIDGED = """
SELECT l.phone_number, extract(epoch FROM o.bridged_at)::double precision AS bridged_at
  FROM outcomes o JOIN autodialer_leads l USING (lead_id) WHERE o.campaign_id = $1
"""
_OTHER = "SELECT count(*) FROM outcomes WHERE campaign_id = $1 AND outcome NOT IN ('answered', 'busy')"


@dataclass(slots=True)
class Waits:
    """Milliseconds from 200 OK to bridge of one side at one rate, all rounds together."""

    ms: list[float] = field(default_factory=list)
    missing: int = 0
    """Answers that were never bridged."""

    def quantile(self, share: float) -> float | None:
        """The nearest-rank quantile, or None without data."""
        if not self.ms:
            return None
        ordered = sorted(self.ms)
        return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]

    def quantiles(self) -> dict[str, float | None]:
        """p50 and p99, rounded to microseconds."""
        found = {"p50": self.quantile(0.5), "p99": self.quantile(0.99)}
        return {name: None if value is None else round(value, 3) for name, value in found.items()}

    def __str__(self) -> str:
        return f"{len(self.ms)} answers, {self.quantiles()} ms, {self.missing} not bridged"


@dataclass(frozen=True, slots=True)
class Measured:
    """When each number was bridged (epoch seconds), and where in SIPp's log the measured time begins and ends."""

    bridged: Mapping[str, float]
    log_from: int
    log_to: int


BridgesResult = Mapping[int, Mapping[str, Waits]]
"""By rate, then by side (`engine`, `baseline`)."""


async def measure_bridges(place: Place, rounds: int, seconds: float) -> BridgesResult:
    """Each rate, each side, in turns. The engine's agents are its own, so are the bare loop's."""
    result = {rate: {"engine": Waits(), "baseline": Waits()} for rate in RATES_CPS}
    note = place.stack.report.note
    for turn in range(1, rounds + 1):
        for rate in RATES_CPS:
            for side, measure in (("engine", _engine), ("baseline", _bare)):
                told = await _matched(place, result[rate][side], measure(place, rate, turn, seconds))
                note(f"round {turn}  {rate:3} attempts/s  {side:9} {told}")
    return result


async def _matched(place: Place, waits: Waits, measuring: Awaitable[Measured]) -> Waits:
    """Run one measurement and match its bridges with the answers that SIPp logged meanwhile."""
    measured = await measuring
    this = Waits()
    for number, answered_at in _answers(place.answers_log, measured.log_from, measured.log_to):
        if number in measured.bridged:
            this.ms.append((measured.bridged[number] - answered_at) * 1000)
        else:
            this.missing += 1
    waits.ms += this.ms
    waits.missing += this.missing
    return this


def _answers(log: Path, log_from: int, log_to: int) -> list[tuple[str, float]]:
    with log.open() as file:
        file.seek(log_from)
        return [(number, float(at)) for number, at in _ANSWER.findall(file.read(log_to - log_from))]


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


async def _engine(place: Place, rate: int, _turn: int, seconds: float) -> Measured:
    await place.set_cps(rate)
    async with engine_side(place, place.bridges, agents=True):
        log_from, log_to = await _measured_time(place, WARM_UP_S, seconds)
    connection = await asyncpg.connect(place.dsn, timeout=10, command_timeout=60)
    try:
        rows = await connection.fetch(_BRIDGED, place.bridges)
        if odd := await connection.fetchval(_OTHER, place.bridges):
            place.stack.report.note(f"the engine has {odd} outcomes that are neither answered nor busy")
    finally:
        await connection.close(timeout=10)
    bridged = {row["phone_number"]: row["bridged_at"] for row in rows if row["bridged_at"] is not None}
    return Measured(bridged, log_from, log_to)


async def _bare(place: Place, rate: int, turn: int, seconds: float) -> Measured:
    slots: Sequence[str] = place.slots
    what = {"trunk": MIXED, "cps": rate, "slots": slots, "agents_s": AGENTS_LOGIN_S, "series": f"1{turn}{rate}"}
    async with bare_side(place, **what) as side:
        log_from, log_to = await _measured_time(place, AGENTS_LOGIN_S + WARM_UP_S, seconds)
        await asyncio.sleep(BRIDGED_LIMIT_S)
        told = await side.told()
    if told["errors"]:
        place.stack.report.note(f"the bare loop met {told['errors']} errors")
    return Measured({f"+{channel}": at for channel, at in told["bridged"]}, log_from, log_to)


async def _measured_time(place: Place, warm_up_s: float, seconds: float) -> tuple[int, int]:
    await asyncio.sleep(warm_up_s)
    log_from = _size(place.answers_log)
    await asyncio.sleep(seconds)
    return log_from, _size(place.answers_log)
