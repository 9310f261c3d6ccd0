"""Runs of scripts in memory, keeping what PostgreSQL keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.dialer.lead import LeadStatus
from engine.errors import NotFound
from engine.fakes.stores import FakeMemory
from engine.flow.nodes.centre import DncScope
from engine.ids import AttemptId, CallId, CampaignId
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


@dataclass(slots=True)
class FakeCallback:
    """A promise, as it is kept."""

    id: int
    wish: CallbackWish
    due_at: float
    status: str = "promised"
    attempts: int = 0
    taken_until: float = 0.0


@dataclass(slots=True)
class FakeRuns:
    """A RunStore; away when its memory is."""

    memory: FakeMemory = field(default_factory=FakeMemory)
    runs: dict[RunId, RunRecord] = field(default_factory=dict)
    dispositions: dict[RunId, RunDisposition] = field(default_factory=dict)
    evidence: dict[str, ConsentEvidence] = field(default_factory=dict)
    events: dict[str, FlowEvent] = field(default_factory=dict)
    callbacks: dict[str, FakeCallback] = field(default_factory=dict)
    campaign_do_not_call: set[tuple[CampaignId, str]] = field(default_factory=set)
    lookups: dict[str, dict[str, Mapping[str, Any]]] = field(default_factory=dict)

    async def commit(self, items: Sequence[RunItem]) -> None:
        self.memory.check()
        for item in items:
            match item:
                case RunRecord():
                    kept = self.runs.get(item.run)
                    if kept is None or kept.ended_at is None:
                        ended = item.ended_at is not None
                        self.runs[item.run] = replace(item, leg={}, secret=None) if ended else item
                case RunDisposition():
                    self.dispositions.setdefault(item.run, item)
                case ConsentEvidence():
                    self.evidence.setdefault(item.request, item)
                case FlowEvent():
                    self.events.setdefault(item.request, item)
                case DncEntry():
                    self._forbid(item)

    def _forbid(self, entry: DncEntry) -> None:
        number = international(entry.number)
        campaign = entry.campaign if entry.scope is DncScope.CAMPAIGN else None
        if campaign is None:
            self.memory.do_not_call.add(number)
        else:
            self.campaign_do_not_call.add((campaign, number))
        for lead in self.memory.leads.values():
            meant = lead.number == number and campaign in {None, lead.campaign}
            if meant and lead.status in {LeadStatus.NEW, LeadStatus.WAITING}:
                lead.status, lead.result = LeadStatus.EXCLUDED, "do_not_call"

    async def open_runs(self) -> Sequence[RunRecord]:
        self.memory.check()
        return sorted((one for one in self.runs.values() if one.ended_at is None), key=lambda one: one.started_at)

    async def runs_of(self, call: CallId) -> Sequence[RunRecord]:
        self.memory.check()
        found = [replace(one, secret=None, leg={}) for one in self.runs.values() if one.call == call]
        return sorted(found, key=lambda one: one.started_at)

    async def keep_callback(self, wish: CallbackWish) -> bool:
        self.memory.check()
        if international(wish.number) in self.memory.do_not_call:
            return False
        due_at = self.memory.now() if wish.at is None else wish.at
        kept = FakeCallback(len(self.callbacks) + 1, replace(wish, number=international(wish.number)), due_at)
        self.callbacks.setdefault(wish.request, kept)
        return True

    async def take_callback(self, pools: Sequence[str], now: float) -> DueCallback | None:
        self.memory.check()
        due = [
            one
            for one in self.callbacks.values()
            if one.status == "promised" and one.wish.pool in pools and one.due_at <= now and one.taken_until <= now
        ]
        for one in sorted(due, key=lambda one: (one.due_at, one.id)):
            if one.wish.number in self.memory.do_not_call:
                one.status = "barred"
            elif one.attempts >= CALLBACK_ATTEMPTS_MAX:
                one.status = "failed"
            else:
                one.attempts += 1
                one.taken_until = now + CALLBACK_TAKEN_S
                return DueCallback(one.id, one.wish.number, one.wish.pool, one.wish.note, one.attempts)
        return None

    async def settle_callback(self, callback: int, *, reached: bool, at: float) -> None:
        self.memory.check()
        for one in self.callbacks.values():
            if one.id == callback and one.status == "promised":
                over = one.attempts >= CALLBACK_ATTEMPTS_MAX
                one.status = "kept" if reached else "failed" if over else "promised"
                one.due_at = one.due_at if reached else at + CALLBACK_PAUSE_S
                one.taken_until = 0.0

    async def give_back_callback(self, callback: int) -> None:
        self.memory.check()
        for one in self.callbacks.values():
            if one.id == callback and one.status == "promised" and one.taken_until:
                one.attempts, one.taken_until = max(0, one.attempts - 1), 0.0

    async def lead_data(self, attempts: Sequence[AttemptId]) -> Mapping[AttemptId, Mapping[str, Any]]:
        self.memory.check()
        known = self.memory.attempts
        return {attempt: self.memory.leads[known[attempt].lead].data for attempt in attempts if attempt in known}

    async def look_up(self, source: str, key: str) -> Mapping[str, Any] | None:
        self.memory.check()
        if source not in self.lookups:
            raise NotFound("no_such_source", f"there is no table {source} for scripts: vss flow lookup load makes it")
        return self.lookups[source].get(key)
