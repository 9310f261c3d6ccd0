"""Outcomes per second through the statistics' triggers, against the same batches without, and against a row trigger.

The row trigger updates the campaign's row once per lead, as the original VSS did. The variants take turns inside one
run (A B C, C B A, ...) in a database of the benchmark's own, so that the machine's moods meet all of them.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import statistics
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from engine.adapters.postgres.migrate import migrate
from engine.adapters.postgres.query import query
from engine.ids import attempt_id

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

BATCH = 25
"""Outcomes per call of record_outcomes; the engine's group commit writes 10 to 50."""
SLICE_S = 0.4
"""Measured time of one variant before the next one's turn: short, so that a busy machine meets all alike."""
ROUNDS_MIN = 3
CASES = ((1, 1), (1, 20), (8, 1), (8, 20))
"""Connections and campaigns."""
VARIANTS = ("no_trigger", "statement_trigger", "row_trigger")
COMMAND_TIMEOUT_S = 60.0
PREPARED_FACTOR = 1.5
WARM_UP_BATCHES = 40

_SETUP = """
INSERT INTO trunks (name, host, caller_id) VALUES ('bench', '127.0.0.1', '+15550100');
INSERT INTO campaigns (name, trunk, caller_id) SELECT 'c' || n, 'bench', '+15550100' FROM generate_series(1, 20) n;
ALTER TABLE campaigns
  ADD COLUMN leads_done bigint NOT NULL DEFAULT 0, ADD COLUMN leads_waiting bigint NOT NULL DEFAULT 0;
CREATE FUNCTION update_campaign_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE campaigns
     SET leads_done = leads_done + (NEW.status = 'done')::int - (OLD.status = 'done')::int,
         leads_waiting = leads_waiting + (NEW.status = 'waiting')::int - (OLD.status = 'waiting')::int
   WHERE campaign_id = NEW.campaign_id_ref;
  RETURN NULL;
END $$;
CREATE TRIGGER row_statistics AFTER UPDATE ON autodialer_leads FOR EACH ROW
  WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION update_campaign_row();
"""
_STATEMENT_TRIGGERS = """
ALTER TABLE autodialer_leads {0} TRIGGER statistics_insert, {0} TRIGGER statistics_update;
ALTER TABLE outcomes {0} TRIGGER statistics_insert
"""
_ROW_TRIGGER = "ALTER TABLE autodialer_leads {0} TRIGGER row_statistics"
_ADD_LEADS = """
INSERT INTO autodialer_leads (campaign_id_ref, phone_number, status, attempts)
SELECT n % $1 + 1, '+1' || (2000000000 + n), 'dialing', 1 FROM generate_series($2::bigint, $3::bigint) n
RETURNING lead_id, campaign_id_ref
"""
_ADD_ATTEMPTS = """
INSERT INTO attempts (attempt_id, lead_id, campaign_id, trunk, epoch, ordinal)
SELECT a.attempt_id, a.lead_id, a.campaign_id, 'bench', 1, 1
  FROM unnest($1::uuid[], $2::bigint[], $3::integer[]) AS a(attempt_id, lead_id, campaign_id)
"""


