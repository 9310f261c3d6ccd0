"""The ports: what the runtime needs of the world, as protocols, and the plain data that crosses them (pure).

Every adapter has a fake that passes the same contract suite (tests/contract).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from engine.agent.machine import Agent
from engine.call.commands import TelephonyCommand
from engine.call.events import CommandFailed, Snapshot, TelephonyEvent
from engine.call.fate import Fates
from engine.call.journal import Entry
from engine.call.model import Call
from engine.dialer.budget import SettledAnswer
from engine.dialer.campaign import Campaign, CampaignStatus, DialMode
from engine.dialer.draft import CampaignDraft
from engine.dialer.lead import LeadNext
from engine.errors import NotFound, Rejected
from engine.flow.publication import Publication, Reference
from engine.flow.split import Share
from engine.ids import AttemptId, CallId, CampaignId, ChannelId, LeadId, Slot, TrunkName
from engine.outcome.disposition import Outcome

T = TypeVar("T")


class Telephony(Protocol):
    """Asterisk, as the engine sees it."""

    @property
    def connected(self) -> bool:
        """Whether the socket is up, subscribed and resynchronised; while it is not, nothing may be originated."""
        ...

    @property
    def news_age_s(self) -> float:
        """How old news may be that were not read yet: Asterisk, or the way from it, is so far behind."""
        ...

    def perform(self, command: TelephonyCommand, failed: Callable[[CommandFailed], None]) -> None:
        """Send a command at once and return; commands are carried out in the order given.

        `failed` is called later, from the loop, if Asterisk refuses it, it times out, or there is no socket.
        """
        ...

    async def snapshot(self) -> Snapshot:
        """Channels and bridges as Asterisk holds them. Raises Unavailable."""
        ...

    async def run(self, on_event: Callable[[TelephonyEvent], None]) -> None:
        """Connect and keep connected, calling `on_event` in order, until cancelled.

        Raises Unavailable(`ari`) when another engine took the application over (ApplicationReplaced): fatal.
        """
        ...


class Speech(Protocol):
    """A voice: texts become sound that Asterisk can play, made before anybody waits for it."""

    async def prepare(self, text: str, language: str) -> tuple[str, ...]:
        """Make a text sound, unless it was made before, and return its media URIs; `language` is a BCP 47 tag.

        Raises Rejected (`language_unknown`, `text_empty`, `text_too_long`), Unavailable(`speech`).
        """
        ...

    def playable(self, media: Sequence[str]) -> bool:
        """Whether what `prepare` made of these media is still there and whole; returns at once."""
        ...


@dataclass(frozen=True, slots=True)
class ClaimedLead:
    """One lead claimed for one attempt; the attempt's row is already committed."""

    attempt: AttemptId
    lead: LeadId
    campaign: CampaignId
    number: str
    """E.164, with the plus sign."""
    attempts: int
    """Attempts of this lead, this one included."""


class Barrier(StrEnum):
    """Why a lead that was claimed may not be dialed any more."""

    DELETED = "lead_deleted"
    DO_NOT_CALL = "do_not_call"
    NO_CONSENT = "no_consent"
    WINDOW_CLOSED = "window_closed"
    CAMPAIGN_STATE = "campaign_state"
    CLOSED = "attempt_closed"


@dataclass(frozen=True, slots=True)
class EarlierAttempt:
    """An attempt of the lead before the present one; the outcome is None while it is open."""

    at: float
    outcome: Outcome | None
    slot: Slot | None
    note: str | None


@dataclass(frozen=True, slots=True)
class ShownLead:
    """A claimed lead as its agent sees it before dialing; number and data are empty once it is deleted."""

    lead: LeadId
    campaign: CampaignId
    number: str
    data: Mapping[str, Any]
    history: tuple[EarlierAttempt, ...]
    """The newest first, at most HISTORY_MAX; without those that were not dialed."""
    barrier: Barrier | None
    """None: it may be dialed at this moment."""


HISTORY_MAX = 20


@dataclass(frozen=True, slots=True)
class CampaignNumbers:
    """A campaign's statistics as the triggers keep them."""

    leads: Mapping[str, int]
    """Leads by status."""
    attempts: int
    """Attempts begun, open ones included."""
    outcomes: Mapping[str, int]
    """Attempts by outcome."""


