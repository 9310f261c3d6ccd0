"""What the database itself refuses, whoever asks: each rule is attacked with plain SQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.schema.ground import add_campaigns, add_leads, claim, connected, new_ids, record, status_of

if TYPE_CHECKING:
    from tests.schema.ground import Connection

pytestmark = pytest.mark.pg

ADD_ATTEMPT = (
    "INSERT INTO attempts (attempt_id, lead_id, campaign_id, trunk, epoch, ordinal)"
    " VALUES ($1, $2, $3, 'carrier', 1, 1)"
)
ADD_OUTCOME = (
    "INSERT INTO outcomes (attempt_id, lead_id, campaign_id, outcome, cause, ended_at, lead_status)"
    " VALUES ($1, $2, $3, 'busy', 17, now(), 'done')"
)


@pytest.fixture
async def connection(postgres_dsn: str) -> AsyncIterator[Connection]:
    async with connected(postgres_dsn) as connection:
        yield connection


@pytest.fixture
async def campaign(connection: Connection) -> int:
    return (await add_campaigns(connection))[0]


@pytest.mark.parametrize("table", ["attempts", "outcomes", "agent_history", "dispositions", "security_audit_log"])
@pytest.mark.parametrize("change", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_facts_are_append_only(connection: Connection, table: str, change: str) -> None:
    column = {"agent_history": "state", "dispositions": "code", "security_audit_log": "actor"}.get(table, "attempt_id")
    with pytest.raises(asyncpg.RestrictViolationError, match=f"on {table} is refused|append-only"):
        await connection.execute(change.format(table, column, column))


@pytest.mark.parametrize(
    "table", ["autodialer_leads", "campaigns", "open_attempts", "campaign_stats", "campaign_stats_deltas"]
)
async def test_truncate_is_refused(connection: Connection, table: str) -> None:
    with pytest.raises(asyncpg.RestrictViolationError):
        await connection.execute(f"TRUNCATE {table} CASCADE")


async def test_campaign_is_never_deleted(connection: Connection, campaign: int) -> None:
    with pytest.raises(asyncpg.RestrictViolationError, match="archived_at"):
        await connection.execute("DELETE FROM campaigns WHERE campaign_id = $1", campaign)


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO open_attempts SELECT 1, gen_random_uuid(), 1",
        "DELETE FROM open_attempts",
        "UPDATE open_attempts SET campaign_id = 2",
        "INSERT INTO campaign_stats_deltas (campaign_id, kind, key, n) VALUES (1, 'lead', 'new', 1)",
        "DELETE FROM campaign_stats_deltas",
        "UPDATE campaign_stats SET n = n + 1",
        "INSERT INTO campaign_stats VALUES (1, 'lead', 'new', 1, 0)",
    ],
)
async def test_derived_tables_are_written_by_triggers_only(connection: Connection, change: str) -> None:
    with pytest.raises(asyncpg.RestrictViolationError):
        await connection.execute(change)


async def test_lead_has_one_open_attempt(connection: Connection, campaign: int) -> None:
    (lead,) = await add_leads(connection, campaign)
    first, second = new_ids(2)
    await connection.execute(ADD_ATTEMPT, first, lead, campaign)
    with pytest.raises(asyncpg.UniqueViolationError, match="open_attempts_pkey"):
        await connection.execute(ADD_ATTEMPT, second, lead, campaign)
    await connection.execute(ADD_OUTCOME, first, lead, campaign)
    await connection.execute(ADD_ATTEMPT, second, lead, campaign)
    assert await connection.fetchval("SELECT array_agg(attempt_id::text) FROM open_attempts") == [second]


async def test_two_transactions_cannot_both_open_an_attempt(postgres_dsn: str, campaign: int) -> None:
    async with connected(postgres_dsn) as one, connected(postgres_dsn) as other:
        (lead,) = await add_leads(one, campaign)
        first, second = new_ids(2)
        await other.execute("SET lock_timeout = '200ms'")
        async with one.transaction():
            await one.execute(ADD_ATTEMPT, first, lead, campaign)
            with pytest.raises(asyncpg.LockNotAvailableError):  # it waits to learn how the other one ends
                await other.execute(ADD_ATTEMPT, second, lead, campaign)
        with pytest.raises(asyncpg.UniqueViolationError):
            await other.execute(ADD_ATTEMPT, second, lead, campaign)


async def test_attempt_has_one_outcome(connection: Connection, campaign: int) -> None:
    (lead,) = await add_leads(connection, campaign)
    (attempt,) = new_ids(1)
    await connection.execute(ADD_ATTEMPT, attempt, lead, campaign)
    await connection.execute(ADD_OUTCOME, attempt, lead, campaign)
    with pytest.raises(asyncpg.UniqueViolationError, match="outcomes_pkey"):
        await connection.execute(ADD_OUTCOME, attempt, lead, campaign)


async def test_outcome_needs_its_attempt_with_the_same_lead_and_campaign(connection: Connection) -> None:
    campaign, other_campaign = await add_campaigns(connection, 2)
    lead, other_lead = await add_leads(connection, campaign, 2)
    (first, second), (unknown,) = new_ids(2), new_ids(1)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await connection.execute(ADD_OUTCOME, unknown, lead, campaign)
    await connection.execute(ADD_ATTEMPT, first, lead, campaign)
    await connection.execute(ADD_ATTEMPT, second, other_lead, campaign)
    for named in ((first, other_lead, campaign), (first, lead, other_campaign), (second, lead, campaign)):
        with pytest.raises(asyncpg.ForeignKeyViolationError, match="another lead or campaign"):
            await connection.execute(ADD_OUTCOME, *named)
    with pytest.raises(asyncpg.ForeignKeyViolationError, match="another lead or campaign"):  # swapped pairs
        await connection.execute(
            "INSERT INTO outcomes (attempt_id, lead_id, campaign_id, outcome, cause, ended_at, lead_status)"
            " SELECT a, l, $3, 'busy', 17, now(), 'done' FROM unnest($1::uuid[], $2::bigint[]) AS swapped(a, l)",
            [first, second],
            [other_lead, lead],
            campaign,
        )


async def test_deleted_lead_is_anonymised_and_its_facts_stay(connection: Connection, campaign: int) -> None:
    (lead,) = await add_leads(connection, campaign)
    await connection.execute('UPDATE autodialer_leads SET lead_data = \'{"name": "Ann"}\' WHERE lead_id = $1', lead)
    (claimed,) = await claim(connection, campaign)
    await record(connection, [claimed["attempt_id"]])
    await connection.execute("DELETE FROM autodialer_leads WHERE lead_id = $1", lead)
    row = await connection.fetchrow("SELECT * FROM autodialer_leads WHERE lead_id = $1", lead)
    assert row is not None
    assert (row["status"], row["phone_number"], row["lead_data"], row["attempts"]) == ("deleted", None, "{}", 1)
    assert await connection.fetchval("SELECT count(*) FROM outcomes WHERE lead_id = $1", lead) == 1


async def test_deleted_lead_cannot_come_back(connection: Connection, campaign: int) -> None:
    (lead,) = await add_leads(connection, campaign)
    await connection.execute("DELETE FROM autodialer_leads WHERE lead_id = $1", lead)
    with pytest.raises(asyncpg.CheckViolationError, match="deleted_is_anonymous"):
        await connection.execute("UPDATE autodialer_leads SET status = 'new' WHERE lead_id = $1", lead)


async def test_number_comes_once_per_campaign_until_its_lead_is_deleted(connection: Connection) -> None:
    campaign, other = await add_campaigns(connection, 2)
    add = "INSERT INTO autodialer_leads (campaign_id_ref, phone_number) VALUES ($1, '+12025550100') RETURNING lead_id"
    lead = await connection.fetchval(add, campaign)
    await connection.execute(add, other)
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute(add, campaign)
    await connection.execute("DELETE FROM autodialer_leads WHERE lead_id = $1", lead)
    assert await connection.fetchval(add, campaign) != lead


async def test_answers_are_hung_up_on_test_trunks_only(connection: Connection) -> None:
    (campaign,) = await add_campaigns(connection, answer_action="hang_up")
    with pytest.raises(asyncpg.CheckViolationError, match="must stay a test trunk"):
        await connection.execute("UPDATE trunks SET test = false WHERE name = 'carrier'")
    await connection.execute("INSERT INTO trunks (name, host, caller_id) VALUES ('real', '127.0.0.1', '+15550100')")
    with pytest.raises(asyncpg.CheckViolationError, match="real is none"):
        await connection.execute("UPDATE campaigns SET trunk = 'real' WHERE campaign_id = $1", campaign)


@pytest.mark.parametrize(("slot", "kind"), [(7001, "AUTO"), (6001, "MF"), (7000, "MF"), (9001, "LS"), (5000, "MF")])
async def test_slot_number_outside_its_kind_is_refused(connection: Connection, slot: int, kind: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="slot_kind_matches_number"):
        await connection.execute(
            "INSERT INTO slots (slot_id, kind, sip_secret) VALUES ($1, $2, 'long-enough-secret')", slot, kind
        )


async def test_unknown_time_zone_is_refused(connection: Connection, campaign: int) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="Mars/Olympus is not known"):
        await add_leads(connection, campaign, zones=["UTC", "Mars/Olympus"])
    (lead,) = await add_leads(connection, campaign)
    with pytest.raises(asyncpg.CheckViolationError, match="Mars/Olympus is not known"):
        await connection.execute("UPDATE autodialer_leads SET zones = '{Mars/Olympus}' WHERE lead_id = $1", lead)


async def test_lead_excluded_while_it_rings_stays_excluded(connection: Connection, campaign: int) -> None:
    (lead,) = await add_leads(connection, campaign)
    (claimed,) = await claim(connection, campaign)
    await connection.execute("UPDATE autodialer_leads SET status = 'excluded' WHERE lead_id = $1", lead)
    assert await record(connection, [claimed["attempt_id"]], status="waiting") == 1
    assert await status_of(connection, lead) == "excluded"
