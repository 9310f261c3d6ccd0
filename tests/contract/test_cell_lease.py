"""The cell's lease on a real PostgreSQL that goes away, comes back, and is slow to notice that we are gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from engine.adapters.postgres import lease as module
from engine.adapters.postgres.lease import CellLease
from engine.errors import ConfigError, Unavailable
from engine.stack.chaos_proxy import ChaosProxy
from engine.stack.postgres import Postgres

pytestmark = pytest.mark.pg


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHECK_S", 0.05)
    monkeypatch.setattr(module, "TIMEOUT_S", 1.0)


def address(postgres: Postgres) -> tuple[str, int]:
    return "127.0.0.1", int(postgres.tcp_dsn().rpartition(":")[2].partition("/")[0])


@asynccontextmanager
async def watched(lease: CellLease) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(lease.watch())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await lease.release()


async def holders(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        count: int = await connection.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")
        return count
    finally:
        await connection.close()


async def until_held(dsn: str, count: int) -> None:
    for _ in range(200):
        if await holders(dsn) == count:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"there are never {count} holders")


async def test_second_engine_of_a_cell_is_refused_and_another_cell_is_not(postgres_dsn: str) -> None:
    first, second, other = CellLease(postgres_dsn, "a"), CellLease(postgres_dsn, "a"), CellLease(postgres_dsn, "b")
    try:
        assert await first.take() == 1
        with pytest.raises(ConfigError, match="another engine"):
            await second.take()
        assert await other.take() == 1
        await first.release()
        assert await second.take() == 2
    finally:
        for lease in (first, second, other):
            await lease.release()


async def test_standby_has_the_cell_the_moment_its_holder_is_gone(postgres_dsn: str) -> None:
    first, second = CellLease(postgres_dsn, "a"), CellLease(postgres_dsn, "a")
    try:
        await first.take()
        waiting = asyncio.create_task(second.wait())
        await asyncio.sleep(0.5)
        assert not waiting.done()
        assert await holders(postgres_dsn) == 1
        await first.release()
        assert await asyncio.wait_for(waiting, 5) == 2
        assert await holders(postgres_dsn) == 1
    finally:
        await first.release()
        await second.release()


async def test_standby_that_loses_postgres_says_so_and_holds_nothing(postgres: Postgres, postgres_dsn: str) -> None:
    name = postgres_dsn.rpartition("/")[2].partition("?")[0]
    async with ChaosProxy(address(postgres)) as proxy:
        first, second = CellLease(postgres_dsn, "a"), CellLease(postgres.tcp_dsn(name, proxy.port), "a")
        await first.take()
        waiting = asyncio.create_task(second.wait())
        await asyncio.sleep(0.3)
        proxy.cut()
        with pytest.raises(Unavailable):
            await asyncio.wait_for(waiting, 10)
        await first.release()
        await until_held(postgres_dsn, 0)


async def test_lease_is_taken_again_however_long_postgres_was_away(postgres: Postgres, postgres_dsn: str) -> None:
    name = postgres_dsn.rpartition("/")[2].partition("?")[0]
    async with ChaosProxy(address(postgres)) as proxy:
        lease = CellLease(postgres.tcp_dsn(name, proxy.port), "a")
        await lease.take()
        async with watched(lease) as watching:
            proxy.cut()
            await until_held(postgres_dsn, 0)
            await asyncio.sleep(1.0)
            assert not watching.done()
            proxy.heal()
            await until_held(postgres_dsn, 1)
            assert not lease.lost


async def test_engine_whose_cell_was_taken_meanwhile_learns_it(postgres: Postgres, postgres_dsn: str) -> None:
    name = postgres_dsn.rpartition("/")[2].partition("?")[0]
    async with ChaosProxy(address(postgres)) as proxy:
        lease, faster = CellLease(postgres.tcp_dsn(name, proxy.port), "a"), CellLease(postgres_dsn, "a")
        await lease.take()
        async with watched(lease) as watching:
            proxy.cut()
            await until_held(postgres_dsn, 0)
            await faster.take()
            proxy.heal()
            await asyncio.wait_for(watching, 10)
            assert lease.lost
        await faster.release()


async def test_own_session_that_the_server_still_keeps_is_no_other_engine(
    postgres: Postgres, postgres_dsn: str
) -> None:
    """A partition: our end of the connection is gone, the server's is not, and holds the lock."""
    name = postgres_dsn.rpartition("/")[2].partition("?")[0]
    async with ChaosProxy(address(postgres)) as proxy:
        lease = CellLease(postgres.tcp_dsn(name, proxy.port), "a")
        await lease.take()
        ghost = await asyncpg.connect(postgres_dsn)
        try:
            proxy.cut()
            await until_held(postgres_dsn, 0)
            await ghost.fetchval(module.query("lock_cell"), "a")
            proxy.heal()
            async with watched(lease) as watching:
                await asyncio.sleep(0.5)
                assert not watching.done()
                await ghost.close()
                await asyncio.sleep(1.0)
                assert await holders(postgres_dsn) == 1
                assert not lease.lost
        finally:
            ghost.terminate()


async def test_take_that_fails_half_way_keeps_no_lock(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    statement = module.query
    lease = CellLease(postgres_dsn, "a")
    with monkeypatch.context() as broken:
        slow = "SELECT pg_sleep(9), $1::text"
        broken.setattr(module, "query", lambda name: slow if name == "next_epoch" else statement(name))
        with pytest.raises(Unavailable):
            await lease.take()
    await until_held(postgres_dsn, 0)
    assert await lease.take() == 1
    await lease.release()
