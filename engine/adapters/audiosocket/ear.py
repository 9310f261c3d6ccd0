"""The Ear port on AudioSocket: taps that listen for beeps, and taps that are streamed to bots."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp
import numpy as np
import structlog

from engine.errors import Rejected
from engine.flow.nodes.outside import Direction
from engine.flow.run.events import Verdict
from engine.ports import Metrics
from engine.run_ports import StreamLimits

from .beep import BeepFinder, Samples
from .door import Door, refuse_redirects
from .greeting import GreetingJudge
from .protocol import FRAME_SAMPLES
from .quiet import QuietFinder
from .relay import Relay, Told
from .server import Line, TapServer
from .voice_model import PIECE_MS, PIECE_SAMPLES, VoiceModel, is_installed

STREAMS_MAX = 200
LISTEN_MAX_S = 120.0
"""A script waits 60 s at most (VoicemailDrop.wait_s); a listener that nobody closed ends by itself."""
PEOPLE_MAX = 8
"""The voice model takes 4 % of a core for each that listens."""
FULL_SCALE = np.float32(32768)

log = structlog.get_logger(__name__)


class Listener:
    """Hears one tap in pieces until something is found; `found` hears what, exactly once, unless the tap is closed."""

    piece_samples: ClassVar[int]

    def __init__(self, found: Callable[[str], None]) -> None:
        self._found = found
        self._kept = bytearray()
        self._done = False
        self._expiry = asyncio.get_running_loop().call_later(LISTEN_MAX_S, self._end, "expired")

    def connected(self, line: Line) -> None:
        """Nothing is said on it."""

    def key(self, key: str) -> None:
        """Keys are none of ours."""

    def hear(self, frame: bytes) -> None:
        self._kept += frame
        size = 2 * self.piece_samples
        while len(self._kept) >= size and not self._done:
            piece = np.frombuffer(bytes(self._kept[:size]), "<i2").astype(np.float32) / FULL_SCALE
            del self._kept[:size]
            if (what := self._look(piece)) is not None:
                self._end(what)

    def lost(self) -> None:
        self._end("lost")

    def stop(self) -> None:
        """Nobody wants to hear any more."""
        self._done = True
        self._expiry.cancel()

    def _look(self, piece: Samples) -> str | None:
        raise NotImplementedError

    def _end(self, what: str) -> None:
        if not self._done:
            self.stop()
            self._found(what)


class BeepListener(Listener):
    """Until a beep, or silence after a voice."""

    piece_samples = FRAME_SAMPLES

    def __init__(self, silence_s: float, found: Callable[[str], None]) -> None:
        super().__init__(found)
        self._beep = BeepFinder()
        self._quiet = QuietFinder(silence_s)

    def _look(self, piece: Samples) -> str | None:
        if self._beep.hear(piece):
            return "beep"
        return "silence" if self._quiet.hear(piece) else None


class PersonListener(Listener):
    """Until it is known who answered."""

    piece_samples = PIECE_SAMPLES

    def __init__(self, limit_s: float, found: Callable[[str], None]) -> None:
        super().__init__(found)
        self._model = VoiceModel()
        self._judge = GreetingJudge(limit_s)

    def _look(self, piece: Samples) -> str | None:
        return self._judge.hear(self._model.hears_voice(piece), PIECE_MS)


class AudioSocketEar:
    """Implements `engine.run_ports.Ear`; `async with` ends every tap and stream."""

    def __init__(self, host: str, port: int, metrics: Metrics, door: Door) -> None:
        self._host = host
        self._server = TapServer(host, port, metrics)
        self._metrics = metrics
        self._door = door
        self._session: aiohttp.ClientSession | None = None
        self._listeners: dict[str, Listener] = {}
        self._people = 0
        self._relays: dict[str, Relay] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        self._session = aiohttp.ClientSession(
            connector=self._door.connector(), cookie_jar=aiohttp.DummyCookieJar(), middlewares=(refuse_redirects,)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for listener in self._listeners.values():
            listener.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
        await self._server.__aexit__(kind, error, trace)

    @property
    def address(self) -> str:
        """Where Asterisk delivers the sound."""
        return f"{self._host}:{self._server.port}"

    @property
    def taps(self) -> int:
        """Announced or connected."""
        return self._server.taps

    @property
    def streams(self) -> int:
        """Tasks of streams, those that say goodbye to their bot included."""
        return len(self._tasks)

    def listen_for_beep(self, tap: str, silence_s: float, heard: Callable[[bool], None]) -> None:
        """Call `heard(True)` at the end of a beep, or of silence after a voice; `heard(False)` when the tap ends."""
        tap = str(UUID(tap))

        def found(what: str) -> None:
            self._metrics.count("vss_beep_waits_total", result=what)
            self.close(tap)
            heard(what in {"beep", "silence"})

        self._listen(tap, BeepListener(silence_s, found))

    @property
    def tells_people(self) -> bool:
        """Whether there is a voice model: the extra `silero`."""
        return is_installed()

    def listen_for_person(self, tap: str, limit_s: float, heard: Callable[[Verdict | None], None]) -> None:
        """Call `heard` with who answered, unsure after `limit_s`; with None when the tap ends, or too many listen."""
        tap = str(UUID(tap))

        def found(what: str) -> None:
            self.close(tap)
            heard(Verdict(what) if what in set(Verdict) else None)

        if self._people >= PEOPLE_MAX:
            self._metrics.count("vss_bounds_reached_total", bound="voice_models")
            asyncio.get_running_loop().call_soon(heard, None)
            return
        self._people += 1
        self._listen(tap, PersonListener(limit_s, found))

    def _listen(self, tap: str, listener: Listener) -> None:
        self._listeners[tap] = listener
        if not self._server.announce(tap, listener):
            asyncio.get_running_loop().call_soon(listener.lost)

    def relay(
        self,
        tap: str,
        url: str,
        direction: Direction,
        hello: Mapping[str, Any],
        limits: StreamLimits,
        told: Told,
    ) -> None:
        """Carry the sound of a tap to a WebSocket and back. `told` hears `started`, `mark`, `ended` (with `reason`)."""
        tap = str(UUID(tap))
        relay = Relay(url, direction, hello, limits, told, self._metrics)
        if len(self._tasks) >= STREAMS_MAX:
            self._metrics.count("vss_bounds_reached_total", bound="streams")
            relay.end("too_many")
        elif not self._server.announce(tap, relay):
            relay.end("too_many")
        self._relays[tap] = relay
        task = asyncio.create_task(self._stream(tap, relay, url, told), name="stream")
        self._tasks.add(task)
        self._metrics.gauge("vss_live_streams", len(self._tasks))
        task.add_done_callback(self._ended)

    def close(self, tap: str) -> None:
        """Stop whatever goes on under a tap; idempotent. Nobody is told."""
        tap = str(UUID(tap))
        self._server.close(tap)
        if (listener := self._listeners.pop(tap, None)) is not None:
            listener.stop()
            self._people -= isinstance(listener, PersonListener)
        if (relay := self._relays.pop(tap, None)) is not None:
            relay.end("closed")

    async def _stream(self, tap: str, relay: Relay, url: str, told: Told) -> None:
        assert self._session is not None

        def ended(reason: str) -> None:
            self._metrics.count("vss_streams_total", result=reason)
            if self._relays.get(tap) is relay:  # nobody closed it meanwhile
                self.close(tap)
                told("ended", {"reason": reason})

        headers: Mapping[str, str] = {}
        try:
            headers = self._door.headers(url, relay.first)
        except Rejected as error:
            log.warning("stream_refused", host=urlsplit(url).hostname, reason=str(error))
            relay.end("refused")
        await relay.run(self._session, headers, ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._metrics.gauge("vss_live_streams", len(self._tasks))
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("stream_fault", error=repr(error))
