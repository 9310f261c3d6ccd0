"""The engine: one cell's calls, agents and campaigns, from the first look at Asterisk to the last flush."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import structlog

from engine.agent.machine import LogoutAsked, RegistrationChanged
from engine.agent.pool import new_agent
from engine.call.events import HangUpAsked, LegEnded, SocketLost, SocketRestored, TelephonyEvent
from engine.call.fate import Fates
from engine.call.model import Call, CallKind, CallPolicy, Phase
from engine.call.reconcile import Sight
from engine.clock import Clock
from engine.dialer.campaign import CampaignStatus
from engine.dialer.lead import LeadNext, next_of
from engine.errors import Unavailable
from engine.ids import AttemptId, CallId, CampaignId, ChannelId, Slot, TrunkName
from engine.outcome.disposition import Outcome
from engine.ports import (
    AbandonmentLedger,
    AgentDirectory,
    AgentFact,
    CallRecord,
    CallStore,
    ChannelLog,
    ClaimedLead,
    Disposition,
    DoNotCallList,
    FinishedLeg,
    HandoverStore,
    LeadStore,
    Leases,
    LiveFeed,
    LiveFrame,
    Metrics,
    OptOut,
    OutcomeFact,
    OutcomeLedger,
    PacingJournal,
    RecordingStore,
    Speech,
    Spools,
    Standing,
    Telephony,
    TrunkDirectory,
)
from engine.revision import revised
from engine.run_ports import RUN_ITEMS

from .batch import Batch, Packed
from .bounds import Soundness
from .control import Control, InboundPolicy, Overview, PartState
from .dialing import Dialing
from .flows.callbacks import CallbackDesk
from .flows.desk import FlowDesk
from .flows.performers import FlowPorts, performers
from .flows.runner import Runner
from .handover import Handover, Witnesses
from .message import Messages
from .pacing import PacingDesk
from .router import Router
from .story import Ledgers, Story
from .switchboard import Switchboard
from .takeover import Known, Takeover

log = structlog.get_logger()

KEEP_LIVE_S = 0.5
SHOW_CALLS_S = 0.25
SHOW_STATS_S = 1.0
ROUND_LIMIT_S = 10.0
ENDS_LIMIT_S = 3.0
FLUSH_LIMIT_S = 10.0
KEEP_PACING_S = 30.0
KEEP_MESSAGES_S = 2.0
MESSAGES_LIMIT_S = 20.0
"""A start does not wait longer for the sounds of the campaigns that run; the rest comes while it serves."""
SAVE_LIMIT_S = 5.0
RETRY_S = 0.5
FATES_LIMIT_S = 3.0
"""People who wait and ring meet nobody until the log is read."""
FATES_TRIES, FATES_PAUSE_S = 3, 0.1
CALLS_LOOK_S = 0.05
"""How often a stop looks whether the calls that it waits for are over."""
AGENT_BATCH_GATHER_S = 0.1
CALL_BATCH_GATHER_S = 0.25
OUTCOME_BATCH_GATHER_S = 0.05
OPT_OUT_BATCH_GATHER_S = 0.05
RECORDING_GATHER_S = 1.0
"""MixMonitor closes its file a moment after the leg ends."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What the engine works with."""

    telephony: Telephony
    leads: LeadStore
    outcomes: OutcomeLedger
    account: AbandonmentLedger
    journal: PacingJournal
    calls: CallStore
    handover: HandoverStore
    channel_log: ChannelLog
    agents: AgentDirectory
    trunks: TrunkDirectory
    recordings: RecordingStore
    spools: Spools
    do_not_call: DoNotCallList
    speech: Speech
    leases: Leases
    feed: LiveFeed
    metrics: Metrics
    clock: Clock
    random_bits: Callable[[], int]
    """74 random bits for each attempt's id."""
    flows: FlowPorts


