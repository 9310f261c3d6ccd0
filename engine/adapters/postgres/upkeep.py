"""What the database needs from time to time: folding of statistics, and a journal that does not grow for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncpg

from engine.errors import Unavailable

from .pool import Database

COMPACT_EVERY_S = 5.0
ROTATE_EVERY_S = 3600.0


class Upkeep:
    """Runs beside the engine; several engines may run it at once, one of them does the work."""

    def __init__(self, database: Database, *, journal_keep_days: int = 30) -> None:
        self._database = database
        self._journal_keep_days = journal_keep_days

    async def compact(self) -> int:
        """Fold statistics deltas; returns how many."""
        folded: int = await self._database.value("compact_campaign_stats")
        return folded

    async def rotate_journal(self) -> int:
        """Make the journal's next daily partitions, drop the old ones; returns how many were dropped."""
        dropped: int = await self._database.value("rotate_calls_journal", self._journal_keep_days)
        return dropped

    async def run(self, failed: Callable[[Exception], None]) -> None:
        """Do both when due, until cancelled. A failure is told to `failed` and tried again when next due."""
        loop = asyncio.get_running_loop()
        rotate_at = loop.time()
        while True:
            try:
                await self.compact()
                if loop.time() >= rotate_at:
                    await self.rotate_journal()
                    rotate_at = loop.time() + ROTATE_EVERY_S
            except (Unavailable, asyncpg.PostgresError) as error:
                failed(error)
            await asyncio.sleep(COMPACT_EVERY_S)
