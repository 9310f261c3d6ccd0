"""What the Leases port promises, of the fake and of a real Redis alike.

Time is moved, not waited for: with a real Redis the stored arrival time is set back, which is the same as later.
Rates are so slow (a token in 100 s) that a slow machine changes nothing.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Protocol

import pytest
import redis.asyncio

from engine.adapters.redis import RedisLeases
from engine.fakes.leases import FakeLeases, FakeRegistry
from engine.fakes.metrics import FakeMetrics
from engine.ids import TrunkName
from engine.ports import Leases, Tokens
from tests.eventually import until

CARRIER, OTHER = TrunkName("carrier"), TrunkName("other")
CPS, BURST_S, FULL = 0.01, 1000.0, 10
INTERVAL_S = 1 / CPS
TIMEOUT_S = 5.0
"""The contract is about what is granted; how fast Redis must be is tested with the adapter."""


class Cells(Protocol):
    """Cells that share limits, and a hand on what they share."""

    async def cell(self) -> Leases: ...

    async def later(self, trunk: TrunkName, seconds: float) -> None: ...

    async def empty(self) -> None: ...


class FakeCells:
    def __init__(self) -> None:
        self._registry = FakeRegistry()

    async def cell(self) -> Leases:
        return FakeLeases(self._registry, burst_s=BURST_S)

    async def later(self, trunk: TrunkName, seconds: float) -> None:
        self._registry.now_s += seconds

    async def empty(self) -> None:
        self._registry.empty()


class RedisCells:
    def __init__(self, url: str, exits: AsyncExitStack) -> None:
        self._url, self._exits = url, exits
        self._client = redis.asyncio.Redis.from_url(url, socket_timeout=TIMEOUT_S)
        exits.push_async_callback(self._client.aclose)

    async def cell(self) -> Leases:
        leases = RedisLeases(self._url, FakeMetrics(), burst_s=BURST_S, timeout_s=TIMEOUT_S)
        await self._exits.enter_async_context(leases)
        await until(lambda: leases.available)
        return leases

    async def later(self, trunk: TrunkName, seconds: float) -> None:
        await self._client.decrby(f"vss:cps:{trunk}", int(seconds * 1_000_000))

    async def empty(self) -> None:
        await self._client.flushall()
        await self._client.script_flush()


@pytest.fixture
def fake_cells() -> FakeCells:
    return FakeCells()


@pytest.fixture
async def redis_cells(redis_url: str) -> AsyncIterator[RedisCells]:
    async with AsyncExitStack() as exits:
        yield RedisCells(redis_url, exits)


@pytest.fixture(params=["fake_cells", pytest.param("redis_cells", marks=pytest.mark.redis)])
def cells(request: pytest.FixtureRequest) -> Cells:
    chosen: Cells = request.getfixturevalue(request.param)
    return chosen


async def opened(cells: Cells, trunk: TrunkName = CARRIER) -> Leases:
    """A cell whose trunk is known and whose bucket is full."""
    leases = await cells.cell()
    await leases.take(trunk, 1, CPS)
    await cells.later(trunk, FULL * INTERVAL_S + 1)
    return leases


async def test_first_take_is_unshared_and_the_bucket_starts_empty(cells: Cells) -> None:
    leases = await cells.cell()
    assert await leases.take(CARRIER, 3, CPS) == Tokens(3, shared=False)
    assert await leases.take(CARRIER, 3, CPS) == Tokens(0, shared=True)
    await cells.later(CARRIER, 2.5 * INTERVAL_S)
    assert await leases.take(CARRIER, 3, CPS) == Tokens(2, shared=True)


async def test_no_more_than_a_full_bucket_is_granted_at_once(cells: Cells) -> None:
    leases = await opened(cells)
    assert await leases.take(CARRIER, 4, CPS) == Tokens(4, shared=True)
    assert await leases.take(CARRIER, 100, CPS) == Tokens(FULL - 4, shared=True)
    assert await leases.take(CARRIER, 100, CPS) == Tokens(0, shared=True)


async def test_a_long_pause_never_becomes_a_burst(cells: Cells) -> None:
    leases = await opened(cells)
    await cells.later(CARRIER, 1_000_000 * INTERVAL_S)
    assert await leases.take(CARRIER, 10_000, CPS) == Tokens(FULL, shared=True)


async def test_slow_rate_has_at_least_one_token(cells: Cells) -> None:
    leases = await cells.cell()
    slow = 0.0001
    await leases.take(CARRIER, 1, slow)
    await cells.later(CARRIER, 1 / slow + 1)
    assert await leases.take(CARRIER, 5, slow) == Tokens(1, shared=True)
    assert await leases.take(CARRIER, 5, slow) == Tokens(0, shared=True)


async def test_cells_share_one_limit(cells: Cells) -> None:
    await opened(cells)
    many = [await cells.cell() for _ in range(3)]
    takes = await asyncio.gather(*(leases.take(CARRIER, 1, CPS) for leases in many for _ in range(8)))
    assert all(tokens.shared for tokens in takes)
    assert sum(tokens.granted for tokens in takes) == FULL


async def test_trunks_have_limits_of_their_own(cells: Cells) -> None:
    leases = await opened(cells)
    await opened(cells, OTHER)
    assert (await leases.take(CARRIER, 100, CPS)).granted == FULL
    assert (await leases.take(OTHER, 100, CPS)).granted == FULL


async def test_lost_data_is_said_and_the_limit_holds_again_at_once(cells: Cells) -> None:
    leases = await opened(cells)
    await cells.empty()
    assert await leases.take(CARRIER, 2, CPS) == Tokens(2, shared=False)
    assert await leases.take(CARRIER, 2, CPS) == Tokens(0, shared=True)


@pytest.mark.parametrize(("wanted", "cps"), [(0, CPS), (-3, CPS), (5, 0.0), (5, -1.0)])
async def test_nothing_wanted_or_allowed_grants_nothing(cells: Cells, wanted: int, cps: float) -> None:
    leases = await opened(cells)
    assert await leases.take(CARRIER, wanted, cps) == Tokens(0, shared=True)
    assert (await leases.take(CARRIER, FULL, CPS)).granted == FULL


async def test_a_raised_rate_holds_at_once(cells: Cells) -> None:
    leases = await opened(cells)
    await leases.take(CARRIER, FULL, CPS)
    assert (await leases.take(CARRIER, 100, CPS * 2)).granted <= 2 * FULL
    await cells.later(CARRIER, INTERVAL_S / 2 + 1)
    assert (await leases.take(CARRIER, 1, CPS * 2)).shared


@pytest.mark.parametrize("seed", range(10))
async def test_over_any_time_no_more_than_bucket_and_rate(cells: Cells, seed: int) -> None:
    choose = random.Random(seed)
    leases = await opened(cells)
    granted, passed_s = 0, 0
    for _ in range(40):
        granted += (await leases.take(CARRIER, choose.randrange(16), CPS)).granted
        # a run that itself takes some seconds may see one more
        assert granted <= FULL + passed_s * CPS + 1
        pause_s = choose.randrange(400)
        await cells.later(CARRIER, pause_s)
        passed_s += pause_s
    assert granted >= passed_s * CPS * 0.5, "the limit is not a stop"
