"""`vss bench pacing`: what the predictive rule gains over one line per idle agent, on real SIP calls.

One engine, one Asterisk, the same agents and the same people for both rules, in turns (A B A B): each part runs until
its share of live answers was seen. Occupancy counts after a part's warm-up, answers from its first call.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import time as day_time
from typing import Any

from engine.adapters.asteriskconf import SlotAccount, Trunk
from engine.adapters.postgres.leads import PostgresLeads
from engine.adapters.postgres.migrate import migrate
from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.seats import PostgresSeats, Seat
from engine.adapters.postgres.trunks import PostgresTrunks, TrunkSettings
from engine.cli.table import Table
from engine.client import ApiClient
from engine.dialer.campaign import DialMode
from engine.dialer.draft import CampaignDraft
from engine.ids import CampaignId, Slot, TrunkName
from engine.stack.home import state_home
from engine.stack.instance import Stack
from engine.stack.phones import PhoneHabits, PhonePorts, Phones
from engine.stack.ports import LOOPBACK
from engine.stack.programs import Part
from engine.stack.provision import provision
from engine.stack.report import PlainReport
from engine.stack.scenario import Scenario, start

from .crew import Crew
from .people import People
from .place import copy_leads, media_sink
from .run import BenchReport

INSTANCE = "bench-pacing"
PARTS = (Part.POSTGRES, Part.REDIS, Part.ASTERISK, Part.SIPP)
CARRIER = TrunkName("people")
CALLER_ID = "+12025550199"
FIRST_SLOT = 7001
CPS_MAX, CHANNELS_MAX = 30.0, 300
LIFE_S = 3600.0
SEED = 1
WARM_UP_S = 15.0
LOOK_S = 1.0
SETTLE_LIMIT_S = 90.0
POLICIES = (DialMode.PROGRESSIVE, DialMode.PREDICTIVE)
_ANSWERS = """
SELECT count(*) FILTER (WHERE outcome IN ('answered', 'abandoned')) AS live,
       count(*) FILTER (WHERE outcome = 'abandoned') AS abandoned,
       count(*) FILTER (WHERE outcome <> 'not_dialed') AS attempts
  FROM outcomes WHERE campaign_id = $1
