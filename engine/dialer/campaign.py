"""A campaign's settings and states (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.errors import ConfigError, Rejected
from engine.ids import CampaignId, TrunkName
from engine.outcome.disposition import Outcome

from .lead import RecallRule
from .settings import DEFAULT_PACING, PacingSettings


class CampaignStatus(StrEnum):
    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


class DialMode(StrEnum):
    """How lines are paced."""

    PROGRESSIVE = "progressive"
    """One line per idle agent."""
    POWER = "power"
    """A fixed number of lines per idle agent."""
    PREDICTIVE = "predictive"
    """Ahead of agents becoming idle, within the abandonment limit."""
    PREVIEW = "preview"
    """An agent sees the lead first, and dials or skips it."""
    AGENTLESS = "agentless"
    """No agents: a message is played."""


OVERDIALING = frozenset({DialMode.POWER, DialMode.PREDICTIVE})
"""Modes that dial more people than there are idle agents: the law's limits bind them."""
FOR_AGENTS = OVERDIALING | {DialMode.PREVIEW}
"""Modes that make no sense where a live answer meets no agent."""


class AnswerAction(StrEnum):
    """What a live answer meets. `hang_up` is for load tests only: it is refused outside trunks marked as test."""

    AGENT = "agent"
    MESSAGE = "message"
    HANG_UP = "hang_up"


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign as the engine uses it. `answer_limit_s`: 2 s in 16 CFR 310.4(b)(4)."""

    id: CampaignId
    name: str
    status: CampaignStatus
    dial_mode: DialMode
    answer_action: AnswerAction
    pool: str
    trunk: TrunkName
    caller_id: str
    ring_timeout_s: int
    answer_limit_s: float
    wrap_up_s: float
    talk_max_s: float
    lines_max: int
    message: tuple[str, ...]
    """Media of the identity message (abandoned calls) or of the whole call (agentless)."""
    record: bool = False
    recall: Mapping[Outcome, RecallRule] = field(default_factory=dict)
    pacing: PacingSettings = DEFAULT_PACING
    identity_text: str = ""
    """Text of the identity message: who calls and how to call back. Spoken where `message` names no media."""
    language: str = "en"
    """The language in which it is spoken (BCP 47)."""
    opt_out_digit: str = "9"
    """The digit by which a person asks not to be called again; empty: none."""


def check_settings(dial_mode: DialMode, answer_limit_s: float, pacing: PacingSettings) -> None:
    """Raise ConfigError, the field's name in front, unless a campaign may dial by these settings."""
    legal = pacing.checked().legal
    if dial_mode in OVERDIALING and answer_limit_s > legal.connect_limit_s:
        raise ConfigError(
            f"answer_limit_s: {answer_limit_s} must be at most {legal.connect_limit_s}, the limit of {legal.name}"
        )


def check_start(campaign: Campaign) -> None:
    """Raise Rejected unless the campaign's settings allow it to dial.

    `campaign_invalid` (the law's data may have changed since it was made), or `no_identity_message`: who dials more
    people than there are agents must have something to say to the rest.
    """
    if campaign.dial_mode in FOR_AGENTS and campaign.answer_action is not AnswerAction.AGENT:
        raise Rejected(
            "campaign_invalid",
            f"answer_action: {campaign.answer_action} makes no sense in dial mode {campaign.dial_mode}, where an agent "
            "talks to who answers; make the campaign anew with the answer action agent",
        )
    try:
        check_settings(campaign.dial_mode, campaign.answer_limit_s, campaign.pacing)
    except ConfigError as error:
        raise Rejected("campaign_invalid", f"{error}; make the campaign anew") from None
    must_speak = campaign.dial_mode in OVERDIALING and campaign.pacing.legal.message_required
    if must_speak and not (campaign.identity_text or campaign.message):
        raise Rejected(
            "no_identity_message",
            f"dial mode {campaign.dial_mode} needs an identity message, which says who calls and how to call back, "
            "for people whom no agent takes in time: give identity_text, or message with media of your own",
        )


_ALLOWED: dict[CampaignStatus, frozenset[CampaignStatus]] = {
    CampaignStatus.DRAFT: frozenset({CampaignStatus.RUNNING, CampaignStatus.STOPPED}),
    CampaignStatus.RUNNING: frozenset({CampaignStatus.PAUSED, CampaignStatus.STOPPED}),
    CampaignStatus.PAUSED: frozenset({CampaignStatus.RUNNING, CampaignStatus.STOPPED}),
    CampaignStatus.STOPPED: frozenset({CampaignStatus.RUNNING}),
}


def check_change(current: CampaignStatus, wanted: CampaignStatus) -> None:
    """Raise Rejected(`campaign_state`) unless a campaign in `current` may become `wanted`."""
    if wanted not in _ALLOWED[current]:
        raise Rejected("campaign_state", f"the campaign is {current}; it cannot become {wanted}")
