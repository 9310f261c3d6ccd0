"""One connected ARI WebSocket, from the handshake to its end: requests out, answers and events in.

Asterisk serves REST over WebSocket strictly in order per socket, so the oldest unanswered request is always the
first of `_pending`, and one timer watches it.

A socket that answers need not be one that hears: an application can lose its socket behind the socket's back (seen
when a stalled Asterisk serves connections late), and Asterisk then still accepts an originate whose callee is hung up
on. So a link proves itself with an event of its own that has to come back, whenever no other event has come for a
while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import structlog

from engine.adapters.ari import wire
from engine.adapters.ari.generated import operations as ari
from engine.adapters.ari.reply import Done, Gone, Lost, OnReply, Refused, Reply
from engine.adapters.ari.request import Request
from engine.errors import Unavailable

log = structlog.get_logger(__name__)
T = TypeVar("T")


PROBE = "vss-alive"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a link. Reaching one is loud: an error to the caller, a counter and a log line."""

    away_after_s: float = 5.0
    """Asterisk is away, and the link ends, when requests wait and none was answered, or no event came, for so long."""
    request_timeout_s: float = 15.0
    """Longest wait of one request while Asterisk, overloaded, still answers those before it; then the link ends too."""
    requests_max: int = 2000
    """Requests that wait for their answer."""
    unsent_max_bytes: int = 1024 * 1024
    """Bytes that wait because Asterisk reads slowly."""


@dataclass(slots=True)
class Counters:
    """Totals since the start of the process; read by the metrics endpoint."""

    connects: int = 0
    losses: int = 0
    requests: int = 0
    requests_rejected: int = 0
    requests_lost: int = 0
    replies: int = 0
    replies_wait_s: float = 0.0
    """Round trips in sum: what a request waited for its reply, Asterisk's work included."""
    events: int = 0
    events_unknown: int = 0
    events_failed: int = 0


