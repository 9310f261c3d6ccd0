"""Runs of scripts, and what they leave behind."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg

from engine.errors import NotFound
from engine.flow.nodes.centre import DncScope
from engine.ids import AttemptId, CallId
from engine.run_ports import (
    CALLBACK_ATTEMPTS_MAX,
    CALLBACK_PAUSE_S,
    CALLBACK_TAKEN_S,
    CallbackWish,
    ConsentEvidence,
    DncEntry,
    DueCallback,
    FlowEvent,
    RunDisposition,
    RunId,
    RunItem,
    RunRecord,
    international,
)

from .pool import Database
from .query import query
from .text import json_text, storable

if TYPE_CHECKING:
    from .pool import Connection

T = TypeVar("T")


class PostgresRuns:
    """RunStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def commit(self, items: Sequence[RunItem]) -> None:
        """Write items in one transaction; may be repeated. Raises Unavailable."""
        if not items:
            return
        async with self._database.transaction() as connection:
            await _save_runs(connection, _of(items, RunRecord))
            await _add_dispositions(connection, _of(items, RunDisposition))
            await _add_evidence(connection, _of(items, ConsentEvidence))
            await _add_events(connection, _of(items, FlowEvent))
            await _add_dnc(connection, _of(items, DncEntry))

    async def open_runs(self) -> Sequence[RunRecord]:
        """Runs that are not over, the oldest first. Raises Unavailable."""
        return [_record_of(row) for row in await self._database.rows("open_runs")]

    async def runs_of(self, call: CallId) -> Sequence[RunRecord]:
        """The runs of a call, in order, without what is sensitive. Raises Unavailable."""
        return [_record_of(row) for row in await self._database.rows("runs_of_call", storable(call))]

    async def keep_callback(self, wish: CallbackWish) -> bool:
        """Promise a call-back; False when the number may not be called. Raises Unavailable."""
        kept: bool = await self._database.value(
            "keep_callback", wish.request, wish.call, international(wish.number), wish.pool, wish.at,
            storable(wish.note),
        )  # fmt: skip
        return kept

    async def take_callback(self, pools: Sequence[str], now: float) -> DueCallback | None:
        """Take the promise that is due longest for one attempt; those that may not be tried any more are closed.

        Raises Unavailable.
        """
        while True:
            row = await self._database.row("take_callback", list(pools), now, CALLBACK_TAKEN_S, CALLBACK_ATTEMPTS_MAX)
            if row is None:
                return None
            if row["status"] == "promised":
                return DueCallback(row["callback_id"], row["phone_number"], row["pool"], row["note"], row["attempts"])

    async def settle_callback(self, callback: int, *, reached: bool, at: float) -> None:
        """Say how an attempt went. Raises Unavailable."""
        await self._database.value(
            "settle_callback", callback, reached, at, CALLBACK_ATTEMPTS_MAX, float(CALLBACK_PAUSE_S)
        )

    async def give_back_callback(self, callback: int) -> None:
        """It was taken and never dialed. Raises Unavailable."""
        await self._database.value("give_back_callback", callback)

    async def lead_data(self, attempts: Sequence[AttemptId]) -> Mapping[AttemptId, Mapping[str, Any]]:
        """The data of the attempts' leads. Raises Unavailable."""
        rows = await self._database.rows("lead_data", list(attempts))
        return {AttemptId(str(row["attempt_id"])): json.loads(row["data"]) for row in rows}

    async def look_up(self, source: str, key: str) -> Mapping[str, Any] | None:
        """An entry of a table that scripts may read. Raises NotFound, Unavailable."""
        row = await self._database.row("look_up", storable(source), storable(key))
        assert row is not None
        if not row["known"]:
            raise NotFound("no_such_source", f"there is no table {source} for scripts: vss flow lookup load makes it")
        found: Mapping[str, Any] | None = None if row["data"] is None else json.loads(row["data"])
        return found


def _of(items: Sequence[RunItem], kind: type[T]) -> list[T]:
    return [item for item in items if isinstance(item, kind)]


async def _save_runs(connection: Connection, records: list[RunRecord]) -> None:
    newest = sorted({record.run: record for record in records}.values(), key=lambda record: record.run)
    if not newest:
        return
    await connection.execute(
        query("save_runs"),
        [one.run for one in newest],
        [one.call for one in newest],
        [one.script for one in newest],
        [one.started_at for one in newest],
        [one.ended_at for one in newest],
        [one.node for one in newest],
        [json_text(one.state) for one in newest],
        [None if one.secret is None else json_text(one.secret) for one in newest],
        [json_text(one.leg) if one.ended_at is None else None for one in newest],
        [one.disposition for one in newest],
        [one.reason for one in newest],
        [json_text(one.results) for one in newest],
        [json_text(one.tags) for one in newest],
    )


async def _add_dispositions(connection: Connection, facts: list[RunDisposition]) -> None:
    if facts:
        await connection.execute(
            query("add_run_dispositions"),
            [one.run for one in facts],
            [one.call for one in facts],
            [one.attempt for one in facts],
            [one.code for one in facts],
            [storable(one.note) for one in facts],
            [one.at for one in facts],
        )


async def _add_evidence(connection: Connection, facts: list[ConsentEvidence]) -> None:
    if facts:
        await connection.execute(
            query("add_consent_evidence"),
            [one.request for one in facts],
            [one.run for one in facts],
            [one.call for one in facts],
            [storable(one.number) for one in facts],
            [one.kind.value for one in facts],
            [one.granted for one in facts],
            [one.prompt for one in facts],
            [one.locale for one in facts],
            [one.script for one in facts],
            [one.campaign for one in facts],
            [one.at for one in facts],
        )


async def _add_events(connection: Connection, events: list[FlowEvent]) -> None:
    if events:
        await connection.execute(
            query("add_script_events"),
            [one.request for one in events],
            [one.run for one in events],
            [one.call for one in events],
            [one.name for one in events],
            [json_text(one.data) for one in events],
            [one.at for one in events],
        )


async def _add_dnc(connection: Connection, entries: list[DncEntry]) -> None:
    if entries:
        ordered = sorted(entries, key=lambda one: (one.number, one.campaign or 0))
        await connection.execute(
            query("add_dnc_entries"),
            [international(one.number) for one in ordered],
            [one.campaign if one.scope is DncScope.CAMPAIGN else None for one in ordered],
            [f"asked for in call {one.call}" for one in ordered],
            [one.at for one in ordered],
        )


def _record_of(row: asyncpg.Record) -> RunRecord:
    ended_at = row["ended_at"]
    return RunRecord(
        run=RunId(row["run_id"]),
        call=CallId(row["call_id"]),
        script=row["content_hash"],
        flow=row["script_name"],
        started_at=row["started_at"].timestamp(),
        ended_at=None if ended_at is None else ended_at.timestamp(),
        node=row["node"],
        state=json.loads(row["state"]),
        secret=None if row["secret"] is None else json.loads(row["secret"]),
        leg={} if row["leg"] is None else json.loads(row["leg"]),
        disposition=row["disposition"],
        reason=row["reason"],
        results=json.loads(row["results"]),
        tags=json.loads(row["tags"]),
    )
