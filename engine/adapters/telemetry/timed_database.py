"""The pool with a watch: how long statements and transactions take, and how often PostgreSQL was not there."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from engine.adapters.postgres.pool import Database
from engine.errors import Unavailable
from engine.ports import Metrics

if TYPE_CHECKING:
    from engine.adapters.postgres.pool import Connection


class TimedDatabase(Database):
    """A Database whose loans of a connection are measured; every statement and transaction is one loan."""

    def __init__(self, dsn: str, metrics: Metrics, *, connections_max: int) -> None:
        super().__init__(dsn, connections_max=connections_max)
        self._metrics = metrics

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection. Raises Unavailable, also for what fails inside the block."""
        began = time.perf_counter()
        try:
            async with super().connection() as connection:
                yield connection
        except Unavailable:
            self._metrics.count("vss_postgres_unavailable_total")
            raise
        finally:
            self._metrics.observe("vss_postgres_seconds", time.perf_counter() - began)
