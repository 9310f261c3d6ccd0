"""What pacers are told: each step of a call or an agent is the right news, once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.agent.machine import Agent, AgentState
from engine.call.commands import Originate
from engine.call.events import (
    AgentAssigned,
    AgentLost,
    CallEvent,
    DeadlinePassed,
    HangUpAsked,
    LegAnswered,
    LegEnded,
    LegEntered,
    LegJoined,
    LegRinging,
)
from engine.call.machine import start_outbound, step
from engine.call.model import Call, CallKind, CallPolicy, Phase, Seat
from engine.dialer.campaign import AnswerAction
from engine.dialer.observation import (
    AgentGone,
    AgentReady,
    AgentTalking,
    AgentWrapping,
    CallAbandoned,
    CallAnswered,
    CallFailed,
    CallLaunched,
    CallLive,
    CallRinging,
    CustomerGone,
    Observation,
)
from engine.ids import AttemptId, BridgeId, CallId, CampaignId, ChannelId, Slot
from engine.revision import revised
from engine.runtime import news

ID, CUSTOMER = CallId("c1"), ChannelId("c1")
AGENT, BRIDGE, SLOT = ChannelId("seat-7001-1"), BridgeId("seat-7001-1-bridge"), Slot(7001)
POLICY = CallPolicy(AnswerAction.AGENT, "sales", 2.0, 30.0, 3600.0, 25, ("sound:identity",))
DIAL = Originate(CUSTOMER, "PJSIP/1@t", "vss-customer", "s", "1", 25)
RINGS = LegRinging(CUSTOMER, 1.0)
ANSWERS = LegAnswered(CUSTOMER, 5.0)
ENTERS = LegEntered(CUSTOMER, ("customer",), "", "", 5.01)
ASSIGNED = AgentAssigned(SLOT, AGENT, BRIDGE, 5.02)
JOINS = LegJoined(CUSTOMER, BRIDGE, 5.03)
WAITED = DeadlinePassed(6.75)


def dialed(**changes: object) -> Call:
    call = Call(
        ID, CallKind.CAMPAIGN, Phase.DIALING, "+1", POLICY, 0.0, attempt=AttemptId("c1"), campaign=CampaignId(1)
    )
    return revised(start_outbound(call, DIAL)[0], **changes)  # type: ignore[arg-type]


def told(call: Call, *events: CallEvent) -> list[Observation]:
    found: list[Observation] = []
    for event in events:
        after, _ = step(call, event)
        found.extend(news.of_call(call, after, event.at))
        call = after
    return found


def ends(at: float, cause: int = 16, sip_code: int | None = 200) -> LegEnded:
    return LegEnded(CUSTOMER, cause, sip_code, at)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([RINGS, ANSWERS], [CallRinging(1.0, ID), CallAnswered(5.0, ID)]),
        ([ENTERS, ASSIGNED, JOINS, ends(60.0)], [CallLive(5.01, ID), AgentTalking(5.03, "7001", ID)]),
        (
            [ENTERS, ASSIGNED, LegJoined(CUSTOMER, BRIDGE, 7.02), ends(60.0)],
            [CallLive(5.01, ID), CallAbandoned(7.02, ID)],
        ),
        ([ENTERS, WAITED, ends(12.0)], [CallLive(5.01, ID), CallAbandoned(6.75, ID)]),
        ([ENTERS, ends(6.0)], [CallLive(5.01, ID), CustomerGone(6.0, ID)]),
        ([ANSWERS, ends(5.005)], [CallAnswered(5.0, ID), CustomerGone(5.005, ID)]),
        ([ENTERS, HangUpAsked("operator", 6.0), ends(6.1)], [CallLive(5.01, ID), CallAbandoned(6.0, ID)]),
        ([RINGS, ends(20.0, 17, 486)], [CallRinging(1.0, ID), CallFailed(20.0, ID)]),
        ([ends(20.0, 0, None)], [CallFailed(20.0, ID, cancelled=True)]),
        ([HangUpAsked("engine", 17.0), ends(17.1)], [CallFailed(17.0, ID, cancelled=True)]),
        (
            [HangUpAsked("engine", 4.99), ANSWERS, ENTERS, ends(5.1)],
            [CallFailed(4.99, ID, cancelled=True), CallLaunched(5.0, ID), CallAbandoned(5.0, ID)],
        ),
        (
            [ENTERS, ASSIGNED, AgentLost(SLOT, 5.5), WAITED],
            [CallLive(5.01, ID), CallAbandoned(6.75, ID)],
        ),
        ([ENTERS, ASSIGNED, ends(5.5)], [CallLive(5.01, ID), CustomerGone(5.5, ID)]),
    ],
)
def test_steps_of_a_dialed_call_are_news_once(events: list[CallEvent], expected: list[Observation]) -> None:
    assert told(dialed(), *events) == expected


def test_only_calls_that_take_an_agent_from_others_are_news() -> None:
    assert news.takes_agent(dialed())
    assert not news.takes_agent(dialed(policy=replace(POLICY, answer_action=AnswerAction.MESSAGE)))
    assert not news.takes_agent(dialed(kind=CallKind.MANUAL, seat=Seat(SLOT, AGENT, BRIDGE)))
    caller = dialed(kind=CallKind.INBOUND, campaign=None, attempt=None)
    assert news.takes_agent(caller)
    assert not news.takes_agent(revised(caller, policy=replace(POLICY, slot=SLOT)))


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (Phase.DIALING, (CallLaunched(9.0, ID),)),
        (Phase.RINGING, (CallLaunched(9.0, ID), CallRinging(9.0, ID))),
        (Phase.ANSWERED, (CallLaunched(9.0, ID), CallAnswered(9.0, ID))),
        (Phase.WAITING, (CallLive(9.0, ID),)),
        (Phase.CONNECTING, (CallLive(9.0, ID),)),
        (Phase.TALKING, ()),
        (Phase.ANNOUNCING, ()),
        (Phase.HANGING_UP, ()),
    ],
)
def test_call_under_way_is_told_as_far_as_it_has_come(phase: Phase, expected: tuple[Observation, ...]) -> None:
    assert news.so_far(dialed(phase=phase), 9.0) == expected


@pytest.mark.parametrize(
    ("state", "changes", "expected"),
    [
        (AgentState.READY, {}, AgentReady(9.0, "7001")),
        (AgentState.RESERVED, {}, AgentTalking(9.0, "7001")),
        (AgentState.TALKING, {}, AgentTalking(9.0, "7001")),
        (AgentState.WRAPPING, {}, AgentWrapping(9.0, "7001")),
        (AgentState.PAUSED, {}, AgentGone(9.0, "7001")),
        (AgentState.CALLING, {}, AgentGone(9.0, "7001")),
        (AgentState.OFFLINE, {}, AgentGone(9.0, "7001")),
        (AgentState.READY, {"registered": False}, AgentGone(9.0, "7001")),
        (AgentState.TALKING, {"pending": AgentState.PAUSED}, AgentGone(9.0, "7001")),
        (AgentState.WRAPPING, {"pending": AgentState.OFFLINE}, AgentGone(9.0, "7001")),
    ],
)
def test_agent_who_leaves_or_asks_to_is_no_supply(
    state: AgentState, changes: dict[str, object], expected: object
) -> None:
    agent = revised(Agent(SLOT, "sales", state, 1.0, registered=True), **changes)  # type: ignore[arg-type]
    assert news.of_agent(agent, 9.0) == expected
