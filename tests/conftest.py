"""Real services for the tests that ask for them; a run without such tests starts nothing.

Fixtures: `stack` (the instance), `postgres`, `postgres_dsn` (a new database from a migrated template),
`empty_postgres_dsn` (a new database with nothing in it), `redis_url` (emptied before each test).
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import redis.asyncio

from engine.stack.home import state_home
from engine.stack.instance import Stack
from engine.stack.postgres import Postgres
from engine.stack.programs import Part, Programs
from engine.stack.provision import provision
from engine.stack.redis import Redis
from engine.stack.report import PlainReport, SilentReport, StackFailure

TEMPLATE = "template_vss"
INSTANCES = ("test", *(f"test-{number}" for number in range(2, 17)))
PARTS_BY_MARK = {
    "pg": {Part.POSTGRES},
    "redis": {Part.REDIS},
    "live": {Part.POSTGRES, Part.REDIS, Part.ASTERISK, Part.SIPP, Part.ESPEAK},
    "speech": {Part.ESPEAK},
}
PARTS_BY_FIXTURE = {
    "postgres": {Part.POSTGRES},
    "postgres_dsn": {Part.POSTGRES},
    "empty_postgres_dsn": {Part.POSTGRES},
    "redis_url": {Part.REDIS},
}
PROGRAMS = pytest.StashKey[Programs]()
_database_numbers = itertools.count(1)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fetches what the collected tests need before the first one runs, so that no test's time limit counts it."""
    if session.config.option.collectonly:
        return
    parts = set[Part]()
    for item in session.items:
        for mark in item.iter_markers():
            parts |= PARTS_BY_MARK.get(mark.name, set())
        for name in getattr(item, "fixturenames", ()):
            parts |= PARTS_BY_FIXTURE.get(name, set())
    ordered = [part for part in Part if part in parts]
    try:
        session.config.stash[PROGRAMS] = provision(state_home(), ordered, PlainReport()) if ordered else Programs()
    except StackFailure as failure:
        pytest.exit(f"{failure}\n{failure.advice}", returncode=3)


@pytest.fixture(scope="session")
def programs(request: pytest.FixtureRequest) -> Programs:
    """The programs of the parts that this run's tests need."""
    return request.config.stash[PROGRAMS]


@pytest.fixture(scope="session")
async def stack(programs: Programs) -> AsyncIterator[Stack]:
    """An instance of this run's own, from which nothing has been started yet."""
    async with AsyncExitStack() as exits:
        yield await _open_free(exits, state_home(), programs)


async def _open_free(exits: AsyncExitStack, home: Path, programs: Programs) -> Stack:
    """Runs at the same time (xdist's workers, a second terminal) take different instances."""
    failure: StackFailure | None = None
    for name in INSTANCES:
        try:
            return await exits.enter_async_context(Stack.open(name, home, programs, SilentReport()))
        except StackFailure as busy:
            failure = busy
    assert failure is not None
    raise failure


@pytest.fixture(scope="session")
async def postgres(stack: Stack) -> Postgres:
    """The run's PostgreSQL, also on loopback TCP for the fault-injecting proxy."""
    return await stack.start_postgres(tcp=True)


@pytest.fixture(scope="session")
async def postgres_template(postgres: Postgres) -> str:
    """The name of a migrated database that tests get copies of."""
    from engine.adapters.postgres.migrate import migrate

    await migrate(await postgres.create_database(TEMPLATE))
    return TEMPLATE


@pytest.fixture
async def postgres_dsn(postgres: Postgres, postgres_template: str) -> AsyncIterator[str]:
    """A migrated database of this test's own."""
    name = f"t{next(_database_numbers)}"
    yield await postgres.create_database(name, postgres_template)
    await postgres.drop_database(name)


@pytest.fixture
async def empty_postgres_dsn(postgres: Postgres) -> AsyncIterator[str]:
    """A database of this test's own with nothing in it."""
    name = f"t{next(_database_numbers)}"
    yield await postgres.create_database(name)
    await postgres.drop_database(name)


@pytest.fixture(scope="session")
async def redis_server(stack: Stack) -> Redis:
    """The run's Redis."""
    return await stack.start_redis()


@pytest.fixture
async def redis_url(redis_server: Redis) -> str:
    """An empty Redis."""
    client = redis.asyncio.Redis.from_url(redis_server.url(), socket_timeout=5)
    try:
        await client.flushall()
    finally:
        await client.aclose()
    return redis_server.url()
