"""Calls, their journal, and notices about live streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from engine.adapters.postgres.calls import PostgresCalls
from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.upkeep import Upkeep
from engine.errors import Unavailable
from engine.ids import AttemptId, CallId, CampaignId
from engine.ports import CallRecord
from tests.schema.ground import add_campaigns, add_leads, claim, connected

if TYPE_CHECKING:
    from tests.schema.ground import Connection

pytestmark = pytest.mark.pg


@pytest.fixture
async def connection(postgres_dsn: str) -> AsyncIterator[Connection]:
    async with connected(postgres_dsn) as connection:
        yield connection


def record_of(call: str, attempt: str | None, campaign: int | None, number: str) -> CallRecord:
    return CallRecord(
        CallId(call), "campaign" if attempt else "inbound", "ringing", AttemptId(attempt) if attempt else None,
        CampaignId(campaign) if campaign else None, number, None, None, 1_700_000_000.0, None, None, None, None, None,
        None, ((1_700_000_000.0, "originated", {"leg": "customer"}),),
    )  # fmt: skip


async def test_number_of_a_deleted_lead_is_nowhere_left(postgres_dsn: str, connection: Connection) -> None:
    (campaign,) = await add_campaigns(connection)
    (lead,) = await add_leads(connection, campaign)
    (claimed,) = await claim(connection, campaign)
    attempt, number = str(claimed["attempt_id"]), claimed["phone_number"]
    async with Database(postgres_dsn) as database:
        await PostgresCalls(database).commit([record_of(attempt, attempt, campaign, number)])
        await connection.execute("DELETE FROM autodialer_leads WHERE lead_id = $1", lead)
        await PostgresCalls(database).commit([record_of(attempt, attempt, campaign, number)])
    tables = await connection.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'do_not_call'"
    )
    for row in tables:
        found = await connection.fetchval(
            f"SELECT count(*) FROM {row['tablename']} AS t WHERE t::text LIKE '%' || $1 || '%'", number
        )
        assert found == 0, row["tablename"]


async def test_call_of_an_attempt_cannot_keep_a_number(connection: Connection) -> None:
    (campaign,) = await add_campaigns(connection)
    await add_leads(connection, campaign)
    (claimed,) = await claim(connection, campaign)
    with pytest.raises(asyncpg.CheckViolationError, match="number_of_attempt_stays_with_lead"):
        await connection.execute(
            "INSERT INTO calls (call_id, attempt_id, created_at, kind, phase, phone_number)"
            " VALUES ('c', $1, now(), 'campaign', 'ringing', '+12025550100')",
            claimed["attempt_id"],
        )


async def test_journal_lives_in_daily_partitions_and_old_days_go(connection: Connection) -> None:
    days = "SELECT array_agg(relname::text ORDER BY relname) FROM pg_class WHERE relname ~ '^calls_journal_2030[0-9]*$'"
    rotate = "SELECT rotate_calls_journal($1, 1, $2)"
    assert await connection.fetchval(rotate, 30, datetime(2030, 5, 1, 12, tzinfo=UTC)) == 4  # the real today's
    assert await connection.fetchval(days) == ["calls_journal_20300501", "calls_journal_20300502"]
    await connection.execute("INSERT INTO calls_journal VALUES ('2030-05-01 23:59:59+00', 'c', '[]')")
    assert await connection.fetchval("SELECT count(*) FROM calls_journal_20300501") == 1
    assert await connection.fetchval(rotate, 2, datetime(2030, 5, 3, 12, tzinfo=UTC)) == 0
    assert await connection.fetchval(rotate, 2, datetime(2030, 5, 4, 12, tzinfo=UTC)) == 1
    assert await connection.fetchval("SELECT count(*) FROM calls_journal") == 0
    with pytest.raises(asyncpg.InvalidParameterValueError):
        await connection.execute("SELECT rotate_calls_journal(0)")


async def test_rows_without_a_partition_are_kept_and_then_go_with_their_day(connection: Connection) -> None:
    await connection.execute("INSERT INTO calls_journal VALUES ('2030-05-01 12:00+00', 'c', '[]')")
    rotate = "SELECT rotate_calls_journal(2, 1, $1)"
    await connection.execute(rotate, datetime(2030, 5, 1, 13, tzinfo=UTC))  # its day's partition cannot be made now
    assert await connection.fetchval("SELECT count(*) FROM calls_journal_default") == 1
    await connection.execute(rotate, datetime(2030, 5, 4, 13, tzinfo=UTC))
    assert await connection.fetchval("SELECT count(*) FROM calls_journal") == 0


async def test_upkeep_folds_and_rotates_and_goes_on_after_a_failure(
    postgres_dsn: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    (campaign,) = await add_campaigns(connection)
    await add_leads(connection, campaign)
    failures: asyncio.Queue[Exception] = asyncio.Queue()
    database = Database(postgres_dsn)
    monkeypatch.setattr("engine.adapters.postgres.upkeep.COMPACT_EVERY_S", 0.01)
    upkeep = asyncio.create_task(Upkeep(database).run(failures.put_nowait))
    try:
        assert isinstance(await asyncio.wait_for(failures.get(), 10), Unavailable)  # the pool is not open yet
        await database.open()
        async with asyncio.timeout(20):
            while await connection.fetchval("SELECT count(*) FROM campaign_stats_deltas") > 0:
                pass
        assert not upkeep.done()
    finally:
        upkeep.cancel()
        await asyncio.gather(upkeep, return_exceptions=True)
        await database.close()
    assert await connection.fetchval("SELECT sum(n)::int FROM campaign_stats WHERE campaign_id = $1", campaign) == 1


async def test_change_of_a_stream_is_told_without_its_key(connection: Connection) -> None:
    await connection.execute("INSERT INTO slots (slot_id, kind, sip_secret) VALUES (8001, 'LS', 'long-enough-secret')")
    told: asyncio.Queue[Any] = asyncio.Queue()
    await connection.add_listener("rtmp_stream_change", lambda *notice: told.put_nowait(json.loads(notice[3])))
    add = "INSERT INTO rtmp_streams (slot_id, stream_key) VALUES (8001, 'a-key-nobody-may-see') RETURNING stream_id"
    stream = await connection.fetchval(add)
    await connection.execute("UPDATE rtmp_streams SET status = 'live' WHERE stream_id = $1", stream)
    await connection.execute("DELETE FROM rtmp_streams WHERE stream_id = $1", stream)
    notices = [await asyncio.wait_for(told.get(), 10) for _ in range(3)]
    assert [(notice["op"], notice["slot_id"], notice["status"]) for notice in notices] == [
        ("insert", 8001, "idle"), ("update", 8001, "live"), ("delete", 8001, "live"),
    ]  # fmt: skip
    assert all(set(notice) == {"op", "stream_id", "slot_id", "status"} for notice in notices)
