"""A campaign's settings and states (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.errors import Rejected
from engine.ids import CampaignId, TrunkName
from engine.outcome.disposition import Outcome

from .lead import RecallRule


class CampaignStatus(StrEnum):
    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


class DialMode(StrEnum):
    """How lines are paced. `progressive`: one line per idle agent; `agentless`: no agents, a message is played."""

    PROGRESSIVE = "progressive"
    AGENTLESS = "agentless"


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
