"""What a snapshot of Asterisk says that calls and agents missed while nobody listened (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from engine.ids import BridgeId, ChannelId

from .commands import Join
from .events import (
    CallEvent,
    ChannelSeen,
    CommandFailed,
    Failure,
    LegAnswered,
    LegEnded,
    LegEntered,
    LegJoined,
    LegRinging,
    LegSeen,
    Snapshot,
)
from .model import Call, Phase

_NOT_YET_LIVE = frozenset({Phase.DIALING, Phase.RINGING, Phase.ANSWERED})


@dataclass(frozen=True, slots=True)
class Sight:
    """A snapshot by names."""

    channels: dict[ChannelId, ChannelSeen]
    bridge_of: dict[ChannelId, BridgeId]

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        return cls(
            {seen.channel: seen for seen in snapshot.channels},
            {channel: seen.bridge for seen in snapshot.bridges for channel in seen.channels},
        )


def missed(call: Call, sight: Sight, at: float) -> tuple[CallEvent, ...]:
    """Return the events that bring `call` level with what is seen.

    A channel that is not there ended, for a reason that is not known (cause 0). One that reached the application
    unheard entered it; one that is up and outside was answered while the application was away, and hears the dialplan's
    message. A join under way was carried out or was lost with the socket. A lead that is only shown has no channel yet.
    """
    if call.phase in {Phase.PREVIEWING, Phase.ENDED}:
        return ()
    seen = sight.channels.get(call.channel)
    if seen is None:
        return (LegEnded(call.channel, 0, None, at),)
    if call.phase in _NOT_YET_LIVE:
        return _progress_unheard(call, seen, at)
    if call.phase is Phase.CONNECTING and call.seat is not None:
        join = Join(call.seat.bridge, call.channel)
        if sight.bridge_of.get(call.channel) == join.bridge:
            return (LegJoined(call.channel, join.bridge, at),)
        return (CommandFailed(join, Failure.REFUSED, "lost with the socket", at),)
    return (LegSeen(call.channel, at),)


def _progress_unheard(call: Call, seen: ChannelSeen, at: float) -> tuple[CallEvent, ...]:
    if seen.app_args is not None:
        return (LegEntered(call.channel, seen.app_args, "", "", at),)
    if seen.state == "Up" and call.answered_at is None:
        return (LegAnswered(call.channel, at),)
    if seen.state == "Ringing" and call.phase is Phase.DIALING:
        return (LegRinging(call.channel, at),)
    return ()
