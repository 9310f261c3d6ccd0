"""The pool while PostgreSQL is away, slow, or short of connections: Unavailable in time, and well again afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from engine.adapters.postgres.leads import PostgresLeads
from engine.adapters.postgres.outcomes import PostgresOutcomes
from engine.adapters.postgres.pool import Database
from engine.dialer.lead import LeadNext, LeadStatus
from engine.errors import ConfigError, Unavailable
from engine.ids import AttemptId
from engine.outcome.disposition import Outcome
from engine.ports import OutcomeFact
from engine.stack.chaos_proxy import ChaosProxy
from engine.stack.postgres import Postgres
from tests.eventually import closed_port, eventually
from tests.schema.ground import add_campaigns, add_leads, claim, connected

pytestmark = pytest.mark.pg


@pytest.fixture
async def proxy(postgres: Postgres) -> AsyncIterator[ChaosProxy]:
    parts = urlsplit(postgres.tcp_dsn())
    assert parts.hostname is not None
    assert parts.port is not None
    async with ChaosProxy((parts.hostname, parts.port)) as proxy:
        yield proxy


@pytest.fixture
async def database(postgres: Postgres, postgres_dsn: str, proxy: ChaosProxy) -> AsyncIterator[Database]:
    dsn = postgres.tcp_dsn(urlsplit(postgres_dsn).path.lstrip("/"), proxy.port)
    async with Database(dsn, connections_max=2, connect_timeout_s=2.0, command_timeout_s=1.0) as database:
        yield database


async def _answers(database: Database) -> bool:
    try:
        await PostgresLeads(database).campaigns()
    except Unavailable:
        return False
    return True


async def test_cut_connection_is_unavailable_and_the_pool_recovers(database: Database, proxy: ChaosProxy) -> None:
    assert await _answers(database)
    proxy.cut()
    assert not await _answers(database)
    proxy.heal()
    await eventually(lambda: _answers(database), True)


async def test_silent_database_is_unavailable_in_time_and_the_pool_recovers(
    database: Database, proxy: ChaosProxy
) -> None:
    assert await _answers(database)
    proxy.black_hole()
    async with asyncio.timeout(20):
        assert not await _answers(database)
    proxy.heal()
    await eventually(lambda: _answers(database), True)


async def test_statement_slower_than_its_limit_is_unavailable(database: Database) -> None:
    with pytest.raises(Unavailable):
        async with database.connection() as connection:
            await connection.fetchval("SELECT pg_sleep(60)")
    assert await _answers(database)


async def test_busy_pool_is_unavailable_after_the_limit(postgres_dsn: str) -> None:
    async with Database(postgres_dsn, connections_max=1, connect_timeout_s=0.2) as database:
        async with database.connection():
            assert not await _answers(database)
        assert await _answers(database)


async def test_cancelled_statement_leaves_the_pool_usable(postgres_dsn: str) -> None:
    async with Database(postgres_dsn, connections_max=1) as database:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1), database.transaction() as connection:
                    await connection.fetchval("SELECT pg_sleep(60)")
        assert await _answers(database)


async def test_nobody_listening_is_unavailable_and_a_wrong_name_is_the_operators_matter(postgres_dsn: str) -> None:
    async with Database(f"postgresql://nobody@127.0.0.1:{closed_port()}/none") as database:
        assert not await _answers(database)
    async with Database(postgres_dsn.replace(urlsplit(postgres_dsn).path, "/no_such_database")) as database:
        with pytest.raises(ConfigError, match="no_such_database"):
            await PostgresLeads(database).campaigns()


async def test_pool_closes_while_a_statement_runs(postgres_dsn: str) -> None:
    database = Database(postgres_dsn)
    await database.open()
    async with database.connection() as connection:
        running = asyncio.create_task(connection.fetchval("SELECT pg_sleep(60)"))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(15):
            await database.close()
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await running


async def test_outcomes_are_written_although_a_bulk_change_deadlocks_with_them(postgres_dsn: str) -> None:
    async with connected(postgres_dsn) as bulk, connected(postgres_dsn) as other, Database(postgres_dsn) as database:
        (campaign,) = await add_campaigns(bulk)
        first, second = sorted(await add_leads(bulk, campaign, 2))
        attempts = [str(row["attempt_id"]) for row in await claim(bulk, campaign, 2)]
        over = LeadNext(LeadStatus.DONE, None)
        facts = [
            OutcomeFact(AttemptId(attempt), Outcome.BUSY, 17, 486, None, None, None, 1.0, None, None, over)
            for attempt in attempts
        ]
        await bulk.execute("SET deadlock_timeout = '10s'")  # so that the other side is the victim
        async with bulk.transaction():
            lock = "SELECT 1 FROM autodialer_leads WHERE lead_id = $1 FOR UPDATE"
            await bulk.execute(lock, second)
            recording = asyncio.create_task(PostgresOutcomes(database).record(facts))
            waiting = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ 'record_outcomes'"
            )
            await eventually(lambda: other.fetchval(waiting), 1)
            await bulk.execute(lock, first)
        assert await recording == 2
