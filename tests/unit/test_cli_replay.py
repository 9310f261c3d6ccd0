"""`vss replay` on a database: what engines wrote is read back, repeated and exported."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from engine.adapters.postgres.calls import PostgresCalls
from engine.adapters.postgres.pool import Database
from engine.call.export import read
from engine.ports import CallRecord
from tests.journals.calls.record import HERE
from tests.vss_command import Here

pytestmark = pytest.mark.pg


def stored(name: str, **changes: object) -> CallRecord:
    """A call of the corpus as the engine hands it over to be stored."""
    kept = read((HERE / f"{name}.jsonl").read_text().splitlines())
    told = kept.recorded
    record = CallRecord(
        kept.call, kept.kind, told.phase, None, kept.campaign, "+74951112233", None, None, kept.created_at,
        told.answered_at, told.bridged_at, told.ended_at, told.outcome, told.hangup_by, None, kept.entries, "",
    )  # fmt: skip
    return replace(record, **changes)  # type: ignore[arg-type]


def store(dsn: str, *records: CallRecord) -> None:
    async def work() -> None:
        async with Database(dsn) as database:
            for record in records:
                await PostgresCalls(database).commit([record])

    asyncio.run(work())


def test_stored_call_is_shown_repeated_and_exported(here: Here, postgres_dsn: str, tmp_path: Path) -> None:
    whole = stored("agent-lost-connecting")
    begun = replace(whole, phase="waiting", result=None, ended_at=None, hangup_by=None, journal=whole.journal[:3])
    rest = replace(whole, journal=whole.journal[3:])
    store(postgres_dsn, begun, begun, rest)
    here.set(VSS_POSTGRES_DSN=postgres_dsn)
    ran = here.run("replay", whole.id, "--json", "--export", str(tmp_path / "one.jsonl"))
    assert ran.code == 0
    told = ran.json("replay")
    assert (told["same"], told["call"], told["kind"]) == (True, whole.id, "inbound")
    assert len(told["timeline"]) == len(whole.journal)
    assert "74951112233" not in (tmp_path / "one.jsonl").read_text() + ran.out
    assert here.run("replay", str(tmp_path / "one.jsonl")).code == 0


def test_call_that_is_not_there_or_ended_otherwise_is_told(here: Here, postgres_dsn: str) -> None:
    other = stored("inbound-queue-to-agent", hangup_by="agent")
    store(postgres_dsn, other)
    here.set(VSS_POSTGRES_DSN=postgres_dsn)
    ran = here.run("replay", "nobody", "--json")
    assert (ran.code, "no call nobody" in ran.json("error")["error"]["message"]) == (2, True)
    ran = here.run("replay", other.id, "--json")
    assert ran.code == 1
    assert {one["field"] for one in ran.json("replay")["differences"]} == {"hangup_by"}
    here.set(VSS_POSTGRES_DSN="postgresql://127.0.0.1:9/none")
    assert here.run("replay", other.id).code == 3
