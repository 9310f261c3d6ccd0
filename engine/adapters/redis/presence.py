"""Presence of agents and live statistics in Redis, for pages and other cells. Losing it loses no truth.

Kept per cell: hashes `vss:agent:<cell>`, `vss:campaign:<cell>`, `vss:health:<cell>` (field: the frame's key, value:
JSON), which end by themselves when the cell no longer refreshes them. Every frame, calls too, is also published on
the channel `vss:live`, many in one message: {"cell", "changes": [{"kind", "key", "data"}]}. A Redis that lost its data
gets everything again at the next refresh.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import msgspec
import redis.asyncio
import structlog

from engine.adapters.redis.link import RedisLink
from engine.errors import ConfigError, Unavailable
from engine.ports import LiveFrame, Metrics

TIMEOUT_S = 1.0
PENDING_MAX = 8192
KEPT_MAX = 20_000
BATCH_MAX = 256
GATHER_S = 0.25
"""A change waits this long for others: a round trip costs as much as fifty frames in one."""
REFRESH_S = 10.0
FAULT_PAUSE_S = 1.0
LIFE_S = 35
"""A dead cell's hashes end after this long: three refreshes may fail."""
KEPT_KINDS = ("agent", "campaign", "health")

_CELL = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_log = structlog.get_logger(__name__)

Key = tuple[str, str]


