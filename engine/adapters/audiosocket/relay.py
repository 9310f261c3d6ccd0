"""One stream: the sound of a tap to a bot's WebSocket and back (docs/stream.md is its contract with bots).

The bot is somebody else's: it may be slow, silent, flooding or gone. Each stream is one task of its own, every queue
of it is bounded, and nothing that it does makes another stream or a call wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable, Mapping
from socket import SO_SNDBUF, SOL_SOCKET
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import structlog

from engine.errors import Rejected
from engine.flow.nodes.outside import Direction
from engine.ports import Metrics
from engine.run_ports import StreamLimits

from .playout import Playout
from .protocol import FRAME_MS, RATE_HZ, SILENCE
from .server import Line
from .words import BadCommand, Clear, End, Mark, command_of

VERSION = "1.0"
FORMAT = {"encoding": "pcm_s16le", "rate_hz": RATE_HZ, "channels": 1, "frame_ms": FRAME_MS}
TICK_S = FRAME_MS / 1000
LATE_MAX_S = 0.2
"""After a longer stand-still the clock begins anew: what was missed is not sent in one burst."""
UNSENT_MAX = 100
"""Frames of 20 ms for the bot, two seconds; the oldest go."""
KERNEL_B = 16_000
"""A second of sound."""
EVENTS_MAX = 200
SEND_S = 5.0
"""So long may the bot let us wait until it reads on."""
GOODBYE_S = 1.0
PING_EVERY_S = 10.0
MESSAGE_MAX_B = 1 << 20
"""A minute of sound: as much as is kept."""
MESSAGES_MAX_PER_S = 500
"""Ten times what a bot sends that sends frame by frame."""
MISTAKES_MAX = 20

log = structlog.get_logger(__name__)

Told = Callable[[str, Mapping[str, Any]], None]


class Relay:
    """Listens to a tap (server.py) and runs as one task; `told` hears `started` and `mark`."""

    def __init__(
        self,
        url: str,
        direction: Direction,
        hello: Mapping[str, Any],
        limits: StreamLimits,
        told: Told,
        metrics: Metrics,
    ) -> None:
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._url = url
        self._both = direction is Direction.BOTH
        self.first = _json(
            {"event": "start", "version": VERSION, "format": FORMAT, "direction": str(direction), **hello}
        )
        """The first message, which the connection's signature is over."""
        self._limits = limits
        self._told = told
        self._metrics = metrics
        self._line: Line | None = None
        self._arrived = asyncio.Event()
        self._over: asyncio.Future[str] = loop.create_future()
        self._started = False
        self._unsent: deque[bytes] = deque(maxlen=UNSENT_MAX)
        self._events: deque[Mapping[str, Any]] = deque()
        self._wake = asyncio.Event()
        self._playout = Playout()
        self._ending = False
        self._mistakes = 0
        self._second, self._messages = 0, 0
        self._bot_at = self._tick_at = loop.time()
        self._timers: list[asyncio.TimerHandle] = []
        self._ticker: asyncio.TimerHandle | None = None

    # --- the tap's side

    def connected(self, line: Line) -> None:
        self._line = line
        self._arrived.set()

    def hear(self, frame: bytes) -> None:
        if not self._started:
            return
        if len(self._unsent) == UNSENT_MAX:
            self._metrics.count("vss_bounds_reached_total", bound="stream_unsent")
        self._unsent.append(frame)
        self._wake.set()

    def key(self, key: str) -> None:
        self._tell({"event": "key", "key": key})

    def lost(self) -> None:
        self.end("hung_up")

    def end(self, reason: str) -> None:
        """End the stream; the first reason counts."""
        if not self._over.done():
            self._over.set_result(reason)

    # --- the task

    async def run(
        self, session: aiohttp.ClientSession, headers: Mapping[str, str], ended: Callable[[str], None]
    ) -> None:
        """Carry sound until somebody ends it; `ended` hears why, before the bot is told. Cancelled, it ends at once."""
        sockets: list[aiohttp.ClientWebSocketResponse] = []
        work = asyncio.create_task(self._carry(session, headers, sockets), name="stream-work")
        try:
            await asyncio.wait({work, self._over}, return_when=asyncio.FIRST_COMPLETED)
            if not self._over.done():
                self.end(self._reason(work))
            ended(self._over.result())
        finally:
            self._disarm()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            for socket in sockets:
                await self._say_goodbye(socket)

    def _reason(self, work: asyncio.Task[str]) -> str:
        error = work.exception()
        if error is None:
            return work.result()
        host = urlsplit(self._url).hostname
        log.warning("stream_failed", host=host, started=self._started, error=str(error) or repr(error))
        match error:
            case TimeoutError():
                self._metrics.count(
                    "vss_bounds_reached_total", bound="stream_send" if self._started else "stream_connect"
                )
                return "bot_slow" if self._started else "connect_timeout"
            case aiohttp.ClientError() | OSError() | Rejected() | ValueError():
                return "bot_gone" if self._started else "refused"
            case _:
                return "fault"

    async def _carry(
        self,
        session: aiohttp.ClientSession,
        headers: Mapping[str, str],
        sockets: list[aiohttp.ClientWebSocketResponse],
    ) -> str:
        began = self._loop.time()
        async with asyncio.timeout(self._limits.connect_timeout_s):
            socket = await session.ws_connect(
                self._url,
                headers=headers,
                heartbeat=PING_EVERY_S,
                max_msg_size=MESSAGE_MAX_B,
                timeout=aiohttp.ClientWSTimeout(ws_close=GOODBYE_S),
            )
            sockets.append(socket)
            _keep_little(socket)
            await socket.send_str(self.first)
            await self._arrived.wait()
        self._metrics.observe("vss_stream_connect_seconds", self._loop.time() - began)
        self._start()
        sender = asyncio.create_task(self._send(socket), name="stream-send")
        try:
            receiver = asyncio.create_task(self._receive(socket), name="stream-receive")
            try:
                await asyncio.wait({sender, receiver}, return_when=asyncio.FIRST_COMPLETED)
                return receiver.result() if receiver.done() else _failure_of(sender)
            finally:
                receiver.cancel()
                await asyncio.gather(receiver, return_exceptions=True)
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    def _start(self) -> None:
        self._started = True
        self._bot_at = self._tick_at = self._loop.time()
        self._timers.append(self._loop.call_later(self._limits.max_s, self.end, "max_s"))
        self._tick()
        self._told("started", {})

    def _disarm(self) -> None:
        for timer in (*self._timers, *((self._ticker,) if self._ticker is not None else ())):
            timer.cancel()

    async def _say_goodbye(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        reason = self._over.result() if self._over.done() else "stopped"
        with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
            async with asyncio.timeout(GOODBYE_S):
                if not socket.closed:
                    await socket.send_str(_json({"event": "end", "reason": reason}))
                await socket.close()

    # --- to the bot

    def _tell(self, event: Mapping[str, Any]) -> None:
        if not self._started:
            return
        if len(self._events) >= EVENTS_MAX:
            self._metrics.count("vss_bounds_reached_total", bound="stream_events")
            return
        self._events.append(event)
        self._wake.set()

    async def _send(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._events or self._unsent:
                async with asyncio.timeout(SEND_S):
                    if self._events:
                        await socket.send_str(_json(self._events.popleft()))
                    else:
                        await socket.send_bytes(self._unsent.popleft())

    # --- from the bot

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> str:
        while True:
            message = await socket.receive()
            self._bot_at = self._loop.time()
            if message.type is aiohttp.WSMsgType.BINARY:
                self._sound(message.data)
            elif message.type is aiohttp.WSMsgType.TEXT:
                self._command(message.data)
            elif message.type is aiohttp.WSMsgType.ERROR:
                return "bot_fault"
            else:
                return "bot_closed"
            if self._too_many():
                self._metrics.count("vss_bounds_reached_total", bound="stream_messages")
                return "bot_floods"
            # what has come already is received without a pause, and the others of the loop want to run too
            if self._messages % 16 == 0:
                await asyncio.sleep(0)

    def _too_many(self) -> bool:
        second = int(self._bot_at)
        if second != self._second:
            self._second, self._messages = second, 0
        self._messages += 1
        return self._messages > MESSAGES_MAX_PER_S

    def _sound(self, data: bytes) -> None:
        if not self._both:
            self._mistake("this stream carries no sound to the caller (direction: out)")
        elif len(data) % 2:
            self._mistake("a binary message must be whole samples of 2 bytes")
        elif self._ending:
            self._mistake("there was the command end already")
        elif dropped_ms := self._playout.put(data):
            self._metrics.count("vss_bounds_reached_total", bound="stream_playout")
            self._tell({"event": "overflow", "dropped_ms": dropped_ms})

    def _command(self, text: str) -> None:
        try:
            command = command_of(text)
        except BadCommand as error:
            self._mistake(str(error))
            return
        match command:
            case Clear():
                self._reached(self._playout.clear(), played=False)
            case Mark(name):
                if not self._playout.mark(name):
                    self._mistake("too many marks wait to be reached")
            case End():
                self._ending = True

    def _mistake(self, detail: str) -> None:
        self._mistakes += 1
        self._tell({"event": "error", "detail": detail})
        if self._mistakes > MISTAKES_MAX:
            self.end("bot_fault")

    def _reached(self, marks: tuple[str, ...], *, played: bool) -> None:
        for name in marks:
            self._tell({"event": "mark", "name": name, "played": played})
            self._told("mark", {"name": name, "played": played})

    # --- the clock towards the caller

    def _tick(self) -> None:
        """Send what is due. The clock is absolute, so that late ticks do not add up."""
        now = self._loop.time()
        if now - self._tick_at > LATE_MAX_S:
            self._tick_at = now
        while self._tick_at <= now:
            self._tick_at += TICK_S
            self._play(now)
        if not self._over.done():
            self._ticker = self._loop.call_at(self._tick_at, self._tick)

    def _play(self, now: float) -> None:
        heard = self._playout.tick()
        if self._both and self._line is not None:
            # silence too: a caller's telephone takes a stream that pauses for a broken one
            self._line.say(heard.frame or SILENCE)
        self._reached(heard.marks, played=True)
        if heard.frame is not None:
            self._bot_at = now
        elif self._ending and not self._playout.queued_ms:
            self.end("bot_ended")
        elif self._both and 0 < self._limits.silence_max_s < now - self._bot_at:
            self._metrics.count("vss_bounds_reached_total", bound="stream_silence")
            self.end("bot_silent")


def _keep_little(socket: aiohttp.ClientWebSocketResponse) -> None:
    """The kernel would keep minutes of sound for a bot that does not read, and it would hear the past for ever."""
    connection = socket.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(SOL_SOCKET, SO_SNDBUF, KERNEL_B)


def _failure_of(sender: asyncio.Task[None]) -> str:
    sender.result()  # it ends by an error only
    return "fault"


def _json(event: Mapping[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"), default=str)