class LeadStore(Protocol):
    """Campaigns and their leads. Every method raises Unavailable(`postgres`) when the database is away or slow."""

    async def create(self, draft: CampaignDraft) -> Campaign:
        """Make a campaign in the state `draft`; raises Rejected for an unknown trunk or a name that is taken."""
        ...

    async def numbers(self) -> Mapping[CampaignId, CampaignNumbers]:
        """The statistics of every campaign that is not archived."""
        ...

    async def campaigns(self) -> Sequence[Campaign]:
        """All campaigns that are not archived."""
        ...

    async def set_status(self, campaign: CampaignId, status: CampaignStatus) -> Campaign:
        """Change a campaign's status; raises NotFound, and Rejected(`campaign_state`) for an impossible change."""
        ...

    async def claim(
        self, campaign: CampaignId, attempts: Sequence[AttemptId], trunk: TrunkName, epoch: int
    ) -> Sequence[ClaimedLead]:
        """Claim at most len(attempts) leads that may be dialed now and commit an open attempt row for each.

        Checked in the claim statement itself: status, next time, do-not-call, consent, the calling window in the
        lead's local time, one open attempt per lead. Leads locked by another claim are skipped.
        """
        ...

    async def shown(self, attempt: AttemptId) -> ShownLead | None:
        """The lead of an attempt, and whether it may still be dialed; None for an attempt that does not exist.

        Looks at what the claim looked at: do-not-call, consent, calling window, the campaign's and the attempt's state.
        """
        ...


@dataclass(frozen=True, slots=True)
class OutcomeFact:
    """What became of one attempt, with the times that laws and statistics ask for (epoch seconds or None)."""

    attempt: AttemptId
    outcome: Outcome
    cause: int
    sip_code: int | None
    ringing_at: float | None
    answered_at: float | None
    bridged_at: float | None
    ended_at: float
    hangup_by: str | None
    """`customer`, `agent`, `operator`, `engine`, `script` or None."""
    slot: Slot | None
    lead_next: LeadNext
    live_at: float | None = None
    """A person was there, ready for an agent: the leg entered the application."""
    greeting_end_at: float | None = None
    """The person's greeting was over, as the machine detection heard it; None without detection."""
    machine: str | None = None
    """The machine detection's verdict: `person`, `machine`, `unknown`; None: there was no detection."""
    message_at: float | None = None
    """The message began: the identity message, or without agents the one that the call is for."""
    opted_out_at: float | None = None
    """The person pressed the opt-out digit."""
    note: str | None = None
    """Why an agent skipped a lead in preview, or why the lead was taken back from them."""


class OutcomeLedger(Protocol):
    """Outcomes as append-only facts."""

    async def record(self, facts: Sequence[OutcomeFact]) -> int:
        """Write outcomes in one transaction; idempotent by attempt. Returns how many were new. Raises Unavailable."""
        ...

    async def open_attempts(self) -> Sequence[ClaimedLead]:
        """Attempts without an outcome. Raises Unavailable."""
        ...

    async def recorded(self, attempts: Collection[AttemptId]) -> Mapping[AttemptId, Outcome]:
        """The outcomes of these attempts, of those that have one. Raises Unavailable."""
        ...


class PacingJournal(Protocol):
    """Where decisions and all they follow from are written; losing it loses no truth, only the means to repeat them."""

    def append(self, pool: str, segment: str, text: str) -> bool:
        """Queue whole lines for a segment, the newest or a new one; False when the journal cannot follow.

        Never blocks, never raises.
        """
        ...


@dataclass(frozen=True, slots=True)
class WindowCount:
    """Answers of a window that began at `since` (epoch seconds), counted as a definition says."""

    since: float
    live: int
    """People who answered, without those who hung up before the limit."""
    abandoned: int
    false_positives: float
    """People dropped as machines, an estimate; 0 where the definition does not add them."""
    customer_gone: int
    """People who hung up before the limit: in neither side of the ratio."""
    ratio: float
    """(abandoned + false positives)/(live + false positives); 0 without any answer."""