class RedisPresence:
    """The LiveFeed port. `async with RedisPresence(...)`: one task inside sends what `publish` queued."""

    def __init__(
        self,
        url: str,
        cell: str,
        metrics: Metrics,
        *,
        timeout_s: float = TIMEOUT_S,
        pending_max: int = PENDING_MAX,
        refresh_s: float = REFRESH_S,
        prefix: str = "vss",
        now: Callable[[], float] = time.time,
    ) -> None:
        if not _CELL.fullmatch(cell):
            raise ConfigError("a cell's name has small letters, digits and hyphens, at most 32")
        self._link = RedisLink(url, "presence", metrics, timeout_s=timeout_s)
        self._cell = cell
        self._metrics = metrics
        self._pending_max = pending_max
        self._refresh_s = refresh_s
        self._prefix = prefix
        self._now = now
        self._pending: OrderedDict[Key, LiveFrame] = OrderedDict()
        self._kept: OrderedDict[Key, bytes] = OrderedDict()
        self._news = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None

    @property
    def available(self) -> bool:
        return self._link.available

    @property
    def pending(self) -> int:
        """Frames that wait to be sent."""
        return len(self._pending)

    def publish(self, frame: LiveFrame) -> None:
        """Queue a frame; the newest of a kind and key wins, the oldest goes when the queue is full. Never raises."""
        key = (frame.kind, frame.key)
        self._pending[key] = frame
        self._pending.move_to_end(key)
        if len(self._pending) > self._pending_max:
            self._pending.popitem(last=False)
            self._metrics.count("vss_bounds_reached_total", bound="redis_frames")
        self._news.set()

    async def __aenter__(self) -> Self:
        await self._link.__aenter__()
        self._sending = asyncio.create_task(self._send_for_ever())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sending is not None:
            self._sending.cancel()
            with suppress(asyncio.CancelledError):
                await self._sending
        await self._withdraw()
        await self._link.__aexit__(kind, error, trace)

    async def read(self, kind: str) -> Mapping[str, Any]:
        """What all living cells keep of a kind, by key. Raises Unavailable(`redis`)."""
        cells = await self._link.ask(lambda client: client.zrangebyscore(f"{self._prefix}:cells", self._now(), "+inf"))
        found: dict[str, Any] = {}
        for cell in cells:
            name = cell.decode() if isinstance(cell, bytes) else str(cell)
            fields = await self._link.ask(lambda client, name=name: client.hgetall(self._hash(kind, name)))  # type: ignore[misc]
            found |= {key.decode(): msgspec.json.decode(value) for key, value in fields.items()}
        return found

    async def _send_for_ever(self) -> None:
        refreshed_at = float("-inf")
        while True:
            await self._link.wait_available()
            try:
                if time.monotonic() - refreshed_at >= self._refresh_s:
                    refreshed_at = time.monotonic()
                    await self._refresh()
                await self._send_pending()
            except Unavailable:
                refreshed_at = float("-inf")
                continue
            except Exception as error:
                self._metrics.count("vss_redis_errors_total")
                _log.error("presence could not be written", error=repr(error))
                await asyncio.sleep(FAULT_PAUSE_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._refresh_s):
                    await self._news.wait()
                    await asyncio.sleep(min(GATHER_S, self._refresh_s))

    async def _send_pending(self) -> None:
        """Send batches until nothing waits; a batch that was not sent goes back, unless newer frames came."""
        while self._pending:
            batch = [self._pending.popitem(last=False)[1] for _ in range(min(BATCH_MAX, len(self._pending)))]
            try:
                await self._link.ask(lambda client, batch=batch: self._write(client, batch))  # type: ignore[misc]
            except Unavailable:
                for frame in reversed(batch):
                    key = (frame.kind, frame.key)
                    if key not in self._pending and len(self._pending) < self._pending_max:
                        self._pending[key] = frame
                        self._pending.move_to_end(key, last=False)
                raise
        self._news.clear()

    async def _write(self, client: redis.asyncio.Redis, batch: Sequence[LiveFrame]) -> None:
        """One command for each kind that is kept and one for the news: a command costs more than its frames."""
        changes: list[dict[str, Any]] = []
        kept: dict[str, dict[Any, Any]] = {}
        for frame in batch:
            try:
                text = msgspec.json.encode(frame.data)
            except (TypeError, ValueError, NotImplementedError) as error:
                self._metrics.count("vss_redis_errors_total")
                _log.error("a frame has data that is no JSON", kind=frame.kind, error=repr(error))
                continue
            if frame.kind in KEPT_KINDS:
                self._keep((frame.kind, frame.key), text)
                kept.setdefault(frame.kind, {})[frame.key] = text
            changes.append({"kind": frame.kind, "key": frame.key, "data": msgspec.Raw(text)})
        if not changes:
            return
        pipeline = client.pipeline(transaction=False)
        for kind, fields in kept.items():
            pipeline.hset(self._hash(kind, self._cell), mapping=fields)
            pipeline.expire(self._hash(kind, self._cell), LIFE_S)
        pipeline.publish(f"{self._prefix}:live", msgspec.json.encode({"cell": self._cell, "changes": changes}))
        await pipeline.execute()

    def _keep(self, key: Key, text: bytes) -> None:
        self._kept[key] = text
        self._kept.move_to_end(key)
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
            self._metrics.count("vss_bounds_reached_total", bound="redis_kept")

    async def _refresh(self) -> None:
        """Say that the cell lives; write everything again when Redis has lost it."""
        if await self._link.ask(self._prolong):
            return
        again = list(self._kept.items())
        for start in range(0, len(again), BATCH_MAX):
            part = again[start : start + BATCH_MAX]
            await self._link.ask(lambda client, part=part: self._restore(client, part))  # type: ignore[misc]
        # last, so that a restore that failed in the middle is done again
        await self._link.ask(lambda client: client.set(self._hash("alive", self._cell), "1", ex=LIFE_S))

    async def _prolong(self, client: redis.asyncio.Redis) -> bool:
        """Prolong what is there; returns whether the mark of the last refresh was still there."""
        now = self._now()
        pipeline = client.pipeline(transaction=False)
        pipeline.set(self._hash("alive", self._cell), "1", ex=LIFE_S, xx=True)
        for kind in KEPT_KINDS:
            pipeline.expire(self._hash(kind, self._cell), LIFE_S)
        pipeline.zadd(f"{self._prefix}:cells", {self._cell: now + LIFE_S})
        pipeline.zremrangebyscore(f"{self._prefix}:cells", "-inf", f"({now}")
        answers = await pipeline.execute()
        return bool(answers[0])

    async def _restore(self, client: redis.asyncio.Redis, part: Sequence[tuple[Key, bytes]]) -> None:
        pipeline = client.pipeline(transaction=False)
        for (kind, key), text in part:
            pipeline.hset(self._hash(kind, self._cell), key, text)
        for kind in {kind for (kind, _), _ in part}:
            pipeline.expire(self._hash(kind, self._cell), LIFE_S)
        await pipeline.execute()

    async def _withdraw(self) -> None:
        """On a clean end the cell's presence ends at once."""

        async def remove(client: redis.asyncio.Redis) -> None:
            await client.delete(*(self._hash(kind, self._cell) for kind in (*KEPT_KINDS, "alive")))
            await client.zrem(f"{self._prefix}:cells", self._cell)

        with suppress(Unavailable, redis.exceptions.ResponseError):
            await self._link.ask(remove)

    def _hash(self, kind: str, cell: str) -> str:
        return f"{self._prefix}:{kind}:{cell}"
