"""Journals of a simulated cell's calls, as they are read back from a database."""

from __future__ import annotations

import re

import msgspec

from engine.call.journal import Entry
from engine.call.replay import Replay, Result, differences, replay
from engine.fakes.stores import FakeMemory
from engine.ports import CallRecord


def read_back(record: CallRecord) -> tuple[Entry, ...]:
    """The journal after its way through JSON."""
    return tuple((at, name, fields) for at, name, fields in msgspec.json.decode(msgspec.json.encode(record.journal)))


def result_of(record: CallRecord) -> Result:
    """What the calls table says of a call."""
    return Result(record.phase, record.result, record.hangup_by, record.answered_at, record.bridged_at, record.ended_at)


def check_journals(memory: FakeMemory) -> None:
    """Every call's journal leads the machine to what is recorded of the call, and names no person's number."""
    for record in memory.calls.values():
        entries = read_back(record)
        again: Replay = replay(record.id, entries)
        story = "\n".join(str(entry) for entry in entries)
        assert again.result is not None, f"{record.id} has no beginning:\n{story}"
        assert not [remark for remark in again.remarks if "left out" in remark], f"{again.remarks}\n{story}"
        found = differences(result_of(record), again.result)
        assert not found, f"{record.id}: {found}\n{story}"
        assert not re.search(r"\+\d{6,}", story), f"a number is in the journal:\n{story}"
