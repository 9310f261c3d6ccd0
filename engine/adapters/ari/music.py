"""Music that does not stop when asked to.

Asterisk takes a channel's generator away for the moment in which it makes the next 20 ms of music (`generator_force` in
main/channel.c, 22.10 and master of 2026), and puts it back afterwards. A stop from another thread that comes in between
finds nothing to stop and is lost: the music plays on, and over the RTP of a native bridge it is heard between the words
of the talk. A leg in a bridge is served by a thread of its own, so every stop of a waiting agent's music can meet it:
1 of 600 did with both cores busy. Nothing tells of it, so the stop is said again a moment later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from engine.call.commands import HangUp, Play, SendDigits, StartMusic, StopMusic, TelephonyCommand
from engine.ids import ChannelId

AGAIN_AFTER_S = (0.05, 0.45)
"""Waits before each repeat, in seconds: the first soon enough not to be noticed, the second beyond what delayed it."""


class MusicStops:
    """Says each stop again, until what the leg hears is something that a stop would end."""

    def __init__(self, stop: Callable[[ChannelId], None]) -> None:
        self._stop = stop
        self._timers: dict[ChannelId, asyncio.TimerHandle] = {}

    def sent(self, command: TelephonyCommand) -> None:
        """Told of every command that was sent, in order."""
        if isinstance(command, StopMusic):
            self._forget(command.channel)
            self._arm(command.channel, 0)
        elif isinstance(command, StartMusic | Play | SendDigits | HangUp):
            self._forget(command.channel)

    def close(self) -> None:
        """Say nothing more."""
        for channel in list(self._timers):
            self._forget(channel)

    def _arm(self, channel: ChannelId, repeat: int) -> None:
        loop = asyncio.get_running_loop()
        self._timers[channel] = loop.call_later(AGAIN_AFTER_S[repeat], self._again, channel, repeat)

    def _again(self, channel: ChannelId, repeat: int) -> None:
        del self._timers[channel]
        self._stop(channel)
        if repeat + 1 < len(AGAIN_AFTER_S):
            self._arm(channel, repeat + 1)

    def _forget(self, channel: ChannelId) -> None:
        timer = self._timers.pop(channel, None)
        if timer is not None:
            timer.cancel()
