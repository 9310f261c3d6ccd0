"""The telephone network's other roles: people who call us, and providers whose trunks want credentials."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from engine.stack.calllog import LoggedCall, read_calls
from engine.stack.ports import LOOPBACK
from engine.stack.scenario import Running, Scenario, SippHost, start
from engine.stack.tones import AGENT_HZ, CARRIER_HZ, ToneEnd

_label = itertools.count(1)
_EVENTS = {"formats": "0 101", "events": "rtpmap:101 telephone-event/8000", "event_codes": "fmtp:101 0-15"}
_IN_BAND = {"formats": "0", "events": "sendrecv", "event_codes": "maxptime:20"}


@dataclass(frozen=True, slots=True)
class CallerHabits:
    """How callers behave: they cancel after `patience_ms` without an answer and hang up `stay_ms` after it."""

    patience_ms: int = 20000
    stay_ms: int = 3000
    per_second: int = 10
    in_band: bool = False
    """Their phones offer no telephone events (RFC 4733): keys are tones in the sound."""


async def start_callers(
    host: SippHost,
    rows: Sequence[tuple[str, str]],
    *,
    port: int,
    tone_port: int,
    habits: CallerHabits | None = None,
    account: str = "",
    life_s: float = 300.0,
    log: Path | None = None,
) -> Running:
    """Call as each (caller's number, dialed number) from a UDP port, which a trunk must name; ends by itself. Its `log`
    holds the calls. `account` is what the request is addressed to instead of the number, which some providers do with
    the user name of a registration. Raises StackFailure."""
    how = habits or CallerHabits()
    everybody = str(len(rows))  # may call at once: by itself SIPp keeps no more calls up than three seconds bring
    scenario = Scenario(
        "caller",
        port,
        host.ports.sip,
        variables={"stay_ms": how.stay_ms},
        keys={"tone_host": LOOPBACK, "tone_port": tone_port, **(_IN_BAND if how.in_band else _EVENTS)},
        options=("-m", everybody, "-l", everybody, "-r", str(how.per_second), "-recv_timeout", str(how.patience_ms)),
        rows="SEQUENTIAL\n" + "".join(f"{caller};{dialed};{account or dialed};\n" for caller, dialed in rows),
        log=log,
    )
    return await start(host, scenario, f"callers-{next(_label)}", life_s)


@asynccontextmanager
async def callers_with_ears(
    host: SippHost,
    rows: Sequence[tuple[str, str]],
    *,
    label: str,
    port: int,
    tone_port: int,
    habits: CallerHabits | None = None,
    account: str = "",
    keep: Path | None = None,
) -> AsyncIterator[tuple[Running, ToneEnd]]:
    """`start_callers` and their media end, which hears from the first packet on: it is there before anybody calls.
    Whoever is still on the line at the end is gone without a BYE. `keep` as for ToneEnd. Raises StackFailure."""
    log = host.directory / f"{label}.calls"
    log.unlink(missing_ok=True)
    end = await ToneEnd.start(
        host.directory, label, port=tone_port, log=log, sends_hz=CARRIER_HZ, expects_hz=AGENT_HZ, keep=keep
    )
    try:
        running = await start_callers(
            host, rows, port=port, tone_port=tone_port, habits=habits, account=account, log=log
        )
        try:
            yield running, end
        finally:
            await running.stop()
    finally:
        await end.stop()


async def call(
    host: SippHost, caller: str, dialed: str, *, port: int, tone_port: int, habits: CallerHabits | None = None
) -> LoggedCall:
    """Make one call and return what became of it; bounded by patience and stay."""
    how = habits or CallerHabits()
    running = await start_callers(host, [(caller, dialed)], port=port, tone_port=tone_port, habits=how)
    try:
        await running.finish(15.0 + (how.patience_ms + how.stay_ms) / 1000)
    finally:
        await running.stop()
    return read_calls(running.log)[0]


class Demand(StrEnum):
    """What a provider demands before it serves; the values are scenarios of /sipp."""

    DIGEST = "digest_trunk"
    REGISTRATION = "registrar_trunk"


async def start_provider(
    host: SippHost,
    demand: Demand,
    *,
    port: int,
    tone_port: int,
    username: str,
    password: str,
    life_s: float = 600.0,
) -> Running:
    """Start a provider that serves only `username` with `password`. Its `log` holds the calls it took or refused (403),
    and with REGISTRATION also `register accepted=0|1` lines (`registrations` counts them). Raises StackFailure."""
    keys: dict[str, str | int] = {"tone_host": LOOPBACK, "tone_port": tone_port}
    keys |= {"trunk_user": username, "trunk_password": password}
    return await start(host, Scenario(demand, port, keys=keys), f"provider-{next(_label)}", life_s)


def provider_calls(provider: Running) -> list[LoggedCall]:
    """The calls a provider took or refused."""
    return read_calls(provider.log, ignore=("register ",))


def registrations(provider: Running) -> tuple[int, int]:
    """How many REGISTERs a provider accepted and refused."""
    lines = provider.log.read_text(encoding="utf-8").split("\n") if provider.log.exists() else []
    return lines.count("register accepted=1"), lines.count("register accepted=0")
