"""The switchboard: takes an event, steps the machine it belongs to, carries out the commands.

It runs to completion: an event and everything it leads to inside the engine is done before the next event is looked
at, without an await. So each call has one writer, an agent is never reserved twice, and the way from an answer to the
join command waits for nothing. What must be durable before it happens (the attempt's row) is committed before a call
comes here; outcomes and the journal go to batches that are committed in groups (docs/ARCHITECTURE.md).

A fault inside a step ends that call, with the outcome `engine_error`, and never the process.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from typing import Protocol

import structlog

from engine.agent.machine import (
    Agent,
    AgentEvent,
    Connected,
    Decided,
    KeepDisposition,
    Released,
    Reserved,
    SeatDeadlinePassed,
    SeatFailed,
)
from engine.agent.pool import Pool, PoolEffect, ToCall, Waiting
from engine.call.commands import (
    CancelRequest,
    Command,
    CreateBridge,
    HangUp,
    Join,
    MarkDecided,
    MarkTalking,
    Originate,
    Play,
    RecordOptOut,
    RecordOutcome,
    ReleaseAgent,
    RequestAgent,
    TelephonyCommand,
)
from engine.call.events import CallEvent, CommandFailed, DeadlinePassed, Failure, ScriptTakes
from engine.call.machine import start_inbound, start_outbound, start_preview, start_scripted, step
from engine.call.model import Call, Phase, Seat
from engine.clock import Clock
from engine.dialer.campaign import AnswerAction
from engine.errors import NotFound
from engine.ids import CallId, CampaignId, PlaybackId, Slot, seat_slot
from engine.outcome.disposition import Outcome
from engine.ports import Disposition, Metrics, Telephony
from engine.revision import revised

from .deadlines import Deadlines
from .story import Story

log = structlog.get_logger()

EVENTS_PER_TURN_MAX = 10_000
"""More than this from one event is a loop of ours: the rest is dropped, loudly."""

LEAD_CUE = ("sound:beep",)
"""What an agent hears when a lead is shown: their eyes may be elsewhere. The music goes on under it."""

IN_FLIGHT = frozenset({Phase.DIALING, Phase.RINGING, Phase.ANSWERED})


class Witness(Protocol):
    """Sees every step after its commands were sent, at the event's time; returns at once."""

    def call_began(self, call: Call, at: float) -> None: ...

    def call_stepped(self, before: Call, after: Call, at: float) -> None: ...

    def agent_changed(self, agent: Agent, at: float) -> None: ...


class Scripts(Protocol):
    """Scripts that have calls; all return at once."""

    def heard(self, before: Call, event: CallEvent, after: Call) -> None:
        """A call that a script has, or had before the event, took a step."""
        ...

    def entered(self, call: Call) -> None:
        """A dialed call that is pinned to a script reached its person."""
        ...

    def before_join(self, call: Call) -> None:
        """The call's leg goes into a bridge: whatever it hears by itself must stop first, or the join waits for it."""
        ...


