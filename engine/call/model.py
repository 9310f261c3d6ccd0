"""A call: the customer's leg, the agent serving it, and where it stands (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.dialer.campaign import AnswerAction
from engine.dialer.lead import RecallRule
from engine.ids import AttemptId, BridgeId, CallId, CampaignId, ChannelId, LeadId, Slot, TrunkName
from engine.outcome.disposition import Outcome
from engine.revision import Struct


class CallKind(StrEnum):
    """Who wanted the call: a campaign, a caller from outside, or an agent at a slot."""

    CAMPAIGN = "campaign"
    INBOUND = "inbound"
    MANUAL = "manual"


class Phase(StrEnum):
    """Where a call stands; machine.py says what each phase waits for."""

    PREVIEWING = "previewing"
    DIALING = "dialing"
    RINGING = "ringing"
    ANSWERED = "answered"
    WAITING = "waiting"
    CONNECTING = "connecting"
    TALKING = "talking"
    ANNOUNCING = "announcing"
    SCRIPTED = "scripted"
    HANGING_UP = "hanging_up"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class CallPolicy:
    """What a call's campaign or route says of it; shared by all its calls. Seconds throughout."""

    answer_action: AnswerAction
    pool: str
    answer_limit_s: float
    """How long a live caller may wait for an agent before the message begins."""
    wrap_up_s: float
    talk_max_s: float
    ring_timeout_s: int
    message: tuple[str, ...]
    """Media that a caller hears whom no agent takes (agentless: whom the call is for)."""
    confirmation: tuple[str, ...] = ()
    """Media that a person hears who asked not to be called again; none: the call ends at once."""
    opt_out_digit: str = ""
    """The digit by which the person who hears the message asks for that; empty: none."""
    opt_out_wait_s: float = 0.0
    """How long after the message's end it may still be pressed: the message ends with asking for it."""
    priority: int = 0
    """Served first: lower. Live answers of a dialer 0, inbound callers 1."""
    slot: Slot | None = None
    """The one agent this call is for, or None."""
    recall: Mapping[Outcome, RecallRule] = field(default_factory=dict)
    """The campaign's rules for dialing the lead again."""


@dataclass(frozen=True, slots=True)
class Seat:
    """The agent reserved for, or talking on, a call: the slot, its nailed-up leg, and the bridge it waits in."""

    slot: Slot
    channel: ChannelId
    bridge: BridgeId


class Call(Struct, frozen=True):
    """One call. Times are epoch seconds; a time that is None has not come."""

    id: CallId
    kind: CallKind
    phase: Phase
    number: str
    policy: CallPolicy
    created_at: float
    trunk: TrunkName | None = None
    attempt: AttemptId | None = None
    campaign: CampaignId | None = None
    lead: LeadId | None = None
    lead_attempts: int = 0
    seat: Seat | None = None
    """Kept after the agent is gone, for the record; `seat_held` says whether the pool still counts on us."""
    seat_held: bool = False
    dialed_at: float | None = None
    ringing_at: float | None = None
    answered_at: float | None = None
    live_at: float | None = None
    """A person was there, ready for an agent: the leg was through the dialplan and any machine detection."""
    bridged_at: float | None = None
    message_at: float | None = None
    """When the message began to sound, as Asterisk told (PlaybackStarted)."""
    message_ended_at: float | None = None
    """When it was over and the wait for a digit began."""
    opted_out_at: float | None = None
    """When the person asked not to be called again."""
    ended_at: float | None = None
    deadline_at: float | None = None
    cause: int = 0
    sip_code: int | None = None
    hangup_by: str | None = None
    outcome: Outcome | None = None
    """Decided before the leg ends when we are the ones who end it."""
    note: str = ""
    """Why the agent skipped the lead, or why the lead shown was taken back."""
    recording: str | None = None
    """Where the leg is recorded, or None."""
    script: str = ""
    """The content hash of the script that this call is pinned to, or ran; empty: none."""
    scripted: bool = False
    """A run of the script has the call: the ends of talks lead back to it."""
    settled: bool = False
    """The script said what came of the call."""
    machine: str | None = None
    """The machine detection's verdict: `person`, `machine`, `unknown`."""
    greeting_end_at: float | None = None
    asked: str = ""
    """The pool from which the script wants an agent now."""
    asked_priority: int = 0
    asked_at: float = 0.0
    hang_ups: int = 0
    """How often the hang-up was sent."""

    @property
    def channel(self) -> ChannelId:
        """The customer's channel: its id is the call's id."""
        return ChannelId(self.id)