class StopMode(StrEnum):
    """What becomes of calls and agents when the engine is asked to stop."""

    HAND_OVER = "hand-over"
    """They go on in Asterisk, and the next engine takes them over: a deploy is a stop and a start."""
    HANG_UP = "hang-up"
    """Calls may end within the limit; then they are ended, and agents are logged out."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How the engine behaves. Seconds throughout."""

    epoch: int
    inbound: InboundPolicy
    message: tuple[str, ...]
    recordings: str | None
    drain_limit_s: float
    stop: StopMode = StopMode.HAND_OVER
    script_trunk: str | None = None
    """Over which scripts dial, and promises to call back are kept, where nothing else is said; None: the only one."""


class Engine:
    """Builds the switchboard and its surroundings over the ports, and runs their tasks."""

    def __init__(
        self, ports: Ports, settings: EngineSettings, other_parts: Callable[[], Mapping[str, PartState]]
    ) -> None:
        self._ports = ports
        self._settings = settings
        self._other_parts = other_parts
        metrics = ports.metrics
        spools = ports.spools
        self._calls: Batch[CallRecord] = Batch(
            "calls", ports.calls.commit, metrics, gather_s=CALL_BATCH_GATHER_S,
            spool=spools.of("calls", CallRecord), repeat=ports.calls.commit_again,
        )  # fmt: skip
        self._outcomes: Batch[OutcomeFact] = Batch(
            "outcomes", ports.outcomes.record, metrics, gather_s=OUTCOME_BATCH_GATHER_S,
            spool=spools.of("outcomes", OutcomeFact),
        )  # fmt: skip
        self._agents: Batch[AgentFact | Disposition] = Batch(
            "agents", self._write_agents, metrics, gather_s=AGENT_BATCH_GATHER_S,
            spool=spools.of("agents", AgentFact, Disposition),
        )  # fmt: skip
        self._recorded: Batch[tuple[int, FinishedLeg]] = Batch(
            "recordings", self._finish_recordings, metrics, gather_s=RECORDING_GATHER_S, size_max=20,
            # an engine that finds them has written the rows of their calls before
            spool=Packed(spools.of("recordings", FinishedLeg), lambda placed: placed[1], lambda leg: (0, leg)),
        )  # fmt: skip
        self._opt_outs: Batch[OptOut] = Batch(
            "opt_outs", ports.do_not_call.add, metrics, gather_s=OPT_OUT_BATCH_GATHER_S,
            spool=spools.of("opt_outs", OptOut),
        )  # fmt: skip
        ledgers = Ledgers(self._calls, self._outcomes, self._agents, self._opt_outs)
        self._ledgers = ledgers
        self._story = Story(ledgers, ports.feed, metrics)
        self.desk = PacingDesk(ports.account, ports.journal, ports.clock, metrics)
        self._handover = Handover(ports.handover, (self._outcomes, self._calls), metrics)
        self.switchboard = Switchboard(
            ports.telephony, ports.clock, metrics, self._story, Witnesses(self.desk, self._handover)
        )
        self.runner = Runner(
            self.switchboard,
            ports.flows.runs,
            performers(
                ports.flows,
                self.switchboard.pools,
                _Lines(lambda: self.dialing, settings.script_trunk),
                ports.feed,
                self._recorded_by_script,
                metrics,
            ),
            ports.clock,
            metrics,
            spools.of("runs", *RUN_ITEMS),
        )
        self.flows = FlowDesk(
            self.switchboard, self.runner, ports.flows.scripts, ports.flows.runs, ports.clock, metrics,
            read=ports.flows.read, voices=ports.flows.voices, timezone=ports.flows.timezone, apology=settings.message,
            policy=self._policy_of_leg,
            unfit=lambda attempt, why: self._story.unfit(attempt, why, ports.clock.now()),
        )  # fmt: skip
        self.switchboard.scripts = self.flows
        self.messages = Messages(ports.speech, ports.clock, metrics, settings.message)
        self.dialing = Dialing(
            self.switchboard,
            ports.leads,
            ports.trunks,
            ports.leases,
            ports.clock,
            metrics,
            settings.epoch,
            self._closed,
            settings.recordings,
            self.messages,
            ports.random_bits,
            lambda attempt: self._story.never_dialed(attempt, ports.clock.now()),
            self.desk,
            self._soundness,
            self.flows,
        )
        self.switchboard.on_idle = self.dialing.wake
        self.switchboard.on_ended = self._on_ended
        self.control = Control(
            self.switchboard,
            self.dialing,
            self.messages,
            ports.leads,
            ports.account,
            self._story,
            ports.clock,
            settings.inbound,
            ports.random_bits,
            self.parts,
            lambda: self._draining,
            metrics,
            self.flows,
        )
        self.callbacks = CallbackDesk(
            self.switchboard, ports.flows.runs, ports.clock, ports.feed, metrics,
            dial=self.control.dial, line=lambda: self.dialing.line(settings.script_trunk), closed=self._closed,
        )  # fmt: skip
        self._router = Router(self.switchboard, self.control, self.runner, ports.clock, metrics, settings.message)
        self._takeover: Takeover | None = Takeover(
            self.switchboard, metrics, again=self.dialing.again, occupy=self.dialing.occupy,
            conclude=self._ended_before,
            undialed=lambda attempt: self._story.never_dialed(attempt, ports.clock.now()),
        )  # fmt: skip
        """None once it is done: the first socket brings it."""
        self._taking_over: asyncio.Task[None] | None = None
        self._early: list[TelephonyEvent] = []
        """What happened since the snapshot of a take-over under way."""
        self._leftovers: list[ClaimedLead] = []
        self._level = False
        """Whether calls and agents were told what the present socket's snapshot says."""
        self._draining = False
        self._cell_lost = False
        self._stop = asyncio.Event()

    # --- life

    async def run(self) -> None:
        """Start, serve until `stop`, drain, flush. Raises what made it impossible to go on."""
        await self._load()
        tasks = [
            asyncio.create_task(coroutine, name=name)
            for name, coroutine in (
                ("telephony", self._ports.telephony.run(self._on_event)),
                ("calls", self._calls.run()),
                ("outcomes", self._outcomes.run()),
                ("agents", self._agents.run()),
                ("opt_outs", self._opt_outs.run()),
                ("recordings", self._recorded.run()),
                ("runs", self.runner.batch.run()),
                ("handover", self._handover.run()),
                ("cursors", self.runner.run()),
                ("scripts", self.flows.run()),
                ("callbacks", self.callbacks.run()),
                ("dialing", self.dialing.run()),
                ("keep_live", self._keep_live()),
                ("show_calls", self._show_calls()),
                ("show_stats", self._show_stats()),
                ("keep_pacing", self._keep_pacing()),
                ("keep_messages", self._keep_messages()),
            )
        ]
        stopped = asyncio.create_task(self._stop.wait(), name="stop")
        try:
            done, _ = await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
            broken = [task for task in done if task is not stopped]
            if not broken and not self._cell_lost:
                await self._drain()
            leave = bool(broken) or self._cell_lost or self._settings.stop is StopMode.HAND_OVER
            await self._conclude(tasks, leave=leave)
            for task in broken:
                task.result()
                raise RuntimeError(f"the task {task.get_name()} ended")
        finally:
            if self._taking_over is not None:
                self._taking_over.cancel()
            self.switchboard.close()
            await self.control.previews.close()
            for task in (*tasks, stopped):
                task.cancel()
            await asyncio.gather(*tasks, stopped, return_exceptions=True)

    def stop(self) -> None:
        """Stop dialing and end within the drain limit."""
        self._draining = True
        self._stop.set()

    def lose_cell(self) -> None:
        """Another engine has the cell: command nothing any more, write what is known, and end."""
        self._cell_lost = True
        self.stop()

    async def _load(self) -> None:
        """Read seats, trunks, campaigns and what an engine before us left open; waits while the store is away."""
        await self._replay()
        while True:
            try:
                slots = await self._ports.agents.slots()
                self._leftovers = list(await self._ports.outcomes.open_attempts())
                standing = await self._handover.load()
                known = await self._known(standing)
                await self.dialing.refresh()
                await self.flows.load()
                await self.flows.prepare_again(self._leftovers, self.dialing.campaigns)
                break
            except Unavailable as error:
                log.warning("start_waits", reason=str(error))
                await asyncio.sleep(RETRY_S)
        await self._speak_first()
        now = self._ports.clock.now()
        assert self._takeover is not None
        self._handover.forget(self._takeover.expect(standing, self._leftovers, known))
        stood = {agent.slot: agent for agent in standing.agents}
        for slot in slots:
            agent = stood.get(slot.slot, new_agent(slot.slot, slot.pool, now))
            self.switchboard.add_agent(revised(agent, pool=slot.pool))
            self.control.names[slot.slot] = slot.display_name
            self._story.show_agent(self.switchboard.agent(slot.slot))

    async def _replay(self) -> None:
        """Before anything is read: what an engine before us could not write. Recordings follow while we serve."""
        for batch in self._kept_batches():
            await batch.replay()
        await self._recorded.load()

    async def _known(self, standing: Standing) -> Known:
        """What is stored of kept calls already. Raises Unavailable."""
        attempts = [call.attempt for call in standing.calls if call.attempt is not None]
        return Known(
            await self._ports.outcomes.recorded(attempts),
            await self._ports.calls.ended([call.id for call in standing.calls]),
        )

    async def _speak_first(self) -> None:
        """Make the sounds of the campaigns that run, before the first call may need them."""
        try:
            async with asyncio.timeout(MESSAGES_LIMIT_S):
                await self.messages.keep(self.dialing.campaigns.values())
        except TimeoutError:
            self._ports.metrics.count("vss_bounds_reached_total", bound="speech_start")

    async def _drain(self) -> None:
        """What was asked of Asterisk before is seen through within the limit; the rest as the stop mode says.

        Handed over: whoever is on their way to somebody (a phone that rings, a person whom an agent meets) gets there
        first, because nobody could take them in between. Hung up: calls may end by themselves, then they are ended, and
        the agents are logged out.
        """
        board = self.switchboard
        log.info("draining", calls=len(board.calls), limit_s=self._settings.drain_limit_s, how=self._settings.stop)
        await self._dialed_out()
        if self._settings.stop is StopMode.HAND_OVER:
            await self._calls_over(self._settings.drain_limit_s, _under_way)
            return
        self.control.previews.take_back("the engine is stopping")
        await self._calls_over(self._settings.drain_limit_s)
        for call in tuple(board.calls):
            board.post(call, HangUpAsked("engine", self._ports.clock.now()))
        self._log_out()
        await self._calls_over(ENDS_LIMIT_S)
        self._log_out()  # who was in a call then wraps up now

    def _log_out(self) -> None:
        for agent in self.switchboard.agents():
            self.switchboard.tell_agent(agent.slot, LogoutAsked(self._ports.clock.now()))

    async def _conclude(self, tasks: Sequence[asyncio.Task[None]], *, leave: bool) -> None:
        """Whatever ended the engine: what is not written is written.

        Calls that we `leave` go on in Asterisk, for the next engine; those that we do not get their outcomes.
        """
        self._draining = True
        await _end([task for task in tasks if task.get_name() in {"dialing", "handover"}])
        now = self._ports.clock.now()
        for call in () if leave else tuple(self.switchboard.calls.values()):
            self.switchboard.post(call.id, LegEnded(call.channel, 0, None, now))
        await self._save_pacing()
        await self._close_callbacks(tasks)
        self.runner.close()
        for batch in (
            self._outcomes, self._opt_outs, self._calls, self._agents, self._recorded, self.runner.batch
        ):  # fmt: skip
            if not await batch.drain(FLUSH_LIMIT_S):
                log.error("not_flushed", items=len(batch), on_disk=batch.on_disk)
        if not await self._handover.write():
            log.error("not_handed_over", calls=len(self.switchboard.calls))

    async def _close_callbacks(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """After the calls, which say what became of promises, and not while a round of the desk goes on."""
        await _end([task for task in tasks if task.get_name() == "callbacks"])
        await self.callbacks.close()

    async def _dialed_out(self) -> None:
        """Wait for the round of dialing under way, so that no lead stays claimed and not dialed."""
        try:
            async with asyncio.timeout(ROUND_LIMIT_S):
                await self.dialing.quiet()
        except TimeoutError:
            self._ports.metrics.count("vss_bounds_reached_total", bound="drain_round")

    async def _calls_over(self, limit_s: float, which: Callable[[Call], bool] = lambda call: True) -> None:
        """Wait until no such call is left, at most `limit_s`."""
        until = self._ports.clock.now() + limit_s
        while any(which(call) for call in self.switchboard.calls.values()):
            if self._ports.clock.now() >= until:
                self._ports.metrics.count("vss_bounds_reached_total", bound="drain_calls")
                return
            await asyncio.sleep(CALLS_LOOK_S)

    # --- events

    def _on_event(self, event: TelephonyEvent) -> None:
        if self._takeover is not None:
            self._before_take_over(self._takeover, event)
            return
        self._router.on_event(event)
        if isinstance(event, SocketRestored):
            self.flows.resume()
            self._close_leftovers()
            self._level = True
        elif isinstance(event, SocketLost):
            self._level = False
            self.dialing.wake()

    def _before_take_over(self, takeover: Takeover, event: TelephonyEvent) -> None:
        """The first snapshot begins the take-over; what happens until it is done is heard after it."""
        if isinstance(event, SocketRestored | SocketLost):
            self._early.clear()
            if self._taking_over is not None:
                self._taking_over.cancel()
                self._taking_over = None
        if isinstance(event, SocketRestored):
            self._taking_over = asyncio.create_task(self._take_over(takeover, event), name="take_over")
            self._taking_over.add_done_callback(_tell_fault)
        elif not isinstance(event, SocketLost):
            self._early.append(event)

    def _recorded_by_script(self, leg: FinishedLeg) -> None:
        """A recording's row refers to its call's, which is queued now if it never was."""
        call = self.switchboard.calls.get(leg.call)
        if call is not None:
            self._story.keep(call)
        self._recorded.add((self._calls.added, leg))

    def _policy_of_leg(self, leg: Mapping[str, Any]) -> CallPolicy:
        return self.control.script_policy(leg)

    async def _take_over(self, takeover: Takeover, event: SocketRestored) -> None:
        """Calls and agents of an engine before us are ours from here on, and their attempts stay open."""
        sight, in_scripts = Sight.of(event.snapshot), self.flows.left_open
        fates = await self._fates(takeover.gone(sight, in_scripts))
        takeover.agents(sight, fates, in_scripts, event.at)
        self.flows.adopt(sight, takeover.kept, takeover.take)
        result = takeover.resume(event.at)
        self._handover.forget(result.unclaimed)
        self._leftovers = [lead for lead in self._leftovers if CallId(lead.attempt) not in result.settled]
        self._takeover, self._taking_over = None, None
        early, self._early = self._early, []
        for heard in (event, *early):
            self._on_event(heard)

    async def _fates(self, gone: frozenset[ChannelId]) -> Fates:
        """What became of calls whose legs are gone; the log may be a moment behind what the snapshot does not show."""
        fates = Fates()
        try:
            async with asyncio.timeout(FATES_LIMIT_S):
                for _ in range(FATES_TRIES):
                    if not gone:
                        break
                    fates = await self._ports.channel_log.fates(gone)
                    if all(fate.ended_at is not None for fate in fates.of.values()):
                        break
                    await asyncio.sleep(FATES_PAUSE_S)
        except (Unavailable, TimeoutError) as error:
            log.warning("channel_log_unread", calls=len(gone), reason=str(error) or "too slow")
            self._ports.metrics.count("vss_bounds_reached_total", bound="channel_log")
        return fates

    def _ended_before(self, call: Call) -> None:
        """A call ended with an engine before us, which did not come to write what became of it."""
        self._story.ended_before(call)
        self._handover.ended_before(call.id)
        self._on_ended(call)

    def _on_ended(self, call: Call) -> None:
        self.dialing.release(call)
        self.flows.ended(call.id)
        self.callbacks.ended(call)
        if call.recording is not None and call.answered_at is not None:
            leg = FinishedLeg(call.id, call.recording, call.answered_at)
            self._recorded.add((self._calls.added, leg))

    def on_registration(self, slot: Slot, registered: bool, at: float) -> None:
        """A phone registered, or its registration was lost."""
        if self.switchboard.agent_or_none(slot) is not None:
            self.switchboard.tell_agent(slot, RegistrationChanged(registered, at))

    def _close_leftovers(self) -> None:
        """Attempts of an engine before us: their legs were swept, so what became of them is not known."""
        now = self._ports.clock.now()
        for lead in self._leftovers:
            self.flows.ended(CallId(lead.attempt))
            campaign = self.dialing.campaigns.get(lead.campaign)
            following = next_of(Outcome.UNKNOWN, lead.attempts, campaign.recall if campaign else {}, now)
            self._outcomes.add(_unknown(lead.attempt, now, following))
        if self._leftovers:
            log.warning("open_attempts_closed", attempts=len(self._leftovers))
        self._leftovers = []

    # --- health

    def _closed(self) -> str | None:
        """Why nothing may be dialed now."""
        if self._draining:
            return "the engine is stopping"
        if not self._ports.telephony.connected:
            return "Asterisk is away"
        if not self._level:
            return "the engine is not level with Asterisk"
        if self._ledgers.late:
            return "outcomes cannot be written"
        return None

    def _soundness(self) -> Soundness:
        """What a pacer must know of this engine's eyes and hands."""
        telephony = self._ports.telephony
        return Soundness(telephony.connected and self._level, not self._ledgers.late, telephony.news_age_s)

    def _kept_batches(self) -> Sequence[Batch[Any]]:
        return self._outcomes, self._opt_outs, self._calls, self._agents, self.runner.batch

    def _waiting(self) -> str:
        """How many outcomes PostgreSQL has not got yet, and where they are."""
        count, on_disk = len(self._outcomes), self._outcomes.on_disk
        return f"{count} outcomes wait on disk" if on_disk >= count else f"{count} outcomes wait, {on_disk} on disk"

    def _spool_state(self) -> PartState:
        fault = self._ports.spools.fault
        items = sum(batch.on_disk for batch in (*self._kept_batches(), self._recorded))
        detail = fault or (f"{items} items wait on disk" if items else "empty")
        if damaged := self._ports.spools.damaged:
            detail += f"; {damaged} damaged files were put aside"
        return PartState(fault is None, False, detail)

    def parts(self) -> dict[str, PartState]:
        """Every part by name."""
        ari = self._ports.telephony.connected
        store = not any(batch.failing for batch in self._kept_batches())
        closed = self._closed()
        return {
            "ari": PartState(ari, True, "connected" if ari else "no socket to Asterisk: nothing is originated"),
            "postgres": PartState(store, True, "writing" if store else self._waiting()),
            "spool": self._spool_state(),
            "dialing": PartState(closed is None, True, closed or "open"),
            **self._other_parts(),
        }

    # --- periodic

    async def _keep_live(self) -> None:
        while True:
            await asyncio.sleep(KEEP_LIVE_S)
            self._story.keep_live()
            for phase, count in self._story.phases.items():
                if phase is not Phase.ENDED:
                    self._ports.metrics.gauge("vss_live_calls", count, phase=phase)
            self._measure_agents()
            for name, part in self.parts().items():
                self._ports.metrics.gauge("vss_part_up", float(part.ok), part=name)

    def _measure_agents(self) -> None:
        agents = self.switchboard.agents()
        for state in type(agents[0].state) if agents else ():
            self._ports.metrics.gauge("vss_agents", sum(agent.state is state for agent in agents), state=state)
        for name, pool in self.switchboard.pools.items():
            self._ports.metrics.gauge("vss_waiting_calls", len(pool.queue), pool=name)

    async def _keep_pacing(self) -> None:
        """Every half minute: what pacers know, for the next engine."""
        while True:
            await asyncio.sleep(KEEP_PACING_S)
            await self._save_pacing()

    async def _save_pacing(self) -> None:
        """A failure costs what was learned since the last time; the account is counted again from the outcomes."""
        try:
            async with asyncio.timeout(SAVE_LIMIT_S):
                await self.desk.save()
            self.desk.forget(self._stopped)
            result = "saved"
        except (Unavailable, TimeoutError) as error:
            log.warning("pacing_not_saved", reason=str(error))
            result = "failed"
        except Exception:
            log.exception("pacing_not_saved")
            result = "failed"
        self._ports.metrics.count("vss_pacing_saves_total", result=result)

    def _stopped(self, campaign: CampaignId) -> bool:
        known = self.dialing.campaigns.get(campaign)
        return known is None or known.status is CampaignStatus.STOPPED

    async def _keep_messages(self) -> None:
        while True:
            await self.messages.keep(tuple(self.dialing.campaigns.values()))
            await asyncio.sleep(KEEP_MESSAGES_S)

    async def _show_calls(self) -> None:
        while True:
            await asyncio.sleep(SHOW_CALLS_S)
            self._story.show_calls()

    async def _show_stats(self) -> None:
        """Once a second: campaigns' numbers to the live pages."""
        while True:
            await asyncio.sleep(SHOW_STATS_S)
            try:
                overviews = await self.control.campaigns()
            except Unavailable:
                continue
            for overview in overviews:
                if overview.campaign.status is not CampaignStatus.DRAFT:
                    self._ports.feed.publish(_campaign_frame(overview))

    async def _finish_recordings(self, legs: Sequence[tuple[int, FinishedLeg]]) -> None:
        """A recording's row refers to its call's, which was queued before it and may still wait."""
        if max(place for place, _ in legs) > self._calls.written:
            raise Unavailable("postgres", "the rows of recorded calls are not written yet")
        await self._ports.recordings.finish([leg for _, leg in legs])

    async def _write_agents(self, items: Sequence[AgentFact | Disposition]) -> None:
        facts = [item for item in items if isinstance(item, AgentFact)]
        await self._ports.agents.record(facts, [item for item in items if isinstance(item, Disposition)])


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait for them, within a limit."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=ENDS_LIMIT_S)


def _tell_fault(task: asyncio.Task[None]) -> None:
    """A take-over that failed leaves an engine that knows nobody: it must not be silent, nor serve."""
    if not task.cancelled() and (fault := task.exception()) is not None:
        log.critical("take_over_failed", error=repr(fault), exc_info=fault)


def _under_way(call: Call) -> bool:
    """Whether somebody is about to meet somebody, or to hear what the law asks for, within seconds."""
    if call.phase in {Phase.DIALING, Phase.RINGING, Phase.ANSWERED, Phase.CONNECTING, Phase.HANGING_UP}:
        return True
    return call.kind is CallKind.CAMPAIGN and call.phase in {Phase.WAITING, Phase.ANNOUNCING}


@dataclass(frozen=True, slots=True)
class _Lines:
    """The trunks, for scripts: dialing owns them, and is made after what scripts need."""

    dialing: Callable[[], Dialing]
    otherwise: str | None

    def line(self, wanted: str | None) -> TrunkName | None:
        return self.dialing().line(wanted or self.otherwise)

    def take_channel(self, name: TrunkName) -> bool:
        return self.dialing().take_channel(name)

    def free_channel(self, name: TrunkName) -> None:
        self.dialing().free_channel(name)

    def caller_id_of(self, name: TrunkName) -> str:
        return self.dialing().caller_id_of(name)


def _unknown(attempt: AttemptId, at: float, following: LeadNext) -> OutcomeFact:
    return OutcomeFact(attempt, Outcome.UNKNOWN, 0, None, None, None, None, at, None, None, following)


def _campaign_frame(overview: Overview) -> LiveFrame:
    campaign, stats = overview.campaign, overview.stats
    data = {
        "campaign": {
            "id": campaign.id,
            "name": campaign.name,
            "status": campaign.status.value,
            "dial_mode": campaign.dial_mode.value,
            "pool": campaign.pool,
            "trunk": campaign.trunk,
        },
        "stats": {
            "leads": dict(stats.leads),
            "attempts": stats.attempts,
            "outcomes": dict(stats.outcomes),
            "dialing": stats.dialing,
            "waiting": stats.waiting,
            "talking": stats.talking,
            "pacing": stats.pacing,
        },
    }
    return LiveFrame("campaign", str(campaign.id), data)
