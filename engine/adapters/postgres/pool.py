"""A bounded pool of connections whose failures are told as Unavailable(`postgres`)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import asyncpg

from engine.errors import ConfigError, Unavailable

from .addresses import Addresses
from .query import query

if TYPE_CHECKING:
    Connection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]

_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresSystemError,
    OSError,
    TimeoutError,
)
_MISCONFIGURED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ClientConfigurationError,
)
CONFLICTS = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
CONFLICT_TRIES = 4
"""A statement that lost against a concurrent one is tried so many times in all."""


@contextmanager
def telling_unavailable() -> Iterator[None]:
    """Turn lost connections, refusals to connect and timeouts into Unavailable; wrong credentials into ConfigError."""
    try:
        yield
    except _MISCONFIGURED as error:
        raise ConfigError(f"postgres: {error}") from error
    except _AWAY as error:
        raise Unavailable("postgres", str(error) or type(error).__name__) from error


async def _keep_session(_connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Nothing here changes session state, so asyncpg's resetting query (a fifth of a small claim) is left out."""


class Database:
    """The pool. `open` connects nothing yet: the engine starts also while PostgreSQL is away."""

    def __init__(
        self,
        dsn: str,
        *,
        connections_max: int = 8,
        connect_timeout_s: float = 5.0,
        command_timeout_s: float = 5.0,
    ) -> None:
        self._dsn = dsn
        self._connections_max = connections_max
        self._connect_timeout_s = connect_timeout_s
        self._command_timeout_s = command_timeout_s
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def __aenter__(self) -> Database:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Make the pool. Raises ConfigError when the address is malformed."""
        if self._pool is not None:
            return
        addresses = Addresses(self._dsn)
        with telling_unavailable():
            self._pool = await asyncpg.create_pool(
                self._dsn,
                connect=addresses.connect,
                min_size=0,
                max_size=self._connections_max,
                timeout=self._connect_timeout_s,
                command_timeout=self._command_timeout_s,
                statement_cache_size=200,
                max_cached_statement_lifetime=0,
                max_inactive_connection_lifetime=300.0,
                reset=_keep_session,
                server_settings={
                    "application_name": "vss",
                    "jit": "off",
                    "timezone": "UTC",
                    "idle_in_transaction_session_timeout": "60s",
                },
            )

    async def close(self) -> None:
        """Close all connections; those still busy after 5 s are torn down."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            async with asyncio.timeout(5.0):
                await pool.close()
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            pool.terminate()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection. Raises Unavailable, also for what fails inside the block."""
        if self._pool is None:
            raise Unavailable("postgres", "the pool is not open")
        with telling_unavailable():
            async with self._pool.acquire(timeout=self._connect_timeout_s) as connection:
                try:
                    yield connection
                except asyncpg.ReadOnlySQLTransactionError:  # it was the primary, and is not any more
                    await self._pool.expire_connections()
                    raise

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection inside a transaction that commits when the block ends well."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def rows(self, name: str, *arguments: Any) -> Sequence[asyncpg.Record]:
        """Run the named statement and return its rows."""
        async with self.connection() as connection:
            return await connection.fetch(query(name), *arguments)

    async def row(self, name: str, *arguments: Any) -> asyncpg.Record | None:
        """Run the named statement and return its first row."""
        async with self.connection() as connection:
            return await connection.fetchrow(query(name), *arguments)

    async def value(self, name: str, *arguments: Any) -> Any:
        """Run the named statement and return the first field of its first row."""
        async with self.connection() as connection:
            return await connection.fetchval(query(name), *arguments)

    async def value_despite_conflicts(self, name: str, *arguments: Any) -> Any:
        """As `value`, repeated when the statement was the victim of a deadlock; only for idempotent statements.

        Raises Unavailable when it always loses: nothing is wrong with what it says, and it may be tried again.
        """
        for _ in range(CONFLICT_TRIES):
            try:
                return await self.value(name, *arguments)
            except CONFLICTS:
                await asyncio.sleep(0.01)
        raise Unavailable("postgres", f"{name} lost against other statements {CONFLICT_TRIES} times")
