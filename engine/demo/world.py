"""A whole telephone world of its own: PostgreSQL, Redis, Asterisk, the engine, phones and a carrier."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from engine.adapters.asteriskconf.site import SlotAccount, Trunk
from engine.adapters.postgres.migrate import migrate
from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.routes import PostgresRoutes
from engine.adapters.postgres.seats import PostgresSeats, Seat
from engine.adapters.postgres.trunks import PostgresTrunks, TrunkSettings
from engine.client import ApiClient
from engine.ids import Slot, TrunkName
from engine.ports import InboundRoute
from engine.stack.carrier import Carrier
from engine.stack.instance import Stack
from engine.stack.phones import PhoneHabits, PhonePorts, Phones
from engine.stack.ports import LOOPBACK
from engine.stack.tones import ToneEnd

TRUNK = TrunkName("carrier")
POOL = "default"
FIRST_SLOT = 7001
CALLER_ID = "+12025550199"
DID = "+12025550190"
CUSTOMER_HZ = 1000
AGENT_HZ = 1400


@dataclass(frozen=True, slots=True)
class WorldPlan:
    """How large the world is."""

    agents: int = 8
    cps_max: float = 10.0
    channels_max: int = 200
    talk_min_ms: int = 1500
    talk_step_ms: int = 25
    life_s: float = 3600.0


@dataclass(slots=True)
class World:
    """An open world; `slots` are the phones that SIPp plays, `guest` is a free one for a person."""

    stack: Stack
    plan: WorldPlan
    database: Database
    api: ApiClient
    slots: tuple[SlotAccount, ...]
    guest: SlotAccount
    carrier: Carrier
    phones: Phones
    customer_end: ToneEnd
    agent_end: ToneEnd


@asynccontextmanager
async def open_world(
    stack: Stack, plan: WorldPlan, engine_settings: Mapping[str, str] | None = None
) -> AsyncIterator[World]:
    """Start everything in order, each step reported; end it in reverse. Raises StackFailure."""
    async with AsyncExitStack() as exits:
        accounts = tuple(SlotAccount(str(FIRST_SLOT + n), secrets.token_hex(12)) for n in range(plan.agents + 1))
        trunk = Trunk(
            TRUNK,
            LOOPBACK,
            carrier_port(stack),
            caller_id=CALLER_ID,
            channels_max=plan.channels_max,
            cps_max=plan.cps_max,
            codecs=("ulaw",),
            match=(f"{LOOPBACK}:{callers_port(stack)}",),
        )
        await stack.start_postgres(tcp=True)
        dsn = await stack.postgres.create_database("vss")
        with stack.report.step("Schema") as step:
            step.detail = f"{len(await migrate(dsn))} migrations"
        database = await exits.enter_async_context(Database(dsn))
        await _populate(database, accounts, trunk, plan)
        await stack.start_redis()
        await stack.start_asterisk(slots=accounts, trunks=(trunk,))
        await stack.start_engine(wait_ready=True, **(engine_settings or {}))
        api = await exits.enter_async_context(ApiClient(stack.engine.url, stack.api_token))
        with stack.report.step("Carrier and phones") as step:
            carrier, customer_end = await _carrier(exits, stack, plan)
            phones, agent_end = await _phones(exits, stack, accounts[:-1], plan)
            step.detail = f"{plan.agents} phones registered, carrier on {LOOPBACK}:{carrier_port(stack)}"
        yield World(stack, plan, database, api, accounts[:-1], accounts[-1], carrier, phones, customer_end, agent_end)


def carrier_port(stack: Stack) -> int:
    """Where the carrier listens for SIP."""
    return stack.ports.sipp[0]


def callers_port(stack: Stack) -> int:
    """From where people call in over the carrier's trunk."""
    return stack.ports.sipp[10]


async def _populate(database: Database, accounts: Sequence[SlotAccount], trunk: Trunk, plan: WorldPlan) -> None:
    await PostgresTrunks(database).put(
        TrunkSettings(
            TRUNK,
            trunk.host,
            CALLER_ID,
            port=trunk.port,
            codecs=trunk.codecs,
            channels_max=plan.channels_max,
            cps_max=plan.cps_max,
            test=True,
        )
    )
    seats = [Seat(Slot(int(account.number)), POOL, f"Agent {account.number}", account.password) for account in accounts]
    await PostgresSeats(database).put(seats)
    await PostgresRoutes(database).put(InboundRoute(DID, POOL))


async def _carrier(exits: AsyncExitStack, stack: Stack, plan: WorldPlan) -> tuple[Carrier, ToneEnd]:
    sipp = stack.ports.sipp
    carrier = await Carrier.start(
        stack,
        port=sipp[0],
        tone_port=sipp[1],
        talk_min_ms=plan.talk_min_ms,
        talk_step_ms=plan.talk_step_ms,
        life_s=plan.life_s,
    )
    exits.push_async_callback(carrier.stop)
    end = await ToneEnd.start(
        stack.directory,
        "customers",
        port=sipp[1],
        log=carrier.log,
        sends_hz=CUSTOMER_HZ,
        expects_hz=AGENT_HZ,
        life_s=plan.life_s,
    )
    exits.push_async_callback(end.stop)
    return carrier, end


async def _phones(
    exits: AsyncExitStack, stack: Stack, accounts: Sequence[SlotAccount], plan: WorldPlan
) -> tuple[Phones, ToneEnd]:
    sipp = stack.ports.sipp
    ports = PhonePorts(sip=sipp[2], tone=sipp[3], requests=sipp[4])
    phones = await Phones.start(stack, accounts, ports, PhoneHabits(life_s=plan.life_s))
    exits.push_async_callback(phones.stop)
    end = await ToneEnd.start(
        stack.directory,
        "agents",
        port=sipp[3],
        log=phones.log,
        sends_hz=AGENT_HZ,
        expects_hz=CUSTOMER_HZ,
        life_s=plan.life_s,
    )
    exits.push_async_callback(end.stop)
    return phones, end
