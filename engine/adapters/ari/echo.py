"""What Asterisk tells twice.

A leg that is in our application and behind an endpoint we subscribed to reaches us over both subscriptions, so what is
published on its channel comes twice: keys, playbacks, bridges (measured on 22.10.1). The two frames are equal to the
byte, time included, but other frames may lie between them.
"""

from __future__ import annotations

from collections.abc import Hashable

from engine.adapters.ari import wire

REMEMBERED = 1024
"""Far more than can lie between the two: they are published one after the other by the same thread."""


class Echoes:
    """Recognises the second of two equal events."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._heard: dict[Hashable, None] = {}

    def is_echo(self, event: wire.Event) -> bool:
        """Whether this event has been asked about before."""
        key = _key(event)
        if key is None:
            return False
        if key in self._heard:
            return True
        self._heard[key] = None
        if len(self._heard) > self._remembered:
            del self._heard[next(iter(self._heard))]
        return False


def _key(event: wire.Event) -> Hashable:
    """What tells an event from all others, None for those that come once."""
    match event:
        case wire.ChannelDtmfReceived():
            return (event.channel.id, event.timestamp, event.digit)
        case wire.PlaybackFinished():
            return event.playback.id
        case wire.ChannelEnteredBridge():
            return (event.channel.id, event.timestamp, event.bridge.id, True)
        case wire.ChannelLeftBridge():
            return (event.channel.id, event.timestamp, event.bridge.id, False)
        case _:
            return None