@dataclass(frozen=True, slots=True)
class SavedPacing:
    """What a campaign's pacer knew at `at` (epoch seconds); `state` is plain data for JSON, its floats exact."""

    at: float
    state: Mapping[str, Any]


class AbandonmentLedger(Protocol):
    """Abandoned calls as the stored facts tell them, and the pacer's memory. All raise Unavailable(`postgres`)."""

    async def windows(self, campaign: CampaignId, definition: str, now: float) -> Mapping[str, WindowCount]:
        """The windows `period`, `24h` and `1h` that end at `now`, under the newest version of a definition.

        Raises NotFound for a campaign or a definition that does not exist.
        """
        ...

    async def history(self, campaign: CampaignId, since: float) -> Sequence[SettledAnswer]:
        """Live answers settled after `since`, in order, under the law of the campaign; the newest 200,000 at most."""
        ...

    async def load_pacing(self, campaign: CampaignId) -> SavedPacing | None:
        """What was saved last."""
        ...

    async def save_pacing(self, campaign: CampaignId, saved: SavedPacing) -> None:
        """Keep it instead of an older one; a newer one stays. Raises NotFound for an unknown campaign."""
        ...


@dataclass(frozen=True, slots=True)
class OptOut:
    """A person who asked, by a digit in this call, never to be called again."""

    number: str
    """E.164, with the plus sign."""
    call: CallId
    at: float


class DoNotCallList(Protocol):
    """Numbers that no campaign dials."""

    async def add(self, opt_outs: Sequence[OptOut]) -> int:
        """Forbid the numbers, with the call as the reason, and exclude their leads; idempotent by number.

        Returns how many were new. Raises Unavailable(`postgres`).
        """
        ...


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call as it is stored: what the calls table and the journal need."""

    id: CallId
    kind: str
    """`campaign`, `inbound` or `manual`."""
    phase: str
    attempt: AttemptId | None
    campaign: CampaignId | None
    number: str
    trunk: TrunkName | None
    slot: Slot | None
    created_at: float
    answered_at: float | None
    bridged_at: float | None
    ended_at: float | None
    result: str | None
    hangup_by: str | None
    recording: str | None
    journal: tuple[Entry, ...]
    """Entries since the last commit; of a call that was found, all."""
    script: str = ""
    """The content hash of the script that it is pinned to; empty: none."""


class CallStore(Protocol):
    """Calls and their journal."""

    async def commit(self, records: Sequence[CallRecord]) -> None:
        """Upsert calls and append their journal entries in one transaction; a call that ended stays as it is.

        Raises Unavailable.
        """
        ...

    async def commit_again(self, records: Sequence[CallRecord]) -> None:
        """As `commit`, where some may be stored already: journal entries that are there are left out."""
        ...

    async def ended(self, calls: Collection[CallId]) -> frozenset[CallId]:
        """Those of these calls that are stored as ended. Raises Unavailable."""
        ...

    async def find(self, call: CallId) -> CallRecord | None:
        """A call as it is stored, with its whole journal; the number of an attempt's call is empty.

        A commit that was repeated, because its answer was lost, is in the journal once. Raises Unavailable.
        """
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """How calls and agents stand."""

    calls: tuple[Call, ...] = ()
    """Calls of attempts are without their number."""
    agents: tuple[Agent, ...] = ()


class HandoverStore(Protocol):
    """What an engine leaves for the next one of its cell: live calls and seats, newest state only."""

    async def keep(self, changed: Standing, over: Collection[CallId]) -> None:
        """Keep the new state of what changed, and forget the calls that are over. May be repeated.

        Raises Unavailable, and Rejected(`cell_lost`) when another engine holds the cell: nothing is written then.
        """
        ...

    async def load(self) -> Standing:
        """What was kept; without what cannot be read any more. Raises Unavailable."""
        ...


class ChannelLog(Protocol):
    """Asterisk's own log of its channels (CEL), which goes on while no engine listens."""

    async def fates(self, channels: Collection[ChannelId]) -> Fates:
        """What became of these channels, as far as it is written. Raises Unavailable(`channel_log`)."""
        ...


@dataclass(frozen=True, slots=True)
class FinishedLeg:
    """A recorded leg that ended: its call, the file that Asterisk wrote (raw samples, or a WAV file as it is), when the
    recording began, and whose voice is in it."""

    call: CallId
    raw: str
    started_at: float
    leg: str = "both"
    """`customer` or `both`."""


