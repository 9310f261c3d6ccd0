"""Streams: a bot hears the caller and is heard; a slow, silent, flooding, mistaken or dead one harms nobody else."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import web

from engine.adapters.audiosocket import AudioSocketEar
from engine.adapters.audiosocket.protocol import FRAME_B, SILENCE, Kind
from engine.errors import Rejected
from engine.fakes.metrics import FakeMetrics
from engine.flow.nodes.outside import Direction
from engine.run_ports import StreamLimits
from tests.eventually import until
from tests.unit.audiosocket_line import AsteriskEnd, linear, silence, tone

HELLO = {"call": "c1", "run": "c1", "name": "bot", "params": {"lang": "en"}}
LIMITS = StreamLimits(max_s=60, connect_timeout_s=5, silence_max_s=30)
VOICE = b"\x10\x20" * (FRAME_B // 2)


class OpenDoor:
    """Every address is allowed but one."""

    def connector(self) -> aiohttp.BaseConnector:
        return aiohttp.TCPConnector()

    def headers(self, url: str, first: str) -> Mapping[str, str]:
        if "forbidden" in url:
            raise Rejected("host_not_allowed", "no", 422)
        return {"X-Signed": json.loads(first)["call"]}


Behave = Callable[[web.WebSocketResponse, "Bot"], Awaitable[None]]


@dataclass
class Bot:
    """What the bot's side saw."""

    behave: Behave
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    sound: bytes = b""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/elsewhere":
            raise web.HTTPTemporaryRedirect(self.url)
        if request.path == "/html":
            return web.Response(text="<html>")
        self.headers = dict(request.headers)
        answer = web.WebSocketResponse()
        await answer.prepare(request)
        await self.behave(answer, self)
        return answer

    async def listen(self, socket: web.WebSocketResponse) -> None:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self.events.append(json.loads(message.data))
            elif message.type is aiohttp.WSMsgType.BINARY:
                self.sound += message.data

    def named(self, event: str) -> list[dict[str, Any]]:
        return [one for one in self.events if one["event"] == event]


@dataclass
class Stream:
    """A stream under test, with Asterisk's end of it."""

    ear: AudioSocketEar
    bot: Bot
    metrics: FakeMetrics
    tap: str = field(default_factory=lambda: str(uuid4()))
    told: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def open(self, url: str = "", limits: StreamLimits = LIMITS, direction: Direction = Direction.BOTH) -> None:
        self.ear.relay(
            self.tap, url or self.bot.url, direction, HELLO, limits, lambda what, data: self.told.append((what, data))
        )

    async def asterisk(self) -> AsteriskEnd:
        return await AsteriskEnd.connect(self.ear.address, self.tap)

    @property
    def started(self) -> bool:
        return any(what == "started" for what, _ in self.told)

    @property
    def reasons(self) -> list[str]:
        return [data["reason"] for what, data in self.told if what == "ended"]

    async def ended(self) -> str:
        await until(lambda: bool(self.reasons))
        (reason,) = self.reasons
        return str(reason)


