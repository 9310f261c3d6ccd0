"""Definitions of abandonment: append-only, versioned, the same data as the engine's, and read through an index."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import asyncpg
import pytest

from engine.adapters.postgres.query import query
from engine.dialer.jurisdiction import jurisdiction, names
from tests.schema.ground import add_campaigns, add_leads, claim, connected

if TYPE_CHECKING:
    from tests.schema.ground import Connection

pytestmark = pytest.mark.pg

T = 1_700_000_000.0
ADD_VERSION = """
INSERT INTO abandonment_definitions
  (name, version, law, limit_ratio, period, window_s, zone, connect_limit_s, counted_from, add_false_positives)
SELECT name, 2, law, 0.01, period, window_s, $2, 1, counted_from, NOT add_false_positives
  FROM abandonment_definitions WHERE name = $1 AND version = 1
"""
COUNT = "SELECT * FROM abandonment($1, $2, $3, to_timestamp($4), to_timestamp($5), 0.02)"
SCANS = """
SELECT pg_stat_get_xact_numscans('outcomes'::regclass) AS scans_of_table,
       pg_stat_get_xact_numscans('outcomes_answered'::regclass) AS scans_of_index,
       pg_stat_get_xact_tuples_returned('outcomes_answered'::regclass) AS entries_read