class _Supply:
    """Batches of arguments whose attempts are open; made outside of the measured time."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.batches: deque[Sequence[Any]] = deque()
        self._random = random.Random(3)
        self._leads = 0

    async def fill(self, campaigns: int, count: int) -> None:
        """Have at least `count` batches, each spread over all campaigns."""
        while len(self.batches) < count:
            made = min(40, count - len(self.batches)) * BATCH
            leads = await self.connection.fetch(_ADD_LEADS, campaigns, self._leads, self._leads + made - 1)
            self._leads += made
            attempts = [attempt_id(time.time(), self._random.getrandbits(74)) for _ in leads]
            await self.connection.execute(
                _ADD_ATTEMPTS, attempts, [row["lead_id"] for row in leads], [row["campaign_id_ref"] for row in leads]
            )
            for start in range(0, made, BATCH):
                self.batches.append(self._facts(attempts[start : start + BATCH]))

    def _facts(self, attempts: Sequence[str]) -> Sequence[Any]:
        now = time.time()
        outcomes = self._random.choices(
            ("answered", "busy", "no_answer", "declined", "abandoned"), (4, 2, 3, 1, 1), k=BATCH
        )
        answered = [now - 60 if outcome == "answered" else None for outcome in outcomes]
        statuses = ["waiting" if outcome in {"busy", "no_answer"} else "done" for outcome in outcomes]
        following = [now + 3600 if status == "waiting" else None for status in statuses]
        same = [
            [16] * BATCH,
            [200] * BATCH,
            [now - 70] * BATCH,
            answered,
            answered,
            [now] * BATCH,
            ["customer"] * BATCH,
        ]
        heard = [now - 58 if outcome == "abandoned" else None for outcome in outcomes]
        known = [answered, None, None, heard, None, None]
        return [attempts, outcomes, *same, [7001] * BATCH, statuses, following, *known]


@asynccontextmanager
async def _own_database(dsn: str) -> AsyncIterator[str]:
    name = f"bench_outcomes_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(dsn, timeout=10, command_timeout=COMMAND_TIMEOUT_S)
    try:
        await admin.execute(f"CREATE DATABASE {name}")
        try:
            # The row trigger deadlocks over many campaigns: found after 10 ms instead of 1 s, it fares better.
            with suppress(asyncpg.InsufficientPrivilegeError):
                await admin.execute(f"ALTER DATABASE {name} SET deadlock_timeout = '10ms'")
            yield urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))
        finally:
            await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close(timeout=10)


async def _connect(exits: AsyncExitStack, dsn: str) -> Connection:
    connection = await asyncpg.connect(dsn, timeout=10, command_timeout=COMMAND_TIMEOUT_S)
    exits.push_async_callback(connection.close, timeout=10)
    return connection


async def _arm(connection: Connection, variant: str) -> None:
    statement = "ENABLE" if variant == "statement_trigger" else "DISABLE"
    row = "ENABLE" if variant == "row_trigger" else "DISABLE"
    await connection.execute(_STATEMENT_TRIGGERS.format(statement))
    await connection.execute(_ROW_TRIGGER.format(row))


async def _write(connection: Connection, batches: deque[Sequence[Any]], until: float) -> tuple[int, int]:
    """Record batches until the time is up; returns outcomes and deadlocks. A deadlocked batch is written again."""
    recorded = deadlocks = 0
    while batches and time.perf_counter() < until:
        batch = batches.popleft()
        try:
            recorded += await connection.fetchval(query("record_outcomes"), *batch)
        except asyncpg.DeadlockDetectedError:
            deadlocks += 1
            batches.appendleft(batch)
    return recorded, deadlocks


async def _slice(writers: Sequence[Connection], batches: deque[Sequence[Any]], seconds: float) -> tuple[float, int]:
    began = time.perf_counter()
    done = await asyncio.gather(*(_write(writer, batches, began + seconds) for writer in writers))
    elapsed = time.perf_counter() - began
    return sum(recorded for recorded, _ in done) / elapsed, sum(deadlocks for _, deadlocks in done)


async def _case(supply: _Supply, writers: Sequence[Connection], campaigns: int, seconds: float) -> Mapping[str, Any]:
    rounds = max(ROUNDS_MIN, round(seconds / SLICE_S))
    rates: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    deadlocks = dict.fromkeys(VARIANTS, 0)
    supply.batches.clear()
    for turn in range(rounds + 1):  # the first one warms up and is not counted
        for variant in VARIANTS if turn % 2 else reversed(VARIANTS):
            await _arm(supply.connection, variant)
            fastest = max((rate for per_variant in rates.values() for rate in per_variant), default=8000.0)
            needed = fastest * seconds / rounds / BATCH * PREPARED_FACTOR + WARM_UP_BATCHES
            await supply.fill(campaigns, int(needed))
            # Plans made for the other variant are renewed before the clock starts.
            await asyncio.gather(*(_write(w, deque([supply.batches.popleft()]), float("inf")) for w in writers))
            rate, failed = await _slice(writers, supply.batches, seconds / rounds)
            if turn:
                rates[variant].append(rate)
                deadlocks[variant] += failed
    ratios = {
        variant: statistics.median(rate / bare for rate, bare in zip(rates[variant], rates["no_trigger"], strict=True))
        for variant in VARIANTS
    }
    return {
        **{variant: round(statistics.median(rates[variant]), 1) for variant in VARIANTS},
        "ratio": round(ratios["statement_trigger"], 3),
        "row_trigger_ratio": round(ratios["row_trigger"], 3),
        "deadlocks": deadlocks,
    }


async def bench_outcomes(dsn: str, seconds_per_case: float = 12.0) -> dict[str, Any]:
    """Measure outcomes per second for each case, keyed `<connections>x<campaigns>`.

    `dsn` is of any database whose role may create databases. `seconds_per_case` is measured time for each variant.
    `ratio`: the statement triggers' rate as a fraction of the rate without, median of the paired rounds.
    """
    async with AsyncExitStack() as exits:
        own = await exits.enter_async_context(_own_database(dsn))
        await migrate(own)
        supply = _Supply(await _connect(exits, own))
        await supply.connection.execute(_SETUP)
        writers = [await _connect(exits, own) for _ in range(max(connections for connections, _ in CASES))]
        return {
            f"{connections}x{campaigns}": await _case(supply, writers[:connections], campaigns, seconds_per_case)
            for connections, campaigns in CASES
        }