@asynccontextmanager
async def stream_to(behave: Behave) -> AsyncIterator[Stream]:
    bot, metrics = Bot(behave), FakeMetrics()
    app = web.Application()
    app.router.add_get("/{path:.*}", bot.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    bot.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/bot"  # type: ignore[attr-defined]
    try:
        async with AudioSocketEar("127.0.0.1", 0, metrics, OpenDoor()) as ear:
            yield Stream(ear, bot, metrics)
            await until(lambda: ear.streams == 0)
            assert ear.taps == 0
    finally:
        await runner.cleanup()


async def only_listens(socket: web.WebSocketResponse, bot: Bot) -> None:
    await bot.listen(socket)


async def sound_from(asterisk: AsteriskEnd) -> bytes:
    """The next frame that is not silence."""
    while (message := await asterisk.next()) is not None:
        if message[0] is Kind.SOUND and message[1] != SILENCE:
            return message[1]
    raise AssertionError("it hung up")


async def test_the_bot_hears_the_caller_and_who_it_is() -> None:
    async with stream_to(only_listens) as stream:
        stream.open()
        asterisk = await stream.asterisk()
        await until(lambda: stream.started)
        words = tone(500, 0.4)
        asterisk.say(words)
        asterisk.send(bytes((Kind.KEY, 0, 1)) + b"5")
        await until(lambda: len(stream.bot.sound) == len(words) * 2 and bool(stream.bot.named("key")))
        assert stream.bot.sound == linear(words)
        assert stream.bot.headers["X-Signed"] == "c1"
        (start,) = stream.bot.named("start")
        assert start == {
            "event": "start", "version": "1.0", "direction": "both", **HELLO,
            "format": {"encoding": "pcm_s16le", "rate_hz": 8000, "channels": 1, "frame_ms": 20},
        }  # fmt: skip
        assert stream.bot.named("key") == [{"event": "key", "key": "5"}]
        asterisk.send(bytes((Kind.HANG_UP, 0, 0)))
        assert await stream.ended() == "hung_up"
        await until(lambda: stream.bot.named("end") == [{"event": "end", "reason": "hung_up"}])


async def test_the_caller_hears_the_bot_in_time_and_silence_between() -> None:
    async def says(socket: web.WebSocketResponse, bot: Bot) -> None:
        await socket.send_bytes(VOICE * 10)
        await socket.send_str('{"command": "mark", "name": "said"}')
        await bot.listen(socket)

    async with stream_to(says) as stream:
        stream.open()
        asterisk = await stream.asterisk()
        began = asyncio.get_running_loop().time()
        assert [await sound_from(asterisk) for _ in range(10)] == [VOICE] * 10
        assert asyncio.get_running_loop().time() - began >= 0.15
        message = await asterisk.next()
        assert message == (Kind.SOUND, SILENCE)
        await until(lambda: stream.bot.named("mark") == [{"event": "mark", "name": "said", "played": True}])
        assert ("mark", {"name": "said", "played": True}) in stream.told
        stream.ear.close(stream.tap)


async def test_a_bot_that_is_interrupted_takes_back_what_was_not_heard() -> None:
    async def interrupted(socket: web.WebSocketResponse, bot: Bot) -> None:
        await socket.send_bytes(VOICE * 100)
        await socket.send_str('{"command": "mark", "name": "never"}')
        await socket.receive()
        while (message := await socket.receive()).type is not aiohttp.WSMsgType.BINARY:
            pass
        await socket.send_str('{"command": "clear"}')
        await socket.send_bytes(VOICE[::-1])
        assert message.data == VOICE
        await bot.listen(socket)

    async with stream_to(interrupted) as stream:
        stream.open()
        asterisk = await stream.asterisk()
        assert await sound_from(asterisk) == VOICE
        asterisk.send(bytes((Kind.SOUND, *FRAME_B.to_bytes(2, "big"))) + VOICE)
        frames = 0
        while await sound_from(asterisk) == VOICE:
            frames += 1
        assert frames < 60
        await until(lambda: stream.bot.named("mark") == [{"event": "mark", "name": "never", "played": False}])
        stream.ear.close(stream.tap)


@pytest.mark.parametrize("frames", [1, 5])
async def test_an_end_waits_until_the_caller_has_heard_the_goodbye(frames: int) -> None:
    async def says_goodbye(socket: web.WebSocketResponse, bot: Bot) -> None:
        await socket.send_bytes(VOICE * frames)
        await socket.send_str('{"command": "end"}')
        await bot.listen(socket)

    async with stream_to(says_goodbye) as stream:
        stream.open()
        asterisk = await stream.asterisk()
        assert [await sound_from(asterisk) for _ in range(frames)] == [VOICE] * frames
        assert await stream.ended() == "bot_ended"
        assert (await asterisk.until_closed())[-1] is Kind.HANG_UP


async def hangs_up(socket: web.WebSocketResponse, bot: Bot) -> None:
    await socket.close()


async def floods(socket: web.WebSocketResponse, bot: Bot) -> None:
    for _ in range(3000):
        await socket.send_bytes(b"ab")
        await asyncio.sleep(0)
    await bot.listen(socket)


async def babbles(socket: web.WebSocketResponse, bot: Bot) -> None:
    for _ in range(30):
        await socket.send_str("hello?")
    await bot.listen(socket)


async def sends_too_much_at_once(socket: web.WebSocketResponse, bot: Bot) -> None:
    await socket.send_bytes(bytes(1_100_000))
    await bot.listen(socket)


async def dies(socket: web.WebSocketResponse, bot: Bot) -> None:
    assert socket._req is not None
    assert socket._req.transport is not None
    socket._req.transport.abort()


@pytest.mark.parametrize(
    ("behave", "reason"),
    [
        (hangs_up, {"bot_closed"}),
        (dies, {"bot_closed", "bot_gone"}),
        (floods, {"bot_floods"}),
        (babbles, {"bot_fault"}),
        (sends_too_much_at_once, {"bot_fault", "bot_closed"}),
    ],
)
async def test_what_a_bot_does_ends_its_own_stream(behave: Behave, reason: set[str]) -> None:
    async with stream_to(behave) as stream:
        stream.open()
        asterisk = await stream.asterisk()
        assert await stream.ended() in reason
        assert stream.started
        await asterisk.until_closed()


async def test_a_bot_that_says_nothing_is_left_in_time() -> None:
    async with stream_to(only_listens) as stream:
        stream.open(limits=StreamLimits(max_s=60, connect_timeout_s=5, silence_max_s=0.1))
        asterisk = await stream.asterisk()
        assert await stream.ended() == "bot_silent"
        await asterisk.until_closed()


async def test_a_bot_that_only_listens_may_be_silent() -> None:
    async with stream_to(only_listens) as stream:
        stream.open(limits=StreamLimits(max_s=0.4, connect_timeout_s=5, silence_max_s=0.1), direction=Direction.OUT)
        asterisk = await stream.asterisk()
        assert await stream.ended() == "max_s"
        assert await asterisk.until_closed() == [Kind.HANG_UP]


@pytest.mark.parametrize("path", ["/html", "/elsewhere", "/forbidden"])
async def test_an_address_that_is_no_bot_or_not_allowed_is_refused(path: str) -> None:
    async with stream_to(only_listens) as stream:
        stream.open(stream.bot.url.replace("/bot", path))
        asterisk = await stream.asterisk()
        assert await stream.ended() == "refused"
        assert not stream.started
        assert not stream.bot.events
        await asterisk.until_closed()


async def test_nobody_listens_there() -> None:
    async with stream_to(only_listens) as stream:
        stream.open("http://127.0.0.1:1/")
        assert await stream.ended() == "refused"


async def test_a_bot_that_does_not_answer_is_left_in_time() -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    deaf = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with stream_to(only_listens) as stream:
        stream.open(
            f"http://127.0.0.1:{deaf.sockets[0].getsockname()[1]}/",
            StreamLimits(60, connect_timeout_s=0.1, silence_max_s=1),
        )
        assert await stream.ended() == "connect_timeout"
    deaf.close()


async def test_a_caller_who_hangs_up_while_the_bot_is_asked_ends_it_at_once() -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    deaf = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with stream_to(only_listens) as stream:
        stream.open(f"http://127.0.0.1:{deaf.sockets[0].getsockname()[1]}/", StreamLimits(60, 60, 1))
        await (await stream.asterisk()).close()
        assert await stream.ended() == "hung_up"
    deaf.close()


async def test_a_bot_that_does_not_read_loses_the_oldest_and_others_go_on() -> None:
    reading = asyncio.Event()

    async def deaf(there: web.WebSocketResponse, bot: Bot) -> None:
        assert there._req is not None
        assert there._req.transport is not None
        there._req.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        there._req.transport.pause_reading()
        await reading.wait()

    async with stream_to(deaf) as slow, stream_to(only_listens) as quick:
        slow.open()
        quick.open()
        ends = [await slow.asterisk(), await quick.asterisk()]
        await until(lambda: slow.started and quick.started)
        for _ in range(2000):
            for end in ends:
                end.say(silence(1.0))
            await asyncio.sleep(0.002)
            if slow.metrics.of("vss_bounds_reached_total", bound="stream_unsent") > 10:
                break
        assert slow.metrics.of("vss_bounds_reached_total", bound="stream_unsent") > 10
        await until(lambda: len(quick.bot.sound) > 100 * FRAME_B)
        for stream in (slow, quick):
            stream.ear.close(stream.tap)
        reading.set()


async def test_a_closed_stream_tells_the_bot_and_nobody_else() -> None:
    async with stream_to(only_listens) as stream:
        stream.open()
        asterisk = await stream.asterisk()
        await until(lambda: stream.started)
        stream.ear.close(stream.tap)
        stream.ear.close(stream.tap)
        assert (await asterisk.until_closed())[-1] is Kind.HANG_UP
        await until(lambda: stream.bot.named("end") == [{"event": "end", "reason": "closed"}])
        assert stream.reasons == []


async def test_an_ear_that_stops_ends_its_streams() -> None:
    async with stream_to(only_listens) as stream:
        stream.open()
        asterisk = await stream.asterisk()
        await until(lambda: stream.started)
        await stream.ear.__aexit__(None, None, None)
        assert (stream.ear.streams, stream.ear.taps) == (0, 0)
        assert (await asterisk.until_closed())[-1] is Kind.HANG_UP
        await until(lambda: len(stream.bot.named("end")) == 1)


async def test_a_beep_on_a_tap_is_heard_once() -> None:
    async with stream_to(only_listens) as stream:
        heard = list[bool]()
        stream.ear.listen_for_beep(stream.tap, 2.0, heard.append)
        asterisk = await stream.asterisk()
        asterisk.say(silence(0.5))
        asterisk.say(tone(1000, 0.4))
        asterisk.say(silence(0.3))
        await until(lambda: heard == [True])
        assert (await asterisk.until_closed())[-1] is Kind.HANG_UP
        assert heard == [True]
        assert stream.metrics.of("vss_beep_waits_total", result="beep") == 1


async def test_a_tap_that_ends_before_the_beep_says_so() -> None:
    async with stream_to(only_listens) as stream:
        heard = list[bool]()
        stream.ear.listen_for_beep(stream.tap, 2.0, heard.append)
        asterisk = await stream.asterisk()
        asterisk.send(bytes((Kind.HANG_UP, 0, 0)))
        await until(lambda: heard == [False])


async def test_a_closed_listener_hears_nothing() -> None:
    async with stream_to(only_listens) as stream:
        heard = list[bool]()
        stream.ear.listen_for_beep(stream.tap, 2.0, heard.append)
        asterisk = await stream.asterisk()
        asterisk.say(silence(0.1))
        stream.ear.close(stream.tap)
        await asterisk.until_closed()
        assert heard == []
