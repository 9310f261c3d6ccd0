"""Stores in memory that keep PostgreSQL's promises: campaigns, leads, outcomes, calls, agents, trunks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from engine.call.journal import Entry, joined
from engine.dialer.campaign import AnswerAction, Campaign, CampaignStatus, check_change
from engine.dialer.draft import CampaignDraft
from engine.dialer.lead import LeadStatus
from engine.errors import NotFound, Rejected, Unavailable
from engine.ids import AttemptId, CallId, CampaignId, LeadId, TrunkName
from engine.outcome.disposition import UNCOUNTED, Outcome
from engine.ports import (
    HISTORY_MAX,
    AgentFact,
    Barrier,
    CallRecord,
    CampaignNumbers,
    ClaimedLead,
    Disposition,
    EarlierAttempt,
    OptOut,
    OutcomeFact,
    ShownLead,
    SlotRecord,
    TrunkRecord,
)

DUE = frozenset({LeadStatus.NEW, LeadStatus.WAITING})


@dataclass(slots=True)
class FakeLead:
    """A lead as the fake keeps it; `number` is empty once it is deleted."""

    id: LeadId
    campaign: CampaignId
    number: str
    zones: tuple[str, ...] = ("UTC",)
    priority: int = 0
    status: LeadStatus = LeadStatus.NEW
    attempts: int = 0
    result: str | None = None
    next_at: float = 0.0
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class FakeMemory:
    """What the fake stores share, as PostgreSQL's tables are shared. `away` makes every method raise Unavailable.

    `claims_mute` makes a claim commit and then raise Unavailable, `claims_take_s` makes it last; `claims_fault` is
    raised by every claim.
    """

    now: Callable[[], float] = lambda: 0.0
    away: bool = False
    claims_mute: bool = False
    claims_take_s: float = 0.0
    claims_fault: Exception | None = None
    refuse_next: int = 0
    """So many questions from now on are refused before anything was done."""
    mute_next: int = 0
    """So many writes from now on take effect, and their answers are lost."""
    trunks: dict[TrunkName, TrunkRecord] = field(default_factory=dict)
    slots: list[SlotRecord] = field(default_factory=list)
    campaigns: dict[CampaignId, Campaign] = field(default_factory=dict)
    started: dict[CampaignId, float] = field(default_factory=dict)
    windows: dict[CampaignId, tuple[time, time]] = field(default_factory=dict)
    consent_required: set[CampaignId] = field(default_factory=set)
    leads: dict[LeadId, FakeLead] = field(default_factory=dict)
    do_not_call: set[str] = field(default_factory=set)
    consents: set[str] = field(default_factory=set)
    open: dict[LeadId, ClaimedLead] = field(default_factory=dict)
    attempts: dict[AttemptId, ClaimedLead] = field(default_factory=dict)
    outcomes: dict[AttemptId, OutcomeFact] = field(default_factory=dict)
    calls: dict[CallId, CallRecord] = field(default_factory=dict)
    agent_facts: list[AgentFact] = field(default_factory=list)
    dispositions: list[Disposition] = field(default_factory=list)

    def check(self) -> None:
        """Raise Unavailable while away."""
        if self.away:
            raise Unavailable("postgres", "the fake database is away")
        if self.refuse_next:
            self.refuse_next -= 1
            raise Unavailable("postgres", "the fake database refused it")

    def answer(self) -> None:
        """A write took effect: raise Unavailable where its answer is to be lost."""
        if self.mute_next:
            self.mute_next -= 1
            raise Unavailable("postgres", "the answer was lost")

    def add_lead(
        self, campaign: CampaignId, number: str, zones: tuple[str, ...] = ("UTC",), priority: int = 0
    ) -> LeadId:
        """Add a lead that is due at once."""
        lead = LeadId(len(self.leads) + 1)
        self.leads[lead] = FakeLead(lead, campaign, number, zones, priority)
        return lead

    def delete_lead(self, lead: LeadId) -> None:
        """Anonymise a lead."""
        self.leads[lead].number = ""
        self.leads[lead].data = {}
        self.leads[lead].status = LeadStatus.DELETED


class FakeLeads:
    """A LeadStore."""

    def __init__(self, memory: FakeMemory) -> None:
        self._memory = memory

    async def create(self, draft: CampaignDraft) -> Campaign:
        self._memory.check()
        trunk = self._memory.trunks.get(draft.trunk)
        if trunk is None:
            raise Rejected("no_such_trunk", f"there is no trunk {draft.trunk}", 422)
        if any(campaign.name.lower() == draft.name.lower() for campaign in self._memory.campaigns.values()):
            raise Rejected("campaign_name_taken", f"there is a campaign named {draft.name} already")
        if (draft.answer_action is AnswerAction.HANG_UP and not trunk.test) or draft.ring_timeout_s < 15:
            raise Rejected("campaign_invalid", f"campaign {draft.name} breaks a rule", 422)
        campaign = Campaign(
            CampaignId(len(self._memory.campaigns) + 1),
            draft.name,
            CampaignStatus.DRAFT,
            draft.dial_mode,
            draft.answer_action,
            draft.pool,
            draft.trunk,
            draft.caller_id or trunk.caller_id,
            draft.ring_timeout_s,
            draft.answer_limit_s,
            draft.wrap_up_s,
            draft.talk_max_s,
            draft.lines_max,
            draft.message,
            draft.record,
            dict(draft.recall),
            draft.pacing,
            draft.identity_text,
            draft.language,
            draft.opt_out_digit,
        )
        self._memory.campaigns[campaign.id] = campaign
        self._memory.windows[campaign.id] = (draft.window_from, draft.window_to)
        if draft.pacing.require_consent:
            self._memory.consent_required.add(campaign.id)
        return campaign

    async def numbers(self) -> Mapping[CampaignId, CampaignNumbers]:
        self._memory.check()
        return {campaign: self._numbers_of(campaign) for campaign in self._memory.campaigns}

    def _numbers_of(self, campaign: CampaignId) -> CampaignNumbers:
        memory = self._memory
        leads = Counter(str(lead.status) for lead in memory.leads.values() if lead.campaign == campaign)
        attempts = [attempt for attempt, claimed in memory.attempts.items() if claimed.campaign == campaign]
        outcomes = Counter(str(memory.outcomes[attempt].outcome) for attempt in attempts if attempt in memory.outcomes)
        return CampaignNumbers(dict(leads), len(attempts), dict(outcomes))

    async def campaigns(self) -> Sequence[Campaign]:
        self._memory.check()
        return list(self._memory.campaigns.values())

    async def set_status(self, campaign: CampaignId, status: CampaignStatus) -> Campaign:
        self._memory.check()
        current = self._memory.campaigns.get(campaign)
        if current is None:
            raise NotFound("no_such_campaign", f"there is no campaign {campaign}")
        check_change(current.status, status)
        self._memory.campaigns[campaign] = replace(current, status=status)
        if status is CampaignStatus.RUNNING:
            self._memory.started.setdefault(campaign, self._memory.now())
        return self._memory.campaigns[campaign]

    async def claim(
        self, campaign: CampaignId, attempts: Sequence[AttemptId], trunk: TrunkName, epoch: int
    ) -> Sequence[ClaimedLead]:
        self._memory.check()
        if self._memory.claims_fault is not None:
            raise self._memory.claims_fault
        claimed = self._claimed(campaign, attempts)
        if self._memory.claims_take_s:
            await asyncio.sleep(self._memory.claims_take_s)
        if self._memory.claims_mute:
            raise Unavailable("postgres", "the answer was lost")
        return claimed

    def _claimed(self, campaign: CampaignId, attempts: Sequence[AttemptId]) -> Sequence[ClaimedLead]:
        settings = self._memory.campaigns.get(campaign)
        if settings is None or settings.status is not CampaignStatus.RUNNING:
            return []
        due = sorted(
            (lead for lead in self._memory.leads.values() if lead.campaign == campaign and self._may_be_dialed(lead)),
            key=lambda lead: (-lead.priority, lead.next_at, lead.id),
        )
        return [self._open(lead, attempt) for lead, attempt in zip(due, attempts, strict=False)]

    def _may_be_dialed(self, lead: FakeLead) -> bool:
        memory = self._memory
        now = memory.now()
        if lead.status not in DUE or lead.next_at > now or lead.id in memory.open:
            return False
        if lead.number in memory.do_not_call:
            lead.status, lead.result = LeadStatus.EXCLUDED, "do_not_call"
            return False
        if lead.campaign in memory.consent_required and lead.number not in memory.consents:
            lead.status, lead.result = LeadStatus.EXCLUDED, "no_consent"
            return False
        return self._window_open(lead)

    def _window_open(self, lead: FakeLead) -> bool:
        start, end = self._memory.windows[lead.campaign]
        now = self._memory.now()
        return all(start <= datetime.fromtimestamp(now, ZoneInfo(zone)).time() < end for zone in lead.zones)

    async def shown(self, attempt: AttemptId) -> ShownLead | None:
        self._memory.check()
        await asyncio.sleep(0)  # as after a round trip, others may have gone on meanwhile
        claimed = self._memory.attempts.get(attempt)
        if claimed is None:
            return None
        lead = self._memory.leads[claimed.lead]
        history = tuple(self._earlier(lead.id, attempt))[:HISTORY_MAX]
        return ShownLead(lead.id, lead.campaign, lead.number, dict(lead.data), history, self._barrier(lead, attempt))

    def _earlier(self, lead: LeadId, attempt: AttemptId) -> Iterator[EarlierAttempt]:
        """The fake keeps no time of the claim: the outcome's stands for it."""
        for other in reversed(self._memory.attempts):
            fact = self._memory.outcomes.get(other)
            mine = self._memory.attempts[other].lead == lead and other != attempt
            if mine and fact is not None and fact.outcome is not Outcome.NOT_DIALED:
                yield EarlierAttempt(fact.ended_at, fact.outcome, fact.slot, fact.note)

    def _barrier(self, lead: FakeLead, attempt: AttemptId) -> Barrier | None:
        memory = self._memory
        open_attempt = memory.open.get(lead.id)
        without_consent = lead.campaign in memory.consent_required and lead.number not in memory.consents
        barred = {
            Barrier.DELETED: lead.status is LeadStatus.DELETED,
            Barrier.CLOSED: open_attempt is None or open_attempt.attempt != attempt,
            Barrier.DO_NOT_CALL: lead.number in memory.do_not_call,
            Barrier.NO_CONSENT: without_consent,
            Barrier.CAMPAIGN_STATE: memory.campaigns[lead.campaign].status is not CampaignStatus.RUNNING,
            Barrier.WINDOW_CLOSED: not self._window_open(lead),
        }
        return next((barrier for barrier, holds in barred.items() if holds), None)

    def _open(self, lead: FakeLead, attempt: AttemptId) -> ClaimedLead:
        if attempt in self._memory.attempts:
            raise ValueError(f"attempt {attempt} exists")
        lead.status = LeadStatus.DIALING
        lead.attempts += 1
        claimed = ClaimedLead(attempt, lead.id, lead.campaign, lead.number, lead.attempts)
        self._memory.open[lead.id] = self._memory.attempts[attempt] = claimed
        return claimed


