"""Machines that answer: telling them from people, and waiting for their beep.

The detector `asterisk` is app_amd, in the dialplan: the caller's leg leaves the application for the context `vss-amd`
and comes back with what was found. The detector `silero` is a voice model of our own (an extra) beside the leg.
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from engine.call.commands import ContinueAt, SetVariable
from engine.call.events import CallEvent, Failure, Judged, LegEnded, LegEntered
from engine.call.events import CommandFailed as TelephonyFailed
from engine.call.reconcile import Sight
from engine.flow.nodes.centre import Detector
from engine.flow.run.commands import AwaitBeep, Command, DetectMachine, RunCommand
from engine.flow.run.events import BeepHeard, CommandFailed, Detected, Verdict
from engine.flow.run.state import WaitKind
from engine.ids import CallId
from engine.ports import Metrics
from engine.run_ports import Ear

from .performer import LiveRun, Performing
from .tapping import TapLegs

log = structlog.get_logger()

AMD_CONTEXT = "vss-amd"
AMD_LIMIT = "VSS_AMD_MS"
"""The channel variable with the most that the analysis may take, in milliseconds."""
AMD_ARGUMENT = "amd"
_JUDGED = {Verdict.HUMAN: "person", Verdict.MACHINE: "machine", Verdict.UNSURE: "unknown"}
"""As outcomes have it."""
VERDICTS: Mapping[str, Verdict] = {"HUMAN": Verdict.HUMAN, "MACHINE": Verdict.MACHINE}
"""By AMDSTATUS; NOTSURE, and whatever else, is unsure."""


class Detecting(Performing):
    """Carries out DetectMachine (Detected) and AwaitBeep (BeepHeard)."""

    COMMANDS: tuple[type[Command], ...] = (DetectMachine, AwaitBeep)

    def __init__(self, ear: Ear, metrics: Metrics) -> None:
        self._ear = ear
        self._metrics = metrics
        self._detecting: dict[CallId, str] = {}
        self._taps: dict[str, TapLegs] = {}

    @property
    def open(self) -> int:
        return len(self._detecting) + len(self._taps)

    def perform(self, run: LiveRun, command: RunCommand) -> None:
        match command:
            case DetectMachine(detector=Detector.SILERO):
                self._listen(run, command)
            case DetectMachine():
                self._detect(run, command)
            case AwaitBeep():
                self._await_beep(run, command)

    def cancel(self, run: LiveRun, request: str) -> None:
        if self._detecting.get(run.call.id) == request:
            del self._detecting[run.call.id]
        self._close(request)

    def heard(self, run: LiveRun, event: CallEvent) -> None:
        if isinstance(event, LegEntered) and event.args[:1] == (AMD_ARGUMENT,):
            self._found(run, event.args)
        elif isinstance(event, LegEnded) and event.channel == run.channel:
            self.over(run)

    def adopt(self, run: LiveRun, request: str, sight: Sight) -> bool:
        """The detection goes on in the dialplan without us, or is over: then the leg came back with what was found."""
        seen = sight.channels.get(run.channel)
        if run.waits_for is not WaitKind.DETECTING or seen is None:
            return False
        if seen.app_args is not None and seen.app_args[:1] != (AMD_ARGUMENT,):
            return False
        self._detecting[run.call.id] = request
        if seen.app_args is not None:
            self._found(run, seen.app_args)
        return True

    def over(self, run: LiveRun) -> None:
        self._detecting.pop(run.call.id, None)
        for request in [one for one in self._taps if one.rsplit(":", 2)[0] == run.id]:
            self._close(request)

    # --- person or machine

    def _detect(self, run: LiveRun, command: DetectMachine) -> None:
        request = command.request
        self._detecting[run.call.id] = request

        def failed(failure: TelephonyFailed) -> None:
            if failure.failure is not Failure.GONE and self._detecting.get(run.call.id) == request:
                del self._detecting[run.call.id]
                self._not_detected(run, request, failure.detail)

        run.send(SetVariable(run.channel, AMD_LIMIT, str(round(command.timeout_s * 1000))), failed)
        run.send(ContinueAt(run.channel, AMD_CONTEXT), failed)

    def _found(self, run: LiveRun, args: tuple[str, ...]) -> None:
        request = self._detecting.pop(run.call.id, None)
        if request is None:
            return
        status, cause = (*args[1:3], "", "")[:2]
        verdict = VERDICTS.get(status, Verdict.UNSURE)
        log.info("machine_detection", run=run.id, status=status, cause=cause)
        self._detected(run, request, verdict)

    def _listen(self, run: LiveRun, command: DetectMachine) -> None:
        request = command.request
        if not self._ear.tells_people:
            self._not_detected(run, request, "no voice model is installed: pip install 'vss-engine[silero]'")
            return
        if request in self._taps:
            return

        def heard(verdict: Verdict | None) -> None:
            if not self._close(request):
                return
            if verdict is None:
                self._not_detected(run, request, "the leg could not be listened to")
            else:
                self._detected(run, request, verdict)

        legs = TapLegs(run, request, snoop=True, failed=lambda: heard(None))
        self._taps[request] = legs
        self._ear.listen_for_person(legs.tap, command.timeout_s, heard)
        legs.open(self._ear.address)

    def _detected(self, run: LiveRun, request: str, verdict: Verdict) -> None:
        self._metrics.count("vss_detections_total", result=str(verdict))
        run.post(Judged(_JUDGED[verdict], run.now()))
        run.tell(Detected(at=run.now(), request=request, verdict=verdict))

    def _not_detected(self, run: LiveRun, request: str, reason: str) -> None:
        log.error("detection_failed", run=run.id, reason=reason)
        self._metrics.count("vss_detections_total", result="failed")
        run.tell(CommandFailed(at=run.now(), request=request))

    # --- the beep

    def _await_beep(self, run: LiveRun, command: AwaitBeep) -> None:
        request = command.request
        if request in self._taps:
            return

        def heard(found: bool) -> None:
            if self._close(request):
                kind = BeepHeard if found else CommandFailed
                run.tell(kind(at=run.now(), request=request))

        legs = TapLegs(run, request, snoop=True, failed=lambda: heard(False))
        self._taps[request] = legs
        self._ear.listen_for_beep(legs.tap, command.silence_s, heard)
        legs.open(self._ear.address)

    def _close(self, request: str) -> bool:
        legs = self._taps.pop(request, None)
        if legs is None:
            return False
        self._ear.close(legs.tap)
        legs.close()
        return True
