"""What Asterisk's own log says of a leg that ended while nobody listened (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.ids import ChannelId
from engine.outcome.disposition import Outcome
from engine.revision import revised
from engine.trunk.cause import TIMEOUT_CAUSES

from .events import LegEnded
from .model import Call

NOT_MADE_AFTER_S = 1.0
"""A log that began so long before a dial has the channel, if there was one."""


@dataclass(frozen=True, slots=True)
class Fate:
    """One channel. Times are epoch seconds; one that is None has not come as far as the log says."""

    began_at: float
    answered_at: float | None = None
    bridged_at: float | None = None
    """When it was in a bridge for the first time."""
    ended_at: float | None = None
    cause: int = 0
    """Q.850; 0: not known."""


@dataclass(frozen=True, slots=True)
class Fates:
    """What a log knows of the channels that it was asked for."""

    of: Mapping[ChannelId, Fate] = field(default_factory=dict)
    complete_since: float | None = None
    """It has every channel that began after this (epoch seconds); None: there is no log."""

    def never_made(self, channel: ChannelId, dialed_at: float) -> bool:
        """Whether Asterisk certainly never had a channel that was to be dialed at `dialed_at`."""
        covered = self.complete_since is not None and self.complete_since + NOT_MADE_AFTER_S < dialed_at
        return covered and channel not in self.of


def ended_unheard(call: Call, fate: Fate | None, at: float) -> tuple[Call, LegEnded]:
    """A call whose leg is gone, with what the log knows of its way, and its end; `at`: now, where the log has no end.

    Rings are in no log: whether a far end that gave no answer was there at all (cause 18, 19) is known only where
    ringing was heard before; else the outcome is `unknown`.
    """
    if fate is None:
        return call, LegEnded(call.channel, 0, None, at)
    call = revised(
        call, answered_at=call.answered_at or fate.answered_at, bridged_at=call.bridged_at or fate.bridged_at
    )
    if call.answered_at is None and call.ringing_at is None and fate.cause in TIMEOUT_CAUSES:
        call = revised(call, outcome=call.outcome or Outcome.UNKNOWN)
    return call, LegEnded(call.channel, fate.cause, None, fate.ended_at or at)