"""


@dataclass(frozen=True, slots=True)
class PacingOptions:
    """`answers` live ones of each policy, in `rounds` parts each, all within `limit_s`."""

    agents: int = 20
    answer_rate: float = 0.25
    answers: int = 500
    rounds: int = 2
    limit_s: float = 1200.0


@dataclass(slots=True)
class Tally:
    """What one policy came to, all parts together."""

    live: int = 0
    abandoned: int = 0
    attempts: int = 0
    busy: int = 0
    seated: int = 0
    seconds: float = 0.0

    def told(self) -> dict[str, Any]:
        """As printed."""
        return {
            "occupancy": round(self.busy / max(1, self.seated), 4),
            "abandonment": round(self.abandoned / max(1, self.live), 4),
            "attempts": self.attempts,
            "live_answers": self.live,
            "abandoned": self.abandoned,
            "seconds": round(self.seconds, 1),
        }


@dataclass(slots=True)
class Hall:
    """The open place; `campaigns` by policy."""

    stack: Stack
    options: PacingOptions
    database: Database
    api: ApiClient
    crew: Crew
    slots: tuple[str, ...]
    campaigns: dict[DialMode, CampaignId]
    tallies: dict[DialMode, Tally] = field(default_factory=lambda: {mode: Tally() for mode in POLICIES})


async def run(options: PacingOptions) -> BenchReport:
    """Measure. Raises StackFailure."""
    report = PlainReport()
    programs = await asyncio.to_thread(provision, state_home(), PARTS, report)
    ends_at = time.monotonic() + options.limit_s
    async with Stack.open(INSTANCE, state_home(), programs, report) as stack, open_hall(stack, options) as hall:
        for turn in range(1, options.rounds + 1):
            for mode in POLICIES:
                left_s = (ends_at - time.monotonic()) / (len(POLICIES) * (options.rounds - turn) + 2)
                await _part(hall, mode, -(-options.answers * turn // options.rounds), left_s)
                report.note(f"round {turn}  {mode:12} {hall.tallies[mode].told()}")
    data = told(hall.tallies) | {
        "agents": options.agents,
        "answer_rate": options.answer_rate,
        "asterisk_version": programs.asterisk.version,
        "cores": len(os.sched_getaffinity(0)),
    }
    short = sum(max(0, options.answers - tally.live) for tally in hall.tallies.values())
    return BenchReport(data, _shown(data), short)


def told(tallies: Mapping[DialMode, Tally]) -> dict[str, Any]:
    """Both policies, and the gain in points of occupancy."""
    found: dict[str, Any] = {mode.value: tally.told() for mode, tally in tallies.items()}
    gain = found[DialMode.PREDICTIVE]["occupancy"] - found[DialMode.PROGRESSIVE]["occupancy"]
    return found | {"gain_points": round(100 * gain, 2)}


async def _part(hall: Hall, mode: DialMode, answers: int, limit_s: float) -> None:
    """Run one policy until its campaign has seen so many live answers in all, or the time is over."""
    campaign, tally = hall.campaigns[mode], hall.tallies[mode]
    began = time.monotonic()
    await hall.api.post(f"/campaigns/{campaign}/start")
    await asyncio.sleep(min(WARM_UP_S, limit_s / 4))
    hall.crew.forget()
    while tally.live < answers and time.monotonic() - began < limit_s:
        await asyncio.sleep(LOOK_S)
        await _count(hall, campaign, tally)
    tally.busy += hall.crew.busy
    tally.seated += hall.crew.seated
    await hall.api.post(f"/campaigns/{campaign}/pause")
    async with asyncio.timeout(SETTLE_LIMIT_S):
        while (await hall.api.get("/calls"))["items"]:  # noqa: ASYNC110 (what is asked is another process)
            await asyncio.sleep(LOOK_S)
    await asyncio.sleep(LOOK_S)
    await _count(hall, campaign, tally)
    tally.seconds += time.monotonic() - began


async def _count(hall: Hall, campaign: CampaignId, tally: Tally) -> None:
    async with hall.database.connection() as connection:
        row = await connection.fetchrow(_ANSWERS, campaign)
    assert row is not None
    tally.live, tally.abandoned, tally.attempts = row["live"], row["abandoned"], row["attempts"]


@asynccontextmanager
async def open_hall(stack: Stack, options: PacingOptions) -> AsyncIterator[Hall]:
    """Start everything, agents logged in and ready; end it in reverse. Raises StackFailure."""
    people = People(options.answer_rate)
    async with AsyncExitStack() as exits:
        accounts = tuple(SlotAccount(str(FIRST_SLOT + n), secrets.token_hex(12)) for n in range(options.agents))
        await stack.start_postgres()
        await stack.start_redis()
        port = stack.ports.sipp[0]
        trunk = Trunk(
            CARRIER, LOOPBACK, port, caller_id=CALLER_ID, channels_max=CHANNELS_MAX, cps_max=CPS_MAX, codecs=("ulaw",)
        )
        await stack.start_asterisk(slots=accounts, trunks=(trunk,))
        media = exits.enter_context(media_sink())
        with stack.report.step("People and phones"):
            keys: dict[str, str | int] = {"tone_host": LOOPBACK, "tone_port": media}
            carrier = await start(stack, Scenario("people", port, keys=keys), "people", LIFE_S)
            exits.push_async_callback(carrier.stop)
            ports = PhonePorts(sip=stack.ports.sipp[2], tone=media, requests=stack.ports.sipp[3])
            phones = await Phones.start(stack, accounts, ports, PhoneHabits(answer_after_ms=1, life_s=LIFE_S))
            exits.push_async_callback(phones.stop)
        dsn = await stack.postgres.create_database("vss")
        database = await exits.enter_async_context(Database(dsn))
        with stack.report.step("Schema and leads"):
            await migrate(dsn)
            campaigns = await _campaigns(stack, database, dsn, accounts, people, options)
        await stack.start_engine(VSS_LOG_LEVEL="warning", VSS_DRAIN_LIMIT_S="5", VSS_STOP="hang-up")
        exits.push_async_callback(stack.engine.stop)
        api = await exits.enter_async_context(ApiClient(stack.engine.url, stack.api_token))
        crew = Crew(api, people, random.Random(SEED))
        slots = tuple(account.number for account in accounts)
        await _log_in(api, slots)
        working = asyncio.create_task(crew.work(), name="agents' paperwork")
        try:
            yield Hall(stack, options, database, api, crew, slots, campaigns)
        finally:
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working


async def _campaigns(
    stack: Stack, database: Database, dsn: str, accounts: Sequence[SlotAccount], people: People, options: PacingOptions
) -> dict[DialMode, CampaignId]:
    """One campaign a policy, over people with the same fates."""
    await PostgresTrunks(database).put(
        TrunkSettings(
            CARRIER, LOOPBACK, CALLER_ID, stack.ports.sipp[0], codecs=("ulaw",), channels_max=CHANNELS_MAX,
            cps_max=CPS_MAX, test=True,
        )
    )  # fmt: skip
    await PostgresSeats(database).put(
        [Seat(Slot(int(account.number)), "default", "", account.password) for account in accounts]
    )
    leads = PostgresLeads(database)
    found = {}
    enough = min(9999, int(options.answers / options.answer_rate * 2) + 500)
    for series, mode in enumerate(POLICIES):
        found[mode] = (await leads.create(_draft(mode))).id
        await copy_leads(dsn, found[mode], people.numbers(SEED, enough, series))
    return found


def _draft(mode: DialMode) -> CampaignDraft:
    return CampaignDraft(
        mode.value, CARRIER, dial_mode=mode, wrap_up_s=60.0, lines_max=300, window_from=day_time(0),
        window_to=day_time.max, message=("sound:vm-goodbye",),
    )  # fmt: skip


async def _log_in(api: ApiClient, slots: Sequence[str]) -> None:
    for slot in slots:
        await api.post(f"/agents/{slot}/login")
    for slot in slots:
        await api.post(f"/agents/{slot}/ready")
    async with asyncio.timeout(SETTLE_LIMIT_S):
        while any(agent["state"] != "ready" for agent in (await api.get("/agents"))["items"]):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_S)


def _shown(data: Mapping[str, Any]) -> list[str | Table]:
    columns = ("", "occupancy", "abandonment", "live answers", "attempts", "seconds")
    names = ("occupancy", "abandonment", "live_answers", "attempts", "seconds")
    rows = [(mode.value, *(data[mode.value][name] for name in names)) for mode in POLICIES]
    return [
        Table(columns, rows, f"{data['agents']} agents, {data['answer_rate']:.0%} answers"),
        f"gain: {data['gain_points']} points of occupancy",
    ]
