"""The AudioSocket server on a real socket: only announced taps, each once, everything bounded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest

from engine.adapters.audiosocket.protocol import FRAME_B, PAYLOAD_MAX_B, BadAudioSocket, Kind, Messages, sound
from engine.adapters.audiosocket.server import WRITE_MAX_B, Line, TapServer
from engine.fakes.metrics import FakeMetrics
from tests.eventually import until
from tests.unit.audiosocket_line import AsteriskEnd, silence


class Heard:
    """A listener that keeps what it hears."""

    def __init__(self) -> None:
        self.line: Line | None = None
        self.frames: list[bytes] = []
        self.keys = ""
        self.losses = 0

    def connected(self, line: Line) -> None:
        self.line = line

    def hear(self, frame: bytes) -> None:
        self.frames.append(frame)

    def key(self, key: str) -> None:
        self.keys += key

    def lost(self) -> None:
        self.losses += 1


@asynccontextmanager
async def serving(**bounds: float) -> AsyncIterator[tuple[TapServer, str, FakeMetrics]]:
    metrics = FakeMetrics()
    async with TapServer("127.0.0.1", 0, metrics, **bounds) as server:
        yield server, f"127.0.0.1:{server.port}", metrics
    assert (server.taps, server.connections) == (0, 0)


async def test_an_announced_tap_is_heard_and_spoken_to() -> None:
    async with serving() as (server, address, _):
        tap, heard = str(uuid4()), Heard()
        assert server.announce(tap, heard)
        asterisk = await AsteriskEnd.connect(address, tap)
        asterisk.say(silence(0.06))
        asterisk.send(bytes((Kind.KEY, 0, 1)) + b"7")
        await until(lambda: heard.keys == "7")
        assert heard.frames == [bytes(FRAME_B)] * 3
        assert heard.line is not None
        heard.line.say(b"\1\2" * 160)
        assert await asterisk.next() == (Kind.SOUND, b"\1\2" * 160)
        asterisk.send(bytes((Kind.HANG_UP, 0, 0)))
        await until(lambda: heard.losses == 1)
        assert server.taps == 0


async def test_a_tap_that_is_closed_hangs_up_and_tells_nobody() -> None:
    async with serving() as (server, address, _):
        tap, heard = str(uuid4()), Heard()
        server.announce(tap, heard)
        asterisk = await AsteriskEnd.connect(address, tap)
        await until(lambda: heard.line is not None)
        server.close(tap)
        server.close(tap)
        assert await asterisk.until_closed() == [Kind.HANG_UP]
        assert heard.losses == 0


async def test_a_tap_that_was_closed_before_asterisk_came_is_no_stranger_once() -> None:
    async with serving() as (server, address, metrics):
        tap = str(uuid4())
        server.announce(tap, Heard())
        server.close(tap)
        late = await AsteriskEnd.connect(address, tap)
        assert await late.until_closed() == []
        assert metrics.counted["vss_audio_taps_refused_total"] == 0
        again = await AsteriskEnd.connect(address, tap)
        assert await again.until_closed() == []
        assert metrics.counted["vss_audio_taps_refused_total"] == 1


@pytest.mark.parametrize("connected", [False, True])
async def test_nobody_but_the_first_comes_to_a_tap(connected: bool) -> None:
    async with serving() as (server, address, metrics):
        tap, heard = str(uuid4()), Heard()
        server.announce(tap, heard)
        if connected:
            first = await AsteriskEnd.connect(address, tap)
            await until(lambda: heard.line is not None)
        stranger = await AsteriskEnd.connect(address, tap if connected else str(uuid4()))
        assert await stranger.until_closed() == []
        assert metrics.counted["vss_audio_taps_refused_total"] == 1
        assert heard.losses == 0
        if connected:
            await first.close()


@pytest.mark.parametrize(
    "said",
    [
        sound(bytes(FRAME_B)),
        bytes((Kind.NAME, 0, 4)) + b"abcd",
        bytes((Kind.SOUND, 0xFF, 0xFF)),
        bytes((0x55, 0, 0)),
        b"GET / HTTP/1.1\r\nHost: here\r\n\r\n",
    ],
)
async def test_strangers_are_shown_the_door(said: bytes) -> None:
    async with serving() as (_, address, metrics):
        stranger = await AsteriskEnd.connect(address)
        stranger.send(said)
        assert await stranger.until_closed() == []
        assert metrics.counted["vss_audio_taps_refused_total"] == 1


async def test_who_does_not_say_its_name_in_time_is_cut_off() -> None:
    async with serving(name_s=0.05) as (_, address, metrics):
        stranger = await AsteriskEnd.connect(address)
        assert await stranger.until_closed() == []
        assert metrics.of("vss_bounds_reached_total", bound="tap_name") == 1


async def test_a_tap_to_which_nobody_comes_is_lost_once() -> None:
    async with serving(arrive_s=0.05) as (server, address, metrics):
        tap, heard = str(uuid4()), Heard()
        server.announce(tap, heard)
        await until(lambda: heard.losses == 1)
        assert metrics.of("vss_bounds_reached_total", bound="tap_arrival") == 1
        late = await AsteriskEnd.connect(address, tap)
        assert await late.until_closed() == []
        assert heard.losses == 1


async def test_taps_and_connections_are_bounded() -> None:
    async with serving(taps_max=2, connections_max=2) as (server, address, metrics):
        assert [server.announce(str(uuid4()), Heard()) for _ in range(3)] == [True, True, False]
        ends = [await AsteriskEnd.connect(address) for _ in range(2)]
        await until(lambda: server.connections == 2)
        assert await (await AsteriskEnd.connect(address)).until_closed() == []
        assert metrics.of("vss_bounds_reached_total", bound="taps") == 1
        assert metrics.of("vss_bounds_reached_total", bound="tap_connections") == 1
        for end in ends:
            await end.close()


async def test_who_does_not_read_gets_no_more() -> None:
    async with serving() as (server, address, metrics):
        tap, heard = str(uuid4()), Heard()
        server.announce(tap, heard)
        asterisk = await AsteriskEnd.connect(address, tap)
        await until(lambda: heard.line is not None)
        assert heard.line is not None
        frame = bytes(WRITE_MAX_B)
        for _ in range(2000):  # the kernel's buffers take some megabytes
            heard.line.say(frame)
        assert metrics.of("vss_bounds_reached_total", bound="tap_write") > 0
        server.close(tap)
        await until(lambda: server.connections == 0)
        await asterisk.close()


def test_messages_come_out_however_they_are_cut() -> None:
    tap = uuid4()
    stream = bytes((Kind.NAME, 0, 16)) + tap.bytes + sound(b"ab" * 160) + bytes((Kind.HANG_UP, 0, 0))
    for size in (1, 2, 3, 7, 100, len(stream)):
        messages, found = Messages(), list[tuple[Kind, bytes]]()
        for start in range(0, len(stream), size):
            found += messages.take(stream[start : start + size])
        assert found == [(Kind.NAME, tap.bytes), (Kind.SOUND, b"ab" * 160), (Kind.HANG_UP, b"")]
    assert UUID(bytes=found[0][1]) == tap


def test_a_message_past_its_bound_is_not_waited_for() -> None:
    with pytest.raises(BadAudioSocket, match="message of"):
        list(Messages().take(bytes((Kind.SOUND, *(PAYLOAD_MAX_B + 1).to_bytes(2, "big")))))
