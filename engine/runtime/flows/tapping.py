"""The legs and the bridge that bring a caller's sound to the ear, for one request of a run.

A media leg (AudioSocket) is bridged with the caller's own leg, so that the caller hears what comes back; or with a
snoop leg that only listens, so that the caller's leg stays where it is.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import structlog

from engine.call.commands import CreateBridge, DestroyBridge, HangUp, Join, Leave, OpenMedia, Snoop
from engine.call.events import CommandFailed, Failure, LegEnded, LegEntered, LegEvent, PlaybackEvent
from engine.ids import LEG_PREFIX, BridgeId, ChannelId

from .performer import LiveRun

log = structlog.get_logger()


class TapLegs:
    """`failed` is called once when they cannot be made, or end before `close`."""

    def __init__(self, run: LiveRun, request: str, *, snoop: bool, failed: Callable[[], None]) -> None:
        name = f"{LEG_PREFIX}{request}"
        self.tap = str(uuid4())
        """How Asterisk will name the media leg to the ear: nobody else can know it."""
        self._run = run
        self._failed = failed
        self._media = ChannelId(f"{name}-tap")
        self._snoop = ChannelId(f"{name}-snoop") if snoop else None
        self._bridge = BridgeId(f"{name}-bridge")
        self._opened = False
        self._closed = False

    def open(self, address: str) -> None:
        """Make them; they are joined as they come."""
        if self._closed:
            return
        self._opened = True
        run = self._run
        run.own_bridge(self._bridge)
        run.send(CreateBridge(self._bridge, self._bridge), self._refused)
        run.own(self._media, self._heard)
        run.send(OpenMedia(self._media, address, self.tap), self._refused)
        if self._snoop is not None:
            run.own(self._snoop, self._heard)
            run.send(Snoop(run.channel, self._snoop, "in"), self._refused)

    def close(self) -> None:
        """Give everything back; idempotent."""
        if self._closed:
            return
        self._closed = True
        if not self._opened:
            return
        run = self._run
        if self._snoop is None:
            run.send(Leave(self._bridge, run.channel), _gone_already)
        for leg in (self._media, self._snoop):
            if leg is not None:
                run.send(HangUp(leg), _gone_already)
                run.disown(leg)
        run.send(DestroyBridge(self._bridge), _gone_already)
        run.disown_bridge(self._bridge)

    def _heard(self, event: LegEvent | PlaybackEvent) -> None:
        if self._closed:
            return
        if isinstance(event, LegEntered):
            self._run.send(Join(self._bridge, event.channel), self._refused)
            if self._snoop is None:
                self._run.send(Join(self._bridge, self._run.channel), self._refused)
        elif isinstance(event, LegEnded):
            self._failed()

    def _refused(self, failure: CommandFailed) -> None:
        if self._closed:
            return
        if failure.failure is Failure.GONE:
            # The caller's leg is ending, which is told, or one of ours, which is told too.
            return
        log.warning("tap_failed", run=self._run.id, command=type(failure.command).__name__, reason=failure.detail)
        self._failed()


def _gone_already(failure: CommandFailed) -> None:
    """It ended by itself meanwhile."""
