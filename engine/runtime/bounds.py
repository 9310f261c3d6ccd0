"""What the world outside of the pacer allows one campaign at a moment, and how to name the part that binds (no I/O)."""

from __future__ import annotations

from dataclasses import dataclass

from engine.dialer.campaign import Campaign
from engine.dialer.pacer import PacingLimits
from engine.trunk.capacity import Capacity

UNSHARED_AGE_S = 86_400.0
"""Stale for any rule: what other cells do is not known."""


@dataclass(frozen=True, slots=True)
class Soundness:
    """How far the engine's picture of the world can be trusted, and acted upon."""

    telephony_up: bool = True
    """Asterisk is connected, and calls and agents were told what it holds."""
    ledger_writable: bool = True
    news_age_s: float = 0.0
    """How old the oldest thing may be that Asterisk has told, or would have told, and that was not read yet."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of one campaign."""

    soundness: Soundness
    message_armed: bool
    trunk: str
    channels_max: int
    channels_free: int
    cps_max: float
    tokens: int
    lines_max: int
    lines_free: int
    leads: int
    """How many leads may be asked for; 0 while none are known to be due."""
    shared: bool
    """Whether the cells that share the trunk agreed on its calls per second the last time."""

    @classmethod
    def of(
        cls, campaign: Campaign, capacity: Capacity, in_flight: int, *, soundness: Soundness, message_armed: bool,
        leads: int, shared: bool,
    ) -> Bounds:  # fmt: skip
        """`capacity` at this moment, `in_flight` attempts of the campaign."""
        return cls(
            soundness, message_armed, campaign.trunk, capacity.channels_max,
            max(0, capacity.channels_max - capacity.channels), capacity.cps_max, max(0, int(capacity.tokens + 1e-9)),
            campaign.lines_max, max(0, campaign.lines_max - in_flight), leads, shared,
        )  # fmt: skip

    def limits(self) -> PacingLimits:
        """The same for a pacer, which knows one kind of line and one of doubt."""
        return PacingLimits(
            channels=min(self.channels_free, self.lines_free),
            calls_per_second=self.tokens,
            leads=self.leads,
            state_age_s=self.soundness.news_age_s if self.shared else UNSHARED_AGE_S,
            telephony_up=self.soundness.telephony_up,
            ledger_writable=self.soundness.ledger_writable,
            message_armed=self.message_armed,
        )

    def named(self, binding: str) -> str:
        """The pacer's name of what binds, told apart where it stands for two things."""
        if binding == "channels" and self.lines_free < self.channels_free:
            return "lines_max"
        if binding == "stale_state" and not self.shared:
            return "unshared_state"
        return binding
