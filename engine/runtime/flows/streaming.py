"""Streams: the sound of the caller's leg to a voice bot and back (docs/stream.md).

A stream does not outlive the engine that carries it: after a restart its node ends with `error.stream`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog

from engine.call.events import CallEvent, LegEnded
from engine.flow.run.commands import Command, OpenStream, RunCommand
from engine.flow.run.events import CommandFailed, StreamEnded, StreamStarted
from engine.run_ports import Ear, StreamLimits

from .performer import LiveRun, Performing
from .tapping import TapLegs

log = structlog.get_logger()


@dataclass(slots=True)
class _Stream:
    request: str
    legs: TapLegs
    started: bool = False


class Streaming(Performing):
    """Carries out OpenStream: StreamStarted once sound flows, then StreamEnded; CommandFailed when it never did."""

    COMMANDS: tuple[type[Command], ...] = (OpenStream,)

    def __init__(self, ear: Ear) -> None:
        self._ear = ear
        self._streams: dict[str, _Stream] = {}

    @property
    def open(self) -> int:
        return len(self._streams)

    def perform(self, run: LiveRun, command: RunCommand) -> None:
        assert isinstance(command, OpenStream)
        request = command.request
        if request in self._streams:
            return

        def lost() -> None:
            self._end(run, request, "leg_lost")

        def told(what: str, data: Mapping[str, Any]) -> None:
            self._told(run, request, what, data)

        legs = TapLegs(run, request, snoop=False, failed=lost)
        self._streams[request] = _Stream(request, legs)
        hello = {
            "call": run.call.id,
            "run": run.id,
            "stream": request,
            "name": command.name,
            "params": dict(command.params),
        }
        limits = StreamLimits(command.max_s, command.connect_timeout_s, command.silence_max_s)
        self._ear.relay(legs.tap, command.url, command.direction, hello, limits, told)
        legs.open(self._ear.address)

    def cancel(self, run: LiveRun, request: str) -> None:
        self._close(request)

    def heard(self, run: LiveRun, event: CallEvent) -> None:
        if isinstance(event, LegEnded) and event.channel == run.channel:
            self.over(run)

    def over(self, run: LiveRun) -> None:
        for request in [one for one in self._streams if _is_of(one, run)]:
            self._close(request)

    def _told(self, run: LiveRun, request: str, what: str, data: Mapping[str, Any]) -> None:
        stream = self._streams.get(request)
        if stream is None:
            return
        if what == "started":
            stream.started = True
            run.tell(StreamStarted(at=run.now(), request=request))
        elif what == "ended":
            self._end(run, request, str(data["reason"]))

    def _end(self, run: LiveRun, request: str, reason: str) -> None:
        stream = self._close(request)
        if stream is None:
            return
        log.info("stream_ended", run=run.id, request=request, reason=reason, started=stream.started)
        kind = StreamEnded if stream.started else CommandFailed
        run.tell(kind(at=run.now(), request=request))

    def _close(self, request: str) -> _Stream | None:
        stream = self._streams.pop(request, None)
        if stream is not None:
            self._ear.close(stream.legs.tap)
            stream.legs.close()
        return stream


def _is_of(request: str, run: LiveRun) -> bool:
    return request.rsplit(":", 2)[0] == run.id
