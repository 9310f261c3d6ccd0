"""What every RunStore promises, PostgreSQL and the fake alike."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import pytest

from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.runs import PostgresRuns
from engine.adapters.postgres.scripts import PostgresScripts
from engine.errors import NotFound, Unavailable
from engine.fakes.runs import FakeRuns
from engine.fakes.stores import FakeMemory
from engine.flow.nodes.centre import ConsentKind, DncScope
from engine.flow.publication import Publication
from engine.ids import CallId
from engine.run_ports import (
    CALLBACK_ATTEMPTS_MAX,
    CALLBACK_PAUSE_S,
    CALLBACK_TAKEN_S,
    CallbackWish,
    ConsentEvidence,
    DncEntry,
    FlowEvent,
    RunDisposition,
    RunId,
    RunRecord,
    RunStore,
)

SCRIPT = Publication("reminder", 1, "", 1, '{"flow":{"id":"reminder"},"subflows":{}}')
RUN, CALL = RunId("c1"), CallId("c1")


@dataclass
class World:
    store: RunStore
    go_away: Callable[[], Awaitable[None]]
    count: Callable[[str], Awaitable[int]]
    """How many rows a table has."""
    load: Callable[[str, Mapping[str, Mapping[str, Any]]], Awaitable[None]]


def record(**changes: Any) -> RunRecord:
    run = RunRecord(
        run=RUN, call=CALL, script=SCRIPT.hash, flow="reminder", started_at=1_700_000_000.0, ended_at=None, node="ask",
        state={"visits": 3, "text": "по-русски"}, secret={"keys": "12"}, leg={"number": "+7"},
    )  # fmt: skip
    return replace(run, **changes)


def over(**changes: Any) -> RunRecord:
    return record(
        ended_at=1_700_000_060.0, reason="script", secret=None, disposition="paid", results={"paid": True}, **changes
    )


def disposition(**changes: Any) -> RunDisposition:
    return replace(RunDisposition(run=RUN, call=CALL, attempt=None, code="paid", note="at once", at=5.0), **changes)


def wish(request: str = "c1:back:4", number: str = "+74950000001", at: float | None = 100.0) -> CallbackWish:
    return CallbackWish(request=request, call=CALL, number=number, pool="support", at=at, note="gold")


class RunsContract:
    """Runs once for each world."""

    async def test_open_run_is_found_as_it_was_saved_last(self, world: World) -> None:
        await world.store.commit([record(), record(node="pay", state={"visits": 4})])
        (found,) = await world.store.open_runs()
        assert found == record(node="pay", state={"visits": 4})

    async def test_run_that_is_over_never_changes_and_keeps_nothing_sensitive(self, world: World) -> None:
        await world.store.commit([record(), over()])
        await world.store.commit([record(node="late")])
        assert await world.store.open_runs() == []
        (kept,) = await world.store.runs_of(CALL)
        assert kept == over(leg={})
        assert kept.secret is None

    async def test_runs_of_a_call_are_in_order_and_without_secrets(self, world: World) -> None:
        second = record(run=RunId("c1.2"), started_at=1_700_000_100.0)
        await world.store.commit([second, record(), record(run=RunId("c2"), call=CallId("c2"))])
        found = await world.store.runs_of(CALL)
        assert [(one.run, one.secret, one.leg) for one in found] == [("c1", None, {}), ("c1.2", None, {})]

    async def test_items_may_be_written_again(self, world: World) -> None:
        evidence = ConsentEvidence(
            request="c1:may:2", run=RUN, call=CALL, number="+7495", kind=ConsentKind.RECORDING, granted=True,
            prompt="may_we", locale="ru-RU", script=SCRIPT.hash, campaign=None, at=5.0,
        )  # fmt: skip
        event = FlowEvent(request="c1:tell:3", run=RUN, call=CALL, name="survey", data={"score": 9}, at=6.0)
        items = [record(), disposition(), evidence, event]
        await world.store.commit(items)
        await world.store.commit(items)
        for table in ("gacs_runs", "gacs_dispositions", "consent_evidence", "gacs_events"):
            assert await world.count(table) == 1

    async def test_first_disposition_of_a_run_stays(self, world: World) -> None:
        await world.store.commit([disposition(), disposition(code="refused")])
        await world.store.commit([disposition(code="unsaid")])
        assert await world.count("gacs_dispositions") == 1

    async def test_number_that_asked_for_it_is_called_by_nobody(self, world: World) -> None:
        entry = DncEntry(request="c1:never:2", call=CALL, number="74950000009", scope=DncScope.EVERYWHERE,
                         campaign=None, at=5.0)  # fmt: skip
        await world.store.commit([entry])
        await world.store.commit([entry])
        assert await world.count("do_not_call") == 1
        assert not await world.store.keep_callback(wish(number="+74950000009"))

    async def test_callback_is_promised_once_and_taken_when_it_is_due(self, world: World) -> None:
        assert await world.store.keep_callback(wish())
        assert await world.store.keep_callback(wish())
        assert await world.store.take_callback(["support"], 99.0) is None
        assert await world.store.take_callback(["sales"], 101.0) is None
        taken = await world.store.take_callback(["sales", "support"], 101.0)
        assert taken is not None
        assert (taken.number, taken.pool, taken.note, taken.attempts) == ("+74950000001", "support", "gold", 1)
        assert await world.store.take_callback(["support"], 102.0) is None

    async def test_promise_without_a_time_is_due_at_once(self, world: World) -> None:
        await world.store.keep_callback(wish(at=None))
        assert await world.store.take_callback(["support"], time.time() + 60) is not None

    async def test_promises_taken_at_once_go_to_one_each(self, world: World) -> None:
        for number in range(4):
            await world.store.keep_callback(wish(f"c{number}:back:1"))
        taken = await asyncio.gather(*(world.store.take_callback(["support"], 101.0) for _ in range(8)))
        found = [one.id for one in taken if one is not None]
        assert len(found) == len(set(found)) == 4

    async def test_promise_that_was_kept_is_over(self, world: World) -> None:
        await world.store.keep_callback(wish())
        taken = await world.store.take_callback(["support"], 101.0)
        assert taken is not None
        await world.store.settle_callback(taken.id, reached=True, at=150.0)
        assert await world.store.take_callback(["support"], 10_000.0) is None

    async def test_who_was_not_reached_is_tried_again_later_and_not_for_ever(self, world: World) -> None:
        await world.store.keep_callback(wish())
        now = 101.0
        for attempt in range(1, CALLBACK_ATTEMPTS_MAX + 1):
            taken = await world.store.take_callback(["support"], now)
            assert taken is not None
            assert taken.attempts == attempt
            await world.store.settle_callback(taken.id, reached=False, at=now)
            assert await world.store.take_callback(["support"], now + CALLBACK_PAUSE_S - 1) is None
            now += CALLBACK_PAUSE_S + 1
        assert await world.store.take_callback(["support"], now) is None

    async def test_promise_of_an_engine_that_died_is_given_out_again(self, world: World) -> None:
        await world.store.keep_callback(wish())
        now = 101.0
        for attempt in range(1, CALLBACK_ATTEMPTS_MAX + 1):
            taken = await world.store.take_callback(["support"], now)
            assert taken is not None
            assert taken.attempts == attempt
            now += CALLBACK_TAKEN_S
        assert await world.store.take_callback(["support"], now) is None

    async def test_promise_that_was_never_dialed_is_due_at_once_and_that_was_no_attempt(self, world: World) -> None:
        await world.store.keep_callback(wish())
        for _ in range(CALLBACK_ATTEMPTS_MAX + 2):
            taken = await world.store.take_callback(["support"], 101.0)
            assert taken is not None
            assert taken.attempts == 1
            await world.store.give_back_callback(taken.id)
            await world.store.give_back_callback(taken.id)

    async def test_number_that_asked_not_to_be_called_meanwhile_is_given_up(self, world: World) -> None:
        await world.store.keep_callback(wish())
        await world.store.keep_callback(wish("c2:back:1", number="+74950000002", at=200.0))
        barred = DncEntry(request="c9:never:2", call=CALL, number="+74950000001", scope=DncScope.EVERYWHERE,
                          campaign=None, at=5.0)  # fmt: skip
        await world.store.commit([barred])
        taken = await world.store.take_callback(["support"], 300.0)
        assert taken is not None
        assert taken.number == "+74950000002"
        assert await world.store.take_callback(["support"], 300.0) is None

    async def test_look_up_finds_what_was_loaded_and_names_a_table_that_is_not_there(self, world: World) -> None:
        await world.load("customers", {"+7495": {"tier": "gold"}})
        assert await world.store.look_up("customers", "+7495") == {"tier": "gold"}
        assert await world.store.look_up("customers", "nobody") is None
        with pytest.raises(NotFound, match="customer"):
            await world.store.look_up("customer", "+7495")

    async def test_everything_says_that_the_store_is_away(self, world: World) -> None:
        await world.go_away()
        for action in (
            lambda: world.store.commit([record()]),
            world.store.open_runs,
            lambda: world.store.runs_of(CALL),
            lambda: world.store.keep_callback(wish()),
            lambda: world.store.take_callback(["support"], 1.0),
            lambda: world.store.settle_callback(1, reached=True, at=1.0),
            lambda: world.store.give_back_callback(1),
            lambda: world.store.lead_data([]),
            lambda: world.store.look_up("customers", "x"),
        ):
            with pytest.raises(Unavailable):
                await action()


class TestFakeRuns(RunsContract):
    @pytest.fixture
    async def world(self) -> World:
        memory = FakeMemory(now=time.time)
        store = FakeRuns(memory)
        tables: dict[str, Any] = {
            "gacs_runs": store.runs, "gacs_dispositions": store.dispositions, "consent_evidence": store.evidence,
            "gacs_events": store.events, "do_not_call": memory.do_not_call,
        }  # fmt: skip

        async def go_away() -> None:
            memory.away = True

        async def count(table: str) -> int:
            return len(tables[table])

        async def load(source: str, entries: Mapping[str, Mapping[str, Any]]) -> None:
            store.lookups[source] = dict(entries)

        return World(store, go_away, count, load)


@pytest.mark.pg
class TestPostgresRuns(RunsContract):
    @pytest.fixture
    async def world(self, postgres_dsn: str) -> AsyncIterator[World]:
        async with Database(postgres_dsn) as database:
            await PostgresScripts(database).publish([SCRIPT], "ann")
            connection = await asyncpg.connect(postgres_dsn)

            async def count(table: str) -> int:
                found: int = await connection.fetchval(f"SELECT count(*) FROM {table}")
                return found

            async def load(source: str, entries: Mapping[str, Mapping[str, Any]]) -> None:
                rows = [(source, key, json.dumps(data)) for key, data in entries.items()]
                await connection.executemany("INSERT INTO gacs_lookups (source, key, data) VALUES ($1, $2, $3)", rows)

            try:
                yield World(PostgresRuns(database), database.close, count, load)
            finally:
                await connection.close()
