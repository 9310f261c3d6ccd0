"""Batches: written in order, kept while the store is away, never held up by one bad item."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine.errors import ConfigError, Unavailable
from engine.fakes.metrics import FakeMetrics
from engine.fakes.virtual_time import LoopClock, run_virtually
from engine.runtime.batch import Batch
from engine.runtime.deadlines import Deadlines


class Store:
    def __init__(self) -> None:
        self.written: list[list[int]] = []
        self.away = False
        self.locked_out = False

    async def write(self, items: Sequence[int]) -> None:
        if self.away:
            raise Unavailable("postgres", "away")
        if self.locked_out:
            raise ConfigError("postgres: password authentication failed")
        if 13 in items:
            raise ValueError("unlucky")
        self.written.append(list(items))


def test_items_that_come_together_are_written_together_and_in_order() -> None:
    async def scene() -> None:
        store = Store()
        batch: Batch[int] = Batch("outcomes", store.write, FakeMetrics(), gather_s=0.02, size_max=3)
        task = asyncio.create_task(batch.run())
        for item in range(5):
            batch.add(item)
        assert await batch.drain(5)
        assert store.written == [[0, 1, 2], [3, 4]]
        task.cancel()

    run_virtually(scene())


def test_store_that_is_away_loses_nothing_and_says_that_it_is_late() -> None:
    async def scene() -> None:
        store = Store()
        store.away = True
        metrics = FakeMetrics()
        batch: Batch[int] = Batch("outcomes", store.write, metrics, gather_s=0.02)
        task = asyncio.create_task(batch.run())
        batch.add(1)
        assert not await batch.drain(60)
        assert metrics.of("vss_bounds_reached_total", bound="drain_outcomes") == 1
        assert batch.late
        batch.add(2)
        store.away = False
        assert await batch.drain(60)
        assert store.written == [[1], [2]]
        assert not batch.late
        task.cancel()

    run_virtually(scene())


def test_item_that_the_store_refuses_does_not_hold_up_the_others() -> None:
    async def scene() -> None:
        store = Store()
        batch: Batch[int] = Batch("outcomes", store.write, FakeMetrics(), gather_s=0.02)
        task = asyncio.create_task(batch.run())
        for item in (12, 13, 14):
            batch.add(item)
        assert await batch.drain(5)
        assert store.written == [[12], [14]]
        task.cancel()

    run_virtually(scene())


def test_store_that_lets_nobody_in_loses_nothing() -> None:
    async def scene() -> None:
        store = Store()
        store.locked_out = True
        batch: Batch[int] = Batch("outcomes", store.write, FakeMetrics(), gather_s=0.02)
        task = asyncio.create_task(batch.run())
        batch.add(1)
        assert not await batch.drain(60)
        assert batch.late
        store.locked_out = False
        assert await batch.drain(60)
        assert store.written == [[1]]
        task.cancel()

    run_virtually(scene())


def test_store_that_goes_away_while_a_bad_item_is_looked_for_is_seen_as_away() -> None:
    async def scene() -> None:
        store = Store()
        batch: Batch[int] = Batch("outcomes", store.write, FakeMetrics(), gather_s=0.02)
        batch._items = [13, 14]
        task = asyncio.create_task(batch._write_singly(batch._items))
        store.away = True
        await asyncio.sleep(1)
        assert batch.failing
        store.away = False
        await task
        assert store.written == [[14]]
        assert not batch.failing

    run_virtually(scene())


def test_fault_over_one_deadline_stops_none_of_the_others() -> None:
    async def scene() -> None:
        clock = LoopClock(asyncio.get_running_loop())
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        fired: list[object] = []

        def passed(owner: object) -> None:
            fired.append(owner)
            if owner == "bad":
                raise ZeroDivisionError

        deadlines = Deadlines(clock, passed)
        for owner in ("bad", "good"):
            deadlines.arm(owner, clock.now() + 1)
        await asyncio.sleep(5)
        assert fired == ["bad", "good"]

    run_virtually(scene())


def test_deadline_fires_once_at_its_time_and_a_replaced_one_never() -> None:
    async def scene() -> None:
        clock = LoopClock(asyncio.get_running_loop())
        fired: list[tuple[object, float]] = []
        start = clock.now()
        deadlines = Deadlines(clock, lambda owner: fired.append((owner, round(clock.now() - start, 3))))
        deadlines.arm("a", start + 5)
        deadlines.arm("b", start + 2)
        deadlines.arm("a", start + 3)
        deadlines.arm("c", start + 1)
        deadlines.arm("c", None)
        await asyncio.sleep(10)
        assert fired == [("b", 2.0), ("a", 3.0)]
        for n in range(1000):
            deadlines.arm("a", start + 100 + n)
        assert len(deadlines._heap) < 200

    run_virtually(scene())
