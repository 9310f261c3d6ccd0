"""The Redis adapters without a Redis: nothing raises, nothing waits, nothing grows."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from engine.adapters.redis import RedisLeases, RedisPresence
from engine.adapters.redis.link import cancellation_kept
from engine.adapters.redis.presence import PENDING_MAX
from engine.errors import ConfigError, Unavailable
from engine.fakes.metrics import FakeMetrics
from engine.ids import TrunkName
from engine.ports import LiveFrame, Tokens
from tests.eventually import closed_port

CARRIER = TrunkName("carrier")


def nowhere() -> str:
    return f"redis://127.0.0.1:{closed_port()}/0"


def at_once(leases: RedisLeases) -> Tokens:
    """Take without giving the event loop a turn: an answer that needed one fails the test."""
    take = leases.take(CARRIER, 3, 10.0)
    with pytest.raises(StopIteration) as finished:
        take.send(None)
    tokens: Tokens = finished.value.value
    return tokens


def test_before_it_is_entered_nothing_is_shared() -> None:
    assert at_once(RedisLeases(nowhere(), FakeMetrics())) == Tokens(3, shared=False)


async def test_dead_redis_costs_a_tick_nothing() -> None:
    async with RedisLeases(nowhere(), FakeMetrics()) as leases:
        for _ in range(5):
            await asyncio.sleep(0.02)
            assert at_once(leases) == Tokens(3, shared=False)
    assert at_once(leases) == Tokens(3, shared=False)


@pytest.mark.parametrize(
    "greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00" * 1000, b"$-5\r\n", b"*99999\r\n", b":x\r\n"]
)
async def test_something_that_is_not_redis_is_redis_away(greeting: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        async with RedisLeases(url, FakeMetrics()) as leases:
            await asyncio.sleep(0.1)
            assert await leases.take(CARRIER, 3, 10.0) == Tokens(3, shared=False)
            assert not leases.available
            assert leases._link.probing
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("url", ["", "localhost:6379", "http://x:hunter2@127.0.0.1/", "redis://127.0.0.1:port/0"])
def test_malformed_address_is_the_operators_to_mend(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        RedisLeases(url, FakeMetrics())
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("cell", ["", "A", "a b", "a:b", "-a", "a" * 33, "a\n"])
def test_cell_name_that_could_be_another_key_is_refused(cell: str) -> None:
    with pytest.raises(ConfigError):
        RedisPresence(nowhere(), cell, FakeMetrics())


async def test_frames_wait_bounded_and_the_newest_of_a_key_wins() -> None:
    metrics = FakeMetrics()
    async with RedisPresence(nowhere(), "a", metrics) as presence:
        for number in range(PENDING_MAX + 10):
            presence.publish(LiveFrame("agent", "7001", {"number": number}))
        assert presence.pending == 1
        for number in range(PENDING_MAX + 9):
            presence.publish(LiveFrame("call", str(number)))
        assert presence.pending == PENDING_MAX
        assert metrics.of("vss_bounds_reached_total", bound="redis_frames") == 10
        with pytest.raises(Unavailable):
            await presence.read("agent")


async def test_cancellation_that_redis_py_loses_still_ends_the_task() -> None:
    began = asyncio.Event()

    async def loses_it() -> None:
        began.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)

    async def never_ends() -> None:
        while True:
            with cancellation_kept():
                await loses_it()

    task = asyncio.create_task(never_ends())
    await began.wait()
    task.cancel()
    await asyncio.wait([task], timeout=10)
    assert task.cancelled()


async def test_time_limit_inside_is_no_cancellation() -> None:
    with pytest.raises(TimeoutError), cancellation_kept():
        async with asyncio.timeout(0):
            await asyncio.sleep(60)
