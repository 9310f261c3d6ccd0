"""PostgreSQL at two addresses: when the one goes, crashes, hangs or is the primary no more, the other one is used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from engine.adapters.postgres import lease as module
from engine.adapters.postgres.addresses import addresses_of
from engine.adapters.postgres.leads import PostgresLeads
from engine.adapters.postgres.lease import CellLease
from engine.adapters.postgres.pool import Database
from engine.errors import ConfigError, Unavailable
from engine.stack.chaos_proxy import ChaosProxy
from engine.stack.postgres import Postgres
from tests.eventually import closed_port, eventually
from tests.schema.ground import connected

Pair = tuple[ChaosProxy, ChaosProxy]


@pytest.fixture
async def pair(postgres: Postgres) -> AsyncIterator[Pair]:
    parts = urlsplit(postgres.tcp_dsn())
    assert parts.hostname is not None
    assert parts.port is not None
    target = (parts.hostname, parts.port)
    async with ChaosProxy(target) as one, ChaosProxy(target) as two:
        yield one, two


def dsn_of(postgres_dsn: str, postgres: Postgres, *ports: int) -> str:
    """The test's database at several ports."""
    database = urlsplit(postgres_dsn).path
    places = ",".join(f"127.0.0.1:{port}" for port in ports)
    return f"postgresql://vss:{postgres.password}@{places}{database}?target_session_attrs=read-write"


async def answers(database: Database) -> bool:
    try:
        await PostgresLeads(database).campaigns()
    except Unavailable:
        return False
    return True


@pytest.mark.pg
@pytest.mark.parametrize("fault", ["cut", "black_hole"])
async def test_pool_goes_on_at_the_other_address_and_back(
    postgres: Postgres, postgres_dsn: str, pair: Pair, fault: str
) -> None:
    one, two = pair
    dsn = dsn_of(postgres_dsn, postgres, one.port, two.port)
    async with Database(dsn, connections_max=2, connect_timeout_s=2.0, command_timeout_s=1.0) as database:
        assert await answers(database)
        assert two.connections_seen == 0
        getattr(one, fault)()
        await eventually(lambda: answers(database), True, 30.0)
        assert two.connections_seen > 0
        one.heal()
        getattr(two, fault)()
        await eventually(lambda: answers(database), True, 30.0)


@pytest.mark.pg
async def test_start_finds_the_address_that_serves(postgres: Postgres, postgres_dsn: str, pair: Pair) -> None:
    dsn = dsn_of(postgres_dsn, postgres, closed_port(), pair[0].port)
    async with Database(dsn) as database:
        assert await answers(database)


@pytest.mark.pg
async def test_nobody_at_any_address_is_unavailable(postgres: Postgres, postgres_dsn: str) -> None:
    async with Database(dsn_of(postgres_dsn, postgres, closed_port(), closed_port())) as database:
        assert not await answers(database)


@pytest.mark.pg
async def test_connections_to_a_primary_that_is_none_any_more_are_not_used_again(
    postgres: Postgres, postgres_dsn: str, pair: Pair
) -> None:
    name = urlsplit(postgres_dsn).path.lstrip("/")
    async with (
        connected(postgres_dsn) as door,
        Database(dsn_of(postgres_dsn, postgres, pair[0].port), connections_max=1) as database,
    ):
        async with database.connection() as connection:
            first = await connection.fetchval("SELECT pg_backend_pid()")
        await door.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        async with database.connection() as connection:
            await connection.execute("SET default_transaction_read_only = on")
        with pytest.raises(Unavailable, match="read-only"):
            await database.value("next_epoch", "failover")
        await door.execute("SET default_transaction_read_only = off")
        await door.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        assert await database.value("next_epoch", "failover") == 1
        async with database.connection() as connection:
            assert await connection.fetchval("SELECT pg_backend_pid()") != first


@pytest.mark.pg
async def test_lease_is_taken_again_at_the_other_address(
    postgres: Postgres, postgres_dsn: str, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHECK_S", 0.05)
    monkeypatch.setattr(module, "TIMEOUT_S", 1.0)
    one, two = pair
    lease = CellLease(dsn_of(postgres_dsn, postgres, one.port, two.port), "failover")
    await lease.take()
    watching = asyncio.create_task(lease.watch())
    try:
        for gone, here in ((one, two), (two, one)):
            here.heal()
            seen = here.connections_seen
            gone.cut()
            async with asyncio.timeout(20):
                while here.connections_seen == seen:  # noqa: ASYNC110 - of the proxy
                    await asyncio.sleep(0.02)
        async with connected(postgres_dsn) as door:
            locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            await eventually(lambda: door.fetchval(locks), 1)
        assert not lease.lost
        assert not watching.done()
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await lease.release()


@pytest.mark.pg
async def test_lease_does_not_trust_a_lock_on_a_server_that_is_read_only(
    postgres: Postgres, postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHECK_S", 0.05)
    lease = CellLease(postgres_dsn, "failover")
    await lease.take()
    held = lease._connection
    assert held is not None
    await held.execute("SET default_transaction_read_only = on")
    watching = asyncio.create_task(lease.watch())
    try:
        await eventually(lambda: asyncio.sleep(0, held.is_closed()), True)
        async with connected(postgres_dsn) as door:
            locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            await eventually(lambda: door.fetchval(locks), 1)
        assert not lease.lost
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await lease.release()


@pytest.mark.parametrize(
    ("dsn", "addresses"),
    [
        ("postgresql://u:p@a/db", [("a", None)]),
        ("postgresql://u:p@a:5433,b/db", [("a", 5433), ("b", None)]),
        ("postgresql://u:p@[::1]:5433,[fe80::2]/db?x=1", [("::1", 5433), ("fe80::2", None)]),
        ("postgresql://u:p@/db?host=%2Frun%2Fpg&port=5433", [("/run/pg", 5433)]),
        ("postgresql://u:p@/db?host=a,b&port=1,2", [("a", 1), ("b", 2)]),
        ("postgresql://u:p@/db?host=a,b&port=1", [("a", 1), ("b", 1)]),
        ("postgresql:///db", []),
    ],
)
def test_addresses_are_read_as_libpq_reads_them(dsn: str, addresses: list[tuple[str, int | None]]) -> None:
    assert list(addresses_of(dsn)) == addresses


def test_port_that_is_no_number_is_the_operators_matter() -> None:
    with pytest.raises(ConfigError, match="port"):
        addresses_of("postgresql://u@a:x,b/db")
