"""One connected ARI WebSocket, from the handshake to its end: requests out, answers and events in.

Asterisk serves REST over WebSocket strictly in order per socket, so the oldest unanswered request is always the
first of `_pending`, and one timer for it watches all of them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import ClientError, ClientWebSocketResponse, WSMsgType

from engine.adapters.ari import wire
from engine.adapters.ari.reply import Done, Gone, Lost, OnReply, Refused, Reply
from engine.adapters.ari.request import Request
from engine.errors import Unavailable

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a link. Reaching one is loud: an error to the caller, a counter and a log line."""

    request_timeout_s: float = 5.0
    """No answer for this long means Asterisk is away: the link ends."""
    requests_max: int = 2000
    """Requests that wait for their answer, written or not."""
    outgoing_max: int = 1000
    """Requests that wait to be written."""


@dataclass(slots=True)
class Counters:
    """Totals since the start of the process; read by the metrics endpoint."""

    connects: int = 0
    losses: int = 0
    requests: int = 0
    requests_rejected: int = 0
    requests_lost: int = 0
    events: int = 0
    events_unknown: int = 0
    events_failed: int = 0


@dataclass(slots=True)
class _Pending:
    deadline: float
    on_reply: OnReply


class Link:
    """Use: `send` and `call` while `run` runs; `run` returns why the link ended, after every caller was told.

    The WebSocket itself is closed by whoever opened it.
    """

    def __init__(
        self,
        ws: ClientWebSocketResponse[Any],
        limits: Limits,
        counters: Counters,
        on_event: Callable[[wire.Event], None],
    ) -> None:
        self._ws = ws
        self._limits = limits
        self._counters = counters
        self._on_event = on_event
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[str] = self._loop.create_future()
        self._pending: dict[str, _Pending] = {}
        self._outgoing: deque[bytes] = deque()
        self._writer_wake: asyncio.Future[None] | None = None
        self._watchdog: asyncio.TimerHandle | None = None
        self._next_id = 0

    @property
    def pending(self) -> int:
        """Requests that wait for their answer."""
        return len(self._pending)

    def send(self, request: Request[Any], on_reply: OnReply) -> None:
        """Queue one request; `on_reply` is called exactly once, from the loop. Raises Unavailable when full or ended.

        No task is made: the link's writer takes the frame in this or the next round of the loop.
        """
        if self._ended.done():
            raise Unavailable("ari", self._ended.result())
        if len(self._pending) >= self._limits.requests_max or len(self._outgoing) >= self._limits.outgoing_max:
            self._counters.requests_rejected += 1
            if self._counters.requests_rejected % 1000 == 1:
                log.error("ari.requests_full", pending=len(self._pending), outgoing=len(self._outgoing))
            raise Unavailable("ari", f"{len(self._pending)} requests wait for Asterisk: no more are taken")
        self._next_id += 1
        request_id = str(self._next_id)
        deadline = self._loop.time() + self._limits.request_timeout_s
        self._outgoing.append(wire.encode(request_id, request))
        self._pending[request_id] = _Pending(deadline, on_reply)
        self._counters.requests += 1
        if self._watchdog is None:
            self._watchdog = self._loop.call_at(deadline, self._watch)
        if self._writer_wake is not None and not self._writer_wake.done():
            self._writer_wake.set_result(None)

    async def call(self, request: Request[Any]) -> Reply:
        """Send and wait for the reply, at most the request timeout. Raises Unavailable like `send`."""
        answer: asyncio.Future[Reply] = self._loop.create_future()

        def settle(reply: Reply) -> None:
            if not answer.done():
                answer.set_result(reply)

        self.send(request, settle)
        return await answer

    def end(self, reason: str) -> None:
        """Ask for the end of the link; `run` returns `reason`. The first reason given wins."""
        if not self._ended.done():
            self._ended.set_result(reason)

    async def run(self) -> str:
        """Read and write until the link ends."""
        tasks = [
            asyncio.create_task(self._read(), name="ari-read"),
            asyncio.create_task(self._write(), name="ari-write"),
        ]
        try:
            await asyncio.wait([*tasks, self._ended], return_when=asyncio.FIRST_COMPLETED)
            self.end(_reason_of(tasks))
            return self._ended.result()
        finally:
            self.end("closed")
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._abandon_requests()

    async def _read(self) -> str:
        receive = self._ws.receive
        while True:
            message = await receive()
            if message.type is WSMsgType.TEXT:
                self._take(message.data)
            elif message.type is WSMsgType.ERROR:
                return f"socket error: {self._ws.exception()!r}"
            elif message.type in {WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING}:
                return f"Asterisk closed the socket (code {self._ws.close_code})"

    def _take(self, raw: bytes) -> None:
        frame = wire.parse(raw)
        if isinstance(frame, wire.RESTResponse):
            self._settle(frame)
        elif isinstance(frame, wire.UnknownEvent):
            self._counters.events_unknown += 1
            log.debug("ari.unknown_event", type=frame.type)
        else:
            self._counters.events += 1
            self.guarded(self._on_event, frame)

    def _settle(self, response: wire.RESTResponse) -> None:
        pending = self._pending.pop(response.request_id, None)
        if pending is None:
            log.error("ari.stray_answer", request_id=response.request_id, status=response.status_code)
            return
        status = response.status_code
        reply: Reply
        if 200 <= status < 300:
            reply = Done(status, response.message_body)
        elif status in {404, 409}:
            reply = Gone(status, wire.refusal_reason(response))
        else:
            reply = Refused(status, wire.refusal_reason(response))
        self.guarded(pending.on_reply, reply)

    def guarded(self, callback: Callable[[Any], None], argument: object) -> None:
        """A fault in one call's handling must not stop the socket of all the others."""
        try:
            callback(argument)
        except Exception:
            self._counters.events_failed += 1
            log.exception("ari.callback_failed", argument=repr(argument))

    async def _write(self) -> str:
        while True:
            while self._outgoing:
                await self._ws.send_frame(self._outgoing.popleft(), WSMsgType.TEXT)
            self._writer_wake = self._loop.create_future()
            await self._writer_wake

    def _watch(self) -> None:
        self._watchdog = None
        oldest = next(iter(self._pending.values()), None)
        if oldest is None:
            return
        if oldest.deadline <= self._loop.time():
            self.end(f"no answer within {self._limits.request_timeout_s:g} s")
        else:
            self._watchdog = self._loop.call_at(oldest.deadline, self._watch)

    def _abandon_requests(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
        abandoned, self._pending = self._pending, {}
        self._outgoing.clear()
        self._counters.requests_lost += len(abandoned)
        for pending in abandoned.values():
            self.guarded(pending.on_reply, Lost(self._ended.result()))


def _reason_of(tasks: list[asyncio.Task[str]]) -> str:
    for task in tasks:
        if task.done() and not task.cancelled():
            error = task.exception()
            if error is None:
                return task.result()
            if isinstance(error, (ClientError, OSError)):
                return f"socket error: {error!r}"
            raise error
    return "ended"
