"""A campaign among others that share an agent pool: its rule, its weight, and what it is owed of the lines (pure)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from engine.errors import ConfigError

from .memory import Memory, part
from .pacer import PacerConfig, PacingLimits
from .roster import Phase
from .steering import STALE_S, Steering, Team

RULES = ("lookahead", "progressive", "power")


class Turn(Memory):
    """What a campaign is owed: lines (positive: the others ran ahead), and since when it was given none."""

    REMEMBERED = ("credit", "hungry_since")

    def __init__(self) -> None:
        self.credit = 0.0
        self.hungry_since: float | None = None


class Member:
    """One campaign of the pool. Raises ConfigError with the field's name in front."""

    def __init__(self, key: str, config: PacerConfig, weight: float, seed: int, policy: str, team: Team) -> None:
        if not 0 < weight <= 100:
            raise ConfigError(f"weight: {weight} must be above 0 and at most 100")
        self.key = key
        self.weight = weight
        self.seed = seed
        self.policy = policy
        self.rule, self.lines = parsed_policy(policy)
        self.steering = Steering(config, team)
        self.turn = Turn()

    def state(self) -> dict[str, Any]:
        """As JSON, without the team."""
        return {"campaign": self.steering.state(), "turn": self.turn.state()}

    def recall(self, state: Mapping[str, Any]) -> None:
        """Take on what `state` gave."""
        self.steering.recall(part(state, "campaign"))
        self.turn.recall(part(state, "turn"))

    @property
    def in_flight(self) -> int:
        """Its calls that are dialed and not yet known to be a person or not."""
        return self.steering.watched.in_flight

    @property
    def waiting(self) -> int:
        """Its live callers without an agent."""
        return self.steering.watched.phases[Phase.WAITING]

    @property
    def theta(self) -> float:
        """The highest chance of abandonment at which it dials."""
        return self.steering.watched.theta.value

    def only_floor(self, now: float, limits: PacingLimits) -> str | None:
        """Why it may have no more than one line per idle agent, or None."""
        if self.rule == "lookahead":
            return self.steering.only_floor(now, limits)
        if self.rule == "progressive":
            return "agents"
        stale = "stale_state" if limits.state_age_s > STALE_S else None
        return self.relies_on_agents(now, limits) or stale

    def relies_on_agents(self, now: float, limits: PacingLimits | None) -> str | None:
        """Why each of its calls must have an idle agent whom nobody else can take, or None."""
        spent = self.steering.spent(now)
        return "no_message" if spent is None and limits is not None and not limits.message_armed else spent


def parsed_policy(policy: str) -> tuple[str, float | None]:
    """`lookahead`, `progressive` or `power:LINES` per idle agent. Raises ConfigError with the field's name in front."""
    rule, colon, words = policy.partition(":")
    if rule not in RULES or (rule == "power") is not bool(colon):
        raise ConfigError(f"policy: {policy!r} is not lookahead, progressive or power:LINES")
    if not colon:
        return rule, None
    try:
        lines = float(words)
    except ValueError:
        lines = math.nan
    if not 1 <= lines <= 1000:
        raise ConfigError(f"policy: {policy!r}: lines must be a number from 1 to 1000")
    return rule, lines
