"""A world with a trunk, a seat and what a test adds: once in memory, once in PostgreSQL."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

import asyncpg

from engine.adapters.postgres.abandonment import PostgresAbandonment
from engine.adapters.postgres.agents import PostgresAgents
from engine.adapters.postgres.calls import PostgresCalls
from engine.adapters.postgres.campaigns import PostgresCampaigns
from engine.adapters.postgres.do_not_call import PostgresDoNotCall
from engine.adapters.postgres.leads import PostgresLeads
from engine.adapters.postgres.outcomes import PostgresOutcomes
from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.routes import PostgresRoutes
from engine.adapters.postgres.seats import PostgresSeats, Seat
from engine.adapters.postgres.trunks import PostgresTrunks, TrunkSettings
from engine.fakes.abandonment import FakeAbandonment
from engine.fakes.directory import FakeRoutes
from engine.fakes.stores import FakeAgents, FakeCalls, FakeDoNotCall, FakeLeads, FakeMemory, FakeOutcomes, FakeTrunks
from engine.ids import AttemptId, CampaignId, LeadId, Slot, TrunkName, attempt_id
from engine.ports import (
    AbandonmentLedger,
    AgentDirectory,
    CallStore,
    DoNotCallList,
    InboundRoute,
    LeadStore,
    OutcomeLedger,
    RouteDirectory,
    SlotRecord,
    TrunkDirectory,
    TrunkRecord,
)

TRUNK = TrunkName("carrier")
SEAT = Slot(7001)
NO_DATA: Mapping[str, Any] = MappingProxyType({})
_bits = random.Random(1)
_names = itertools.count(1)


def attempt_ids(count: int) -> list[AttemptId]:
    """New attempt ids."""
    return [attempt_id(time.time(), _bits.getrandbits(74)) for _ in range(count)]


def campaign_name() -> str:
    """A name no other campaign has."""
    return f"campaign {next(_names)}"


@dataclass(slots=True)
class LeadState:
    """What a test may know of a lead."""

    number: str
    status: str
    attempts: int
    result: str | None
    next_at: float


class World(Protocol):
    """The stores under test, and a back door to prepare and inspect what is behind them."""

    @property
    def leads(self) -> LeadStore: ...
    @property
    def outcomes(self) -> OutcomeLedger: ...
    @property
    def abandonment(self) -> AbandonmentLedger: ...
    @property
    def calls(self) -> CallStore: ...
    @property
    def do_not_call(self) -> DoNotCallList: ...
    @property
    def agents(self) -> AgentDirectory: ...
    @property
    def trunks(self) -> TrunkDirectory: ...
    @property
    def routes(self) -> RouteDirectory: ...

    async def prepare(self) -> None: ...
    async def add_lead(
        self,
        campaign: CampaignId,
        number: str,
        zones: Sequence[str] = ("UTC",),
        priority: int = 0,
        data: Mapping[str, Any] = NO_DATA,
    ) -> LeadId: ...
    async def lead(self, lead: LeadId) -> LeadState: ...
    async def delete_lead(self, lead: LeadId) -> None: ...
    async def move_lead(self, lead: LeadId, zones: Sequence[str]) -> None: ...
    async def forbid(self, number: str) -> None: ...
    async def require_consent(self, campaign: CampaignId) -> None: ...
    async def consent(self, number: str) -> None: ...
    async def add_route(self, route: InboundRoute) -> None: ...
    async def began(self, campaign: CampaignId, at: float) -> None: ...
    async def journal(self, call: str) -> list[str]: ...
    async def call_phase(self, call: str) -> str: ...
    async def history(self) -> tuple[int, int]: ...
    async def go_away(self) -> None: ...


@dataclass
class MemoryWorld:
    """The fakes."""

    memory: FakeMemory = field(default_factory=lambda: FakeMemory(now=time.time))

    def __post_init__(self) -> None:
        self.leads = FakeLeads(self.memory)
        self.outcomes = FakeOutcomes(self.memory)
        self.abandonment = FakeAbandonment(self.memory)
        self.calls = FakeCalls(self.memory)
        self.do_not_call = FakeDoNotCall(self.memory)
        self.agents = FakeAgents(self.memory)
        self.trunks = FakeTrunks(self.memory)
        self.routes = FakeRoutes()

    async def prepare(self) -> None:
        self.memory.trunks[TRUNK] = TrunkRecord(TRUNK, 30, 5.0, "+15550100", test=False)
        self.memory.slots.append(SlotRecord(SEAT, "default", "Ann"))

    async def add_lead(
        self,
        campaign: CampaignId,
        number: str,
        zones: Sequence[str] = ("UTC",),
        priority: int = 0,
        data: Mapping[str, Any] = NO_DATA,
    ) -> LeadId:
        lead = self.memory.add_lead(campaign, number, tuple(zones), priority)
        self.memory.leads[lead].data = dict(data)
        return lead

    async def lead(self, lead: LeadId) -> LeadState:
        kept = self.memory.leads[lead]
        return LeadState(kept.number, kept.status, kept.attempts, kept.result, kept.next_at)

    async def delete_lead(self, lead: LeadId) -> None:
        self.memory.delete_lead(lead)

    async def move_lead(self, lead: LeadId, zones: Sequence[str]) -> None:
        self.memory.leads[lead].zones = tuple(zones)

    async def forbid(self, number: str) -> None:
        self.memory.do_not_call.add(number)

    async def require_consent(self, campaign: CampaignId) -> None:
        self.memory.consent_required.add(campaign)

    async def consent(self, number: str) -> None:
        self.memory.consents.add(number)

    async def add_route(self, route: InboundRoute) -> None:
        self.routes.put(route)

    async def began(self, campaign: CampaignId, at: float) -> None:
        self.memory.started[campaign] = at

    async def journal(self, call: str) -> list[str]:
        return [name for _, name, _ in next(c for c in self.memory.calls.values() if c.id == call).journal]

    async def call_phase(self, call: str) -> str:
        return next(c for c in self.memory.calls.values() if c.id == call).phase

    async def history(self) -> tuple[int, int]:
        return len(self.memory.agent_facts), len(self.memory.dispositions)

    async def go_away(self) -> None:
        self.memory.away = self.routes.away = True


class PostgresWorld:
    """The adapters on a real database; the back door is a connection of its own."""

    def __init__(self, database: Database, door: asyncpg.Connection[asyncpg.Record]) -> None:
        self.database = database
        self.door = door
        self.leads = PostgresLeads(database)
        self.outcomes = PostgresOutcomes(database)
        self.abandonment = PostgresAbandonment(database)
        self.calls = PostgresCalls(database)
        self.do_not_call = PostgresDoNotCall(database)
        self.agents = PostgresAgents(database)
        self.trunks = PostgresTrunks(database)
        self.routes = PostgresRoutes(database)

    async def prepare(self) -> None:
        await self.trunks.put(TrunkSettings(TRUNK, "127.0.0.1", "+15550100"))
        await PostgresSeats(self.database).put([Seat(SEAT, "default", "Ann", "a-secret-for-tests")])

    async def add_lead(
        self,
        campaign: CampaignId,
        number: str,
        zones: Sequence[str] = ("UTC",),
        priority: int = 0,
        data: Mapping[str, Any] = NO_DATA,
    ) -> LeadId:
        lead: int = await self.door.fetchval(
            "INSERT INTO autodialer_leads (campaign_id_ref, phone_number, zones, priority, lead_data)"
            " VALUES ($1, $2, $3, $4, $5) RETURNING lead_id",
            campaign,
            number,
            list(zones),
            priority,
            json.dumps(dict(data)),
        )
        return LeadId(lead)

    async def lead(self, lead: LeadId) -> LeadState:
        row = await self.door.fetchrow("SELECT * FROM autodialer_leads WHERE lead_id = $1", lead)
        assert row is not None
        return LeadState(
            row["phone_number"] or "", row["status"], row["attempts"], row["result"], row["next_at"].timestamp()
        )

    async def delete_lead(self, lead: LeadId) -> None:
        await self.door.execute("DELETE FROM autodialer_leads WHERE lead_id = $1", lead)

    async def move_lead(self, lead: LeadId, zones: Sequence[str]) -> None:
        await self.door.execute("UPDATE autodialer_leads SET zones = $2 WHERE lead_id = $1", lead, list(zones))

    async def forbid(self, number: str) -> None:
        await PostgresCampaigns(self.database).add_do_not_call([number], "asked for it")

    async def require_consent(self, campaign: CampaignId) -> None:
        await self.door.execute("UPDATE campaigns SET require_consent = true WHERE campaign_id = $1", campaign)

    async def consent(self, number: str) -> None:
        await PostgresCampaigns(self.database).add_consent(number, "a signed form", time.time() - 60, None)

    async def add_route(self, route: InboundRoute) -> None:
        await self.routes.put(route)

    async def began(self, campaign: CampaignId, at: float) -> None:
        await self.door.execute(
            "UPDATE campaigns SET started_at = to_timestamp($2) WHERE campaign_id = $1", campaign, at
        )

    async def journal(self, call: str) -> list[str]:
        rows = await self.door.fetch(
            "SELECT entry ->> 1 AS name FROM calls_journal, jsonb_array_elements(entries) WITH ORDINALITY"
            " AS e(entry, place) WHERE call_id = $1 ORDER BY at, place",
            call,
        )
        return [row["name"] for row in rows]

    async def call_phase(self, call: str) -> str:
        phase: str = await self.door.fetchval("SELECT phase FROM calls WHERE call_id = $1", call)
        return phase

    async def history(self) -> tuple[int, int]:
        row = await self.door.fetchrow(
            "SELECT (SELECT count(*) FROM agent_history) AS facts, (SELECT count(*) FROM dispositions) AS said"
        )
        assert row is not None
        return row["facts"], row["said"]

    async def go_away(self) -> None:
        await self.database.close()
