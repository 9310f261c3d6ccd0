"""A real PostgreSQL that goes and comes back, and an engine that is killed meanwhile: nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from engine.adapters.postgres.calls import PostgresCalls
from engine.adapters.postgres.migrate import migrate
from engine.adapters.postgres.outcomes import PostgresOutcomes
from engine.adapters.postgres.pool import Database
from engine.adapters.spool import FileSpools
from engine.dialer.lead import LeadNext, LeadStatus
from engine.fakes.metrics import FakeMetrics
from engine.ids import AttemptId, CallId
from engine.outcome.disposition import Outcome
from engine.ports import CallRecord, OutcomeFact
from engine.runtime.batch import Batch
from engine.stack import postgres as postgres_server
from engine.stack.home import state_home
from engine.stack.instance import RECORDS, Stack
from engine.stack.postgres import Postgres
from engine.stack.programs import Programs
from engine.stack.report import SilentReport
from tests.eventually import until
from tests.schema.ground import add_campaigns, add_leads, claim, connected, differences

pytestmark = pytest.mark.pg

ATTEMPTS = 300


@dataclass
class Server:
    """A PostgreSQL of this file's own, which may go away."""

    stack: Stack
    programs: Programs
    running: Postgres
    dsn: str = ""

    async def stop(self) -> None:
        await self.running.stop()

    async def start(self) -> None:
        place = self.stack.directory
        self.running = await postgres_server.start(
            self.programs, place / "postgres", place / RECORDS, self.stack.user, self.stack.ports.postgres,
            self.running.password, True, place / "log" / "postgres.log",
        )  # fmt: skip


@pytest.fixture(scope="module")
async def server(stack: Stack, programs: Programs) -> AsyncIterator[Server]:
    async with Stack.open(f"{stack.name}-away", state_home(), programs, SilentReport()) as opened:
        server = Server(opened, programs, await opened.start_postgres(tcp=True))
        server.dsn = await server.running.create_database("spool")
        await migrate(server.dsn)
        try:
            yield server
        finally:
            await server.stop()


async def open_attempts(dsn: str, count: int) -> list[AttemptId]:
    async with connected(dsn) as door:
        (campaign,) = await add_campaigns(door)
        await add_leads(door, campaign, count)
        return [AttemptId(str(row["attempt_id"])) for row in await claim(door, campaign, count)]


def fact(attempt: AttemptId, n: int) -> OutcomeFact:
    """The cause tells one from another."""
    following = LeadNext(LeadStatus.DONE, None)
    return OutcomeFact(attempt, Outcome.BUSY, n, 486, None, None, None, 1.7e9 + n, None, None, following)


def call(n: int) -> CallRecord:
    """Three records of each call, the last of which ends it."""
    ended = 1.7e9 + n if n % 3 == 2 else None
    return CallRecord(
        CallId(f"c{n // 3}"), "inbound", "ended" if ended else "waiting", None, None, "+12025550101", None, None, 1.7e9,
        None, None, ended, None, None, None, ((1.7e9 + n, f"Event{n}", {}),),
    )  # fmt: skip


async def outcomes_of(dsn: str, attempts: list[AttemptId]) -> dict[str, int]:
    async with connected(dsn) as door:
        rows = await door.fetch("SELECT attempt_id, cause FROM outcomes WHERE attempt_id = ANY($1::uuid[])", attempts)
        assert await differences(door) == []
        return {str(row["attempt_id"]): row["cause"] for row in rows}


async def told_of(dsn: str) -> list[str]:
    """What the journals say, in order of the calls."""
    async with connected(dsn) as door:
        rows: list[asyncpg.Record] = await door.fetch(
            "SELECT entry ->> 1 AS name FROM calls_journal, jsonb_array_elements(entries) AS e(entry)"
        )
        await door.execute("TRUNCATE calls, calls_journal CASCADE")
        return sorted((row["name"] for row in rows), key=lambda name: int(name.removeprefix("Event")))


async def test_outcomes_of_a_restart_are_written_once_and_the_spool_is_empty_again(
    server: Server, tmp_path: Path
) -> None:
    attempts = await open_attempts(server.dsn, ATTEMPTS)
    async with Database(server.dsn) as database, FileSpools(tmp_path, 1, FakeMetrics()) as spools:
        batch = Batch(
            "outcomes", PostgresOutcomes(database).record, FakeMetrics(), gather_s=0.01,
            spool=spools.of("outcomes", OutcomeFact),
        )  # fmt: skip
        writing = asyncio.create_task(batch.run())
        try:
            restarted = asyncio.create_task(restart(server))
            on_disk = 0
            for n, attempt in enumerate(attempts):
                batch.add(fact(attempt, n))
                await asyncio.sleep(0.01)
                on_disk = max(on_disk, batch.on_disk)
            await restarted
            assert await batch.drain(30)
            assert on_disk > 0
            await until(lambda: not any(tmp_path.iterdir()))
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
    assert await outcomes_of(server.dsn, attempts) == {attempt: n for n, attempt in enumerate(attempts)}


