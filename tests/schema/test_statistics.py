"""Statistics equal the recount at every commit, whatever is done to leads and outcomes, in whatever order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.statistics import PostgresStatistics
from engine.ids import CampaignId
from engine.outcome.disposition import Outcome
from tests.schema.ground import add_campaigns, add_leads, claim, connected, differences, record

if TYPE_CHECKING:
    from tests.schema.ground import Connection

pytestmark = pytest.mark.pg

Step = Callable[["Connection", Sequence[int], random.Random], Coroutine[Any, Any, None]]
STATUSES = ("new", "waiting", "done", "excluded")
WRITERS = 8
STEPS_PER_WRITER = 40

# Bulk changes lock in the order of lead_id first, as every bulk change must: rows locked in any other order can
# deadlock against each other without any trigger.
SOME_LEADS = (
    "WITH picked AS MATERIALIZED (SELECT lead_id FROM autodialer_leads WHERE campaign_id_ref = $1"
    " AND status <> 'deleted' AND lead_id % 3 = $2 ORDER BY lead_id FOR UPDATE) "
)


async def insert(connection: Connection, campaigns: Sequence[int], choose: random.Random) -> None:
    await add_leads(connection, choose.choice(campaigns), choose.randint(1, 5), status=choose.choice(STATUSES))


async def change_status_in_bulk(connection: Connection, campaigns: Sequence[int], choose: random.Random) -> None:
    await connection.execute(
        SOME_LEADS + "UPDATE autodialer_leads l SET status = $3 FROM picked WHERE l.lead_id = picked.lead_id",
        choose.choice(campaigns),
        choose.randrange(3),
        choose.choice(STATUSES),
    )


async def back_and_forth(connection: Connection, campaigns: Sequence[int], choose: random.Random) -> None:
    campaign, third = choose.choice(campaigns), choose.randrange(3)
    async with connection.transaction():
        for status in ("done", "new", "done"):
            await connection.execute(
                SOME_LEADS + "UPDATE autodialer_leads l SET status = $3 FROM picked WHERE l.lead_id = picked.lead_id",
                campaign,
                third,
                status,
            )


async def move(connection: Connection, campaigns: Sequence[int], choose: random.Random) -> None:
    await connection.execute(
        SOME_LEADS + "UPDATE autodialer_leads l SET campaign_id_ref = $3 FROM picked WHERE l.lead_id = picked.lead_id",
        choose.choice(campaigns),
        choose.randrange(3),
        choose.choice(campaigns),
    )


async def touch_without_change(connection: Connection, campaigns: Sequence[int], choose: random.Random) -> None:
    await connection.execute(
        SOME_LEADS + "UPDATE autodialer_leads l SET priority = 1 FROM picked WHERE l.lead_id = picked.lead_id",
        choose.choice(campaigns),
        choose.randrange(3),
    )


async def delete_one(connection: Connection, campaigns: Sequence[int], choose: random.Random) -> None:
    await connection.execute(
        "DELETE FROM autodialer_leads WHERE lead_id = (SELECT max(lead_id) FROM autodialer_leads"
        " WHERE campaign_id_ref = $1 AND status <> 'deleted')",
        choose.choice(campaigns),
    )


async def anonymise(connection: Connection, campaigns: Sequence[int], choose: random.Random) -> None:
    await connection.execute(
        "SELECT anonymise_leads(ARRAY(SELECT lead_id FROM autodialer_leads WHERE campaign_id_ref = $1"
        " AND lead_id % 5 = $2 ORDER BY random() LIMIT 3))",
        choose.choice(campaigns),
        choose.randrange(5),
    )


async def dial(connection: Connection, campaigns: Sequence[int], choose: random.Random) -> None:
    await claim(connection, choose.choice(campaigns), choose.randint(1, 6))


async def end_some(connection: Connection, campaigns: Sequence[int], choose: random.Random) -> None:
    open_now = await connection.fetch("SELECT attempt_id FROM open_attempts")
    some = choose.sample(open_now, min(len(open_now), choose.randint(1, 6)))
    await record(
        connection,
        [row["attempt_id"] for row in some],
        choose.choice(list(Outcome)),
        choose.choice(("waiting", "done")),
        choose.choice((0.0, 1.5, 61.25)),
    )


async def forbid(connection: Connection, campaigns: Sequence[int], choose: random.Random) -> None:
    await connection.execute(
        "INSERT INTO do_not_call (phone_number) SELECT phone_number FROM autodialer_leads"
        " WHERE campaign_id_ref = $1 AND phone_number IS NOT NULL ORDER BY phone_number LIMIT 1 ON CONFLICT DO NOTHING",
        choose.choice(campaigns),
    )


async def compact(connection: Connection, campaigns: Sequence[int], choose: random.Random) -> None:
    await connection.execute("SELECT compact_campaign_stats($1)", choose.choice((1, 7, 50_000)))


async def roll_back(connection: Connection, campaigns: Sequence[int], choose: random.Random) -> None:
    transaction = connection.transaction()
    await transaction.start()
    await insert(connection, campaigns, choose)
    await change_status_in_bulk(connection, campaigns, choose)
    await transaction.rollback()


STEPS: tuple[Step, ...] = (
    insert, change_status_in_bulk, back_and_forth, move, touch_without_change, delete_one, anonymise, dial, end_some,
    forbid, compact, roll_back,
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(STEPS), min_size=1, max_size=25), seed=st.integers(0, 2**32))
async def test_statistics_equal_the_recount_after_every_step(postgres_dsn: str, steps: list[Step], seed: int) -> None:
    choose = random.Random(seed)
    async with connected(postgres_dsn) as connection:
        campaigns = await add_campaigns(connection, 3)
        for campaign in campaigns:
            await add_leads(connection, campaign, 8)
        for step in steps:
            await step(connection, campaigns, choose)
            assert await differences(connection) == [], step.__name__


@pytest.mark.parametrize("campaign_count", [1, 20])
async def test_eight_writers_and_a_compactor_never_deadlock_nor_miscount(
    postgres_dsn: str, campaign_count: int
) -> None:
    """Every commit that a ninth connection can see agrees; nobody is ever the victim of a deadlock."""
    async with connected(postgres_dsn) as connection:
        campaigns = await add_campaigns(connection, campaign_count)
        for campaign in campaigns:
            await add_leads(connection, campaign, 120 // campaign_count)
        over = asyncio.Event()
        background = asyncio.gather(_watch(postgres_dsn, over), _fold(postgres_dsn, over))
        try:
            await asyncio.gather(*(_write(postgres_dsn, campaigns, seed) for seed in range(WRITERS)))
        finally:
            over.set()
            seen, folded = await background
        assert seen > 0
        assert folded > 0
        assert await differences(connection) == []
        assert await connection.fetchval("SELECT count(*) FROM outcomes") > 0
        assert await connection.fetchval(
            "SELECT count(*) = 0 FROM (SELECT attempt_id FROM attempts EXCEPT SELECT attempt_id FROM outcomes"
            " EXCEPT SELECT attempt_id FROM open_attempts) AS lost"
        )
        await connection.execute("SELECT pg_stat_clear_snapshot()")
        assert (
            await connection.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 0
        )


async def _write(dsn: str, campaigns: Sequence[int], seed: int) -> None:
    choose = random.Random(seed)
    async with connected(dsn) as connection:
        for _ in range(STEPS_PER_WRITER):
            step = choose.choice((dial, end_some, *STEPS))
            # A lead put back by one writer and opened by two others at the same moment: the second is refused.
            with suppress(asyncpg.UniqueViolationError):
                await step(connection, campaigns, choose)


async def _watch(dsn: str, over: asyncio.Event) -> int:
    seen = 0
    async with connected(dsn) as connection:
        while not over.is_set():
            assert await differences(connection) == []
            seen += 1
    return seen


async def _fold(dsn: str, over: asyncio.Event) -> int:
    folded = 0
    async with connected(dsn) as connection:
        while not over.is_set():
            folded += await connection.fetchval("SELECT compact_campaign_stats()")
    return folded


async def test_compaction_waits_for_no_writer_and_no_writer_for_it(postgres_dsn: str) -> None:
    async with connected(postgres_dsn) as one, connected(postgres_dsn) as other, connected(postgres_dsn) as third:
        (campaign,) = await add_campaigns(one)
        await add_leads(one, campaign, 3)
        for connection in (one, other, third):
            await connection.execute("SET lock_timeout = '1ms'")
        writing = one.transaction()
        await writing.start()
        await add_leads(one, campaign, 2)  # not yet committed: its delta is not folded
        folding = other.transaction()
        await folding.start()
        assert await other.fetchval("SELECT compact_campaign_stats()") == 1
        assert await third.fetchval("SELECT compact_campaign_stats()") == 0  # one compactor at a time, others pass by
        await add_leads(third, campaign, 1)
        await writing.commit()
        assert await differences(third) == []
        await folding.commit()
        assert await differences(third) == []
        assert await third.fetchval("SELECT compact_campaign_stats()") == 2
        assert await differences(third) == []


async def test_statistics_of_a_campaign_are_read_as_kept_and_as_recounted(postgres_dsn: str) -> None:
    async with connected(postgres_dsn) as connection, Database(postgres_dsn) as database:
        (campaign,) = await add_campaigns(connection)
        await add_leads(connection, campaign, 5)
        first, second, third, fourth = await claim(connection, campaign, 4)
        await record(connection, [first["attempt_id"]], "answered", talk_s=61.25)
        await record(connection, [second["attempt_id"]], "abandoned", "waiting")
        await record(connection, [fourth["attempt_id"]], "customer_hangup", "waiting")
        kept = PostgresStatistics(database)
        statistics = await kept.of(CampaignId(campaign))
        assert statistics == await kept.recount(CampaignId(campaign))
        assert statistics.leads == {"new": 1, "dialing": 1, "done": 1, "waiting": 2}
        assert statistics.outcomes == {"answered": 1, "abandoned": 1, "customer_hangup": 1}
        assert (statistics.talk_s, statistics.live, statistics.abandoned_ratio) == (61.25, 3, 0.5)
        assert await kept.compact() > 0
        assert await kept.of(CampaignId(campaign)) == statistics
        assert third["attempts"] == 1
