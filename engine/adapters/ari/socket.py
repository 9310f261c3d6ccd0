"""The engine's one ARI socket: connects, subscribes, resynchronises, reconnects.

Reconnecting loses the events of the time between, so every connection begins the same way: filter, subscribe, take a
snapshot, hand it over, and only then release the events that came meanwhile. Until that has happened the socket
counts as away, and nothing is sent on it for anybody else (Asterisk would accept an originate without a listener, and
hang up the person who answers).
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

import msgspec
import structlog

from engine.adapters.ari import websocket, wire
from engine.adapters.ari.generated import models
from engine.adapters.ari.generated import operations as ari
from engine.adapters.ari.link import Counters, Limits, Link
from engine.adapters.ari.reply import Done, OnReply, Reply
from engine.adapters.ari.request import Request
from engine.adapters.ari.websocket import WebSocketClient
from engine.errors import Unavailable

log = structlog.get_logger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AriSettings:
    """Where Asterisk is and how patiently it is treated."""

    url: str
    """Base of ARI, such as http://127.0.0.1:8088/ari"""
    username: str
    password: str
    app: str
    limits: Limits = field(default_factory=Limits)
    connect_timeout_s: float = 5.0
    backoff_base_s: float = 0.1
    backoff_max_s: float = 5.0
    buffer_max: int = 50_000
    """Events kept while the snapshot is taken; more than that means starting over."""
    ghosts_s: float = 30.0
    """For so long after a connection that timed out, Asterisk may still serve it: see `AriSocket._replaced_by`."""
    message_max_bytes: int = 64 * 1024 * 1024
    """A snapshot of some ten thousand channels."""


class Listener(Protocol):
    """Who hears what the socket hears; all are called from the loop and must not block."""

    def restored(self, channels: list[models.Channel], bridges: list[models.Bridge]) -> None: ...

    def received(self, event: wire.Event) -> None: ...

    def lost(self, reason: str) -> None: ...


class ReplacedByAnother(Unavailable):
    """Another socket took the application over; two engines would command the same calls, so this one must stop."""

    def __init__(self, app: str) -> None:
        super().__init__("ari", f"another client took the application {app!r} over")


class _RestoreFailed(Exception):
    """Asterisk answered, but not what a fresh connection needs."""