class FakeOutcomes:
    """An OutcomeLedger."""

    def __init__(self, memory: FakeMemory) -> None:
        self._memory = memory

    async def record(self, facts: Sequence[OutcomeFact]) -> int:
        self._memory.check()
        new = sum(self._record(fact) for fact in facts)
        self._memory.answer()
        return new

    def _record(self, fact: OutcomeFact) -> bool:
        claimed = self._memory.attempts.get(fact.attempt)
        if claimed is None or fact.attempt in self._memory.outcomes:
            return False
        self._memory.outcomes[fact.attempt] = fact
        del self._memory.open[claimed.lead]
        lead = self._memory.leads[claimed.lead]
        if lead.status is LeadStatus.DELETED:
            return True
        if lead.status is not LeadStatus.EXCLUDED:
            lead.status = fact.lead_next.status
        lead.result = fact.outcome
        if fact.lead_next.next_at is not None:
            lead.next_at = fact.lead_next.next_at
        if fact.outcome in UNCOUNTED:
            lead.attempts = max(0, lead.attempts - 1)
        return True

    async def open_attempts(self) -> Sequence[ClaimedLead]:
        self._memory.check()
        leads = self._memory.leads
        return sorted(
            (replace(claimed, number=leads[claimed.lead].number) for claimed in self._memory.open.values()),
            key=lambda claimed: claimed.attempt,
        )

    async def recorded(self, attempts: Collection[AttemptId]) -> Mapping[AttemptId, Outcome]:
        self._memory.check()
        facts = self._memory.outcomes
        return {attempt: facts[attempt].outcome for attempt in attempts if attempt in facts}


