"""The bodies of the API: what is accepted (strict, no unknown fields) and what is answered."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Any

from pydantic import AliasPath, BaseModel, ConfigDict, Field, StringConstraints

from engine.dialer.campaign import AnswerAction, CampaignStatus, DialMode
from engine.dialer.draft import CampaignDraft
from engine.dialer.lead import RecallRule
from engine.dialer.settings import PACING_FIELDS, PacingSettings
from engine.ids import TrunkName
from engine.outcome.disposition import Outcome

# PostgreSQL text takes no NUL, and a control character in a caller id or a header is an
# injection; so names are printable, and only notes may have line breaks.
_PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$"
_NOTE = r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$"
Line = Annotated[str, StringConstraints(pattern=_PRINTABLE, min_length=1, max_length=80)]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=40)]
Number = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{5,14}$")]
Speech = Annotated[str, StringConstraints(pattern=_PRINTABLE.replace("+$", "*$"), max_length=1000)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
Digit = Annotated[str, StringConstraints(pattern=r"^[0-9*#]?$")]
CallerId = Annotated[str, StringConstraints(pattern=r"^(\+?[0-9]{3,15})?$")]
Media = Annotated[
    str,
    StringConstraints(pattern=r"^(sound|tone|recording|digits):[A-Za-z0-9_+-]+([./][A-Za-z0-9_+-]+)*$", max_length=200),
]


class Accepted(BaseModel):
    """A request body: wrong types and unknown fields are refused, never guessed at."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Shown(BaseModel):
    """An answer's body, read off the runtime's own objects."""

    model_config = ConfigDict(from_attributes=True)


class Empty(Accepted):
    """No fields; the body may also be absent."""


class RecallBody(Accepted):
    attempts_max: int = Field(ge=1, le=20)
    delay_s: float = Field(ge=0, le=30 * 86400)


class NewCampaign(Accepted):
    """A campaign to create; it starts as a draft."""

    name: Line
    trunk: Word
    pool: Word = "default"
    dial_mode: DialMode = Field(default=DialMode.PROGRESSIVE, strict=False)
    answer_action: AnswerAction = Field(default=AnswerAction.AGENT, strict=False)
    caller_id: CallerId = ""
    ring_timeout_s: int = Field(default=25, ge=5, le=120)
    answer_limit_s: float = Field(default=2.0, ge=0.2, le=10, description="16 CFR 310.4(b)(4): 2 s")
    wrap_up_s: float = Field(default=15.0, ge=0, le=600)
    talk_max_s: float = Field(default=3600.0, ge=1, le=14400)
    lines_max: int = Field(default=100, ge=1, le=5000)
    message: list[Media] = Field(default_factory=list, max_length=10, description="media of the identity message")
    record: bool = False
    window_from: time = Field(default=time(9, 0), strict=False, description="in the lead's local time")
    window_to: time = Field(default=time(20, 0), strict=False)
    recall: dict[Annotated[Outcome, Field(strict=False)], RecallBody] = Field(default_factory=dict)
    jurisdiction: Word = Field(default="us-ftc", description="whose law counts and limits abandoned calls")
    abandon_limit: float | None = Field(default=None, gt=0, lt=1, description="of live answers; null: the law's")
    fp_rate: float = Field(default=0.0, ge=0, lt=1, description="share of people taken for machines")
    lines_per_agent: float = Field(default=1.5, ge=1, le=20, description="power: lines per idle agent")
    lines_per_agent_max: float = Field(default=10.0, ge=1, le=100, description="predictive: at most")
    pool_weight: float = Field(default=1.0, gt=0, le=100, description="its part of the pool's lines")
    small_team: bool = Field(default=True, description="one line per idle agent where overdialing gains nothing")
    cancel: bool = Field(default=True, description="give up calls that rang 15 s when agents run short")
    require_consent: bool = False
    preview_limit_s: float = Field(default=120.0, ge=5, le=3600)
    identity_text: Speech = Field(default="", description="spoken where `message` names no media")
    language: Language = "en"
    opt_out_digit: Digit = Field(default="9", description="empty: none")

    def draft(self) -> CampaignDraft:
        """The same thing as the inside knows it. Raises ConfigError for settings that may not be dialed by."""
        rules = {outcome: RecallRule(rule.attempts_max, rule.delay_s) for outcome, rule in self.recall.items()}
        plain = {name: getattr(self, name) for name in type(self).model_fields}
        pacing = PacingSettings(**{name: plain.pop(name) for name in PACING_FIELDS})
        changed = {"trunk": TrunkName(self.trunk), "message": tuple(self.message), "recall": rules, "pacing": pacing}
        return CampaignDraft(**plain | changed)


class StartCall(Accepted):
    """A call from a seat to a number, over the named trunk or the first that may carry it."""

    slot: int = Field(ge=6001, le=9999)
    number: Number
    trunk: Word | None = None


class PauseReason(Accepted):
    reason: Line


class SkipReason(Accepted):
    """Why the agent does not dial the lead shown."""

    reason: Annotated[str, StringConstraints(pattern=_PRINTABLE, min_length=1, max_length=500)]


