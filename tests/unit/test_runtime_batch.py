"""Batches: written in order, kept while the store is away, never held up by one bad item."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine.errors import ConfigError, Unavailable
from engine.fakes.metrics import FakeMetrics
from engine.fakes.spool import FakeSpools
from engine.fakes.virtual_time import LoopClock, run_virtually
from engine.ids import CallId
from engine.ports import OptOut
from engine.runtime.batch import Batch, Packed
from engine.runtime.deadlines import Deadlines


class Store:
    def __init__(self) -> None:
        self.written: list[list[int]] = []
        self.away = False
        self.locked_out = False
        self.takes_s = 0.0
        self.repeated: list[list[int]] = []
        self.answer_lost = False

    async def repeat(self, items: Sequence[int]) -> None:
        await self.write(items)
        self.repeated.append(list(items))

    async def write(self, items: Sequence[int]) -> None:
        if self.away:
            raise Unavailable("postgres", "away")
        if self.locked_out:
            raise ConfigError("postgres: password authentication failed")
        if 13 in items:
            raise ValueError("unlucky")
        await asyncio.sleep(self.takes_s)
        self.written.append(list(items))
        if self.answer_lost:
            raise Unavailable("postgres", "the answer was lost")


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


def spooled(spools: FakeSpools) -> list[int]:
    """What is on disk."""
    return [int(line.split(b'"number":"')[1].split(b'"')[0]) for line in spools.kept.get("numbers", [])]


def batch_on(store: Store, spools: FakeSpools, metrics: FakeMetrics | None = None, size_max: int = 500) -> Batch[int]:
    """A batch of numbers with a spool."""
    spool: Packed[int, OptOut] = Packed(
        spools.of("numbers", OptOut), lambda n: OptOut(str(n), CallId("c"), 0.0), lambda one: int(one.number)
    )
    return Batch(
        "outcomes", store.write, metrics or FakeMetrics(), gather_s=0.02, size_max=size_max, spool=spool,
        repeat=store.repeat,
    )  # fmt: skip


def test_store_that_is_well_costs_nothing_on_disk() -> None:
    async def scene() -> None:
        store, spools = Store(), FakeSpools()
        batch = batch_on(store, spools)
        await batch.replay()
        task = asyncio.create_task(batch.run())
        for item in range(100):
            batch.add(item)
            await asyncio.sleep(0.01)
        assert await batch.drain(5)
        assert spools.appended == 0
        assert store.repeated == []
        task.cancel()

    run_virtually(scene())


def test_what_waits_for_a_store_that_is_away_is_on_disk_until_it_is_written() -> None:
    async def scene() -> None:
        store, spools, metrics = Store(), FakeSpools(), FakeMetrics()
        store.away = True
        batch = batch_on(store, spools, metrics)
        task = asyncio.create_task(batch.run())
        batch.add(1)
        await asyncio.sleep(0.1)
        assert spooled(spools) == [1]
        for item in (2, 3, 4):
            batch.add(item)
        await asyncio.sleep(0.1)
        assert spooled(spools) == [1, 2, 3, 4]
        assert batch.on_disk == len(batch) == metrics.gauges["vss_spooled"] == 4
        store.away = False
        assert await batch.drain(60)
        batch.add(5)
        assert await batch.drain(60)
        await asyncio.sleep(0.1)
        assert spools.kept == {}
        assert spools.appended == 4
        assert batch.on_disk == metrics.gauges["vss_spooled"] == 0
        assert [n for items in store.written for n in items] == [1, 2, 3, 4, 5]
        task.cancel()

    run_virtually(scene())


def test_next_engine_writes_what_a_dead_one_could_not_in_order_and_before_anything_else() -> None:
    async def scene() -> None:
        store, spools, metrics = Store(), FakeSpools(), FakeMetrics()
        store.away = True
        task = asyncio.create_task((dead := batch_on(store, spools)).run())
        for item in range(7):
            dead.add(item)
        await asyncio.sleep(0.1)
        task.cancel()
        store.away = False
        batch = batch_on(store, spools, metrics, size_max=3)
        await batch.replay()
        assert store.repeated == [[0, 1, 2], [3, 4, 5], [6]]
        assert metrics.of("vss_spool_replayed_total", spool="outcomes") == 7
        assert len(batch) == batch.on_disk == 0
        task = asyncio.create_task(batch.run())
        await asyncio.sleep(0.1)
        assert spools.kept == {}
        batch.add(7)
        assert await batch.drain(1)
        assert store.written[-1] == [7]
        assert store.repeated[-1] == [6]
        task.cancel()

    run_virtually(scene())


def test_replay_waits_for_the_store_and_a_second_death_loses_nothing() -> None:
    async def scene() -> None:
        store, spools = Store(), FakeSpools()
        store.away = True
        task = asyncio.create_task((dead := batch_on(store, spools)).run())
        dead.add(1)
        await asyncio.sleep(0.1)
        task.cancel()
        task = asyncio.create_task(batch_on(store, spools).replay())
        await asyncio.sleep(60)
        assert not task.done()
        task.cancel()
        store.away = False
        await batch_on(store, spools).replay()
        await batch_on(store, spools).replay()  # it died before it emptied the disk
        assert store.repeated == [[1], [1]]

    run_virtually(scene())


def test_what_a_slow_store_has_not_taken_is_on_disk_meanwhile() -> None:
    async def scene() -> None:
        store, spools = Store(), FakeSpools()
        store.takes_s = 3.0
        batch = batch_on(store, spools)
        task = asyncio.create_task(batch.run())
        batch.add(1)
        await asyncio.sleep(0.4)
        assert spooled(spools) == []
        await asyncio.sleep(0.4)
        assert spooled(spools) == [1]
        assert not batch.late
        batch.add(2)
        await asyncio.sleep(0.1)
        assert spooled(spools) == [1, 2]
        store.takes_s = 0.0
        assert await batch.drain(10)
        await asyncio.sleep(0.1)
        assert spools.kept == {}
        task.cancel()

    run_virtually(scene())


def test_full_disk_loses_nothing_and_is_tried_again() -> None:
    async def scene() -> None:
        store, spools = Store(), FakeSpools()
        store.away, spools.fault = True, "no room"
        batch = batch_on(store, spools)
        task = asyncio.create_task(batch.run())
        for item in (1, 2):
            batch.add(item)
        await asyncio.sleep(20)
        assert batch.on_disk == 0
        assert len(batch) == 2
        spools.fault = None
        await asyncio.sleep(10)
        assert spooled(spools) == [1, 2]
        spools.fault = "broken"
        batch.add(3)
        store.away = False
        assert await batch.drain(10)
        assert [n for items in store.written for n in items] == [1, 2, 3]
        spools.fault = None
        await asyncio.sleep(10)
        assert spools.kept == {}
        task.cancel()

    run_virtually(scene())


def test_disk_that_cannot_be_read_at_the_start_holds_up_nobody() -> None:
    async def scene() -> None:
        store, spools = Store(), FakeSpools()
        spools.fault = "broken"
        batch = batch_on(store, spools)
        await batch.replay()
        task = asyncio.create_task(batch.run())
        batch.add(1)
        assert await batch.drain(1)
        task.cancel()

    run_virtually(scene())


def test_write_whose_answer_was_lost_is_repeated_as_one_that_may_be_stored() -> None:
    async def scene() -> None:
        store, spools = Store(), FakeSpools()
        store.answer_lost = True
        batch = batch_on(store, spools)
        task = asyncio.create_task(batch.run())
        batch.add(1)
        await asyncio.sleep(0.1)
        store.answer_lost = False
        batch.add(2)
        assert await batch.drain(10)
        assert store.written == [[1], [1], [2]]
        assert store.repeated == [[1]]
        task.cancel()

    run_virtually(scene())


def test_backlog_of_a_store_that_is_well_again_stays_on_disk_until_the_last_of_it_is_written() -> None:
    async def scene() -> None:
        store, spools = Store(), FakeSpools()
        store.away = True
        batch = batch_on(store, spools, size_max=2)
        task = asyncio.create_task(batch.run())
        for item in range(10):
            batch.add(item)
        await asyncio.sleep(0.1)
        store.away, store.takes_s = False, 0.3
        await asyncio.sleep(1.0)
        assert 0 < len(batch) < 10
        assert spooled(spools) == list(range(10))
        assert await batch.drain(10)
        await asyncio.sleep(0.1)
        assert spools.kept == {}
        task.cancel()

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
