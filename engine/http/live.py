"""The live feed: changes coalesced to at most four frames a second, kept in one bounded ring that clients read.

Every client is a position in the same ring, so that neither a slow nor a dead one costs memory: who falls behind the
ring's oldest frame gets a snapshot instead. Ids begin at the start's epoch milliseconds and count up by one per frame
(at most four a second), so that an id from before a restart is always older than every later one.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from engine.errors import Rejected
from engine.ports import LiveFrame, Metrics

INTERVAL_S = 0.25
GATHER_S = 0.02
"""After a quiet time the first change waits this long for its companions."""
RING_FRAMES = 240
"""One minute of frames."""
RING_BYTES = 16 * 1024 * 1024
KEYS_MAX = 20_000
CLIENTS_MAX = 1000

_encoder = msgspec.json.Encoder(enc_hook=str)


@dataclass(frozen=True, slots=True)
class _Entry:
    id: int
    sse: bytes


class LiveHub:
    """Implements the LiveFeed port. A frame whose data is empty says that its key is gone."""

    def __init__(self, metrics: Metrics, first_id: int, *, interval_s: float = INTERVAL_S) -> None:
        self._metrics = metrics
        self._interval_s = interval_s
        self._state: OrderedDict[tuple[str, str], dict[str, Any]] = OrderedDict()
        self._pending: dict[tuple[str, str], dict[str, Any]] = {}
        self._ring: deque[_Entry] = deque()
        self._ring_bytes = 0
        self._id = first_id
        self._timer: asyncio.TimerHandle | None = None
        self._flushed_at = 0.0
        self._news: asyncio.Future[None] | None = None
        self._snapshot: _Entry | None = None
        self._clients = 0
        self.closed = False

    @property
    def last_id(self) -> int:
        """The id of the newest frame."""
        return self._id

    @property
    def clients(self) -> int:
        return self._clients

    def publish(self, frame: LiveFrame) -> None:
        """Queue a change; the newest of a key wins. Must be called from the event loop."""
        if self.closed:
            return
        key = (frame.kind, frame.key)
        if key not in self._pending and len(self._pending) >= KEYS_MAX:
            self._metrics.count("vss_bounds_reached_total", bound="live_pending")
            return
        self._pending[key] = frame.data
        if self._timer is None:
            loop = asyncio.get_running_loop()
            due = max(loop.time() + min(GATHER_S, self._interval_s), self._flushed_at + self._interval_s)
            self._timer = loop.call_at(due, self.flush)

    def flush(self) -> None:
        """Make one frame of the pending changes and wake the clients."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._pending:
            return
        self._flushed_at = asyncio.get_running_loop().time()
        pending, self._pending = self._pending, {}
        changes = {key: data for key, data in pending.items() if _encodable(data)}
        if len(changes) < len(pending):
            self._metrics.count("vss_live_unencodable_total", len(pending) - len(changes))
        for key, data in changes.items():
            self._remember(key, data)
        self._id += 1
        self._append(_Entry(self._id, _sse(self._id, "change", changes)))
        self._wake()

    def snapshot(self) -> bytes:
        """Everything that is known, as one event that carries the newest id."""
        if self._snapshot is None or self._snapshot.id != self._id:
            self._snapshot = _Entry(self._id, _sse(self._id, "snapshot", self._state))
        return self._snapshot.sse

    def subscribe(self, last_id: int | None) -> Subscription:
        """Follow the feed after `last_id`, or from a snapshot when that is unknown or too old.

        Raises Rejected(`too_many_streams`, 429) at the limit of clients.
        """
        if self._clients >= CLIENTS_MAX:
            self._metrics.count("vss_bounds_reached_total", bound="live_clients")
            raise Rejected("too_many_streams", "too many live streams are open; close one first", 429)
        self._clients += 1
        self._metrics.gauge("vss_live_clients", self._clients)
        return Subscription(self, last_id)

    def close(self) -> None:
        """End all streams; later frames are ignored."""
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wake()

    def since(self, last_id: int | None) -> tuple[int, bytes]:
        """The newest id and the events after `last_id`, a snapshot where they are no longer known."""
        oldest = self._ring[0].id if self._ring else self._id + 1
        if last_id is None or not oldest - 1 <= last_id <= self._id:
            if last_id is not None:
                self._metrics.count("vss_live_snapshots_total")
            return self._id, self.snapshot()
        return self._id, b"".join(entry.sse for entry in self._ring if entry.id > last_id)

    async def news(self, timeout_s: float) -> None:
        """Return at the next frame, at the end of the feed, or after `timeout_s`."""
        if self.closed:
            return
        if self._news is None:
            self._news = asyncio.get_running_loop().create_future()
        await asyncio.wait({self._news}, timeout=timeout_s)

    def left(self) -> None:
        """A client is gone."""
        self._clients -= 1
        self._metrics.gauge("vss_live_clients", self._clients)

    def _remember(self, key: tuple[str, str], data: dict[str, Any]) -> None:
        if not data:
            self._state.pop(key, None)
            return
        self._state[key] = data
        if len(self._state) > KEYS_MAX:
            self._state.popitem(last=False)
            self._metrics.count("vss_bounds_reached_total", bound="live_state")

    def _append(self, entry: _Entry) -> None:
        self._ring.append(entry)
        self._ring_bytes += len(entry.sse)
        while len(self._ring) > RING_FRAMES or self._ring_bytes > RING_BYTES:
            self._ring_bytes -= len(self._ring.popleft().sse)

    def _wake(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)
        self._news = None


class Subscription:
    """One client's position in the feed."""

    def __init__(self, hub: LiveHub, last_id: int | None) -> None:
        self._hub = hub
        self._last_id = last_id
        self._open = True

    async def read(self, timeout_s: float) -> bytes | None:
        """The events this client has not seen, or None when there were none for `timeout_s` or the feed ended."""
        if self._last_id == self._hub.last_id:
            await self._hub.news(timeout_s)
        if self._last_id == self._hub.last_id:
            return None
        self._last_id, events = self._hub.since(self._last_id)
        return events

    def close(self) -> None:
        """Leave; a second time does nothing."""
        if self._open:
            self._open = False
            self._hub.left()


def _sse(event_id: int, event: str, changes: Mapping[tuple[str, str], dict[str, Any]]) -> bytes:
    """One server-sent event. JSON has no raw line breaks, so the data is one line."""
    rows = [{"kind": kind, "key": key, "data": data} for (kind, key), data in changes.items()]
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (event_id, event.encode(), _encoder.encode({"changes": rows}))


def _encodable(data: dict[str, Any]) -> bool:
    try:
        _encoder.encode(data)
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        return False
    return True
