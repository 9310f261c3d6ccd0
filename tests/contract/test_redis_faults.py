"""The Redis adapters with a real Redis behind a network that misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec
import pytest
import redis.asyncio

from engine.adapters.redis import RedisLeases, RedisPresence
from engine.adapters.redis.link import RedisLink
from engine.fakes.metrics import FakeMetrics
from engine.ids import TrunkName
from engine.ports import LiveFrame, Tokens
from engine.stack.chaos_proxy import ChaosProxy
from tests.eventually import eventually, until

pytestmark = pytest.mark.redis

CARRIER = TrunkName("carrier")
SLOW = 0.01
"""Calls per second: a token in 100 s, so that no test sees the bucket refill."""


class Between:
    """Redis, the proxy before it, and the addresses of both."""

    def __init__(self, url: str, proxy: ChaosProxy) -> None:
        self.direct, self.proxy = url, proxy
        address = urlsplit(url)
        if address.scheme == "unix":
            database = parse_qs(address.query).get("db", ["0"])[0]
            login = f":{address.password}@" if address.password else ""
            self.url = f"unix://{login}{proxy.path}?db={database}"
        else:
            self.url = url.replace(f"{address.hostname}:{address.port}", f"{proxy.host}:{proxy.port}")

    @staticmethod
    def target(url: str) -> tuple[str, int] | Path:
        address = urlsplit(url)
        if address.scheme == "unix":
            return Path(unquote(address.path))
        return (address.hostname or "127.0.0.1", address.port or 6379)


@pytest.fixture
async def between(redis_url: str) -> AsyncIterator[Between]:
    async with ChaosProxy(Between.target(redis_url)) as proxy:
        yield Between(redis_url, proxy)


@pytest.fixture
async def direct(redis_url: str) -> AsyncIterator[Any]:
    client = redis.asyncio.Redis.from_url(redis_url, decode_responses=True, socket_timeout=5)
    yield client
    await client.aclose()


@pytest.fixture
async def leases(between: Between) -> AsyncIterator[RedisLeases]:
    async with RedisLeases(between.url, FakeMetrics(), timeout_s=1.0) as made:
        await until(lambda: made.available)
        yield made


async def share(leases: RedisLeases) -> None:
    """Bring the trunk to where its take is shared."""
    await leases.take(CARRIER, 1, SLOW)
    assert (await leases.take(CARRIER, 1, SLOW)).shared


def at_once(leases: RedisLeases) -> Tokens:
    take = leases.take(CARRIER, 3, SLOW)
    with pytest.raises(StopIteration) as finished:
        take.send(None)
    tokens: Tokens = finished.value.value
    return tokens


async def test_cut_connection_is_unshared_then_free_then_back_by_itself(between: Between, leases: RedisLeases) -> None:
    await share(leases)
    between.proxy.cut()
    assert await leases.take(CARRIER, 3, SLOW) == Tokens(3, shared=False)
    for _ in range(10):
        assert at_once(leases) == Tokens(3, shared=False)
    between.proxy.heal()
    await until(lambda: leases.available)
    assert await leases.take(CARRIER, 3, SLOW) == Tokens(0, shared=True)


async def test_black_hole_costs_one_timeout_then_nothing(between: Between) -> None:
    async with RedisLeases(between.url, FakeMetrics(), timeout_s=0.2) as leases:
        await until(lambda: leases.available)
        await share(leases)
        between.proxy.black_hole()
        async with asyncio.timeout(5):
            assert await leases.take(CARRIER, 3, SLOW) == Tokens(3, shared=False)
        assert at_once(leases) == Tokens(3, shared=False)
        between.proxy.heal()
        await until(lambda: leases.available)
        assert (await leases.take(CARRIER, 3, SLOW)).shared


async def test_slow_redis_is_not_taken_back_until_it_is_quick(between: Between) -> None:
    async with RedisLeases(between.url, FakeMetrics(), timeout_s=0.2) as leases:
        await until(lambda: leases.available)
        await share(leases)
        between.proxy.delay(0.3)
        assert await leases.take(CARRIER, 3, SLOW) == Tokens(3, shared=False)
        seen = between.proxy.connections_seen
        await until(lambda: between.proxy.connections_seen > seen + 1)
        assert at_once(leases) == Tokens(3, shared=False), "probed twice, refused twice"
        between.proxy.heal()
        await until(lambda: leases.available)


async def test_answer_that_comes_too_late_is_never_taken_for_the_next(between: Between, direct: Any) -> None:
    await direct.mset({"a": "late", "b": "right"})
    async with RedisLink(between.url, "test", FakeMetrics(), timeout_s=0.2) as link:
        await until(lambda: link.available)
        for _ in range(3):
            between.proxy.black_hole()
            with pytest.raises(Exception, match="redis"):
                await link.ask(lambda client: client.get("a"))
            between.proxy.heal()
            await until(lambda: link.available)
            assert await asyncio.gather(*(link.ask(lambda client: client.get("b")) for _ in range(8))) == [b"right"] * 8


async def test_restarted_redis_without_data_or_scripts_is_back_by_itself(
    between: Between, leases: RedisLeases, direct: Any
) -> None:
    await share(leases)
    await direct.flushall()
    await direct.script_flush()
    between.proxy.reset()
    await leases.take(CARRIER, 3, SLOW)
    await until(lambda: leases.available)
    await leases.take(CARRIER, 3, SLOW)
    assert await leases.take(CARRIER, 3, SLOW) == Tokens(0, shared=True)


async def test_forgotten_script_is_sent_again_within_the_same_take(leases: RedisLeases, direct: Any) -> None:
    await share(leases)
    await direct.script_flush()
    assert await leases.take(CARRIER, 3, SLOW) == Tokens(0, shared=True)


async def test_key_of_another_kind_is_unshared_and_counted(redis_url: str, direct: Any) -> None:
    metrics = FakeMetrics()
    await direct.lpush("vss:cps:carrier", "x")
    async with RedisLeases(redis_url, metrics, timeout_s=1.0) as leases:
        await until(lambda: leases.available)
        assert await leases.take(CARRIER, 3, SLOW) == Tokens(3, shared=False)
        assert leases.available
        assert metrics.counted["vss_redis_errors_total"] == 1


async def test_wrong_password_is_redis_away(redis_url: str, direct: Any) -> None:
    address = urlsplit(redis_url)
    wrong = redis_url.replace(f":{address.password}@", ":wrong@")
    assert wrong != redis_url, "the stack's Redis asks for a password"
    async with RedisLeases(wrong, FakeMetrics(), timeout_s=1.0) as leases:
        await asyncio.sleep(0.2)
        assert at_once(leases) == Tokens(3, shared=False)


async def test_many_takes_at_once_share_few_connections(between: Between, leases: RedisLeases) -> None:
    await share(leases)
    async with asyncio.timeout(20):
        takes = await asyncio.gather(*(leases.take(CARRIER, 1, SLOW) for _ in range(200)))
    assert all(tokens.shared for tokens in takes)
    assert between.proxy.connections_seen <= 5


@pytest.fixture
async def presence(between: Between) -> AsyncIterator[RedisPresence]:
    async with RedisPresence(between.url, "a", FakeMetrics(), refresh_s=0.2) as made:
        await until(lambda: made.available)
        yield made


async def test_newest_state_of_each_agent_is_kept_and_ends_by_itself(presence: RedisPresence, direct: Any) -> None:
    for state in ("ready", "reserved", "talking"):
        presence.publish(LiveFrame("agent", "7001", {"state": state}))
    presence.publish(LiveFrame("agent", "7002", {"state": "ready"}))
    presence.publish(LiveFrame("campaign", "3", {"attempts": 7}))
    presence.publish(LiveFrame("call", "c1", {"phase": "ringing"}))
    await until(lambda: presence.pending == 0)
    await eventually(lambda: presence.read("agent"), {"7001": {"state": "talking"}, "7002": {"state": "ready"}})
    assert await presence.read("campaign") == {"3": {"attempts": 7}}
    assert set(await direct.keys("vss:call:*")) == set(), "calls are news, not kept"
    for kind in ("agent", "campaign", "alive"):
        assert 0 < await direct.ttl(f"vss:{kind}:a") <= 35


async def test_every_frame_is_published_to_other_cells(presence: RedisPresence, direct: Any) -> None:
    pubsub = direct.pubsub()
    await pubsub.subscribe("vss:live")
    await pubsub.get_message(timeout=5)
    presence.publish(LiveFrame("call", "c1", {"phase": "ringing"}))
    change = {"kind": "call", "key": "c1", "data": {"phase": "ringing"}}
    assert await next_news(pubsub) == {"cell": "a", "changes": [change]}
    await pubsub.aclose()


async def test_emptied_redis_gets_everything_again(presence: RedisPresence, direct: Any) -> None:
    for slot in range(7001, 7401):
        presence.publish(LiveFrame("agent", str(slot), {"state": "ready"}))
    await eventually(lambda: direct.hlen("vss:agent:a"), 400)
    await direct.flushall()
    presence.publish(LiveFrame("agent", "7001", {"state": "talking"}))
    await eventually(lambda: direct.hlen("vss:agent:a"), 400)

    async def of_7001() -> object:
        return (await presence.read("agent"))["7001"]

    await eventually(of_7001, {"state": "talking"})


async def test_news_of_an_outage_is_sent_when_redis_is_back(between: Between, presence: RedisPresence) -> None:
    between.proxy.cut()
    for state in ("ready", "talking", "wrapping"):
        presence.publish(LiveFrame("agent", "7001", {"state": state}))
        await asyncio.sleep(0.05)
    await until(lambda: not presence.available)
    between.proxy.heal()
    await until(lambda: presence.available and presence.pending == 0)
    await eventually(lambda: presence.read("agent"), {"7001": {"state": "wrapping"}})


async def test_frame_whose_sending_failed_is_sent_again(between: Between, direct: Any) -> None:
    pubsub = direct.pubsub()
    await pubsub.subscribe("vss:live")
    await pubsub.get_message(timeout=5)
    # no refresh in between, which would meet the fault before the frame does
    async with RedisPresence(between.url, "a", FakeMetrics(), refresh_s=600.0) as presence:
        presence.publish(LiveFrame("call", "first"))
        await next_news(pubsub)
        between.proxy.cut()
        presence.publish(LiveFrame("call", "second"))
        await until(lambda: not presence.available)
        between.proxy.heal()
        assert [change["key"] for change in (await next_news(pubsub))["changes"]] == ["second"]
    await pubsub.aclose()


async def next_news(pubsub: Any) -> Any:
    """The next frame that other cells get."""
    async with asyncio.timeout(10):
        while True:
            message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=1)
            if message is not None:
                return msgspec.json.decode(message["data"])


async def test_frame_that_is_no_json_spoils_no_other(presence: RedisPresence, direct: Any) -> None:
    presence.publish(LiveFrame("agent", "7001", {"state": object()}))
    presence.publish(LiveFrame("agent", "7002", {"state": "ready"}))
    await eventually(lambda: direct.hkeys("vss:agent:a"), ["7002"])


async def test_cells_see_each_other_and_a_clean_end_shows_at_once(redis_url: str, direct: Any) -> None:
    async with AsyncExitStack() as exits:
        first = await exits.enter_async_context(RedisPresence(redis_url, "a", FakeMetrics(), refresh_s=0.2))
        async with RedisPresence(redis_url, "b", FakeMetrics(), refresh_s=0.2) as second:
            first.publish(LiveFrame("agent", "7001", {"state": "ready"}))
            second.publish(LiveFrame("agent", "7101", {"state": "paused"}))
            await eventually(lambda: direct.exists("vss:agent:a", "vss:agent:b"), 2)
            await until(lambda: first.available)
            assert set(await first.read("agent")) == {"7001", "7101"}
        assert set(await first.read("agent")) == {"7001"}
    assert await direct.keys("vss:*") == []
