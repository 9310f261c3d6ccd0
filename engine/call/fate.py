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
"""A log that began so long before a dial, and was still written so long after it, has the channel, if there was one."""


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
    far_end_left: bool | None = None
    """Whether the far end hung up, and not Asterisk by our command, a limit or the dialplan's end; None: not known."""


@dataclass(frozen=True, slots=True)
class Fates:
    """What a log knows of the channels that it was asked for."""

    of: Mapping[ChannelId, Fate] = field(default_factory=dict)
    complete_since: float | None = None
    """It has every channel that began between this and `complete_until` (epoch seconds); None: there is no log."""
    complete_until: float | None = None
    """When the newest event happened that is written; nobody knows whether it was still written after that."""

    def never_made(self, channel: ChannelId, dialed_at: float) -> bool:
        """Whether Asterisk certainly never had a channel that was to be dialed at `dialed_at`.

        A disk may have been full, or the log a moment behind: only where something later is written, it is certain.
        """
        if channel in self.of or self.complete_since is None or self.complete_until is None:
            return False
        return self.complete_since + NOT_MADE_AFTER_S < dialed_at < self.complete_until - NOT_MADE_AFTER_S


def ended_unheard(call: Call, fate: Fate | None, at: float) -> tuple[Call, LegEnded]:
    """A call whose leg is gone, with what the log knows of its way, and its end; `at`: now, where the log has no end.

    Rings are in no log: whether a far end that gave no answer was there at all (cause 18, 19) is known only where
    ringing was heard before; else the outcome is `unknown`. A person whom Asterisk hung up on before an agent was there
    was abandoned however soon that was (the dialplan's message may be short, or its sound missing): only who hung up
    within the limit is `customer_hangup`.
    """
    if fate is None:
        return call, LegEnded(call.channel, 0, None, at)
    call = revised(
        call, answered_at=call.answered_at or fate.answered_at, bridged_at=call.bridged_at or fate.bridged_at
    )
    if call.answered_at is None and call.ringing_at is None and fate.cause in TIMEOUT_CAUSES:
        call = revised(call, outcome=call.outcome or Outcome.UNKNOWN)
    if call.answered_at is not None and fate.far_end_left is False:
        call = revised(call, hangup_by=call.hangup_by or "engine")
        if call.bridged_at is None and not call.settled:
            call = revised(call, outcome=call.outcome or Outcome.ABANDONED)
    return call, LegEnded(call.channel, fate.cause, None, fate.ended_at or at)
