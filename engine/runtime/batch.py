"""A bounded buffer that is written in batches by one task: the shape of every group commit here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import structlog

from engine.errors import ConfigError, Unavailable
from engine.ports import Metrics, Spool

T = TypeVar("T")
S = TypeVar("S")
RETRY_FIRST_S = 0.2
RETRY_MAX_S = 5.0
SLOW_S = 0.5
"""A store that takes longer for one batch may be away: what waits is kept on disk from then on."""
KEEP_MAX = 200
"""Items that are put on disk at once: encoding them holds up the loop for some milliseconds."""
AWAY = (Unavailable, ConfigError)
"""Nothing is wrong with the items: the store is away, or lets us in no more (a password was changed)."""

log = structlog.get_logger()


class Batch(Generic[T]):
    """Collects items for `gather_s`, then writes at most `size_max` of them at once, in order.

    When the store is away the batch is kept and tried again with growing pauses; nothing is dropped. `late` says that
    items pile up, and the dialer opens no new calls until they do not. An item that the store cannot take at all is
    found by writing one by one, reported, and left out, so that it never holds up the others.

    What waits for a store that is away, or slow, goes to the `spool` too, and is written by the next engine if this one
    dies (`replay`). While the store is well the spool costs nothing. A spool that fails is tried again; the items stay
    in memory as before. `repeat` writes items that the store may have already; without it, `write` is idempotent.
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
        spool: Spool[T] | None = None,
        repeat: Callable[[Sequence[T]], Awaitable[object]] | None = None,
    ) -> None:
        self._name = name
        self._write = write
        self._repeat = repeat or write
        self._metrics = metrics
        self._gather_s = gather_s
        self._size_max = size_max
        self._late_at = late_at
        self._spool = spool
        self._items: list[T] = []
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._slow = False
        self._doubtful = 0
        """The first so many of the items that were added may be in the store already."""
        self._kept = 0
        """The first so many of the items that were added are on disk, if they are not written."""
        self._spooling = asyncio.Event()
        """There may be something to put on disk, or to take from it."""
        self._spool_used = False
        self.failing = False
        self.added = 0
        """Items queued since the start."""
        self.written = 0
        """Items written, or refused for good, since the start; the first `written` of those that were added."""

    @property
    def late(self) -> bool:
        """Whether the store is away or too slow for what comes in."""
        return self.failing or len(self._items) > self._late_at

    @property
    def on_disk(self) -> int:
        """How many of the items that wait would survive this process."""
        return max(0, self._kept - self.written)

    def __len__(self) -> int:
        return len(self._items)

    def add(self, item: T) -> None:
        """Queue one item; never blocks."""
        self._items.append(item)
        self.added += 1
        self._idle.clear()
        self._wake.set()
        if self.failing or self._slow:
            self._spooling.set()

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            if self._spool is not None:
                tasks.create_task(self._keep(self._spool), name=f"spool_{self._name}")
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

    # --- the start

    async def replay(self) -> None:
        """Write what an engine before this one left on disk, before anything else; waits while the store is away."""
        await self.load()
        while self._items:
            await self._write_some()

    async def load(self) -> None:
        """Queue what an engine before this one left on disk; a disk that cannot be read is told and holds up nobody."""
        if self._spool is None:
            return
        try:
            left = await self._spool.load()
        except Unavailable as error:
            log.error("spool_not_read", batch=self._name, reason=str(error))
            return
        self._spool_used = True
        self._spooling.set()
        if not left:
            return
        log.warning("spool_replayed", batch=self._name, items=len(left))
        self._metrics.count("vss_spool_replayed_total", len(left), spool=self._name)
        self._items[:0] = left
        self.added += len(left)
        self._kept = self._doubtful = self.written + len(left)
        self._idle.clear()
        self._wake.set()

    # --- writing

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
        if self._spool_used or len(self._items) > self._late_at:
            self._spooling.set()

    async def _write_patiently(self, items: Sequence[T]) -> None:
        """Write, however long the store is away. Raises what the store has against the items."""
        pause_s = RETRY_FIRST_S
        while True:
            slow = asyncio.get_running_loop().call_later(SLOW_S, self._overdue)
            try:
                await (self._repeat if self.written < self._doubtful else self._write)(items)
                break
            except AWAY as error:
                if not self.failing:
                    log.warning("store_away", batch=self._name, waiting=len(self._items), error=str(error))
                self.failing = True
                self._doubtful = max(self._doubtful, self.written + len(items))
                self._spooling.set()
                await asyncio.sleep(pause_s)
                pause_s = min(RETRY_MAX_S, pause_s * 2)
            finally:
                slow.cancel()
                self._slow = False
        if self.failing:
            log.info("store_back", batch=self._name, waiting=len(self._items))
        self.failing = False

    def _overdue(self) -> None:
        self._slow = True
        self._spooling.set()

    async def _write_singly(self, batch: Sequence[T]) -> None:
        for item in batch:
            try:
                await self._write_patiently([item])
            except Exception:
                log.exception("item_refused", batch=self._name, item=repr(item)[:2000])
                self._metrics.count("vss_call_faults_total", kind=f"{self._name}_refused")
        self.failing = False

    # --- the disk

    async def _keep(self, spool: Spool[T]) -> None:
        """Put on disk what waits for a store that is away, and empty the disk once the store has it."""
        pause_s = RETRY_FIRST_S
        while True:
            await self._spooling.wait()
            self._spooling.clear()
            try:
                if self.late or self._slow:
                    await self._keep_some(spool)
                elif self._spool_used and self.written >= self._kept:
                    await spool.clear()
                    self._spool_used = False
                pause_s = RETRY_FIRST_S
            except Exception as error:
                if not isinstance(error, Unavailable):
                    log.exception("spool_fault", batch=self._name)  # a bug; writing goes on as if there was no disk
                self._spooling.set()
                await asyncio.sleep(pause_s)
                pause_s = min(RETRY_MAX_S, pause_s * 2)
            self._metrics.gauge("vss_spooled", self.on_disk, spool=self._name)

    async def _keep_some(self, spool: Spool[T]) -> None:
        first = max(self._kept, self.written)
        items = self._items[first - self.written :][:KEEP_MAX]
        if not items:
            return
        self._spool_used = True
        await spool.append(items)
        self._kept = first + len(items)
        if self._kept < self.added:
            self._spooling.set()


class Packed(Generic[T, S]):
    """A Spool of items of which only a part can be kept: `pack` takes it out, `unpack` makes an item of it."""

    def __init__(self, spool: Spool[S], pack: Callable[[T], S], unpack: Callable[[S], T]) -> None:
        self._spool = spool
        self._pack = pack
        self._unpack = unpack

    async def load(self) -> Sequence[T]:
        """As the Spool port says."""
        return [self._unpack(one) for one in await self._spool.load()]

    async def append(self, items: Sequence[T]) -> None:
        """As the Spool port says."""
        await self._spool.append([self._pack(item) for item in items])

    async def clear(self) -> None:
        """As the Spool port says."""
        await self._spool.clear()
