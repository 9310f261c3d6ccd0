"""What scripts leave behind: facts stay, no secret outlives a run, a campaign's list binds only that campaign."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import asyncpg
import pytest

from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.query import query
from engine.adapters.postgres.runs import PostgresRuns
from engine.adapters.postgres.scripts import PostgresScripts
from engine.flow.nodes.centre import DncScope
from engine.flow.publication import Publication
from engine.ids import CallId, CampaignId
from engine.run_ports import CallbackWish, DncEntry, RunId, RunRecord
from tests.schema.ground import add_campaigns, add_leads, claim, connected, differences, status_of

if TYPE_CHECKING:
    from tests.schema.ground import Connection

pytestmark = pytest.mark.pg

NUMBER = "+12025550100"
SCRIPT = Publication("pin", 1, "", 1, '{"flow":{"id":"pin"},"subflows":{}}')


@pytest.fixture
async def connection(postgres_dsn: str) -> AsyncIterator[Connection]:
    async with connected(postgres_dsn) as connection:
        yield connection


async def add_number(connection: Connection, campaign: int) -> int:
    """A lead that is due, with the number that will be forbidden."""
    lead: int = await connection.fetchval(
        "INSERT INTO autodialer_leads (campaign_id_ref, phone_number, zones, next_at)"
        " VALUES ($1, $2, '{UTC}', 'epoch') RETURNING lead_id",
        campaign,
        NUMBER,
    )
    return lead


async def add_run(dsn: str) -> None:
    """An open run with a PIN in it."""
    async with Database(dsn) as database:
        await PostgresScripts(database).publish([SCRIPT], "ann")
        run = RunRecord(
            run=RunId("c1"), call=CallId("c1"), script=SCRIPT.hash, flow="pin", started_at=1.0, ended_at=None,
            node="ask", state={}, secret={"pin": "4711"}, leg={"number": "+7"},
        )  # fmt: skip
        await PostgresRuns(database).commit([run])


async def test_campaigns_own_list_excludes_its_leads_at_once_and_no_others(
    postgres_dsn: str, connection: Connection
) -> None:
    mine, other = await add_campaigns(connection, 2)
    forbidden, free = [await add_number(connection, campaign) for campaign in (mine, other)]
    entry = DncEntry(request="c1:never:2", call=CallId("c1"), number=NUMBER, scope=DncScope.CAMPAIGN,
                     campaign=CampaignId(mine), at=5.0)  # fmt: skip
    async with Database(postgres_dsn) as database:
        await PostgresRuns(database).commit([entry])
        await PostgresRuns(database).commit([entry])
    assert await status_of(connection, forbidden) == "excluded"
    assert await status_of(connection, free) == "new"
    assert await connection.fetchval("SELECT count(*) FROM do_not_call") == 0
    assert await claim(connection, mine) == []
    assert [row["lead_id"] for row in await claim(connection, other)] == [free]
    assert await differences(connection) == []


async def test_lead_that_comes_after_its_campaigns_entry_is_not_claimed(connection: Connection) -> None:
    """The claim alone sees it: the trigger on the list ran before there was a lead."""
    mine, other = await add_campaigns(connection, 2)
    await connection.execute(
        "INSERT INTO campaign_do_not_call (campaign_id, phone_number) VALUES ($1, $2)", mine, NUMBER
    )
    forbidden, free = [await add_number(connection, campaign) for campaign in (mine, other)]
    (willing,) = await add_leads(connection, mine)
    assert [row["lead_id"] for row in await claim(connection, mine, 5)] == [willing]
    row = await connection.fetchrow("SELECT status, result FROM autodialer_leads WHERE lead_id = $1", forbidden)
    assert row is not None
    assert tuple(row) == ("excluded", "do_not_call")
    assert [row["lead_id"] for row in await claim(connection, other, 5)] == [free]
    assert await differences(connection) == []


@pytest.mark.parametrize("table", ["gacs_dispositions", "consent_evidence"])
@pytest.mark.parametrize("change", ["UPDATE {} SET call_id = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
async def test_dispositions_and_evidence_are_append_only(connection: Connection, table: str, change: str) -> None:
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await connection.execute(change.format(table))


async def test_run_ends_only_without_what_is_sensitive_and_then_stays(
    postgres_dsn: str, connection: Connection
) -> None:
    await add_run(postgres_dsn)
    for left in ("leg = NULL", "secret = NULL"):
        with pytest.raises(asyncpg.CheckViolationError, match="nothing_sensitive_outlives_a_run"):
            await connection.execute(f"UPDATE gacs_runs SET ended_at = now(), reason = 'script', {left}")
    with pytest.raises(asyncpg.CheckViolationError, match="ended_with_a_reason"):
        await connection.execute("UPDATE gacs_runs SET ended_at = now(), leg = NULL, secret = NULL")
    await connection.execute("UPDATE gacs_runs SET ended_at = now(), reason = 'script', leg = NULL, secret = NULL")
    with pytest.raises(asyncpg.RestrictViolationError, match="never changes"):
        await connection.execute("UPDATE gacs_runs SET node = 'late'")


async def test_promises_go_to_one_claimer_each_while_many_claim_and_again_after_the_lease(
    postgres_dsn: str, connection: Connection
) -> None:
    async with Database(postgres_dsn) as database:
        store = PostgresRuns(database)
        for number in range(200):
            wish = CallbackWish(request=f"c{number}:back:1", call=CallId(f"c{number}"), number=NUMBER, pool="support",
                                at=100.0, note=None)  # fmt: skip
            await store.keep_callback(wish)

    async def claimer(now: float) -> list[int]:
        mine: list[int] = []
        async with connected(postgres_dsn) as own:
            while (row := await own.fetchrow(query("take_callback"), ["support"], now, 300.0, 3)) is not None:
                mine.append(row["callback_id"])
        return mine

    first = [one for mine in await asyncio.gather(*(claimer(101.0) for _ in range(8))) for one in mine]
    assert len(first) == len(set(first)) == 200
    assert await claimer(400.9) == []
    assert sorted(await claimer(401.0)) == sorted(first)


async def test_events_are_told_to_who_listens_by_the_newest_id(connection: Connection, postgres_dsn: str) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    await connection.add_listener("gacs_event", lambda *heard: told.put_nowait(heard[3]))
    async with connected(postgres_dsn) as other:
        await other.execute(query("add_script_events"), ["r1", "r2"], ["c1"] * 2, ["c1"] * 2, ["a", "b"], ["{}"] * 2,
                            [1.0, 2.0])  # fmt: skip
    newest = await connection.fetchval("SELECT max(event_id) FROM gacs_events")
    assert await asyncio.wait_for(told.get(), 10) == f'{{"event_id" : {newest}}}'
    assert [row["name"] for row in await connection.fetch("SELECT name FROM gacs_events ORDER BY event_id")] == [
        "a",
        "b",
    ]
