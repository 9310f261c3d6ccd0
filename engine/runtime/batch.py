"""A bounded buffer that is written in batches by one task: the shape of every group commit here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import structlog

from engine.errors import ConfigError, Unavailable
from engine.ports import Metrics

T = TypeVar("T")
RETRY_FIRST_S = 0.2
RETRY_MAX_S = 5.0
AWAY = (Unavailable, ConfigError)
"""Nothing is wrong with the items: the store is away, or lets us in no more (a password was changed)."""

log = structlog.get_logger()


class Batch(Generic[T]):
    """Collects items for `gather_s`, then writes at most `size_max` of them at once, in order.

    When the store is away the batch is kept and tried again with growing pauses; nothing is dropped. `late` says that
    items pile up, and the dialer opens no new calls until they do not. An item that the store cannot take at all is
    found by writing one by one, reported, and left out, so that it never holds up the others.
    """

    def __init__(
        self,
        name: str,
        write: Callable[[Sequence[T]], Awaitable[object]],
        metrics: Metrics,
        *,
        gather_s: float,
        size_max: int = 500,
        late_at: int = 2000,
    ) -> None:
        self._name = name
        self._write = write
        self._metrics = metrics
        self._gather_s = gather_s
        self._size_max = size_max
        self._late_at = late_at
        self._items: list[T] = []
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.failing = False
        self.added = 0
        """Items queued since the start."""
        self.written = 0
        """Items written, or refused for good, since the start; the first `written` of those that were added."""

    @property
    def late(self) -> bool:
        """Whether the store is away or too slow for what comes in."""
        return self.failing or len(self._items) > self._late_at

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: T) -> None:
        """Queue one item; never blocks."""
        self._items.append(item)
        self.added += 1
        self._idle.clear()
        self._wake.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._wake.wait()
            if len(self._items) < self._size_max:
                await asyncio.sleep(self._gather_s)
            await self._write_some()

    async def drain(self, limit_s: float) -> bool:
        """Wait until everything is written; False if that took longer than `limit_s`."""
        try:
            async with asyncio.timeout(limit_s):
                await self._idle.wait()
        except TimeoutError:
            self._metrics.count("vss_bounds_reached_total", bound=f"drain_{self._name}")
            return False
        return True

    async def _write_some(self) -> None:
        batch = self._items[: self._size_max]
        try:
            await self._write_patiently(batch)
        except Exception:
            log.exception("batch_refused", batch=self._name, items=len(batch))
            await self._write_singly(batch)
        del self._items[: len(batch)]
        self.written += len(batch)
        self._metrics.observe("vss_commit_batch_size", len(batch), what=self._name)
        self._metrics.gauge("vss_queue_length", len(self._items), queue=self._name)
        if not self._items:
            self._wake.clear()
            self._idle.set()

    async def _write_patiently(self, items: Sequence[T]) -> None:
        """Write, however long the store is away. Raises what the store has against the items."""
        pause_s = RETRY_FIRST_S
        while True:
            try:
                await self._write(items)
                break
            except AWAY as error:
                if not self.failing:
                    log.warning("store_away", batch=self._name, waiting=len(self._items), error=str(error))
                self.failing = True
                await asyncio.sleep(pause_s)
                pause_s = min(RETRY_MAX_S, pause_s * 2)
        if self.failing:
            log.info("store_back", batch=self._name, waiting=len(self._items))
        self.failing = False

    async def _write_singly(self, batch: Sequence[T]) -> None:
        for item in batch:
            try:
                await self._write_patiently([item])
            except Exception:
                log.exception("item_refused", batch=self._name, item=repr(item)[:2000])
                self._metrics.count("vss_call_faults_total", kind=f"{self._name}_refused")
        self.failing = False
