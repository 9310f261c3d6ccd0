"""Recordings that scripts make: what a caller says to a `record` node, and the whole call (`record_call`).

The whole call is recorded from a snoop of the caller's leg, which hears both sides, so that it can be paused around
what must not be on tape. A call that Asterisk itself records from its answer on (a campaign's `record`) cannot be
paused by us: there `record_call` fails, and the script takes its `error.record` branch: no PIN is left on tape.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from engine.call.commands import (
    HangUp,
    PauseRecording,
    RecordLeg,
    ResumeRecording,
    Snoop,
    StopRecording,
)
from engine.call.events import CallEvent, CommandFailed, LegEnded, LegEntered, LegEvent, LegRecorded, PlaybackEvent
from engine.call.reconcile import Sight
from engine.flow.nodes.media import RecordAction
from engine.flow.run import events as told
from engine.flow.run.commands import Command, FinishRecording, RecordCaller, RecordWhole, RunCommand
from engine.ids import LEG_PREFIX, ChannelId
from engine.ports import FinishedLeg, Metrics
from engine.run_ports import RunId

from .performer import LiveRun, Performing

log = structlog.get_logger()

PAUSE_SETTLES_S = 0.2
"""Asterisk answers within milliseconds whether it pauses; so long is waited for a no."""

Finished = Callable[[FinishedLeg], None]
"""Hears of a file that is to be registered once its call is."""


@dataclass(slots=True)
class _Said:
    """What a caller says to a node."""

    request: str
    name: str
    began_at: float
    awaited: bool = True


@dataclass(slots=True)
class _Whole:
    """The recording of a call, while it goes on."""

    name: str
    snoop: ChannelId
    began_at: float
    request: str | None
    """Who waits for its start."""
    recording: bool = False
    paused: bool = False


class Recording(Performing):
    """Implements Performer. Names of files are derived from requests, so that a repeated one is the same file."""

    COMMANDS: tuple[type[Command], ...] = (RecordCaller, FinishRecording, RecordWhole)

    def __init__(self, directory: Path | None, finished: Finished, metrics: Metrics) -> None:
        """`directory`: where Asterisk puts its recordings; None: they are made, and not registered."""
        self._directory = directory
        self._finished = finished
        self._metrics = metrics
        self._said: dict[RunId, dict[str, _Said]] = {}
        """By name."""
        self._whole: dict[RunId, _Whole] = {}

    def perform(self, run: LiveRun, command: RunCommand) -> None:
        match command:
            case RecordCaller():
                self._record(run, command)
            case FinishRecording(request=request):
                self._finish(run, request)
            case RecordWhole():
                self._act(run, command)

    def cancel(self, run: LiveRun, request: str) -> None:
        """Nobody waits for the end any more; what was said is kept."""
        for said in self._said.get(run.id, {}).values():
            if said.request == request and said.awaited:
                said.awaited = False
                run.send(StopRecording(said.name))

    def heard(self, run: LiveRun, event: CallEvent) -> None:
        """A recording of the caller's leg ended."""
        if not isinstance(event, LegRecorded):
            return
        said = self._said.get(run.id, {}).pop(event.name, None)
        if said is None:
            return
        silent = event.talking_s == 0
        if not event.failed and not silent:
            self._keep(run, said.name, said.began_at, "customer")
        if not said.awaited:
            return
        if event.failed:
            run.tell(told.CommandFailed(at=event.at, request=said.request))
        else:
            run.tell(told.RecordingEnded(at=event.at, request=said.request, name=self._shown(said.name), silent=silent))

    def adopt(self, run: LiveRun, request: str, sight: Sight) -> bool:
        """The recording of a whole call goes on while no engine looks; who waited for its start asks again."""
        whole = _Whole(file_of(f"{run.id}:whole"), snoop_of(run.id), run.call.created_at, None, recording=True)
        if whole.snoop in sight.channels:
            self._whole[run.id] = whole
            run.own(whole.snoop, lambda event: self._on_snoop(run, whole, event))
        return False

    def over(self, run: LiveRun) -> None:
        """The files are closed with their legs; what was recorded until now is kept."""
        for said in self._said.pop(run.id, {}).values():
            self._keep(run, said.name, said.began_at, "customer")
        if (whole := self._whole.get(run.id)) is not None:
            self._end_whole(run, whole)

    # --- what a caller says

    def _record(self, run: LiveRun, command: RecordCaller) -> None:
        name = file_of(command.request)
        self._said.setdefault(run.id, {})[name] = _Said(command.request, name, run.now())

        def failed(failure: CommandFailed) -> None:
            said = self._said.get(run.id, {}).pop(name, None)
            if said is not None and said.awaited:
                run.tell(told.CommandFailed(at=run.now(), request=command.request))

        record = RecordLeg(
            run.channel, name, max(1, round(command.max_s)), max(1, round(command.silence_s)), command.beep
        )
        run.send(record, failed)

    def _finish(self, run: LiveRun, request: str) -> None:
        for said in self._said.get(run.id, {}).values():
            if said.request == request:
                run.send(StopRecording(said.name))

    # --- the whole call

    def _act(self, run: LiveRun, command: RecordWhole) -> None:
        """Start it twice, or stop what is stopped: done. Pause what does not go on: done, there is nothing on tape."""
        if run.call.recording is not None:
            log.warning("recording_not_ours", run=run.id)
            self._fail(run, command.request)
            return
        whole = self._whole.get(run.id)
        match command.action:
            case RecordAction.START if whole is None:
                self._start(run, command.request)
                return
            case RecordAction.PAUSE if whole is not None and not whole.paused:
                self._ask(run, command.request, PauseRecording(whole.name))
                whole.paused = True
                return
            case RecordAction.RESUME if whole is not None and whole.paused:
                self._ask(run, command.request, ResumeRecording(whole.name))
                whole.paused = False
                return
            case RecordAction.STOP if whole is not None:
                self._end_whole(run, whole)
        run.tell(told.Done(at=run.now(), request=command.request))

    def _start(self, run: LiveRun, request: str) -> None:
        whole = _Whole(file_of(f"{run.id}:whole"), snoop_of(run.id), run.now(), request)
        self._whole[run.id] = whole
        run.own(whole.snoop, lambda event: self._on_snoop(run, whole, event))
        run.send(
            Snoop(run.channel, whole.snoop, "both", ("record",)), lambda failure: self._not_started(run, whole)
        )  # fmt: skip

    def _on_snoop(self, run: LiveRun, whole: _Whole, event: LegEvent | PlaybackEvent) -> None:
        if self._whole.get(run.id) is not whole:
            return
        match event:
            case LegEntered() if not whole.recording:
                whole.recording = True
                record = RecordLeg(whole.snoop, whole.name, 0, 0, beep=False)
                run.send(record, lambda failure: self._not_started(run, whole))
                request, whole.request = whole.request, None
                if request is not None:
                    run.tell(told.Done(at=event.at, request=request))
            case LegEnded():
                self._not_started(run, whole) if not whole.recording else self._end_whole(run, whole)

    def _not_started(self, run: LiveRun, whole: _Whole) -> None:
        if self._whole.get(run.id) is not whole:
            return
        del self._whole[run.id]
        run.disown(whole.snoop)
        run.send(HangUp(whole.snoop))
        if whole.request is not None:
            self._fail(run, whole.request)

    def _ask(self, run: LiveRun, request: str, command: PauseRecording | ResumeRecording) -> None:
        """A pause that was not carried out fails: a PIN would be on tape."""
        answered = False

        def failed(failure: CommandFailed) -> None:
            nonlocal answered
            if not answered:
                answered = True
                self._fail(run, request)

        def done() -> None:
            nonlocal answered
            if not answered:
                answered = True
                run.tell(told.Done(at=run.now(), request=request))

        run.send(command, failed)
        run.later(PAUSE_SETTLES_S, done)

    def _end_whole(self, run: LiveRun, whole: _Whole) -> None:
        self._whole.pop(run.id, None)
        run.disown(whole.snoop)
        if whole.recording:
            run.send(StopRecording(whole.name), lambda failure: None)
            self._keep(run, whole.name, whole.began_at, "both")
        run.send(HangUp(whole.snoop), lambda failure: None)

    # --- files

    def _fail(self, run: LiveRun, request: str) -> None:
        run.tell(told.CommandFailed(at=run.now(), request=request))

    def _shown(self, name: str) -> str:
        return f"{name}.wav"

    def _keep(self, run: LiveRun, name: str, began_at: float, leg: str) -> None:
        if self._directory is None:
            log.warning("recording_not_registered", run=run.id, name=name)
            return
        self._finished(FinishedLeg(run.call.id, str(self._directory / f"{name}.wav"), began_at, leg))


def file_of(request: str) -> str:
    """The name of a recording, by what asked for it."""
    return f"script-{hashlib.sha256(request.encode()).hexdigest()[:24]}"


def snoop_of(run: RunId) -> ChannelId:
    """The snoop that hears the whole call of a run."""
    return ChannelId(f"{LEG_PREFIX}record-{hashlib.sha256(run.encode()).hexdigest()[:24]}")
