"""What an operator asks for when making a campaign (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time

from engine.ids import TrunkName
from engine.outcome.disposition import Outcome

from .campaign import AnswerAction, DialMode, check_settings
from .lead import RecallRule
from .settings import DEFAULT_PACING, PacingSettings


@dataclass(frozen=True, slots=True)
class CampaignDraft:
    """A campaign that has no id yet; it starts its life in the state `draft`.

    `window_from` and `window_to` are in the lead's local time; no lead is dialed outside of them.
    Raises ConfigError, the field's name in front, for pacing that may not be dialed by.
    """

    name: str
    trunk: TrunkName
    pool: str = "default"
    dial_mode: DialMode = DialMode.PROGRESSIVE
    answer_action: AnswerAction = AnswerAction.AGENT
    caller_id: str = ""
    ring_timeout_s: int = 25
    answer_limit_s: float = 2.0
    wrap_up_s: float = 15.0
    talk_max_s: float = 3600.0
    lines_max: int = 100
    message: tuple[str, ...] = ()
    record: bool = False
    window_from: time = time(9, 0)
    window_to: time = time(20, 0)
    recall: Mapping[Outcome, RecallRule] = field(default_factory=dict)
    pacing: PacingSettings = DEFAULT_PACING
    identity_text: str = ""
    language: str = "en"
    opt_out_digit: str = "9"

    def __post_init__(self) -> None:
        check_settings(self.dial_mode, self.answer_limit_s, self.pacing)
