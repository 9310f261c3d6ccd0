"""The cell's lease: a session advisory lock, freed by PostgreSQL the moment its holder dies, and an epoch."""

from __future__ import annotations

import asyncio

import asyncpg
import structlog

from engine.errors import ConfigError

from .addresses import Addresses
from .pool import telling_unavailable
from .query import query

log = structlog.get_logger()

CHECK_S = 2.0
LOOK_S = 0.1
"""How often one that waits for the cell tries to take it."""
TIMEOUT_S = 5.0


class CellLease:
    """At most one engine commands a cell. The lock lives on a connection of its own."""

    def __init__(self, dsn: str, cell: str) -> None:
        self._addresses = Addresses(dsn)
        self._cell = cell
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self.epoch = 0
        self.lost = False
        """Another engine took the cell: this one must stop commanding, at once and for good."""

    async def take(self) -> int:
        """Take the lease and return the new epoch. Raises ConfigError while another engine holds it, Unavailable."""
        try:
            with telling_unavailable():
                connection, locked = await self._try_lock()
                if locked:
                    self.epoch = await connection.fetchval(query("next_epoch"), self._cell)
        except BaseException:
            await self._drop()
            raise
        if not locked:
            await self._drop()
            raise ConfigError(
                f"another engine holds the cell {self._cell!r}: stop it, or give this one its own VSS_CELL"
            )
        return self.epoch

    async def wait(self) -> int:
        """Take the lease as soon as nobody holds it, and return the new epoch. Raises Unavailable."""
        try:
            with telling_unavailable():
                connection, locked = await self._try_lock()
                while not locked:
                    await asyncio.sleep(LOOK_S)
                    locked = await connection.fetchval(query("lock_cell"), self._cell)
                self.epoch = await connection.fetchval(query("next_epoch"), self._cell)
        except BaseException:
            await self._drop()
            raise
        return self.epoch

    async def watch(self) -> None:
        """Keep the lease until cancelled; returns when another engine took it.

        When PostgreSQL goes away the lock goes with it, and is taken again as soon as PostgreSQL is back, unless
        another engine was faster: its epoch shows it.
        """
        while not self.lost:
            await asyncio.sleep(CHECK_S)
            try:
                await self._check()
            except (
                OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError,
            ) as error:  # fmt: skip
                log.warning("lease_connection_lost", error=str(error) or type(error).__name__)
                await self._drop()

    async def _check(self) -> None:
        """The lock alone does not tell: a session of ours may hold it whose end the server has not noticed yet."""
        if self._connection is not None:
            if await self._connection.fetchval("SHOW transaction_read_only", timeout=TIMEOUT_S) == "off":
                return
            await self._drop()  # that one is not the primary any more, and its locks keep nobody out
        connection, locked = await self._try_lock()
        self.lost = await connection.fetchval(query("epoch"), self._cell) != self.epoch
        if not locked:
            await self._drop()

    async def _try_lock(self) -> tuple[asyncpg.Connection[asyncpg.Record], bool]:
        connection = self._connection = await self._addresses.connect(timeout=TIMEOUT_S, command_timeout=TIMEOUT_S)
        locked: bool = await connection.fetchval(query("lock_cell"), self._cell)
        return connection, locked

    async def release(self) -> None:
        """Give the lease back."""
        await self._drop()

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            await connection.close(timeout=TIMEOUT_S)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            connection.terminate()