class AriSocket:
    def __init__(
        self,
        settings: AriSettings,
        endpoints: Collection[str],
        *,
        random: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        counters: Counters | None = None,
    ) -> None:
        """`endpoints` (`PJSIP/<trunk>`) are subscribed on every connection; the owner may change the collection."""
        self.counters = counters if counters is not None else Counters()
        self._settings = settings
        self._endpoints = endpoints
        self._random = random
        self._sleep = sleep
        self._link: Link | None = None
        self._open = False
        self._buffer: deque[wire.Event] = deque()
        self._replaced = False
        self._ghosts_until = float("-inf")

    @property
    def connected(self) -> bool:
        """Whether the socket is up and resynchronised."""
        return self._open and self._link is not None and self._link.alive

    @property
    def load(self) -> float:
        """Share of the request limit that is in use, 0 to 1."""
        return self._link.pending / self._settings.limits.requests_max if self._link is not None else 0.0

    @property
    def waiting_s(self) -> float:
        """How long the oldest unanswered request has waited."""
        return self._link.waiting_s if self._link is not None else 0.0

    def send(self, request: Request[Any], on_reply: OnReply) -> None:
        """Send now; `on_reply` is called once. Raises Unavailable at once when the socket is away or full."""
        self._live_link().send(request, on_reply)

    async def call(self, request: Request[Any]) -> Reply:
        """Send and wait for the reply, at most `Limits.request_timeout_s`. Raises Unavailable like `send`."""
        return await self._live_link().call(request)

    async def snapshot(self) -> tuple[list[models.Channel], list[models.Bridge]]:
        """All channels and bridges. Raises Unavailable."""
        try:
            return await self._snapshot(self._live_link())
        except _RestoreFailed as error:
            raise Unavailable("ari", str(error)) from error

    def _live_link(self) -> Link:
        if self._link is None or not self._open:
            raise Unavailable("ari", "no socket to Asterisk")
        return self._link

    async def run(self, listener: Listener) -> None:
        """Connect and keep connected until cancelled. Raises ReplacedByAnother."""
        failures = 0
        while True:
            reason, was_open = await self._connection(listener)
            if self._replaced:
                raise ReplacedByAnother(self._settings.app)
            failures = 0 if was_open else failures + 1
            ceiling_s = min(self._settings.backoff_max_s, self._settings.backoff_base_s * 2 ** min(failures, 16))
            delay_s = self._random() * ceiling_s
            log.warning("ari.away", reason=reason, retry_in_s=round(delay_s, 3), failures=failures)
            await self._sleep(delay_s)

    async def _connection(self, listener: Listener) -> tuple[str, bool]:
        """One connection from beginning to end: why it ended, and whether it was ever open."""
        self._buffer.clear()
        link = Link(self._settings.app, self._settings.limits, self.counters, lambda event: self._hear(event, listener))
        try:
            line = await self._connect(link)
        except TimeoutError:
            self._ghosts_until = asyncio.get_running_loop().time() + self._settings.ghosts_s
            return "cannot connect: Asterisk does not answer", False
        except OSError as error:
            return f"cannot connect: {error!r}", False
        self.counters.connects += 1
        self._link = link
        link.attach(line)
        restoring = asyncio.create_task(self._restore(link, listener), name="ari-restore")
        try:
            reason = await link.ended()
        finally:
            restoring.cancel()
            await asyncio.gather(restoring, return_exceptions=True)
            was_open, self._open, self._link = self._open, False, None
            if link.alive:
                link.end("the engine closed the socket")
                line.close("the engine closed the socket")
            else:
                line.abort("the link ended")
        if was_open:
            self.counters.losses += 1
            link.guarded(listener.lost, reason)
        return reason, was_open

    async def _connect(self, link: Link) -> WebSocketClient:
        settings = self._settings
        token = base64.b64encode(f"{settings.username}:{settings.password}".encode()).decode()
        return await websocket.connect(
            f"{settings.url}/events?app={quote(settings.app, safe='')}&subscribeAll=false",
            {"Authorization": f"Basic {token}"},
            link.take,
            link.end,
            timeout_s=settings.connect_timeout_s,
            message_max_bytes=settings.message_max_bytes,
            random_bytes=os.urandom,
        )

    def _hear(self, event: wire.Event, listener: Listener) -> None:
        if isinstance(event, wire.ApplicationReplaced):
            self._replaced_by()
        elif self._open:
            listener.received(event)
        elif len(self._buffer) < self._settings.buffer_max:
            self._buffer.append(event)
        elif self._link is not None:
            log.error("ari.buffer_full", events=len(self._buffer))
            self._link.end("too many events before the snapshot")

    def _replaced_by(self) -> None:
        """Another socket has the application now: somebody else's, which is fatal, or one that we gave up.

        A stalled Asterisk that goes on serves the handshakes it missed in any order, and a connection of which we
        no longer know takes the application from the one that counts (seen after SIGSTOP and SIGCONT).
        """
        self._replaced = asyncio.get_running_loop().time() >= self._ghosts_until
        if self._link is not None:
            self._link.end(
                "the application was taken over" if self._replaced else "replaced by our own late connection"
            )

    async def _restore(self, link: Link, listener: Listener) -> None:
        try:
            allowed = [{"type": kind} for kind in wire.WANTED_TYPES]
            # its answer is not read: an Asterisk without device states leaves a required field out
            await self._done(
                link, ari.applications_filter(self._settings.app, filter={"allowed": allowed, "disallowed": []})
            )
            await asyncio.gather(*(self._subscribe(link, endpoint) for endpoint in tuple(self._endpoints)))
            await link.prove()
            channels, bridges = await self._snapshot(link)
        except (_RestoreFailed, Unavailable) as error:
            link.end(f"not restored: {error}")
            return
        except Exception as error:
            log.exception("ari.restore_failed")
            link.end(f"not restored: {error!r}")
            return
        log.info("ari.restored", channels=len(channels), bridges=len(bridges), buffered=len(self._buffer))
        self._open = True
        link.guarded(lambda snapshot: listener.restored(*snapshot), (channels, bridges))
        while self._buffer:
            link.guarded(listener.received, self._buffer.popleft())

    async def _subscribe(self, link: Link, endpoint: str) -> None:
        request = ari.applications_subscribe(self._settings.app, event_source=[f"endpoint:{endpoint}"])
        reply = await link.call(request)
        if not isinstance(reply, Done):
            log.error("ari.endpoint_not_subscribed", endpoint=endpoint, reply=repr(reply))

    async def _snapshot(self, link: Link) -> tuple[list[models.Channel], list[models.Bridge]]:
        return await asyncio.gather(self._demand(link, ari.channels_list()), self._demand(link, ari.bridges_list()))

    async def _done(self, link: Link, request: Request[Any]) -> Done:
        reply = await link.call(request)
        if not isinstance(reply, Done):
            raise _RestoreFailed(f"{request.method} {request.path}: {reply}")
        return reply

    async def _demand(self, link: Link, request: Request[T]) -> T:
        reply = await self._done(link, request)
        try:
            return wire.decode_answer(request, reply.body)
        except msgspec.MsgspecError as error:
            raise _RestoreFailed(f"{request.method} {request.path}: {error}") from error
