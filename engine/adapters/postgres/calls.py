"""Calls and their journal."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import msgspec

from engine.call.journal import Entry, joined
from engine.ids import CallId
from engine.ports import CallRecord

from .pool import Database
from .text import json_text, storable


def merged(records: Sequence[CallRecord]) -> list[CallRecord]:
    """Join records of the same call: the last one's fields with everyone's journal entries, in order of id."""
    calls: dict[CallId, CallRecord] = {}
    for record in records:
        earlier = calls.get(record.id)
        calls[record.id] = replace(record, journal=earlier.journal + record.journal) if earlier else record
    return sorted(calls.values(), key=lambda record: record.id)


class PostgresCalls:
    """CallStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def commit(self, records: Sequence[CallRecord]) -> None:
        """Upsert calls and append their journal entries in one transaction. Raises Unavailable."""
        await self._commit("commit_calls", records)

    async def commit_again(self, records: Sequence[CallRecord]) -> None:
        """As `commit`, without journal entries that are there already. Raises Unavailable."""
        await self._commit("commit_calls_again", records)

    async def _commit(self, statement: str, records: Sequence[CallRecord]) -> None:
        if not records:
            return
        calls = merged(records)
        await self._database.value(
            statement,
            [call.id for call in calls],
            [call.kind for call in calls],
            [call.phase for call in calls],
            [call.attempt for call in calls],
            [call.campaign for call in calls],
            [storable(call.number) for call in calls],
            [call.trunk for call in calls],
            [call.slot for call in calls],
            [call.created_at for call in calls],
            [call.answered_at for call in calls],
            [call.bridged_at for call in calls],
            [call.ended_at for call in calls],
            [storable(call.result) for call in calls],
            [call.hangup_by for call in calls],
            [call.recording for call in calls],
            [json_text(call.journal) if call.journal else None for call in calls],
            [call.script or None for call in calls],
        )

    async def ended(self, calls: Collection[CallId]) -> frozenset[CallId]:
        """Those of these calls that are stored as ended. Raises Unavailable."""
        rows = await self._database.rows("ended_calls", [storable(call) for call in calls]) if calls else ()
        return frozenset(CallId(row["call_id"]) for row in rows)

    async def find(self, call: CallId) -> CallRecord | None:
        """A call as it is stored, with its whole journal. Raises Unavailable."""
        row = await self._database.row("find_call", storable(call))
        if row is None:
            return None
        fields = dict(row)
        commits = [_entries(text) for text in fields.pop("journal") or ()]
        return CallRecord(**fields, journal=joined(commits))


def _entries(text: str) -> tuple[Entry, ...]:
    """What one commit wrote."""
    return tuple((at, name, fields) for at, name, fields in msgspec.json.decode(text))
