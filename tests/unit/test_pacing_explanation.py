"""Why a campaign dials what it dials, for people: each constraint says what it would take to dial more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.agent.machine import Agent, AgentState
from engine.agent.pool import Pool
from engine.dialer.campaign import AnswerAction, Campaign, CampaignStatus, DialMode
from engine.dialer.pacer import Explanation, PacingDecision
from engine.ids import CampaignId, Slot, TrunkName
from engine.runtime.bounds import UNSHARED_AGE_S, Bounds, Soundness
from engine.runtime.explanation import CrewNow, Definition, Held, Noted, explain, needs_of
from engine.trunk.capacity import Capacity

CAMPAIGN = Campaign(
    CampaignId(1), "c", CampaignStatus.RUNNING, DialMode.PREDICTIVE, AnswerAction.AGENT, "sales", TrunkName("carrier"),
    "", 25, 2.0, 15.0, 3600.0, 40, ("sound:identity",),
)  # fmt: skip
WHY = Explanation(
    at=10.0, policy="lookahead", binding="theta", idle=0, talking=18, wrapping=2, launched=9, detecting=0, waiting=0,
    free_in_10_s=1.6, answers_expected=2.2, chance=0.031, theta=0.02, answered=500, abandoned=15, wanted=6,
    answers_owed=212,
)  # fmt: skip
BOUNDS = Bounds.of(
    CAMPAIGN, Capacity(10.0, 30, tokens=1.0, channels=26), 32, soundness=Soundness(), message_armed=True, leads=100,
    shared=True,
)  # fmt: skip
CREW = CrewNow(idle=0, busy=20, away=1)
HELD = Held(Soundness(), None, True, Definition("us-ftc", 1), None)


@pytest.mark.parametrize(
    ("binding", "need"),
    [
        ("agents", "agents: all 20 are busy, the next is free in about 6 s"),
        ("channels", "trunk: 2 more channels of trunk carrier (all 30 are in use)"),
        ("lines_max", "lines_max: 1 more line than the campaign's 40"),
        ("calls_per_second", "calls per second: 5 more calls over trunk carrier: 10 a second is its limit"),
        ("budget", "budget: 212 more live answers met by agents until theta is above its least"),
        ("leads", "leads: more that are due, within their calling window"),
        ("no_message", "message: identity_text or message, so that nobody is left in silence"),
        ("unshared_state", "Redis: cells agreeing on the trunk's calls per second"),
    ],
)
def test_each_constraint_says_what_it_would_take(binding: str, need: str) -> None:
    bounds = replace(BOUNDS, lines_free=5) if binding == "lines_max" else BOUNDS
    assert needs_of(CAMPAIGN, binding, WHY, bounds, CREW) == (need,)


def test_theta_names_the_agents_and_the_chance() -> None:
    assert needs_of(CAMPAIGN, "theta", WHY, BOUNDS, CREW) == (
        "agents: all 20 are busy, the next is free in about 6 s",
        "budget: one more call would end abandoned with 0.0310; theta allows 0.0200",
    )


def test_nobody_seated_says_so() -> None:
    (need,) = needs_of(CAMPAIGN, "agents", WHY, BOUNDS, CrewNow(0, 0, 3))
    assert need == "agents: any who are ready (3 seated, but paused or without a phone)"


def test_limits_tell_lines_from_channels_and_doubt_about_news_from_doubt_about_cells() -> None:
    assert BOUNDS.limits().channels == 4
    assert BOUNDS.named("channels") == "channels"
    assert replace(BOUNDS, lines_free=3).named("channels") == "lines_max"
    alone = replace(BOUNDS, shared=False)
    assert alone.limits().state_age_s == UNSHARED_AGE_S
    assert alone.named("stale_state") == "unshared_state"
    assert BOUNDS.named("stale_state") == "stale_state"


@pytest.mark.parametrize(
    ("held", "status", "binding"),
    [
        (HELD, CampaignStatus.PAUSED, "status"),
        (replace(HELD, closed="Asterisk is away", soundness=Soundness(telephony_up=False)), None, "telephony"),
        (replace(HELD, closed="late", soundness=Soundness(ledger_writable=False)), None, "ledger"),
        (replace(HELD, closed="the engine is stopping"), None, "stopping"),
        (HELD, None, "theta"),
    ],
)
def test_what_holds_now_goes_before_what_was_decided(held: Held, status: CampaignStatus | None, binding: str) -> None:
    campaign = replace(CAMPAIGN, status=status or CampaignStatus.RUNNING)
    last = Noted(10.0, 2, 0, "theta", "launch 2: ...; bound by theta")
    told = explain(campaign, last, [last], PacingDecision(2, 0, WHY), None, BOUNDS, CREW, held)
    assert told.binding == binding
    assert told.line.endswith(f"bound by {binding}")
    assert told.inputs["chance"] == 0.031
    assert told.limits["channels_free"] == 4
    assert told.limits["telephony_up"] is held.soundness.telephony_up


def test_crew_is_counted_by_what_agents_could_do() -> None:
    states = {7001: AgentState.READY, 7002: AgentState.TALKING, 7003: AgentState.PAUSED, 7004: AgentState.OFFLINE}
    agents = {Slot(slot): Agent(Slot(slot), "sales", state, 0.0, registered=True) for slot, state in states.items()}
    assert CrewNow.of(Pool("sales", agents)) == CrewNow(idle=1, busy=1, away=1)
    assert CrewNow.of(None) == CrewNow(0, 0, 0)
