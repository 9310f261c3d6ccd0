"""What the schema's tests stand on: connections, campaigns that run all day, leads, and the comparison of counts."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg

from engine.adapters.postgres.query import query
from engine.ids import attempt_id

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

_numbers = itertools.count(2_000_000_000)
_bits = random.Random(2)

DIFFERENCE = """
(TABLE campaign_statistics EXCEPT TABLE campaign_recount) UNION ALL
(TABLE campaign_recount EXCEPT TABLE campaign_statistics)
"""
"""One statement, so that both counts are of the same instant."""


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Connection]:
    """A connection of its own, without a pool."""
    connection = await asyncpg.connect(dsn, timeout=10, command_timeout=60)
    try:
        yield connection
    finally:
        await connection.close(timeout=10)


def new_ids(count: int) -> list[str]:
    """Attempt ids."""
    return [attempt_id(time.time(), _bits.getrandbits(74)) for _ in range(count)]


def new_number() -> str:
    """A number no other lead has."""
    return f"+1{next(_numbers)}"


async def add_campaigns(connection: Connection, count: int = 1, **settings: Any) -> list[int]:
    """Running campaigns whose window is all day unless `settings` (columns) say otherwise."""
    await connection.execute(
        "INSERT INTO trunks (name, host, caller_id, test) VALUES ('carrier', '127.0.0.1', '+15550100', true)"
        " ON CONFLICT DO NOTHING"
    )
    columns = {"status": "running", "window_start": "00:00", "window_end": "24:00", **settings}
    values = ", ".join(f"'{value}'" for value in columns.values())
    rows = await connection.fetch(
        f"INSERT INTO campaigns (name, trunk, caller_id, {', '.join(columns)})"
        f" SELECT 'campaign ' || gen_random_uuid(), 'carrier', '+15550100', {values} FROM generate_series(1, $1)"
        " RETURNING campaign_id",
        count,
    )
    return [row["campaign_id"] for row in rows]


async def add_leads(
    connection: Connection, campaign: int, count: int = 1, zones: Sequence[str] = ("UTC",), status: str = "new"
) -> list[int]:
    """Leads that are due; the first is the oldest."""
    rows = await connection.fetch(
        "INSERT INTO autodialer_leads (campaign_id_ref, phone_number, zones, status, next_at)"
        " SELECT $1, number, $3, $4, 'epoch' FROM unnest($2::text[]) AS number RETURNING lead_id",
        campaign,
        [new_number() for _ in range(count)],
        list(zones),
        status,
    )
    return [row["lead_id"] for row in rows]


async def claim(
    connection: Connection, campaign: int, count: int = 1, now: float | None = None
) -> list[asyncpg.Record]:
    """Claim leads, at the instant `now` (epoch seconds) if given."""
    return await connection.fetch(query("claim_leads"), campaign, new_ids(count), "carrier", 1, now)


async def record(
    connection: Connection, attempts: Sequence[Any], outcome: str = "busy", status: str = "done", talk_s: float = 0.0
) -> int:
    """Record the same outcome for some attempts; a lead that waits is due at once."""
    many, ended = len(attempts), 1_700_000_000.0
    bridged = [ended - talk_s if talk_s else None] * many
    recorded: int = await connection.fetchval(
        query("record_outcomes"),
        attempts, [outcome] * many, [16] * many, [200] * many, [None] * many, bridged, bridged, [ended] * many,
        ["customer"] * many, [None] * many, [status] * many, [0.0] * many,
        *[[None] * many] * 6,
    )  # fmt: skip
    return recorded


async def status_of(connection: Connection, lead: int) -> str:
    """A lead's status."""
    status: str = await connection.fetchval("SELECT status FROM autodialer_leads WHERE lead_id = $1", lead)
    return status


async def differences(connection: Connection) -> list[dict[str, Any]]:
    """Where the kept statistics and the recount differ, at one instant."""
    return [dict(row) for row in await connection.fetch(DIFFERENCE)]