async def restart(server: Server) -> None:
    await asyncio.sleep(0.3)
    await server.stop()
    await asyncio.sleep(1.0)
    await server.start()


ENGINE = """
import asyncio, json, sys
from pathlib import Path
from engine.adapters.postgres.calls import PostgresCalls
from engine.adapters.postgres.outcomes import PostgresOutcomes
from engine.adapters.postgres.pool import Database
from engine.adapters.spool import FileSpools
from engine.fakes.metrics import FakeMetrics
from engine.ports import CallRecord, OutcomeFact
from engine.runtime.batch import Batch
from tests.contract.test_spool_outage import call, fact

async def main():
    attempts = json.loads(sys.stdin.readline())
    async with Database(sys.argv[1]) as database, FileSpools(Path(sys.argv[2]), 1, FakeMetrics()) as spools:
        store = PostgresCalls(database)
        outcomes = Batch("outcomes", PostgresOutcomes(database).record, FakeMetrics(), gather_s=0.01,
                         spool=spools.of("outcomes", OutcomeFact))
        calls = Batch("calls", store.commit, FakeMetrics(), gather_s=0.05, spool=spools.of("calls", CallRecord),
                      repeat=store.commit_again)
        running = [asyncio.create_task(batch.run()) for batch in (outcomes, calls)]
        for n, attempt in enumerate(attempts):
            outcomes.add(fact(attempt, n))
            calls.add(call(n))
            await asyncio.sleep(0.01)
            print("safe", *(batch.written + batch.on_disk for batch in (outcomes, calls)), flush=True)
        while True:
            await asyncio.sleep(0.01)
            print("safe", *(batch.written + batch.on_disk for batch in (outcomes, calls)), flush=True)

asyncio.run(main())
"""


def safe_of(said: bytes) -> tuple[int, int] | None:
    """How many outcomes and calls are written or on disk, of a whole line that says it."""
    words = said.split()
    return (int(words[1]), int(words[2])) if said.startswith(b"safe") and said.endswith(b"\n") else None


@pytest.mark.parametrize("safe_when_killed", [120, 170, ATTEMPTS])
async def test_batches_that_are_killed_in_an_outage_are_written_by_the_next_engine(
    server: Server, tmp_path: Path, safe_when_killed: int
) -> None:
    attempts = await open_attempts(server.dsn, ATTEMPTS)
    engine = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ENGINE, server.dsn, str(tmp_path),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert engine.stdin is not None
    assert engine.stdout is not None
    engine.stdin.write(json.dumps(attempts).encode() + b"\n")
    seen, safe = 0, (0, 0)
    async with asyncio.timeout(60):
        while min(safe) < safe_when_killed:
            seen, safe = seen + 1, safe_of(await engine.stdout.readline()) or safe
            if seen == 100:
                await server.stop()
    engine.send_signal(signal.SIGKILL)
    for said in (await engine.stdout.read()).splitlines(keepends=True):
        safe = safe_of(said) or safe
    assert await engine.wait() == -signal.SIGKILL
    await server.start()

    for epoch in (2, 3):  # the second one finds the same again, and changes nothing
        async with Database(server.dsn) as database, FileSpools(tmp_path, epoch, FakeMetrics()) as spools:
            store = PostgresCalls(database)
            outcomes = Batch(
                "outcomes", PostgresOutcomes(database).record, FakeMetrics(), gather_s=0.01,
                spool=spools.of("outcomes", OutcomeFact),
            )  # fmt: skip
            calls = Batch(
                "calls", store.commit, FakeMetrics(), gather_s=0.05, spool=spools.of("calls", CallRecord),
                repeat=store.commit_again,
            )  # fmt: skip
            await outcomes.replay()
            await calls.replay()
    found = await outcomes_of(server.dsn, attempts)
    assert found == {attempt: n for n, attempt in enumerate(attempts[: len(found)])}
    assert len(found) >= safe[0]
    told = await told_of(server.dsn)
    assert told == [f"Event{n}" for n in range(len(told))]
    assert len(told) >= safe[1]
