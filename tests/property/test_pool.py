"""A pool under any sequence of wishes, calls and losses: one call per agent, one agent per call, in order."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.agent.machine import (
    Agent,
    AgentEvent,
    AgentState,
    Connected,
    DoneAsked,
    LoginAsked,
    LogoutAsked,
    PauseAsked,
    ReadyAsked,
    RegistrationChanged,
    Released,
    SeatDeadlinePassed,
    SeatDigit,
    SeatEnded,
    SeatEntered,
    SeatFailed,
    SeatJoined,
)
from engine.agent.pool import Pool, PoolEffect, ToCall, Waiting, new_agent
from engine.call.commands import HangUp, Originate
from engine.call.events import AgentAssigned, AgentLost, HangUpAsked
from engine.errors import Rejected
from engine.ids import CallId, ChannelId, Slot

SLOTS = [Slot(7001), Slot(7002), Slot(7003)]
slots = st.sampled_from(SLOTS)
ON_CALL = {AgentState.RESERVED, AgentState.TALKING}
WITH_DEADLINE = {AgentState.CALLING, AgentState.WRAPPING}


class PoolUnderLoad(RuleBasedStateMachine):
    """The calls' side is played here: it takes what is assigned, and connects and releases as calls do."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.pool = Pool("sales")
        for slot in SLOTS:
            self.pool.agents[slot] = new_agent(slot, "sales", self.now)
        self.calls_made = 0
        self.assigned: dict[CallId, Slot] = {}
        self.legs: set[ChannelId] = set()

    # --- what happens

    @rule(slot=slots, ready=st.booleans())
    def logs_in(self, slot: Slot, ready: bool) -> None:
        self.tell(slot, LoginAsked(self.tick(), ready))

    @rule(slot=slots)
    def leg_comes(self, slot: Slot) -> None:
        if self.pool.agents[slot].state is AgentState.CALLING:
            self.tell(slot, SeatEntered(self.tick()))
            self.tell(slot, SeatJoined(self.tick()))

    @rule(
        slot=slots,
        what=st.sampled_from([ReadyAsked, DoneAsked, LogoutAsked, SeatEntered, SeatJoined]),
    )
    def asks(self, slot: Slot, what: type[ReadyAsked]) -> None:
        self.tell(slot, what(self.tick()))

    @rule(slot=slots)
    def pauses(self, slot: Slot) -> None:
        self.tell(slot, PauseAsked("tea", self.tick()))

    @rule(slot=slots, digit=st.sampled_from("1#*"))
    def presses(self, slot: Slot, digit: str) -> None:
        self.tell(slot, SeatDigit(digit, self.tick()))

    @rule(slot=slots, registered=st.booleans())
    def registers(self, slot: Slot, registered: bool) -> None:
        self.tell(slot, RegistrationChanged(registered, self.tick()))

    @rule(slot=slots, failed=st.booleans())
    def leg_goes(self, slot: Slot, failed: bool) -> None:
        agent = self.pool.agents[slot]
        if agent.channel is not None:
            if not failed:
                self.legs.discard(agent.channel)
            self.tell(slot, SeatFailed("broken", self.tick()) if failed else SeatEnded("gone", self.tick()))

    @rule(slot=slots)
    def time_passes(self, slot: Slot) -> None:
        agent = self.pool.agents[slot]
        if agent.deadline_at is not None:
            self.now = max(self.now, agent.deadline_at)
            self.tell(slot, SeatDeadlinePassed(self.tick()))

    @rule(priority=st.integers(0, 1), waited_s=st.sampled_from([0.0, 5.0]), slot=st.none() | slots)
    def call_waits(self, priority: int, waited_s: float, slot: Slot | None) -> None:
        self.calls_made += 1
        call = CallId(f"c{self.calls_made}")
        self.carry_out(self.pool.request(Waiting(priority, self.tick() - waited_s, call, slot), self.now))

    @precondition(lambda self: self.pool.queue)
    @rule(data=st.data())
    def caller_gives_up(self, data: st.DataObject) -> None:
        self.pool.cancel(data.draw(st.sampled_from(self.pool.queue)).call)

    @precondition(lambda self: self.assigned)
    @rule(data=st.data())
    def talk_begins(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(sorted(self.assigned)))
        self.tell(self.assigned[call], Connected(self.tick()))

    @precondition(lambda self: self.assigned)
    @rule(data=st.data(), wrap_up_s=st.sampled_from([0.0, 10.0]))
    def call_ends(self, data: st.DataObject, wrap_up_s: float) -> None:
        call = data.draw(st.sampled_from(sorted(self.assigned)))
        slot = self.assigned.pop(call)
        talked = self.pool.agents[slot].state is AgentState.TALKING
        self.tell(slot, Released(talked, wrap_up_s, self.tick()))

    # --- the calls' side

    def tick(self) -> float:
        self.now += 1.0
        return self.now

    def tell(self, slot: Slot, event: AgentEvent) -> None:
        try:
            effects = self.pool.handle(slot, event)
        except Rejected:
            return
        self.carry_out(effects)

    def carry_out(self, effects: list[PoolEffect]) -> None:
        changed: list[tuple[Agent, Agent]] = list(self.pool.changes)
        self.pool.changes.clear()
        reserved = [before for before, after in changed if after.state is AgentState.RESERVED and before.call is None]
        assert all(before.available for before in reserved), "an agent who was not available was reserved"
        for effect in effects:
            match effect:
                case ToCall(call, AgentAssigned(slot)):
                    self.take(call, slot)
                case ToCall(call, AgentLost()):
                    assert self.assigned.pop(call, None) is not None, "a call lost an agent it did not have"
                case ToCall(call, HangUpAsked()):
                    assert call in self.assigned
                case Originate(channel):
                    self.legs.add(channel)
                case HangUp(channel):
                    self.legs.discard(channel)
                case _:
                    pass

    def take(self, call: CallId, slot: Slot) -> None:
        assert call not in self.assigned, "a call was assigned twice"
        assert slot not in self.assigned.values(), "an agent was given two calls"
        self.assigned[call] = slot

    # --- what must hold

    @invariant()
    def agents_and_calls_agree(self) -> None:
        on_call = {agent.call: agent.slot for agent in self.pool.agents.values() if agent.call is not None}
        assert on_call == self.assigned
        for agent in self.pool.agents.values():
            assert (agent.call is not None) == (agent.state in ON_CALL)

    @invariant()
    def nobody_waits_whom_an_agent_could_take(self) -> None:
        free = {agent.slot for agent in self.pool.agents.values() if agent.available}
        assert not any(free if waiting.slot is None else waiting.slot in free for waiting in self.pool.queue)

    @invariant()
    def queue_is_in_order_and_holds_each_call_once(self) -> None:
        assert self.pool.queue == sorted(self.pool.queue)
        names = [waiting.call for waiting in self.pool.queue]
        assert len(set(names)) == len(names)
        assert not set(names) & self.assigned.keys()

    @invariant()
    def every_leg_belongs_to_an_agent(self) -> None:
        assert self.legs == {agent.channel for agent in self.pool.agents.values() if agent.channel is not None}

    @invariant()
    def states_that_end_by_themselves_have_a_deadline_and_others_none(self) -> None:
        for agent in self.pool.agents.values():
            assert (agent.deadline_at is not None) == (agent.state in WITH_DEADLINE)


PoolUnderLoad.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestPoolUnderLoad = PoolUnderLoad.TestCase


def test_calls_are_served_in_the_queues_order_whoever_asks_first() -> None:
    pool = Pool("sales")
    waiting = [
        Waiting(priority, since, CallId(f"{priority}-{since}")) for priority in (1, 0) for since in (3.0, 1.0, 2.0)
    ]
    for each in waiting:
        assert pool.request(each, 10.0) == []
    served: list[CallId] = []
    for n in range(len(waiting)):
        slot = Slot(7001 + n)
        pool.agents[slot] = new_agent(slot, "sales", 0.0)
        for event in (LoginAsked(11.0, ready=True), SeatEntered(12.0), SeatJoined(13.0)):
            served += [
                effect.call
                for effect in pool.handle(slot, event)
                if isinstance(effect, ToCall) and isinstance(effect.event, AgentAssigned)
            ]
    assert served == [each.call for each in sorted(waiting)]