class CallDone(Accepted):
    """What the agent says of the call; ends wrap-up."""

    disposition: Word
    note: Annotated[str, StringConstraints(pattern=_NOTE, max_length=2000)] = ""


class StatsShown(Shown):
    """`leads`, `attempts`, `outcomes` as the database's triggers keep them; the rest as it is now."""

    leads: dict[str, int]
    attempts: int
    outcomes: dict[str, int]
    dialing: int
    waiting: int
    talking: int
    pacing: str


class CampaignShown(Shown):
    """A campaign's settings."""

    id: int
    name: str
    status: CampaignStatus
    dial_mode: DialMode
    answer_action: AnswerAction
    pool: str
    trunk: str
    caller_id: str
    ring_timeout_s: int
    answer_limit_s: float
    wrap_up_s: float
    talk_max_s: float
    lines_max: int
    record: bool
    jurisdiction: str = Field(validation_alias=AliasPath("pacing", "jurisdiction"))
    abandon_limit: float | None = Field(validation_alias=AliasPath("pacing", "abandon_limit"))
    fp_rate: float = Field(validation_alias=AliasPath("pacing", "fp_rate"))
    lines_per_agent: float = Field(validation_alias=AliasPath("pacing", "lines_per_agent"))
    lines_per_agent_max: float = Field(validation_alias=AliasPath("pacing", "lines_per_agent_max"))
    pool_weight: float = Field(validation_alias=AliasPath("pacing", "pool_weight"))
    small_team: bool = Field(validation_alias=AliasPath("pacing", "small_team"))
    cancel: bool = Field(validation_alias=AliasPath("pacing", "cancel"))
    require_consent: bool = Field(validation_alias=AliasPath("pacing", "require_consent"))
    preview_limit_s: float = Field(validation_alias=AliasPath("pacing", "preview_limit_s"))
    identity_text: str
    language: str
    opt_out_digit: str


class OverviewShown(Shown):
    campaign: CampaignShown
    stats: StatsShown


class DecisionShown(Shown):
    """A decision of a pacer; `at` is epoch seconds, `binding` names the constraint that decided."""

    at: float | None
    launch: int
    cancel: int
    binding: str
    line: str


class WindowShown(Shown):
    """Live answers and those abandoned; ratio and limit are fractions of 1, the limit null where the law sets none."""

    answered: int
    abandoned: int
    ratio: float
    limit: float | None
    false_positives: float
    customer_gone: int


class DefinitionShown(Shown):
    """How the ratio is counted."""

    name: str
    version: int


class PacingShown(DecisionShown):
    """Why a campaign dials what it dials.

    `needs` is what it would take to dial more; `inputs` what the decision was made on; `limits` what the outside
    allows; `windows` (`period`, `24h`, `1h`) are null while the database is away; `recent` are the newest decisions
    that differed, oldest first.
    """

    campaign: int
    status: CampaignStatus
    dial_mode: DialMode
    needs: list[str]
    inputs: dict[str, float | int | str | bool | None]
    limits: dict[str, float | int | str | bool | None]
    theta: float | None
    message_armed: bool
    definition: DefinitionShown
    windows: dict[str, WindowShown] | None
    recent: list[DecisionShown]


class CallShown(Shown):
    """A live call; times are epoch seconds."""

    id: str
    kind: str
    phase: str
    campaign: int | None
    number: str
    trunk: str | None
    slot: int | None
    created_at: float
    answered_at: float | None
    bridged_at: float | None


class AgentShown(Shown):
    """A seat; `since` (epoch seconds) is when its state began."""

    slot: int
    name: str
    pool: str
    state: str
    reason: str | None
    since: float
    call: str | None
    registered: bool


class EarlierShown(Shown):
    """An earlier attempt of a lead; `note` is what an agent said who skipped it."""

    at: float
    outcome: str | None
    slot: int | None
    note: str | None


class PreviewShown(Shown):
    """A lead shown to an agent before it is dialed. `barred` says why it may not be dialed any more, null: it may."""

    call: str
    campaign: int
    campaign_name: str
    lead: int
    number: str
    data: dict[str, Any]
    attempts: list[EarlierShown]
    shown_at: float
    seconds_left: float
    barred: str | None


class CampaignList(Shown):
    items: list[OverviewShown]


class CallList(Shown):
    items: list[CallShown]


class AgentList(Shown):
    items: list[AgentShown]


class CallStarted(Shown):
    id: str


class HangUpAccepted(Shown):
    """The call is being ended; it leaves the list when its last leg is gone."""

    id: str


class Alive(Shown):
    status: str


class PartShown(Shown):
    ok: bool
    needed: bool
    detail: str


class Readiness(Shown):
    """`ready` is false when any needed part is away."""

    ready: bool
    parts: dict[str, PartShown]


class FieldProblem(Shown):
    field: str
    message: str


class ScriptProblem(Shown):
    """What is wrong with a script (docs/gacs.md has every code); `line` counts from 1."""

    code: str
    path: str
    message: str
    hint: str
    line: int


class Problem(Shown):
    """RFC 9457, with a stable `code`."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    errors: list[FieldProblem] | None = None
    problems: list[ScriptProblem] | None = None