class Line(Protocol):
    """What a link needs of its WebSocket."""

    @property
    def unsent_bytes(self) -> int: ...
    def send_text(self, payload: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class _Pending:
    sent_at: float
    on_reply: OnReply


class Link:
    """Use: `attach` the WebSocket, then `send` and `call` until `ended` gives the reason; every caller is told.

    The WebSocket delivers to `take` and reports its end to `end`; closing it is up to whoever opened it.
    """

    def __init__(
        self,
        app: str,
        limits: Limits,
        counters: Counters,
        on_event: Callable[[wire.Event], None],
        now: Callable[[], float] | None = None,
    ) -> None:
        """`now` gives seconds that never go back; None is the loop's time."""
        self._probe = ari.events_user_event(PROBE, application=app)
        self._limits = limits
        self._counters = counters
        self._on_event = on_event
        self._loop = asyncio.get_running_loop()
        self._now = now if now is not None else self._loop.time
        self._ended: asyncio.Future[str] = self._loop.create_future()
        self._pending: dict[str, _Pending] = {}
        self._line: Line | None = None
        self._watchdog: asyncio.TimerHandle | None = None
        self._next_id = 0
        self._heard_at = self._now()
        self._answered_at = self._now()
        self._proven: asyncio.Future[None] = self._loop.create_future()

    @property
    def pending(self) -> int:
        """Requests that wait for their answer."""
        return len(self._pending)

    @property
    def waiting_s(self) -> float:
        """How long the oldest of them has waited; 0 when none does."""
        oldest = next(iter(self._pending.values()), None)
        return 0.0 if oldest is None else max(0.0, self._now() - oldest.sent_at)

    @property
    def alive(self) -> bool:
        return not self._ended.done()

    def attach(self, line: Line) -> None:
        """Begin to use the line and to watch it."""
        self._line = line
        self._heard_at = self._now()
        self._watch()

    async def prove(self) -> None:
        """Wait until an event has come back on this link. Raises Unavailable if it ends before."""
        self.send(self._probe, _ignore)
        either: list[asyncio.Future[Any]] = [self._proven, self._ended]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if self._ended.done():
            raise Unavailable("ari", self._ended.result())

    def send(self, request: Request[Any], on_reply: OnReply) -> None:
        """Write one request; `on_reply` is called exactly once, from the loop. Raises Unavailable when full or ended.

        Neither a task nor a queue is involved: the frame is in the transport's buffer on return.
        """
        line = self._line
        if line is None or self._ended.done():
            raise Unavailable("ari", self._ended.result() if self._ended.done() else "not connected yet")
        if len(self._pending) >= self._limits.requests_max or line.unsent_bytes > self._limits.unsent_max_bytes:
            self._reject(line)
        self._next_id += 1
        request_id = str(self._next_id)
        self._pending[request_id] = _Pending(self._now(), on_reply)
        line.send_text(wire.encode(request_id, request))
        self._counters.requests += 1

    def _reject(self, line: Line) -> None:
        self._counters.requests_rejected += 1
        if self._counters.requests_rejected % 1000 == 1:
            log.error("ari.requests_full", pending=len(self._pending), unsent_bytes=line.unsent_bytes)
        raise Unavailable("ari", f"{len(self._pending)} requests wait for Asterisk: no more are taken")

    async def call(self, request: Request[Any]) -> Reply:
        """Send and wait for the reply, at most `request_timeout_s`. Raises Unavailable like `send`."""
        answer: asyncio.Future[Reply] = self._loop.create_future()

        def settle(reply: Reply) -> None:
            if not answer.done():
                answer.set_result(reply)

        self.send(request, settle)
        return await answer

    def end(self, reason: str) -> None:
        """End the link; requests without an answer are `Lost`. The first reason given wins."""
        if self._ended.done():
            return
        self._ended.set_result(reason)
        if self._watchdog is not None:
            self._watchdog.cancel()
        abandoned, self._pending = self._pending, {}
        self._counters.requests_lost += len(abandoned)
        for pending in abandoned.values():
            self._loop.call_soon(self.guarded, pending.on_reply, Lost(reason))

    async def ended(self) -> str:
        """Wait for the end of the link and tell its reason."""
        return await asyncio.shield(self._ended)

    def take(self, raw: bytes) -> None:
        """One text frame from Asterisk."""
        frame = wire.parse(raw)
        if isinstance(frame, wire.RESTResponse):
            self._settle(frame)
        elif isinstance(frame, wire.UnknownEvent):
            self._counters.events_unknown += 1
            log.debug("ari.unknown_event", type=frame.type)
        elif isinstance(frame, wire.ChannelUserevent):
            self._heard_at = self._now()
            if not self._proven.done():
                self._proven.set_result(None)
        else:
            self._counters.events += 1
            self._heard_at = self._now()
            self.guarded(self._on_event, frame)

    def _settle(self, response: wire.RESTResponse) -> None:
        self._answered_at = self._now()
        pending = self._pending.pop(response.request_id, None)
        if pending is None:
            log.error("ari.stray_answer", request_id=response.request_id, status=response.status_code)
            return
        self._counters.replies += 1
        self._counters.replies_wait_s += self._answered_at - pending.sent_at
        status = response.status_code
        reply: Reply
        if 200 <= status < 300:
            reply = Done(status, response.message_body)
        elif status in {404, 409, 412}:
            reply = Gone(status, wire.refusal_reason(response))
        else:
            reply = Refused(status, wire.refusal_reason(response))
        self.guarded(pending.on_reply, reply)

    def guarded(self, callback: Callable[[T], None], argument: T) -> None:
        """Call back. A fault in the handling of one call must not stop the socket of all the others."""
        try:
            callback(argument)
        except Exception:
            self._counters.events_failed += 1
            log.exception("ari.callback_failed", argument=repr(argument))

    def _watch(self) -> None:
        """Runs ten times per `away_after_s`."""
        self.check()
        if not self._ended.done():
            self._watchdog = self._loop.call_later(self._limits.away_after_s / 10, self._watch)

    def check(self) -> None:
        """End the link if Asterisk is away, ask for a proof if no event has come for half of the time."""
        now, away_after_s = self._now(), self._limits.away_after_s
        oldest = next(iter(self._pending.values()), None)
        silent_s = now - self._heard_at
        if oldest is not None and self._is_unanswered(oldest, now):
            self.end(f"no answer within {away_after_s:g} s")
        elif silent_s >= away_after_s:
            self.end(f"no event within {away_after_s:g} s, though one was asked for")
        elif silent_s >= away_after_s / 2:
            with suppress(Unavailable):  # full: then answers are waited for anyway
                self.send(self._probe, _ignore)

    def _is_unanswered(self, oldest: _Pending, now: float) -> bool:
        progress_at = max(oldest.sent_at, self._answered_at)
        return progress_at + self._limits.away_after_s <= now or oldest.sent_at + self._limits.request_timeout_s <= now


def _ignore(reply: Reply) -> None:
    """The answer to a probe says nothing; its event does."""
