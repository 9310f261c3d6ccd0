"""The runner: steps every live run, stores its cursor, and hands its commands to the performers.

It runs to completion like the switchboard: an event and all that it leads to inside of the run is done before the next
event is looked at. The cursor is stored *before* a command with an effect that cannot be taken back is carried out
(`HELD`), within STORE_LIMIT_S, else the command fails and the script takes its error branch; everything else rides with
the next commit (KEEP_S). So an engine that is killed at any node finds the run again where it stood.

A fault inside of a step ends that run with an apology of ours, and its call, and never another one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from typing import Any

import structlog

from engine.call.commands import HangUp, TelephonyCommand
from engine.call.events import (
    CallEvent,
    CommandFailed,
    HangUpAsked,
    LegAnswered,
    LegDigit,
    LegEnded,
    LegEvent,
    LegSeen,
    PlaybackEvent,
    ScriptLeaves,
)
from engine.call.model import Call, Phase
from engine.call.reconcile import Sight
from engine.clock import Clock
from engine.flow.nodes.centre import Callback
from engine.flow.nodes.control import RejectCause
from engine.flow.run import events as told
from engine.flow.run.commands import (
    AnswerCall,
    CallWebhook,
    Cancel,
    Command,
    Conclude,
    DialParty,
    HangUpCall,
    OpenStream,
    RecordCaller,
    RecordWhole,
    RejectCall,
    RunCommand,
    TagCall,
)
from engine.flow.run.cursor import Saved, loaded, saved
from engine.flow.run.interpreter import Step, advance
from engine.flow.run.program import Program
from engine.flow.run.state import Run, WaitKind
from engine.ids import BridgeId, CallId, ChannelId
from engine.ports import Metrics, Spool
from engine.run_ports import RunId, RunItem, RunRecord, RunStore
from engine.runtime.batch import AWAY, Batch, Packed
from engine.runtime.deadlines import Deadlines
from engine.runtime.switchboard import Switchboard

from .leg import leg_of
from .live import Live
from .performer import Performer, Performing

log = structlog.get_logger()

HELD = (CallWebhook, DialParty, RecordCaller, RecordWhole, OpenStream)
STORE_LIMIT_S = 5.0
KEEP_S = 0.5
GATHER_S = 0.02
"""A webhook waits for its commit: no longer than others need to join it."""
EVENTS_PER_TURN_MAX = 10_000
_CAUSES: Mapping[RejectCause, int] = {
    RejectCause.BUSY: 17,
    RejectCause.DECLINED: 21,
    RejectCause.CONGESTION: 34,
    RejectCause.UNAVAILABLE: 20,
}
"""Q.850."""
_LEFT_BEHIND = frozenset({
    WaitKind.STORING, WaitKind.TALKING, WaitKind.RINGING, WaitKind.JOINING, WaitKind.OPENING, WaitKind.STREAMING,
    WaitKind.DETECTING, WaitKind.BEEP,
})  # fmt: skip
"""What only goes on after a restart where a performer finds it again."""

Entry = tuple[RunItem, Callable[[bool], None] | None]


class Runner:
    """Every live run of the cell; all its methods run on the loop's thread and return at once."""

    def __init__(
        self, board: Switchboard, store: RunStore, performers: Sequence[Performer], clock: Clock, metrics: Metrics,
        spool: Spool[RunItem],
    ) -> None:  # fmt: skip
        self.live: dict[RunId, Live] = {}
        self.by_call: dict[CallId, Live] = {}
        """The run that has the call, or had it last and still goes on."""
        self.legs: dict[ChannelId, Live] = {}
        self._board = board
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._performers = tuple(performers)
        self._hearing = tuple(one for one in performers if getattr(type(one), "heard", None) is not Performing.heard)
        self._performer_of: dict[type[Command], Performer] = {
            command: performer for performer in performers for command in performer.COMMANDS
        }
        self._deadlines = Deadlines(clock, self._deadline_passed)
        self._turn: deque[tuple[Live, told.RunEvent]] = deque()
        self._turning = False
        self._dirty: set[RunId] = set()
        self.batch: Batch[Entry] = Batch(
            "runs", self._commit, metrics, gather_s=GATHER_S,
            spool=Packed(spool, lambda entry: entry[0], lambda item: (item, None)),
        )  # fmt: skip

    # --- life

    async def run(self) -> None:
        """Keep the cursors until cancelled; the batch runs beside it."""
        while True:
            await asyncio.sleep(KEEP_S)
            self.keep()
            self._metrics.gauge("vss_live_scripts", len(self.live))

    def keep(self) -> None:
        """Queue the records of the runs that moved since the last time."""
        for name in self._dirty:
            if (live := self.live.get(name)) is not None:
                self.batch.add((self._record(live), None))
        self._dirty.clear()

    @property
    def bridges(self) -> frozenset[BridgeId]:
        """Bridges that runs made; rooms belong to several."""
        return frozenset(bridge for live in self.live.values() for bridge in live.bridges)

    def close(self) -> None:
        """The process ends: what is not over is for the next engine."""
        self.keep()
        self._deadlines.close()
        for live in tuple(self.live.values()):
            live.close()

    # --- runs

    def begin(self, live: Live, step: Step) -> None:
        """Take over a run that has just begun."""
        self._take(live)
        self._metrics.count("vss_script_begun_total")
        self._enter(live, step)

    def _take(self, live: Live) -> None:
        self.live[live.id] = live
        self.by_call[live.call.id] = live

    def adopt(self, live: Live, sight: Sight) -> Callable[[], None]:
        """Take over a run of an engine before us, with what of it is still in Asterisk.

        What is returned lets it go on, once its call heard what the snapshot says.
        """
        self._take(live)
        self._deadlines.arm(live.id, live.run.deadline_at)
        wait = live.run.wait
        found = wait is not None and any(one.adopt(live, wait.request, sight) for one in self._performers)
        return lambda: None if found else self._resume(live)

    def _resume(self, live: Live) -> None:
        """Whatever the run waited for that is not there any more has failed."""
        wait = live.run.wait
        if wait is not None and wait.kind is WaitKind.STORING and not isinstance(_action(live), Callback):
            # It was queued before the cursor that tells of it, so it is stored.
            self.tell(live, told.Stored(at=self.now(), request=wait.request))
            return
        if wait is None or wait.kind not in _LEFT_BEHIND:
            return
        self.tell(live, told.CommandFailed(at=self.now(), request=wait.request))

    def stop(self, live: Live) -> None:
        """Somebody wants the run to end."""
        self.tell(live, told.StopAsked(at=self.now()))

    def tell(self, live: Live, event: told.RunEvent) -> None:
        """Step a run, in order."""
        if live.over:
            return
        self._turn.append((live, event))
        self._run_turn()

    def heard(self, before: Call, event: CallEvent, after: Call) -> None:
        """Something happened to a call that a script has, or had a moment ago."""
        live = self.by_call.get(after.id)
        if live is None:
            return
        live.call = after
        for performer in self._hearing:
            self._guard(live, lambda one=performer: one.heard(live, event))  # type: ignore[misc]
        if after.phase is Phase.ENDED and before.phase is not Phase.ENDED:
            self.tell(live, told.HungUp(at=event.at))
        elif isinstance(event, LegDigit) and after.phase in {Phase.SCRIPTED, Phase.CONNECTING}:
            self.tell(live, told.Digit(at=event.at, key=event.digit))
        elif isinstance(event, LegSeen) and after.phase is Phase.SCRIPTED:
            self.tell(live, told.Restarted(at=event.at))

    def hush(self, call: CallId) -> None:
        """The call's leg is about to be joined with others."""
        if (live := self.by_call.get(call)) is not None:
            for performer in self._performers:
                performer.hush(live)

    def on_leg(self, event: LegEvent | PlaybackEvent) -> bool:
        """Something happened to a leg that a run made; False: nobody made it."""
        live = self.legs.get(event.channel)
        if live is None:
            return False
        hears = live.legs.get(event.channel)
        if hears is not None:
            self._guard(live, lambda: hears(event))
        return True

    def missed(self, sight: Sight, at: float) -> None:
        """The socket is back: legs of runs that are gone ended."""
        for leg in tuple(self.legs):
            if leg not in sight.channels:
                self.on_leg(LegEnded(leg, 0, None, at))

    # --- what runs may ask (Live)

    def now(self) -> float:
        return self._clock.now()

    def post(self, call: CallId, event: CallEvent) -> None:
        self._board.post(call, event)

    def send(self, command: TelephonyCommand, failed: Callable[[CommandFailed], None] | None) -> None:
        self._board.perform(command, failed)

    def write(self, item: RunItem, told_of: Callable[[bool], None] | None) -> None:
        self.batch.add((item, told_of))

    async def guarded(self, live: Live, work: Coroutine[Any, Any, None]) -> None:
        """A task of a run: a fault in it ends the run, and is told."""
        try:
            await work
        except Exception as fault:
            self._fault(live, fault)

    # --- the turn

    def _run_turn(self) -> None:
        if self._turning:
            return
        self._turning = True
        try:
            steps = 0
            while self._turn:
                steps += 1
                live, event = self._turn.popleft()
                if steps > EVENTS_PER_TURN_MAX:
                    self._metrics.count("vss_bounds_reached_total", bound="script_turn")
                    log.error("script_turn_never_ends", run=live.id, node=live.run.node)
                    self._turn.clear()
                    break
                if not live.over:
                    self._guard(live, lambda one=live, what=event: self._step(one, what))  # type: ignore[misc]
        finally:
            self._turning = False

    def _step(self, live: Live, event: told.RunEvent) -> None:
        step = advance(live.program, live.run, event)
        if step.run is not live.run or step.commands:
            self._enter(live, step)

    def _enter(self, live: Live, step: Step) -> None:
        live.run = step.run
        self._metrics.count("vss_script_steps_total")
        self._deadlines.arm(live.id, step.run.deadline_at)
        self._dirty.add(live.id)
        if any(isinstance(command, HELD) for command in step.commands):
            self._hold(live, step.commands)
        for command in step.commands:
            if not isinstance(command, HELD):
                self._perform(live, command)
        self._run_turn()

    def _perform(self, live: Live, command: RunCommand) -> None:
        match command:
            case HangUpCall():
                self._end_call(live)
            case RejectCall(cause=cause):
                self.send(HangUp(live.channel, _CAUSES[cause]), None)
                live.post(HangUpAsked("script", self.now()))
            case Cancel(request=request):
                self._cancel(live, request)
            case Conclude():
                self._conclude(live, command)
            case _:
                if isinstance(command, AnswerCall):
                    live.post(LegAnswered(live.channel, self.now()))
                elif isinstance(command, TagCall):
                    live.tags.update(command.values)
                    return
                self._performer_of[type(command)].perform(live, command)

    def _end_call(self, live: Live) -> None:
        live.post(ScriptLeaves(self.now()) if live.to_agent else HangUpAsked("script", self.now()))

    def _cancel(self, live: Live, request: str) -> None:
        if live.held.pop(request, None) is None:
            for performer in self._performers:
                performer.cancel(live, request)

    # --- storing

    def _hold(self, live: Live, commands: Sequence[RunCommand]) -> None:
        """Store the cursor, then carry out what cannot be taken back."""
        waiting = [command for command in commands if isinstance(command, HELD)]
        for command in waiting:
            live.held[command.request] = command

        def stored(kept: bool) -> None:
            for command in waiting:
                if live.held.get(command.request) is command and not live.over:
                    del live.held[command.request]
                    if kept:
                        self._guard(live, lambda one=command: self._perform(live, one))  # type: ignore[misc]
                    else:
                        self._not_stored(live, command.request)
            self._run_turn()

        def overdue() -> None:
            self._metrics.count("vss_bounds_reached_total", bound="script_store")
            stored(False)

        self._dirty.discard(live.id)
        forget = live.later(STORE_LIMIT_S, overdue)

        def written(kept: bool) -> None:
            forget()
            stored(kept)

        self.batch.add((self._record(live), written))

    def _not_stored(self, live: Live, request: str) -> None:
        log.warning("script_not_stored", run=live.id, node=live.run.node)
        self.tell(live, told.CommandFailed(at=self.now(), request=request))

    async def _commit(self, entries: Sequence[Entry]) -> None:
        try:
            await self._store.commit([item for item, _ in entries])
        except AWAY:
            raise
        except Exception:
            if len(entries) == 1 and (told_of := entries[0][1]) is not None:
                told_of(False)
            raise
        for _, told_of in entries:
            if told_of is not None:
                told_of(True)

    def _record(self, live: Live) -> RunRecord:
        run = live.run
        cursor = saved(run)
        return RunRecord(
            run=live.id,
            call=live.call.id,
            script=live.script,
            flow=live.program.main,
            started_at=run.started_at,
            ended_at=self.now() if run.over else None,
            node=run.node,
            state=cursor["run"],
            secret=None if run.over else cursor["secret"],
            leg=leg_of(live.call, to_agent=live.to_agent),
            disposition=run.disposition,
            reason=run.ended,
            results=dict(live.results),
            tags=dict(live.tags),
        )

    # --- the end

    def _conclude(self, live: Live, command: Conclude) -> None:
        live.results = dict(command.results)
        self._metrics.count("vss_script_runs_total", result=_result(command.reason))
        self._close(live)

    def _close(self, live: Live) -> None:
        if live.over:
            return
        live.over = True
        self._dirty.discard(live.id)
        self.batch.add((self._record(live), None))
        for performer in self._performers:
            performer.over(live)
        live.close()
        live.held.clear()
        for leg in tuple(live.legs):
            self.legs.pop(leg, None)
        self._deadlines.arm(live.id, None)
        self.live.pop(live.id, None)
        if self.by_call.get(live.call.id) is live:
            del self.by_call[live.call.id]

    def _deadline_passed(self, owner: Hashable) -> None:
        live = self.live.get(RunId(str(owner)))
        if live is not None:
            self.tell(live, told.DeadlinePassed(at=self.now()))

    # --- faults

    def _guard(self, live: Live, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as fault:
            self._fault(live, fault)

    def _fault(self, live: Live, fault: Exception) -> None:
        """A bug of ours met this run: its call ends, its story is kept."""
        log.error("script_fault", run=live.id, node=live.run.node, error=repr(fault), exc_info=fault)
        self._metrics.count("vss_script_runs_total", result="fault")
        if live.over:
            return
        live.post(HangUpAsked("engine", self.now()))
        try:
            self._close(live)
        except Exception:
            log.exception("script_fault_twice", run=live.id)
            self.live.pop(live.id, None)
            self.by_call.pop(live.call.id, None)


def _action(live: Live) -> Any:
    """The node at which a run stands."""
    frame = live.run.stack[-1]
    return live.program.flows[frame.flow].nodes[frame.node].action


def read_cursor(program: Program, record: RunRecord) -> Run:
    """The run of a record. Raises UnreadableRun."""
    return loaded(program, Saved(run=dict(record.state), secret=dict(record.secret or {})))


def _result(reason: str) -> str:
    """Reasons are few, but for errors that scripts name."""
    return reason if reason in {"script", "hangup", "stopped", "max_duration", "max_node_visits"} else "error"