"""


@pytest.fixture
async def connection(postgres_dsn: str) -> AsyncIterator[Connection]:
    async with connected(postgres_dsn) as connection:
        yield connection


async def add_answers(connection: Connection, campaign: int, waits_s: list[float]) -> None:
    """Calls answered one second apart from T on, each bridged after its wait."""
    await add_leads(connection, campaign, len(waits_s))
    claimed = await claim(connection, campaign, len(waits_s))
    many = len(waits_s)
    answered = [T + number for number in range(many)]
    bridged = [at + wait for at, wait in zip(answered, waits_s, strict=True)]
    nothing = [None] * many
    await connection.fetchval(
        query("record_outcomes"),
        [row["attempt_id"] for row in claimed], ["answered"] * many, [16] * many, nothing, nothing, answered, bridged,
        [at + 60 for at in answered], ["customer"] * many, nothing, ["done"] * many, nothing, *[nothing] * 6,
    )  # fmt: skip


async def test_definitions_are_the_engines_laws(connection: Connection) -> None:
    rows = await connection.fetch(
        "SELECT DISTINCT ON (name) * FROM abandonment_definitions ORDER BY name, version DESC"
    )
    assert {row["name"] for row in rows} == set(names())
    for row in rows:
        law = asdict(jurisdiction(row["name"])) | {"limit_ratio": jurisdiction(row["name"]).limit}
        assert dict(row) | law == law | {"added_at": row["added_at"]}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE abandonment_definitions SET connect_limit_s = 9",
        "DELETE FROM abandonment_definitions",
        "TRUNCATE abandonment_definitions",
    ],
)
async def test_definition_is_never_changed(connection: Connection, change: str) -> None:
    with pytest.raises(asyncpg.RestrictViolationError, match="add a new version"):
        await connection.execute(change)


async def test_new_version_counts_anew_and_the_older_one_as_it_did(connection: Connection) -> None:
    (campaign,) = await add_campaigns(connection)
    await add_answers(connection, campaign, [0.5, 1.5, 1.5, 2.5])
    before = await connection.fetchrow(COUNT, campaign, "us-ftc", 1, T - 60, T + 60)
    await connection.execute(ADD_VERSION, "us-ftc", "UTC")
    assert await connection.fetchrow(COUNT, campaign, "us-ftc", 1, T - 60, T + 60) == before
    assert before is not None
    after = await connection.fetchrow(COUNT, campaign, "us-ftc", 2, T - 60, T + 60)
    assert after is not None
    assert [(row["live"], row["abandoned"]) for row in (before, after)] == [(4, 1), (4, 3)]
    assert [row["false_positives"] for row in (before, after)] == [0, pytest.approx(4 * 0.02 / 0.98)]
    windows = await connection.fetch(query("abandonment_windows"), campaign, "us-ftc", T + 60)
    assert {row["name"]: row["abandoned"] for row in windows}["24h"] == 3, "the newest version is the one that holds"


async def test_unknown_version_is_an_error_and_not_a_clean_record(connection: Connection) -> None:
    with pytest.raises(asyncpg.PostgresError, match="there is no definition us-ftc version 7"):
        await connection.fetch(COUNT, 1, "us-ftc", 7, T, T + 60)


async def test_definition_with_an_unknown_zone_is_refused(connection: Connection) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match="time zone Mars/Olympus is not known"):
        await connection.execute(ADD_VERSION, "uk-ofcom", "Mars/Olympus")


async def test_windows_read_their_own_answers_and_never_the_table(connection: Connection) -> None:
    mine, other = await add_campaigns(connection, 2)
    await add_answers(connection, other, [1.0] * 400)
    await add_answers(connection, mine, [1.0] * 100)
    async with connection.transaction():
        row = await connection.fetchrow(COUNT, mine, "us-ftc", 1, T + 50, T + 60)
        scans = await connection.fetchrow(SCANS)
    assert row is not None
    assert row["live"] == 10
    assert scans is not None
    assert scans["scans_of_table"] == 0, "the table was read from end to end"
    assert (scans["scans_of_index"], scans["entries_read"]) == (1, 10)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("abandon_limit", "0"), ("abandon_limit", "1"), ("abandon_limit", "NaN"), ("fp_rate", "-0.1"),
        ("fp_rate", "1"), ("lines_per_agent", "0.5"), ("lines_per_agent_max", "0"), ("pool_weight", "0"),
        ("preview_limit_s", "0"), ("language", "English"), ("opt_out_digit", "12"), ("dial_mode", "reckless"),
        ("jurisdiction", ""),
    ],
)  # fmt: skip
async def test_campaign_with_bad_pacing_is_refused(connection: Connection, column: str, value: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError, match=column):
        await add_campaigns(connection, **{column: value})


@pytest.mark.parametrize(("column", "value"), [("machine", "'robot'"), ("note", "repeat('x', 501)")])
async def test_fact_that_means_nothing_is_refused(connection: Connection, column: str, value: str) -> None:
    (campaign,) = await add_campaigns(connection)
    await add_leads(connection, campaign)
    (claimed,) = await claim(connection, campaign)
    with pytest.raises(asyncpg.CheckViolationError, match=column):
        await connection.execute(
            f"INSERT INTO outcomes (attempt_id, lead_id, campaign_id, outcome, cause, ended_at, lead_status, {column})"
            f" VALUES ($1, $2, $3, 'skipped', 0, now(), 'waiting', {value})",
            claimed["attempt_id"], claimed["lead_id"], campaign,
        )  # fmt: skip


async def test_engine_of_the_version_before_still_records(connection: Connection) -> None:
    """It gives twelve arguments; what it does not know is NULL."""
    (campaign,) = await add_campaigns(connection)
    await add_leads(connection, campaign)
    (claimed,) = await claim(connection, campaign)
    recorded = await connection.fetchval(
        "SELECT record_outcomes($1::uuid[], $2::text[], $3::integer[], $4::integer[], $5::float8[], $6::float8[],"
        " $7::float8[], $8::float8[], $9::text[], $10::integer[], $11::text[], $12::float8[])",
        [claimed["attempt_id"]], ["answered"], [16], [200], [T], [T], [T + 1], [T + 9], ["agent"], [7001], ["done"],
        [None],
    )  # fmt: skip
    assert recorded == 1
    row = await connection.fetchrow("SELECT machine, live_at, note FROM outcomes")
    assert row is not None
    assert list(row) == [None, None, None]