class FakeDoNotCall:
    """A DoNotCallList."""

    def __init__(self, memory: FakeMemory) -> None:
        self._memory = memory

    async def add(self, opt_outs: Sequence[OptOut]) -> int:
        self._memory.check()
        new = {opt_out.number for opt_out in opt_outs} - self._memory.do_not_call
        self._memory.do_not_call |= new
        for lead in self._memory.leads.values():
            if lead.number in new and lead.status in DUE:
                lead.status, lead.result = LeadStatus.EXCLUDED, "do_not_call"
        return len(new)


def _as_read(journal: Sequence[Entry]) -> tuple[Entry, ...]:
    """Entries as they come back from a jsonb column."""
    return tuple((at, name, fields) for at, name, fields in msgspec.json.decode(msgspec.json.encode(journal)))


class FakeCalls:
    """A CallStore; the journals of a call's records are joined."""

    def __init__(self, memory: FakeMemory) -> None:
        self._memory = memory

    async def commit(self, records: Sequence[CallRecord]) -> None:
        self._memory.check()
        for record in records:
            self._keep(record, _as_read(record.journal))
        self._memory.answer()

    async def commit_again(self, records: Sequence[CallRecord]) -> None:
        self._memory.check()
        known = {call.id: call.journal for call in self._memory.calls.values()}
        for record in records:
            news = _as_read(record.journal)
            self._keep(record, tuple(entry for entry in news if entry not in known.get(record.id, ())))

    def _keep(self, record: CallRecord, news: Sequence[Entry]) -> None:
        earlier = self._memory.calls.get(record.id)
        if earlier is None:
            self._memory.calls[record.id] = replace(record, journal=tuple(news))
        else:
            state = record if earlier.ended_at is None else earlier
            self._memory.calls[record.id] = replace(state, journal=joined((earlier.journal, news)))

    async def ended(self, calls: Collection[CallId]) -> frozenset[CallId]:
        self._memory.check()
        known = self._memory.calls
        return frozenset(call for call in calls if call in known and known[call].ended_at is not None)

    async def find(self, call: CallId) -> CallRecord | None:
        self._memory.check()
        found = self._memory.calls.get(call)
        return found if found is None or found.attempt is None else replace(found, number="")


class FakeAgents:
    """An AgentDirectory."""

    def __init__(self, memory: FakeMemory) -> None:
        self._memory = memory

    async def slots(self) -> Sequence[SlotRecord]:
        self._memory.check()
        return sorted(self._memory.slots, key=lambda record: record.slot)

    async def record(self, facts: Sequence[AgentFact], dispositions: Sequence[Disposition]) -> None:
        self._memory.check()
        self._memory.agent_facts.extend(fact for fact in facts if fact not in self._memory.agent_facts)
        self._memory.dispositions.extend(said for said in dispositions if said not in self._memory.dispositions)


class FakeTrunks:
    """A TrunkDirectory."""

    def __init__(self, memory: FakeMemory) -> None:
        self._memory = memory

    async def trunks(self) -> Sequence[TrunkRecord]:
        self._memory.check()
        return [self._memory.trunks[name] for name in sorted(self._memory.trunks)]
