"""What scripts write down and look up: dispositions, consents, do-not-call entries, call-backs, events, tables."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from engine.call.events import Settled
from engine.errors import NotFound, Rejected, Unavailable
from engine.flow.duration import STORE_S
from engine.flow.nodes.centre import DncScope
from engine.flow.run import events as told
from engine.flow.run.commands import (
    AddToDnc,
    Command,
    Dispose,
    EmitEvent,
    KeepCallback,
    KeepConsent,
    LookUp,
    RunCommand,
    TagCall,
)
from engine.ports import LiveFeed, LiveFrame, Metrics
from engine.run_ports import (
    CallbackWish,
    ConsentEvidence,
    DncEntry,
    FlowEvent,
    RunDisposition,
    RunStore,
    international,
)

from .performer import LiveRun, Performing

log = structlog.get_logger()

_E164 = re.compile(r"\+[1-9][0-9]{4,14}")


class Keeping(Performing):
    """Facts ride in the batch of the cursors, in order; what needs an answer is asked for by a task of the run."""

    COMMANDS: tuple[type[Command], ...] = (
        Dispose, KeepConsent, AddToDnc, EmitEvent, KeepCallback, LookUp, TagCall,
    )  # fmt: skip

    def __init__(self, store: RunStore, feed: LiveFeed, metrics: Metrics) -> None:
        self._store = store
        self._feed = feed
        self._metrics = metrics
        self._asking: dict[str, Callable[[], None]] = {}

    def perform(self, run: LiveRun, command: RunCommand) -> None:
        """Write it down, or ask."""
        match command:
            case Dispose():
                self._dispose(run, command)
            case KeepConsent():
                self._consent(run, command)
            case AddToDnc():
                self._forbid(run, command)
            case EmitEvent():
                self._emit(run, command)
            case KeepCallback():
                self._ask(run, command.request, self._promise(run, command))
            case LookUp():
                self._ask(run, command.request, self._look_up(run, command))

    def cancel(self, run: LiveRun, request: str) -> None:
        """Nobody waits for the answer any more."""
        if (stop := self._asking.pop(request, None)) is not None:
            stop()

    # --- facts

    def _dispose(self, run: LiveRun, command: Dispose) -> None:
        call = run.call
        fact = RunDisposition(
            run=run.id, call=call.id, attempt=call.attempt, code=command.code, note=command.note, at=run.now()
        )
        run.write(fact, lambda: run.tell(told.Stored(at=run.now(), request=command.request)))
        run.post(Settled(run.now()))
        self._metrics.count("vss_script_dispositions_total")

    def _consent(self, run: LiveRun, command: KeepConsent) -> None:
        call = run.call
        evidence = ConsentEvidence(
            request=command.request, run=run.id, call=call.id, number=call.number, kind=command.kind,
            granted=command.granted, prompt=command.prompt, locale=command.locale, script=run.script,
            campaign=call.campaign, at=run.now(),
        )  # fmt: skip
        run.write(evidence, lambda: run.tell(told.Stored(at=run.now(), request=command.request, id=command.request)))
        self._metrics.count("vss_script_consents_total", granted=str(command.granted).lower())

    def _forbid(self, run: LiveRun, command: AddToDnc) -> None:
        """A call of no campaign can only mean everywhere."""
        call, number = run.call, international(command.number)
        if not _E164.fullmatch(number):
            log.warning("do_not_call_number_invalid", run=run.id)
            run.tell(told.CommandFailed(at=run.now(), request=command.request))
            return
        scope = command.scope if call.campaign is not None else DncScope.EVERYWHERE
        entry = DncEntry(
            request=command.request, call=call.id, number=number, scope=scope, campaign=call.campaign, at=run.now()
        )
        run.write(entry, lambda: run.tell(told.Stored(at=run.now(), request=command.request)))
        self._metrics.count("vss_opt_outs_total")

    def _emit(self, run: LiveRun, command: EmitEvent) -> None:
        at = run.now()
        event = FlowEvent(
            request=command.request, run=run.id, call=run.call.id, name=command.event, data=command.data, at=at
        )
        run.write(event)
        data = {"run": run.id, "call": run.call.id, "name": command.event, "data": dict(command.data), "at": at}
        self._feed.publish(LiveFrame("script_event", command.request, data))

    # --- questions

    def _ask(self, run: LiveRun, request: str, work: Awaitable[told.RunEvent]) -> None:
        async def asked() -> None:
            try:
                answer = await work
            except (Unavailable, Rejected, TimeoutError) as error:
                log.warning("script_not_answered", run=run.id, request=request, reason=str(error) or "too slow")
                answer = told.CommandFailed(at=run.now(), request=request)
            self._asking.pop(request, None)
            run.tell(answer)

        self._asking[request] = run.spawn(asked(), "script_store")

    async def _promise(self, run: LiveRun, command: KeepCallback) -> told.RunEvent:
        at = None if command.at is None else datetime.fromisoformat(command.at).timestamp()
        wish = CallbackWish(
            request=command.request, call=run.call.id, number=command.number, pool=command.pool, at=at,
            note=command.note,
        )  # fmt: skip
        if not _E164.fullmatch(international(command.number)):
            return told.Refused(at=run.now(), request=command.request)
        async with asyncio.timeout(STORE_S):
            kept = await self._store.keep_callback(wish)
        self._metrics.count("vss_callbacks_total", result="promised" if kept else "barred")
        if not kept:
            return told.Refused(at=run.now(), request=command.request)
        return told.Stored(at=run.now(), request=command.request)

    async def _look_up(self, run: LiveRun, command: LookUp) -> told.RunEvent:
        try:
            async with asyncio.timeout(command.timeout_s):
                found = await self._store.look_up(command.source, str(command.key))
        except NotFound as error:
            log.error("script_table_missing", run=run.id, reason=str(error))
            return told.CommandFailed(at=run.now(), request=command.request)
        return told.LookupAnswered(at=run.now(), request=command.request, found=found)

    def over(self, run: LiveRun) -> None:
        """Tasks end with their run."""
        prefix = f"{run.id}:"
        for request in [request for request in self._asking if request.startswith(prefix)]:
            del self._asking[request]
