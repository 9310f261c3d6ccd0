"""The AudioSocket server: Asterisk connects once for each tap and names it; strangers are shown the door.

Everything happens in callbacks of the loop, so a tap costs no task. Bounded: connections, taps announced, the time
until a connection names its tap and until Asterisk connects at all, and what waits to be written.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self, cast

import structlog

from engine.ports import Metrics

from .protocol import GOODBYE, BadAudioSocket, Kind, Messages, key_of, sound, tap_of

TAPS_MAX = 1000
"""Announced or connected at once."""
CONNECTIONS_MAX = TAPS_MAX + 32
"""Those of strangers, for the time that they have, included."""
NAME_S = 2.0
ARRIVE_S = 10.0
"""Asterisk connects within milliseconds of being asked; it gives up connecting itself after 2 s."""
WRITE_MAX_B = 16_000
"""A second of sound: who does not read so much any more does not play it."""

CLOSING_TURNS = 5
WITHDRAWN_MAX = 100

log = structlog.get_logger(__name__)


class Line(Protocol):
    """A tap that Asterisk is connected to."""

    def say(self, frame: bytes) -> None:
        """Send a frame of sound to Asterisk; dropped when Asterisk does not read."""
        ...


class Listener(Protocol):
    """Who wants to hear a tap. `lost` comes exactly once, unless `close` was called for the tap."""

    def connected(self, line: Line) -> None: ...

    def hear(self, frame: bytes) -> None:
        """Sound of the leg: signed linear, 8 kHz, 20 ms as a rule."""
        ...

    def key(self, key: str) -> None: ...

    def lost(self) -> None:
        """Asterisk hung up, or never came."""
        ...


@dataclass(slots=True)
class Tap:
    listener: Listener
    expiry: asyncio.TimerHandle
    connection: Connection | None = None


class TapServer:
    """`async with TapServer(...)`: listens on entering; on leaving, closes and ends every connection."""

    def __init__(
        self,
        host: str,
        port: int,
        metrics: Metrics,
        *,
        taps_max: int = TAPS_MAX,
        connections_max: int = CONNECTIONS_MAX,
        name_s: float = NAME_S,
        arrive_s: float = ARRIVE_S,
    ) -> None:
        self._host = host
        self._port = port
        self._metrics = metrics
        self._taps_max = taps_max
        self._connections_max = connections_max
        self._name_s = name_s
        self._arrive_s = arrive_s
        self._server: asyncio.Server | None = None
        self._taps: dict[str, Tap] = {}
        self._connections: set[Connection] = set()
        self._withdrawn: deque[str] = deque(maxlen=WITHDRAWN_MAX)
        """Taps that were closed before Asterisk came to them."""

    @property
    def port(self) -> int:
        """The port it listens on (the one given, or the one found for port 0)."""
        if self._server is None:
            return self._port
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def taps(self) -> int:
        return len(self._taps)

    @property
    def connections(self) -> int:
        return len(self._connections)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), self._host, self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for tap in tuple(self._taps):
            self.close(tap)
        for connection in tuple(self._connections):
            connection.end()
        for _ in range(CLOSING_TURNS):  # what closes needs a turn of the loop or two
            await asyncio.sleep(0)
        if self._server is not None:
            await self._server.wait_closed()

    def announce(self, tap: str, listener: Listener) -> bool:
        """Accept one connection that names itself `tap`, from now on; False: there are too many."""
        if tap in self._taps:
            raise ValueError(f"tap {tap} is announced already")
        if len(self._taps) >= self._taps_max:
            self._metrics.count("vss_bounds_reached_total", bound="taps")
            return False
        loop = asyncio.get_running_loop()
        self._taps[tap] = Tap(listener, loop.call_later(self._arrive_s, self._never_came, tap))
        self._metrics.gauge("vss_audio_taps", len(self._taps))
        return True

    def close(self, tap: str) -> None:
        """Forget a tap and hang up its line; its listener hears nothing more."""
        known = self._forget(tap)
        if known is None:
            return
        if known.connection is None:
            self._withdrawn.append(tap)
        else:
            known.connection.end()

    # --- what connections tell

    def opened(self, connection: Connection) -> bool:
        """Whether there is room for it."""
        if len(self._connections) >= self._connections_max:
            self._metrics.count("vss_bounds_reached_total", bound="tap_connections")
            return False
        self._connections.add(connection)
        connection.expire_after(self._name_s, self._nameless)
        return True

    def named(self, connection: Connection, tap: str) -> Listener | None:
        """Who waits for this tap; None: nobody any more. Raises BadAudioSocket when nobody did, or another came."""
        known = self._taps.get(tap)
        if known is None and tap in self._withdrawn:
            self._withdrawn.remove(tap)
            return None
        if known is None or known.connection is not None:
            raise BadAudioSocket("a tap that nobody announced, or that is taken")
        known.expiry.cancel()
        known.connection = connection
        known.listener.connected(connection)
        return known.listener

    def gone(self, connection: Connection, tap: str | None) -> None:
        """The connection is over, whoever ended it."""
        self._connections.discard(connection)
        if tap is not None and (known := self._taps.get(tap)) is not None and known.connection is connection:
            self._forget(tap)
            known.listener.lost()

    def refused(self, reason: str) -> None:
        self._metrics.count("vss_audio_taps_refused_total")
        log.warning("audiosocket_refused", reason=reason)

    def unread(self) -> None:
        """Asterisk does not read what is written."""
        self._metrics.count("vss_bounds_reached_total", bound="tap_write")

    def _nameless(self, connection: Connection) -> None:
        self._metrics.count("vss_bounds_reached_total", bound="tap_name")
        connection.end()

    def _never_came(self, tap: str) -> None:
        self._metrics.count("vss_bounds_reached_total", bound="tap_arrival")
        known = self._forget(tap)
        if known is not None:
            known.listener.lost()

    def _forget(self, tap: str) -> Tap | None:
        known = self._taps.pop(tap, None)
        if known is not None:
            known.expiry.cancel()
            self._metrics.gauge("vss_audio_taps", len(self._taps))
        return known


class Connection(asyncio.Protocol):
    """One connection of Asterisk, or of a stranger."""

    def __init__(self, server: TapServer) -> None:
        self._server = server
        self._messages = Messages()
        self._transport: asyncio.Transport | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._tap: str | None = None
        self._listener: Listener | None = None
        self._ended = False

    def expire_after(self, delay_s: float, then: Callable[[Connection], None]) -> None:
        """Call `then` unless it has named its tap by then."""
        self._expiry = asyncio.get_running_loop().call_later(delay_s, then, self)

    def say(self, frame: bytes) -> None:
        """Send a frame of sound to Asterisk; dropped when Asterisk does not read."""
        if self._transport is None or self._ended:
            return
        if self._transport.get_write_buffer_size() > WRITE_MAX_B:
            self._server.unread()
            return
        self._transport.write(sound(frame))

    def end(self) -> None:
        """Hang up; idempotent."""
        if self._ended:
            return
        self._ended = True
        self._disarm()
        if self._transport is not None:
            if self._listener is not None:
                self._transport.write(GOODBYE)
            if self._transport.get_write_buffer_size() > len(GOODBYE):
                self._transport.abort()  # closing would wait for a peer that does not read
            else:
                self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if not self._server.opened(self):
            self._ended = True
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._ended:
            return
        try:
            for kind, payload in self._messages.take(data):
                self._take(kind, payload)
                if self._ended:
                    return
        except BadAudioSocket as error:
            self._server.refused(str(error))
            self.end()

    def connection_lost(self, error: Exception | None) -> None:
        self._ended = True
        self._disarm()
        self._server.gone(self, self._tap)

    def _take(self, kind: Kind, payload: bytes) -> None:
        listener = self._listener
        if listener is None:
            if kind is not Kind.NAME:
                raise BadAudioSocket("something before its name")
            tap = tap_of(payload)
            self._disarm()
            self._listener = self._server.named(self, tap)
            if self._listener is None:
                self.end()
            self._tap = tap
        elif kind is Kind.SOUND:
            listener.hear(payload)
        elif kind is Kind.KEY:
            listener.key(key_of(payload))
        elif kind is Kind.NAME:
            raise BadAudioSocket("a second name")
        else:  # it hangs up, or says that it failed
            self.end()

    def _disarm(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
