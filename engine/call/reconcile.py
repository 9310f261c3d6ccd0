"""What a snapshot of Asterisk says that a call missed while nobody listened (pure)."""

from __future__ import annotations

from collections.abc import Mapping

from engine.ids import ChannelId

from .events import CallEvent, ChannelSeen, LegEnded, LegEntered, Snapshot
from .model import Call, Phase

_NOT_YET_LIVE = frozenset({Phase.DIALING, Phase.RINGING, Phase.ANSWERED})


def missed(call: Call, channels: Mapping[ChannelId, ChannelSeen], at: float) -> tuple[CallEvent, ...]:
    """Return the events that bring `call` level with the snapshot's `channels` (by id).

    A channel that is not there ended, for a reason that is not known (cause 0). One that reached the application
    unheard entered it.
    """
    if call.phase is Phase.ENDED:
        return ()
    seen = channels.get(call.channel)
    if seen is None:
        return (LegEnded(call.channel, 0, None, at),)
    if call.phase in _NOT_YET_LIVE and seen.app_args is not None:
        return (LegEntered(call.channel, seen.app_args, "", "", at),)
    return ()


def by_id(snapshot: Snapshot) -> dict[ChannelId, ChannelSeen]:
    """The snapshot's channels by id."""
    return {seen.channel: seen for seen in snapshot.channels}
