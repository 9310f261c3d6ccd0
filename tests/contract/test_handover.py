"""What every HandoverStore promises, PostgreSQL and the fake alike."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from engine.adapters.postgres.handover import PostgresHandover
from engine.adapters.postgres.lease import CellLease
from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.query import query
from engine.agent.machine import Agent, AgentState
from engine.call.model import Call, CallKind, CallPolicy, Phase, Seat
from engine.dialer.campaign import AnswerAction
from engine.dialer.lead import RecallRule
from engine.errors import Rejected, Unavailable
from engine.fakes.handover import FakeHandover, FakeShelf
from engine.ids import AttemptId, BridgeId, CallId, CampaignId, ChannelId, LeadId, Slot, TrunkName
from engine.outcome.disposition import Outcome
from engine.ports import HandoverStore, Standing
from engine.revision import revised

POLICY = CallPolicy(
    AnswerAction.AGENT, "default", 2.0, 10.0, 3600.0, 30, ("sound:имя",), ("sound:bye",), "9", 5.0,
    recall={Outcome.BUSY: RecallRule(3, 60.0)},
)  # fmt: skip
SEAT = Seat(Slot(7001), ChannelId("seat-7001-1"), BridgeId("seat-7001-1-bridge"))
TALK = Call(
    CallId("01890000-0000-7000-8000-000000000001"), CallKind.CAMPAIGN, Phase.TALKING, "+12025550101", POLICY, 100.25,
    trunk=TrunkName("carrier"), attempt=AttemptId("01890000-0000-7000-8000-000000000001"), campaign=CampaignId(1),
    lead=LeadId(5), lead_attempts=2, seat=SEAT, seat_held=True, answered_at=110.5, bridged_at=110.75,
    outcome=Outcome.ANSWERED, script="abc", note='a "quoted"\nnote',
)  # fmt: skip
CALLER = Call(CallId("caller-1"), CallKind.INBOUND, Phase.WAITING, "+12025550102", POLICY, 100.0)
AGENT = Agent(Slot(7001), "default", AgentState.TALKING, 110.75, None, SEAT.channel, SEAT.bridge, TALK.id)


@dataclass
class World:
    take: Callable[[], Awaitable[HandoverStore]]
    """The store of a new engine, which holds the cell from then on."""
    go_away: Callable[[], Awaitable[None]]


@pytest.fixture
async def memory_world() -> World:
    shelf = FakeShelf()

    async def take() -> HandoverStore:
        shelf.epoch += 1
        return FakeHandover(shelf, shelf.epoch)

    async def go_away() -> None:
        shelf.memory.away = True

    return World(take, go_away)


@pytest.fixture
async def postgres_world(postgres_dsn: str) -> AsyncIterator[World]:
    async with Database(postgres_dsn) as database:

        async def take() -> HandoverStore:
            return PostgresHandover(database, "main", await taken(postgres_dsn, "main"))

        yield World(take, database.close)


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.pg)])
def world(request: pytest.FixtureRequest) -> World:
    chosen: World = request.getfixturevalue(f"{request.param}_world")
    return chosen


async def taken(dsn: str, cell: str) -> int:
    """The epoch of an engine that takes a cell and leaves."""
    lease = CellLease(dsn, cell)
    epoch = await lease.take()
    await lease.release()
    return epoch


def by_name(standing: Standing) -> dict[str, Any]:
    return {call.id: call for call in standing.calls} | {str(agent.slot): agent for agent in standing.agents}


async def test_next_engine_reads_what_was_kept_but_the_numbers_of_leads(world: World) -> None:
    store = await world.take()
    await store.keep(Standing((TALK, CALLER), (AGENT,)), ())
    kept = by_name(await (await world.take()).load())
    assert kept == {TALK.id: revised(TALK, number=""), CALLER.id: CALLER, "7001": AGENT}


async def test_newest_state_counts_and_what_is_over_is_forgotten(world: World) -> None:
    store = await world.take()
    await store.keep(Standing((TALK, CALLER), (AGENT,)), ())
    wrapping = revised(AGENT, state=AgentState.WRAPPING, call=None, last_call=TALK.id, deadline_at=140.0)
    await store.keep(Standing((revised(CALLER, phase=Phase.SCRIPTED),), (wrapping,)), (TALK.id, CallId("unknown")))
    await store.keep(Standing(), (TALK.id,))
    kept = by_name(await store.load())
    assert kept == {CALLER.id: revised(CALLER, phase=Phase.SCRIPTED), "7001": wrapping}


async def test_engine_that_lost_the_cell_changes_nothing(world: World) -> None:
    """Both writes: what it would keep, and what it would forget."""
    old = await world.take()
    await old.keep(Standing((TALK,)), ())
    new = await world.take()
    with pytest.raises(Rejected):
        await old.keep(Standing((CALLER,), (AGENT,)), (TALK.id,))
    assert by_name(await new.load()).keys() == {TALK.id}


async def test_nothing_was_kept_at_first(world: World) -> None:
    assert await (await world.take()).load() == Standing()


async def test_store_that_is_away_says_so(world: World) -> None:
    store = await world.take()
    await world.go_away()
    with pytest.raises(Unavailable):
        await store.keep(Standing((TALK,)), ())
    with pytest.raises(Unavailable):
        await store.load()


@pytest.mark.pg
async def test_row_that_cannot_be_read_is_left_out_and_cells_have_their_own(postgres_dsn: str) -> None:
    for cell in ("main", "other"):
        await taken(postgres_dsn, cell)
    async with Database(postgres_dsn) as database:
        store = PostgresHandover(database, "main", 1)
        await store.keep(Standing((TALK, CALLER), (AGENT,)), ())
        door = await asyncpg.connect(postgres_dsn)
        await door.execute("UPDATE handover SET state = '{}' WHERE name = $1", f"call/{TALK.id}")
        await door.close()
        assert by_name(await store.load()).keys() == {CALLER.id, "7001"}
        assert await PostgresHandover(database, "other", 1).load() == Standing()


@pytest.mark.pg
async def test_take_over_waits_for_a_write_under_way(postgres_dsn: str) -> None:
    """A write that the old engine began is whole before the new one reads, or it comes too late and is refused."""
    epoch = await taken(postgres_dsn, "main")
    writer, taker = await asyncpg.connect(postgres_dsn), await asyncpg.connect(postgres_dsn)
    try:
        await taker.execute("SET lock_timeout = '200ms'")
        async with writer.transaction():
            assert await writer.fetchval(query("keep_handover"), "main", epoch, ["call/c"], ["{}"], [])
            with pytest.raises(asyncpg.LockNotAvailableError):
                await taker.fetchval(query("next_epoch"), "main")
        assert await taker.fetchval(query("next_epoch"), "main") == epoch + 1
        assert not await writer.fetchval(query("keep_handover"), "main", epoch, ["call/d"], ["{}"], [])
    finally:
        await writer.close()
        await taker.close()
