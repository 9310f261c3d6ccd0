"""Where the bench takes place: one Asterisk, two SIPp carriers and phones, for both sides alike."""

from __future__ import annotations

import secrets
import socket
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import time
from pathlib import Path

import asyncpg

from engine.adapters.asteriskconf import SlotAccount, Trunk
from engine.adapters.postgres.leads import PostgresLeads
from engine.adapters.postgres.migrate import migrate
from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.seats import PostgresSeats, Seat
from engine.adapters.postgres.trunks import PostgresTrunks, TrunkSettings
from engine.dialer.campaign import AnswerAction, DialMode
from engine.dialer.draft import CampaignDraft
from engine.ids import CampaignId, Slot, TrunkName
from engine.stack.instance import Stack
from engine.stack.phones import PhoneHabits, PhonePorts, Phones
from engine.stack.ports import LOOPBACK
from engine.stack.scenario import Scenario, start

ANSWERING, MIXED = TrunkName("answering"), TrunkName("mixed")
"""The carrier that answers every call, and the one that answers two in ten and is busy to the others."""
CALLER_ID = "+12025550199"
CPS_UNBOUND = 10_000.0
FIRST_SLOT = 7001
LIFE_S = 3 * 3600.0
ENGINE_SERIES, BARE_SERIES = 0, 1
"""Whose a number is: the digit after +999, a country code that is nobody's."""
INSERT_LIMIT_S = 300.0


@dataclass(frozen=True, slots=True)
class PlacePlan:
    """`lines`: calls up at once; `leads` and `mixed_leads`: enough that the engine never runs dry."""

    lines: int
    agents: int
    leads: int
    mixed_leads: int
    talk_ms: int


@dataclass(slots=True)
class Place:
    """An open place; the engine is started and stopped in turns by `engine_side`."""

    stack: Stack
    plan: PlacePlan
    dsn: str
    database: Database
    slots: tuple[str, ...]
    answers_log: Path
    """The mixed carrier's log: one line per 200 OK it sent."""
    calls: CampaignId
    bridges: CampaignId

    async def set_cps(self, cps: float) -> None:
        """Calls per second of the mixed carrier's trunk; a running engine sees it within two seconds."""
        await PostgresTrunks(self.database).put(replace(_trunk_row(self.stack, MIXED, 1000), cps_max=cps))


@asynccontextmanager
async def open_place(stack: Stack, plan: PlacePlan) -> AsyncIterator[Place]:
    """Start everything but the engine, each step reported; end it in reverse. Raises StackFailure."""
    async with AsyncExitStack() as exits:
        accounts = tuple(SlotAccount(str(FIRST_SLOT + n), secrets.token_hex(12)) for n in range(plan.agents))
        await stack.start_postgres()
        await stack.start_redis()
        trunks = tuple(
            Trunk(name, LOOPBACK, port, caller_id=CALLER_ID, channels_max=1000, cps_max=CPS_UNBOUND, codecs=("ulaw",))
            for name, port in ((ANSWERING, stack.ports.sipp[0]), (MIXED, stack.ports.sipp[1]))
        )
        await stack.start_asterisk(slots=accounts, trunks=trunks)
        media = exits.enter_context(media_sink())
        with stack.report.step("Carriers and phones"):
            answers_log = await _carriers(exits, stack, plan, media)
            ports = PhonePorts(sip=stack.ports.sipp[2], tone=media, requests=stack.ports.sipp[3])
            phones = await Phones.start(stack, accounts, ports, PhoneHabits(answer_after_ms=1, life_s=LIFE_S))
            exits.push_async_callback(phones.stop)
        dsn = await stack.postgres.create_database("vss")
        database = await exits.enter_async_context(Database(dsn, command_timeout_s=INSERT_LIMIT_S))
        with stack.report.step("Schema and leads") as step:
            await migrate(dsn)
            calls, bridges = await _populate(stack, database, dsn, accounts, plan)
            step.detail = f"{plan.leads + plan.mixed_leads} leads"
        yield Place(
            stack, plan, dsn, database, tuple(account.number for account in accounts), answers_log, calls, bridges
        )


@contextmanager
def media_sink() -> Iterator[int]:
    """A port that takes the music nobody hears: to a closed one, each packet would come back as an ICMP error."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind((LOOPBACK, 0))
        yield sink.getsockname()[1]


async def _carriers(exits: AsyncExitStack, stack: Stack, plan: PlacePlan, media: int) -> Path:
    keys: dict[str, str | int] = {"tone_host": LOOPBACK, "tone_port": media}
    answering = await start(stack, Scenario("answer_at_once", stack.ports.sipp[0], keys=keys), "answering", LIFE_S)
    exits.push_async_callback(answering.stop)
    variables: dict[str, str | int] = {"talk_ms": plan.talk_ms}
    scenario = Scenario("answer_or_busy", stack.ports.sipp[1], variables=variables, keys=keys)
    mixed = await start(stack, scenario, "mixed", LIFE_S)
    exits.push_async_callback(mixed.stop)
    return mixed.log


def _trunk_row(stack: Stack, name: TrunkName, channels_max: int) -> TrunkSettings:
    port = stack.ports.sipp[0] if name == ANSWERING else stack.ports.sipp[1]
    return TrunkSettings(
        name, LOOPBACK, CALLER_ID, port, codecs=("ulaw",), channels_max=channels_max, cps_max=CPS_UNBOUND, test=True
    )


async def _populate(
    stack: Stack, database: Database, dsn: str, accounts: tuple[SlotAccount, ...], plan: PlacePlan
) -> tuple[CampaignId, CampaignId]:
    trunks = PostgresTrunks(database)
    await trunks.put(_trunk_row(stack, ANSWERING, plan.lines))
    await trunks.put(_trunk_row(stack, MIXED, 1000))
    await PostgresSeats(database).put(
        [Seat(Slot(int(account.number)), "default", "", account.password) for account in accounts]
    )
    leads = PostgresLeads(database)
    all_day = {"window_from": time(0), "window_to": time.max, "ring_timeout_s": 25, "lines_max": 1000}
    calls = await leads.create(
        CampaignDraft("calls", ANSWERING, dial_mode=DialMode.AGENTLESS, answer_action=AnswerAction.HANG_UP, **all_day)  # type: ignore[arg-type]
    )
    bridges = await leads.create(CampaignDraft("bridges", MIXED, wrap_up_s=0.0, **all_day))  # type: ignore[arg-type]
    await copy_leads(dsn, calls.id, _numbers(range(plan.leads)))
    await copy_leads(dsn, bridges.id, _numbers(range(50_000_000, 50_000_000 + plan.mixed_leads)))
    return calls.id, bridges.id


def _numbers(serials: range) -> Iterator[str]:
    return (f"+999{ENGINE_SERIES}{serial:08}" for serial in serials)


async def copy_leads(dsn: str, campaign: CampaignId, numbers: Iterable[str]) -> None:
    """Give a campaign its leads, in this order."""
    connection = await asyncpg.connect(dsn, timeout=10, command_timeout=INSERT_LIMIT_S)
    try:
        await connection.copy_records_to_table(
            "autodialer_leads",
            records=((campaign, number) for number in numbers),
            columns=("campaign_id_ref", "phone_number"),
        )
        await connection.execute("VACUUM ANALYZE autodialer_leads")
    finally:
        await connection.close(timeout=10)