class RecordingStore(Protocol):
    async def finish(self, legs: Sequence[FinishedLeg]) -> None:
        """Make the files playable and register them; may be repeated. Raises Unavailable."""
        ...


class Spool(Protocol[T]):
    """Items that wait for a store which is away, kept in order where they survive this process."""

    async def load(self) -> Sequence[T]:
        """What engines before this one left, in order; damage is reported, and the rest returned. Raises Unavailable.

        They stay until `clear`. Called once, before anything is appended.
        """
        ...

    async def append(self, items: Sequence[T]) -> None:
        """Keep items after those that are kept; they survive once it returned. Raises Unavailable(`spool`).

        Where it raised, some of them may be kept all the same, and kept twice when they are appended again. An item
        that is not plain data is reported and left out.
        """
        ...

    async def clear(self) -> None:
        """Forget everything, for the store has it. Raises Unavailable(`spool`)."""
        ...


class Spools(Protocol):
    """The spools of the cell, by name."""

    @property
    def fault(self) -> str | None:
        """Why nothing could be kept the last time that it was tried; None: it could."""
        ...

    @property
    def damaged(self) -> int:
        """Damaged files that were put aside, and wait for somebody to look at them."""
        ...

    def of(self, name: str, *kinds: type[T]) -> Spool[T]:
        """The spool of this name, for items of these kinds."""
        ...


@dataclass(frozen=True, slots=True)
class SlotRecord:
    """A SIP seat of the cell."""

    slot: Slot
    pool: str
    display_name: str


@dataclass(frozen=True, slots=True)
class AgentFact:
    """One change of an agent's state, for the history and the wallboard."""

    slot: Slot
    state: str
    reason: str | None
    call: CallId | None
    at: float


@dataclass(frozen=True, slots=True)
class Disposition:
    """What an agent says of a call."""

    call: CallId
    slot: Slot
    code: str
    note: str
    at: float


class AgentDirectory(Protocol):
    """Seats and the history of their agents. Every method raises Unavailable(`postgres`)."""

    async def slots(self) -> Sequence[SlotRecord]: ...

    async def record(self, facts: Sequence[AgentFact], dispositions: Sequence[Disposition]) -> None: ...


@dataclass(frozen=True, slots=True)
class TrunkRecord:
    """A trunk's limits."""

    name: TrunkName
    channels_max: int
    cps_max: float
    caller_id: str
    test: bool = False
    """Leads to a load generator: answers may be hung up without a word."""


class TrunkDirectory(Protocol):
    async def trunks(self) -> Sequence[TrunkRecord]: ...


@dataclass(frozen=True, slots=True)
class InboundRoute:
    """Where an inbound number goes: to a script, to a pool's queue, or to one seat."""

    did: str
    pool: str
    slot: Slot | None = None
    wait_max_s: float = 120.0
    script: ScriptTarget | None = None
    """What it is bound to; then pool and slot mean nothing."""


class RouteDirectory(Protocol):
    async def route(self, did: str) -> InboundRoute | None:
        """The route of an inbound number or slot, or None. Raises Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class ScriptVersion:
    """A published version of a script. Times are epoch seconds."""

    hash: str
    """SHA-256 of its canonical form, in hexadecimal: its identity."""
    name: str
    number: int
    """The version that its author gave it."""
    title: str
    nodes: int
    published_at: float
    published_by: str
    retired_at: float | None
    retired_by: str | None


@dataclass(frozen=True, slots=True)
class StoredScript:
    """A version with its canonical form (engine/flow/publication.py)."""

    version: ScriptVersion
    document: str


class TargetKind(StrEnum):
    SLOT = "slot"
    """An automatic seat, 6001-6999."""
    DID = "did"
    """An inbound number."""
    CAMPAIGN = "campaign"


@dataclass(frozen=True, slots=True)
class ScriptTarget:
    """What runs a script; `name` is the seat's number, the inbound number, or the campaign's id."""

    kind: TargetKind
    name: str


@dataclass(frozen=True, slots=True)
class ScriptBinding:
    """What a target runs from `at` (epoch seconds) on, until the next binding; the split's newest version first."""

    target: ScriptTarget
    shares: tuple[Share, ...]
    seed: int
    at: float
    by: str