class Switchboard:
    """Owns every live call and every pool; all its methods run on the loop's thread and return at once."""

    def __init__(self, telephony: Telephony, clock: Clock, metrics: Metrics, story: Story, witness: Witness) -> None:
        self.calls: dict[CallId, Call] = {}
        self.pools: dict[str, Pool] = {}
        self._pool_of: dict[Slot, Pool] = {}
        self.in_flight: dict[CampaignId, int] = {}
        self.pool_in_flight: dict[str, int] = {}
        self.on_idle: Callable[[], None] = lambda: None
        """Called when a line or an agent became free."""
        self.on_ended: Callable[[Call], None] = lambda call: None
        self.scripts: Scripts | None = None
        self._telephony = telephony
        self._clock = clock
        self._metrics = metrics
        self._story = story
        self._witness = witness
        self._deadlines = Deadlines(clock, self._deadline_passed)
        self._turn: deque[tuple[CallId, CallEvent]] = deque()
        self._turning = False

    # --- agents

    def add_agent(self, agent: Agent) -> None:
        """Make a seat known."""
        pool = self.pools.setdefault(agent.pool, Pool(agent.pool))
        pool.agents[agent.slot] = agent
        self._pool_of[agent.slot] = pool

    def agent(self, slot: Slot) -> Agent:
        """The agent at `slot`; raises NotFound."""
        return self._pool(slot).agent(slot)

    def agent_or_none(self, slot: Slot) -> Agent | None:
        """The agent at `slot`, or None."""
        pool = self._pool_of.get(slot)
        return None if pool is None else pool.agents.get(slot)

    def agents(self) -> list[Agent]:
        """Every agent, by slot."""
        return sorted((agent for pool in self.pools.values() for agent in pool.agents.values()), key=lambda a: a.slot)

    def tell_agent(self, slot: Slot, event: AgentEvent) -> Agent:
        """Step an agent. Raises Rejected for a wish that its state does not allow, NotFound for an unknown slot."""
        pool = self._pool(slot)
        self._pool_effects(pool, pool.handle(slot, event))
        self._run_turn()
        return pool.agent(slot)

    # --- calls

    def dial(self, call: Call, originate: Originate) -> None:
        """Begin a call that the engine dials; its attempt, if any, is committed.

        Raises Rejected when the agent who asked for the call has one already.
        """
        if call.seat is not None:
            self.tell_agent(call.seat.slot, Reserved(call.id, call.created_at))
        self._took_off(call)
        self._begin(*start_outbound(call, originate))

    def shown(self, campaign: CampaignId) -> int:
        """How many leads of a campaign are shown to agents now."""
        return sum(call.phase is Phase.PREVIEWING and call.campaign == campaign for call in self.calls.values())

    def show(self, call: Call, limit_s: float) -> bool:
        """Show the call's lead to the agent of its pool who is idle longest; its attempt is committed.

        False when no agent is idle (any more): then nothing was done.
        """
        agent = self._named_pool(call.policy.pool).longest_idle()
        if agent is None or agent.channel is None or agent.bridge is None:
            return False
        self.tell_agent(agent.slot, Reserved(call.id, call.created_at))
        seat = Seat(agent.slot, agent.channel, agent.bridge)
        self._begin(*start_preview(revised(call, seat=seat, seat_held=True), limit_s))
        self.perform(Play(seat.channel, PlaybackId(f"{call.id}-cue"), LEAD_CUE))
        return True

    def receive(self, call: Call) -> None:
        """Begin an inbound call whose channel is in the application."""
        self._begin(*start_inbound(call))

    def receive_for_script(self, call: Call) -> None:
        """Begin an inbound call that a script serves; its channel is in the application."""
        self._begin(*start_scripted(call))

    def adopt(self, call: Call) -> None:
        """Take over a call of an engine before us, as it stood; what it asks for is told by `resume`."""
        self.calls[call.id] = call
        self._story.began(call, adopted_at=self._clock.now())
        self._deadlines.arm(call.id, call.deadline_at)
        if call.phase in IN_FLIGHT:
            self._count_in_flight(call)
        self._witness.call_began(call, self._clock.now())

    def adopt_agent(self, agent: Agent) -> None:
        """Take over an agent of an engine before us, as they stood."""
        self.add_agent(agent)
        self._deadlines.arm(agent.slot, agent.deadline_at)
        self._witness.agent_changed(agent, self._clock.now())

    def resume(self, call: CallId, commands: tuple[Command, ...], events: tuple[CallEvent, ...]) -> None:
        """Bring a call that was taken over level, and repeat its commands."""
        for event in events:
            self.post(call, event)
        if commands and (known := self.calls.get(call)) is not None:
            self._execute(known, commands)
            self._run_turn()

    def now(self) -> float:
        """The cell's time (epoch seconds)."""
        return self._clock.now()

    def post(self, call: CallId, event: CallEvent) -> bool:
        """Carry an event to its call; False when there is no such call (any more)."""
        if call not in self.calls:
            return False
        self._turn.append((call, event))
        self._run_turn()
        return True

    def perform(self, command: TelephonyCommand, failed: Callable[[CommandFailed], None] | None = None) -> None:
        """Carry out a command that no call waits for; without `failed` a failure is only logged."""
        self._send(command, failed or self._unowned_failed)

    def close(self) -> None:
        """Forget all deadlines: the process ends."""
        self._deadlines.close()

    # --- the turn

    def _begin(self, call: Call, commands: tuple[Command, ...]) -> None:
        self._metrics.count("vss_calls_total", kind=call.kind)
        self.calls[call.id] = call
        self._story.began(call)
        self._deadlines.arm(call.id, call.deadline_at)
        self._execute(call, commands)
        self._witness.call_began(call, call.created_at)
        self._run_turn()

    def _run_turn(self) -> None:
        if self._turning:
            return
        self._turning = True
        try:
            steps = 0
            while self._turn:
                steps += 1
                if steps > EVENTS_PER_TURN_MAX:
                    self._metrics.count("vss_bounds_reached_total", bound="turn")
                    log.error("turn_never_ends", dropped=len(self._turn))
                    self._turn.clear()
                    break
                self._step(*self._turn.popleft())
        finally:
            self._turning = False

    def _step(self, call_id: CallId, event: CallEvent) -> None:
        before = self.calls.get(call_id)
        if before is None:
            return
        try:
            after, commands = step(before, event)
        except Exception:
            self._fault(before, event)
            return
        self._apply(before, event, after, commands)

    def _apply(self, before: Call, event: CallEvent, after: Call, commands: tuple[Command, ...]) -> None:
        if after is not before:
            self.calls[after.id] = after
            if after.deadline_at != before.deadline_at:
                self._deadlines.arm(after.id, after.deadline_at)
            if before.phase in IN_FLIGHT and after.phase not in IN_FLIGHT:
                self._landed(before)
            elif before.phase is Phase.PREVIEWING and after.phase in IN_FLIGHT:
                self._took_off(after)
        self._story.stepped(before, event, after)
        self._execute(after, commands)
        if after is not before:
            self._witness.call_stepped(before, after, event.at)
        if self.scripts is not None and (before.scripted or after.scripted):
            if before.scripted or isinstance(event, ScriptTakes):
                self.scripts.heard(before, event, after)
            else:
                self.scripts.entered(after)
        if after.phase is Phase.ENDED:
            self._ended(after)

    def _fault(self, call: Call, event: CallEvent) -> None:
        """A bug of ours met this call: end it, give back the agent who counts on it, and keep its story."""
        log.exception("call_fault", call=call.id, phase=call.phase, fact=type(event).__name__)
        self._metrics.count("vss_call_faults_total", kind=type(event).__name__)
        now = self._clock.now()
        after = revised(
            call, phase=Phase.ENDED, ended_at=now, deadline_at=None, outcome=Outcome.ENGINE_ERROR, hangup_by="engine",
            seat_held=False,
        )  # fmt: skip
        commands: list[Command] = [HangUp(call.channel), CancelRequest(call.id, call.policy.pool)]
        for agent in self.agents():
            if agent.call == call.id:
                commands.append(ReleaseAgent(call.id, agent.slot, call.bridged_at is not None, call.policy.wrap_up_s))
        if call.attempt is not None:
            commands.append(RecordOutcome(call.attempt))
        self._apply(call, event, after, tuple(commands))

    def _ended(self, call: Call) -> None:
        self.calls.pop(call.id, None)
        self._deadlines.arm(call.id, None)
        self.on_ended(call)
        self.on_idle()

    def _took_off(self, call: Call) -> None:
        """The call is being dialed: it is in flight from here on."""
        self._count_in_flight(call)
        self._metrics.count("vss_originates_total", trunk=call.trunk or "none")

    def _count_in_flight(self, call: Call) -> None:
        pool = call.policy.pool
        if _will_ask_for_agent(call):
            self.pool_in_flight[pool] = self.pool_in_flight.get(pool, 0) + 1
        if call.campaign is not None:
            self.in_flight[call.campaign] = self.in_flight.get(call.campaign, 0) + 1

    def _landed(self, call: Call) -> None:
        """The attempt is no longer in flight: answered into the application, or over."""
        if _will_ask_for_agent(call):
            self.pool_in_flight[call.policy.pool] -= 1
        if call.campaign is not None:
            self.in_flight[call.campaign] -= 1

    # --- commands

    def _execute(self, call: Call, commands: tuple[Command, ...]) -> None:
        for command in commands:
            match command:
                case RequestAgent(call_id, pool, priority, since, slot):
                    self._request(pool, Waiting(priority, since, call_id, slot))
                case CancelRequest(call_id, pool):
                    if pool in self.pools:
                        self.pools[pool].cancel(call_id)
                case MarkTalking(_, slot):
                    self._tell_agent_of(call, slot, Connected(self._clock.now()))
                case MarkDecided(_, slot):
                    self._tell_agent_of(call, slot, Decided(self._clock.now()))
                case ReleaseAgent(_, slot, talked, wrap_up_s, unattended):
                    self._tell_agent_of(call, slot, Released(talked, wrap_up_s, self._clock.now(), unattended))
                case RecordOutcome():
                    self._story.concluded(call)
                case RecordOptOut():
                    self._story.opted_out(call)
                case _:
                    if isinstance(command, Join) and call.scripted and self.scripts is not None:
                        self.scripts.before_join(call)
                    self._send(command, self._failed_for(call.id))

    def _send(self, command: TelephonyCommand, failed: Callable[[CommandFailed], None]) -> None:
        """A command that cannot even be written fails alone; what else the step asked for is still done."""
        try:
            self._telephony.perform(command, failed)
        except Exception as fault:
            log.exception("command_fault", command=repr(command))
            self._metrics.count("vss_call_faults_total", kind="telephony")
            failure = CommandFailed(command, Failure.REFUSED, repr(fault), self._clock.now())
            asyncio.get_running_loop().call_soon(failed, failure)

    def _failed_for(self, call: CallId) -> Callable[[CommandFailed], None]:
        return lambda failure: None if self.post(call, failure) else self._unowned_failed(failure)

    def _unowned_failed(self, failure: CommandFailed) -> None:
        """A command for a seat that was not carried out takes the agent offline; others are only logged.

        A person whom nobody knows and to whom nothing can be played is not left in silence.
        """
        command = failure.command
        if isinstance(command, Play) and seat_slot(command.channel) is None:
            self.perform(HangUp(command.channel))
        if isinstance(command, Originate | CreateBridge | Join) and (slot := self._seated(command)) is not None:
            unknown = isinstance(command, Originate) and failure.failure is Failure.REFUSED
            reason = "the phone is not registered" if unknown else f"the phone could not be called: {failure.detail}"
            self.tell_agent(slot, SeatFailed(reason, failure.at))
        log.info("command_failed", command=repr(failure.command), failure=failure.failure.value, detail=failure.detail)

    def _seated(self, command: Originate | CreateBridge | Join) -> Slot | None:
        """The agent whose present leg or bridge the command names."""
        name = command.bridge if isinstance(command, CreateBridge) else command.channel
        slot = seat_slot(name)
        agent = None if slot is None else self.agent_or_none(slot)
        return slot if agent is not None and name in {agent.channel, agent.bridge} else None

    def _request(self, name: str, waiting: Waiting) -> None:
        pool = self._named_pool(name)
        self._pool_effects(pool, pool.request(waiting, self._clock.now()))

    def _tell_agent_of(self, call: Call, slot: Slot, event: AgentEvent) -> None:
        """Tell an agent of its call, unless it serves another one by now."""
        pool = self._pool(slot)
        if pool.agent(slot).call != call.id:
            return
        self._pool_effects(pool, pool.handle(slot, event))

    def _pool_effects(self, pool: Pool, effects: list[PoolEffect]) -> None:
        now = self._clock.now()
        for before, after in pool.changes:
            self._deadlines.arm(after.slot, after.deadline_at)
            self._story.agent_changed(before, after)
            self._witness.agent_changed(after, now)
            if after.available:
                self.on_idle()
        pool.changes.clear()
        for effect in effects:
            match effect:
                case ToCall(call, event):
                    self._turn.append((call, event))
                case KeepDisposition(slot, call, code):
                    self._story.disposed(Disposition(call, slot, code, "", self._clock.now()), "phone")
                case _:
                    self._send(effect, self._unowned_failed)

    def _deadline_passed(self, owner: Hashable) -> None:
        now = self._clock.now()
        if isinstance(owner, int):
            self.tell_agent(Slot(owner), SeatDeadlinePassed(now))
        else:
            self.post(CallId(str(owner)), DeadlinePassed(now))

    def _pool(self, slot: Slot) -> Pool:
        try:
            return self._pool_of[slot]
        except KeyError:
            raise NotFound("no_such_slot", f"there is no slot {slot}") from None

    def _named_pool(self, name: str) -> Pool:
        return self.pools.setdefault(name, Pool(name))


def _will_ask_for_agent(call: Call) -> bool:
    """Whether an attempt in flight needs one of the pool's idle agents when it is answered."""
    return call.seat is None and call.policy.answer_action is AnswerAction.AGENT
