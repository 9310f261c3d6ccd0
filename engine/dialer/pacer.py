"""The pacer's outside interface: what it is given, what it answers; any engine or simulator can drive one (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.errors import ConfigError

from .jurisdiction import jurisdiction
from .observation import Observation

MARGIN = 0.0015
"""Kept between the target and the limit: 0.15 points."""
UNLIMITED = 1_000_000


@dataclass(frozen=True, slots=True)
class PacerConfig:
    """One campaign's pacing. Ratios are fractions of 1. Raises ConfigError with the field's name in front."""

    jurisdiction: str = "us-ftc"
    limit: float | None = None
    """Abandoned of live answers; None: the jurisdiction's. A stricter one is fine, a looser one only for `custom`."""
    fp_rate: float = 0.0
    """Share of people whom the machine detection takes for machines; taken off the budget."""
    theta0: float = 0.02
    theta_min: float = 0.002
    theta_max: float = 0.8
    eta: float = 0.25
    """How far one live answer moves log theta."""
    patience_s: float = 1.0
    """How long a live caller can still wait for an agent once ready for one."""
    lines_per_agent_max: float = 10.0
    """Lines in flight per logged-in agent, at most."""
    small_team: bool = True
    """One line per idle agent where overdialing gains nothing: 3 agents or fewer; 5 or fewer at 60 % answers."""
    cancel: bool = True
    """Give up calls that rang long enough while more people answer than agents come free."""

    def __post_init__(self) -> None:
        legal = jurisdiction(self.jurisdiction)
        limit = self.limit
        if limit is not None:
            _check("limit", limit, 0 < limit < 1, "above 0 and below 1")
            tighter = limit <= legal.limit or self.jurisdiction == "custom"
            _check("limit", limit, tighter, f"at most {legal.limit}, the limit of {self.jurisdiction}")
        _check("fp_rate", self.fp_rate, 0 <= self.fp_rate < 1, "0 or more and below 1")
        _check("fp_rate", self.fp_rate, self.target > 0, f"small enough to leave a target: limit {self.ratio_limit}")
        _check("theta_min", self.theta_min, 0 < self.theta_min < 1, "above 0 and below 1")
        _check("theta_max", self.theta_max, self.theta_min < self.theta_max < 1, "above theta_min and below 1")
        within = self.theta_min <= self.theta0 <= self.theta_max
        _check("theta0", self.theta0, within, f"between {self.theta_min} and {self.theta_max}")
        _check("eta", self.eta, 0 < self.eta <= 2, "above 0 and at most 2")
        _check("patience_s", self.patience_s, 0 <= self.patience_s <= 10, "0 to 10")
        _check("lines_per_agent_max", self.lines_per_agent_max, 1 <= self.lines_per_agent_max <= 100, "1 to 100")

    @property
    def ratio_limit(self) -> float:
        """The limit that holds."""
        return jurisdiction(self.jurisdiction).limit if self.limit is None else self.limit

    @property
    def target(self) -> float:
        """What the control aims at: the limit less what the detection drops by mistake, less the margin."""
        return self.ratio_limit - self.fp_rate - min(MARGIN, self.ratio_limit / 4)


def _check(name: str, value: float, ok: bool, expected: str) -> None:
    if not ok:
        raise ConfigError(f"{name}: {value} must be {expected}")


@dataclass(frozen=True, slots=True)
class PacingLimits:
    """What the outside allows now: free channels, tokens of the calls per second, leads; and how sound things are."""

    channels: int = UNLIMITED
    calls_per_second: int = UNLIMITED
    leads: int = UNLIMITED
    state_age_s: float = 0.0
    """Age of the oldest unread news; over 2 s nothing is dialed beyond the idle agents."""
    telephony_up: bool = True
    ledger_writable: bool = True
    message_armed: bool = True
    """The recorded message for a person without an agent can be played."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The inputs of a decision and why it is what it is; `binding` names the constraint that decided."""

    at: float
    policy: str
    binding: str
    idle: int
    talking: int
    wrapping: int
    launched: int
    detecting: int
    waiting: int
    free_in_10_s: float | None = None
    answers_expected: float | None = None
    chance: float | None = None
    """Chance that the answer of one more call than now in flight ends abandoned."""
    theta: float | None = None
    multiplier: float | None = None
    answered: int = 0
    abandoned: int = 0
    limit: float | None = None
    target: float | None = None
    level: float | None = None
    wanted: int | None = None
    """Calls that the rule would launch if channels, calls per second and leads were without limit."""
    answers_owed: int | None = None
    """Answers that agents must meet until theta is above its least; 0 while it is."""
    own: int | None = None
    """Calls in flight of this campaign, where `launched` and `detecting` are those of several that share the agents."""

    def line(self, launch: int, cancel: int) -> str:
        """One line for a person."""
        parts = [f"launch {launch}" + (f", cancel {cancel}" if cancel else "") + f": {self.idle} idle"]
        if self.free_in_10_s is not None:
            parts.append(f"{self.free_in_10_s:.1f} free in 10 s")
        in_flight = f"{self.launched} ringing, {self.detecting} in detection, {self.waiting} waiting"
        expected = "" if self.answers_expected is None else f"{self.answers_expected:.1f} answers expected from "
        parts.append(expected + in_flight)
        if self.own is not None:
            parts.append(f"{self.own} of them its own")
        if self.chance is not None and self.theta is not None:
            parts.append(f"one more call ends abandoned with {self.chance:.4f} against {self.theta:.4f}")
        if self.level is not None:
            parts.append(f"level {self.level:.2f}")
        parts.append(f"{self.abandoned} of {self.answered} abandoned")
        return ", ".join(parts) + f"; bound by {self.binding}"


@dataclass(frozen=True, slots=True)
class PacingDecision:
    """Launch so many calls; give up so many of those that rang at least the legal minimum, longest first."""

    launch: int
    cancel: int
    why: Explanation

    @property
    def explanation(self) -> str:
        """One line for a person."""
        return self.why.line(self.launch, self.cancel)


class LinePacer(Protocol):
    """A pacing rule. Deterministic: the same events give the same decisions."""

    def observe(self, event: Observation) -> None: ...

    def decide(self, now: float, limits: PacingLimits) -> PacingDecision: ...


def cut(wanted: int, binding: str, limits: PacingLimits) -> tuple[int, str]:
    """At most what the outside allows, and the name of what binds. Nothing is dialed without Asterisk or ledger."""
    if not limits.telephony_up:
        return 0, "telephony"
    if not limits.ledger_writable:
        return 0, "ledger"
    caps = (("channels", limits.channels), ("calls_per_second", limits.calls_per_second), ("leads", limits.leads))
    for name, cap in caps:
        if cap < wanted:
            wanted, binding = cap, name
    return max(0, wanted), binding
