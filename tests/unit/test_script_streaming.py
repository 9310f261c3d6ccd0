"""Streams of scripts: legs and bridge come and go with them, whatever ends first."""

from __future__ import annotations

import pytest

from engine.call.commands import CreateBridge, DestroyBridge, HangUp, Join, Leave, OpenMedia
from engine.call.events import Failure, LegEnded, LegEntered
from engine.fakes.ear import FakeEar
from engine.flow.nodes.outside import Direction
from engine.flow.run.commands import OpenStream
from engine.flow.run.events import CommandFailed, StreamEnded, StreamStarted
from engine.ids import BridgeId, ChannelId
from engine.run_ports import StreamLimits
from engine.runtime.flows.streaming import Streaming
from tests.unit.run_stub import StubRun

REQUEST = "c1:talk:1"
TAP_LEG = ChannelId(f"flow-{REQUEST}-tap")
BRIDGE = BridgeId(f"flow-{REQUEST}-bridge")
OPEN = OpenStream(
    request=REQUEST, url="wss://bot.example.org/", direction=Direction.BOTH, max_s=60, connect_timeout_s=5,
    silence_max_s=30, name="bot", params={"lang": "en"},
)  # fmt: skip


class World:
    def __init__(self) -> None:
        self.ear = FakeEar()
        self.streaming = Streaming(self.ear)
        self.run = StubRun()
        self.streaming.perform(self.run, OPEN)

    @property
    def tap(self) -> str:
        (tap,) = self.ear.streams
        return tap

    def enters(self) -> None:
        self.run.legs[TAP_LEG](LegEntered(TAP_LEG, (), "", "", 100.0))

    def nothing_is_left(self) -> None:
        assert self.run.legs == {}
        assert self.run.bridges == set()
        assert self.ear.streams == {}
        assert self.streaming.open == 0
        assert self.run.commands(HangUp) == [HangUp(TAP_LEG)]
        assert self.run.commands(DestroyBridge) == [DestroyBridge(BRIDGE)]
        assert self.run.commands(Leave) == [Leave(BRIDGE, self.run.channel)]


@pytest.fixture
def world() -> World:
    return World()


def test_the_caller_and_the_tap_are_joined_once_the_tap_is_there(world: World) -> None:
    assert world.run.commands(CreateBridge, OpenMedia) == [
        CreateBridge(BRIDGE, BRIDGE), OpenMedia(TAP_LEG, world.ear.address, world.tap),
    ]  # fmt: skip
    assert world.run.commands(Join) == []
    world.enters()
    assert world.run.commands(Join) == [Join(BRIDGE, TAP_LEG), Join(BRIDGE, world.run.channel)]
    stream = world.ear.streams[world.tap]
    assert (stream.url, stream.direction, stream.limits) == (OPEN.url, Direction.BOTH, StreamLimits(60, 5, 30))
    assert stream.hello == {"call": "c1", "run": "c1", "stream": REQUEST, "name": "bot", "params": {"lang": "en"}}


def test_a_stream_that_ran_ends_as_done(world: World) -> None:
    world.enters()
    world.ear.tells(world.tap, "started")
    world.ear.tells(world.tap, "mark", name="hello", played=True)
    world.ear.tells(world.tap, "ended", reason="bot_closed")
    assert world.run.told == [StreamStarted(at=100.0, request=REQUEST), StreamEnded(at=100.0, request=REQUEST)]
    world.nothing_is_left()


def test_a_stream_that_never_began_has_failed(world: World) -> None:
    world.ear.tells(world.tap, "ended", reason="refused")
    assert world.run.told == [CommandFailed(at=100.0, request=REQUEST)]
    world.nothing_is_left()


@pytest.mark.parametrize("kind", [CreateBridge, OpenMedia, Join])
def test_what_asterisk_refuses_fails_the_stream(world: World, kind: type[object]) -> None:
    world.enters()
    world.run.fail(kind)
    assert world.run.told == [CommandFailed(at=100.0, request=REQUEST)]
    world.nothing_is_left()


def test_a_leg_that_is_gone_is_told_by_its_own_end(world: World) -> None:
    world.enters()
    world.run.fail(Join, Failure.GONE)
    assert world.run.told == []
    world.streaming.heard(world.run, LegEnded(world.run.channel, 16, None, 100.0))
    assert world.run.told == []
    world.nothing_is_left()


def test_a_tap_that_asterisk_ends_ends_the_stream(world: World) -> None:
    world.enters()
    world.ear.tells(world.tap, "started")
    world.run.legs[TAP_LEG](LegEnded(TAP_LEG, 16, None, 100.0))
    assert isinstance(world.run.told[-1], StreamEnded)
    world.nothing_is_left()


def test_a_cancelled_stream_is_given_back_and_tells_nothing(world: World) -> None:
    world.enters()
    tap = world.tap
    told = world.ear.streams[tap].told
    world.streaming.cancel(world.run, "c1:other:1")
    assert world.tap == tap
    world.streaming.cancel(world.run, REQUEST)
    world.streaming.cancel(world.run, REQUEST)
    told("ended", {"reason": "closed"})
    world.streaming.over(world.run)
    assert world.run.told == []
    world.nothing_is_left()


def test_the_end_of_one_run_is_not_the_end_of_another(world: World) -> None:
    other = StubRun("c1.2")
    world.streaming.over(other)
    assert world.streaming.open == 1
    world.streaming.over(world.run)
    world.nothing_is_left()


def test_the_same_request_opens_one_stream(world: World) -> None:
    world.streaming.perform(world.run, OPEN)
    assert len(world.ear.streams) == 1
    assert len(world.run.commands(OpenMedia)) == 1


def test_an_ear_that_refuses_at_once_leaves_nothing_behind() -> None:
    class Full(FakeEar):
        def relay(self, tap, url, direction, hello, limits, told):  # type: ignore[no-untyped-def]
            told("ended", {"reason": "too_many"})

    run, streaming = StubRun(), Streaming(Full())
    streaming.perform(run, OPEN)
    assert run.told == [CommandFailed(at=100.0, request=REQUEST)]
    assert run.sent == []
    assert streaming.open == 0