def check_campaign(name: str, dial_mode: str | None) -> None:
    """Raise NotFound, or Rejected(`campaign_not_agentless`), unless people of a campaign can meet a script.

    Where agents talk to who answers, a script would come between them; it is a caller's `queue` that leads to agents.
    """
    if dial_mode is None:
        raise NotFound("no_such_campaign", f"there is no campaign {name}")
    if dial_mode != DialMode.AGENTLESS:
        text = f"campaign {name} dials in mode {dial_mode}: scripts are for agentless ones"
        raise Rejected("campaign_not_agentless", text, 422)


def not_bound(target: ScriptTarget) -> NotFound:
    """Nothing is bound there."""
    return NotFound("not_bound", f"{target.kind} {target.name} runs no script")


VERSIONS_MAX = 1000
"""Versions of one list; the newest ones."""


class ScriptStore(Protocol):
    """Versions of scripts, which never change, and what they are bound to. All raise Unavailable(`postgres`)."""

    async def publish(self, scripts: Sequence[Publication], by: str) -> Sequence[ScriptVersion]:
        """Keep versions, all or none, and return them in order; content that is known keeps its first publication.

        Raises Rejected(`version_taken`) when other content has the name and the number already.
        """
        ...

    async def versions(self, name: str | None = None) -> Sequence[ScriptVersion]:
        """Versions, retired ones too, the newest first; VERSIONS_MAX at most."""
        ...

    async def find(self, reference: Reference) -> StoredScript:
        """The version that a reference means. Raises NotFound(`no_such_script`), Rejected(`script_ambiguous`)."""
        ...

    async def retire(self, version: str, by: str) -> ScriptVersion:
        """Let nothing be bound to a version (its hash) any more; idempotent, it stays readable.

        Raises NotFound, and Rejected(`script_bound`) while a target runs it.
        """
        ...

    async def bind(self, target: ScriptTarget, version: str, share: float, seed: int, by: str) -> ScriptBinding:
        """Give a share of a target's calls to a version; the others bound there keep their proportion in the rest.

        The seed is that of a target's first binding. Raises NotFound (`no_such_script`, `no_such_campaign`),
        Rejected(`script_retired`, `share_invalid`, `target_invalid`, `campaign_not_agentless`).
        """
        ...

    async def unbind(self, target: ScriptTarget, by: str) -> None:
        """Let a target run no script from now on. Raises NotFound(`not_bound`)."""
        ...

    async def bindings(self, target: ScriptTarget) -> Sequence[ScriptBinding]:
        """Who bound what to a target and when, the newest first (it holds); VERSIONS_MAX at most."""
        ...

    async def all_bindings(self) -> Sequence[ScriptBinding]:
        """What every target runs now, by target."""
        ...


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the cells share of a trunk: how many calls this cell may start now."""

    granted: int
    shared: bool
    """False when Redis is away and only the local limits hold."""


class Leases(Protocol):
    """Limits that cells share (Redis)."""

    async def take(self, trunk: TrunkName, wanted: int, cps_max: float) -> Tokens:
        """Take at most `wanted` call tokens of a trunk. Never raises: with Redis away it grants what was wanted,
        `shared` false, and the pacer falls back to one line per idle agent."""
        ...


@dataclass(frozen=True, slots=True)
class LiveFrame:
    """One change for the live pages."""

    kind: str
    """`campaign`, `agent`, `call` or `health`."""
    key: str
    data: dict[str, Any] = field(default_factory=dict)


class LiveFeed(Protocol):
    """Derived news for pages and other cells; losing it loses no truth."""

    def publish(self, frame: LiveFrame) -> None:
        """Queue a frame (bounded; the newest frame of a key wins); never blocks, never raises."""
        ...


class Metrics(Protocol):
    """What the engine counts. Names are in docs/metrics.md; labels never carry numbers or leads."""

    def count(self, name: str, amount: float = 1.0, **labels: str) -> None: ...

    def gauge(self, name: str, value: float, **labels: str) -> None: ...

    def observe(self, name: str, value: float, **labels: str) -> None: ...
