"""Sharing a pool, rule by rule: whose talk it is, inbound callers, the floor, brakes, policies, a new start."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.dialer.budget import SettledAnswer
from engine.dialer.member import parsed_policy
from engine.dialer.observation import (
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
)
from engine.dialer.pacer import PacerConfig, PacingLimits
from engine.dialer.shared import SharedPacers
from engine.errors import ConfigError

FREE = PacingLimits()
CONFIG = PacerConfig(small_team=False)


def pool_of(*policies: str, agents: int = 10, at: float = 0.0) -> SharedPacers:
    """Campaigns a, b, .. with these policies."""
    pool = SharedPacers()
    for key, policy in zip("abc", policies, strict=False):
        pool.add(key, CONFIG, policy=policy)
    for number in range(agents):
        pool.observe(AgentReady(at, f"agent-{number}"))
    return pool


def launches(pool: SharedPacers, now: float, **limits: PacingLimits) -> dict[str, int]:
    return {key: found.launch for key, found in pool.decide(now, limits).items()}


def spend(pool: SharedPacers, campaign: str, at: float = 0.0) -> None:
    """Twelve people answer and nobody is there."""
    for number in range(12):
        pool.observe(CallLaunched(at, f"lost-{campaign}-{number}"), campaign)
        pool.observe(CallLive(at, f"lost-{campaign}-{number}"), campaign)
        pool.observe(CallAbandoned(at, f"lost-{campaign}-{number}"), campaign)


def experience(pool: SharedPacers, campaign: str, until: float = 200.0) -> None:
    """Two hundred calls, one in four answered after 8 s by a person whom somebody has time for."""
    for number in range(int(until)):
        at, call = float(number), f"past-{campaign}-{number}"
        pool.observe(CallLaunched(at, call), campaign)
        earlier = f"past-{campaign}-{number - 8}"
        if number >= 8 and number % 4:
            pool.observe(CallFailed(at, earlier), campaign)
        elif number >= 8:
            pool.observe(CallAnswered(at, earlier), campaign)
            pool.observe(CallLive(at, earlier), campaign)
            pool.observe(AgentTalking(at, "agent-0", earlier))
            pool.observe(AgentReady(at, "agent-0"))
    for number in range(int(until) - 8, int(until)):
        pool.observe(CallFailed(until, f"past-{campaign}-{number}"), campaign)


def test_an_agents_talk_settles_the_ledger_of_the_campaign_whose_call_it_is() -> None:
    pool = pool_of("lookahead", "lookahead")
    for key in ("a", "b"):
        pool.observe(CallLaunched(1.0, f"{key}-1"), key)
        pool.observe(CallLive(5.0, f"{key}-1"), key)
    pool.observe(AgentTalking(5.0, "agent-0", "b-1"))
    pool.observe(CallAbandoned(6.0, "a-1"), "a")
    assert [(pool.ledger(key).answered, pool.ledger(key).abandoned) for key in ("a", "b")] == [(1, 1), (1, 0)]
    why = pool.decide(6.0, {"a": FREE})["a"].why
    assert (why.idle, why.talking) == (9, 1)


def test_inbound_callers_are_demand_for_every_campaign_and_nobodys_answer() -> None:
    pool = pool_of("lookahead", "lookahead", agents=3)
    for number in range(3):
        pool.observe(CallLive(1.0, f"inbound-{number}"))
    assert sum(launches(pool, 1.0, a=FREE, b=FREE).values()) == 0
    pool.observe(AgentTalking(2.0, "agent-0", "inbound-0"))
    pool.observe(CustomerGone(2.0, "inbound-1"))
    decided = pool.decide(2.0, {"a": FREE, "b": FREE})
    assert decided["a"].why.waiting == 1
    assert sum(found.launch for found in decided.values()) == 1
    assert pool.ledger("a").answered == pool.ledger("b").answered == 0
    pool.observe(CallFailed(3.0, "inbound-2"))
    assert pool.decide(3.0, {"a": FREE})["a"].why.waiting == 0


def test_floor_lines_are_one_for_each_idle_agent_of_the_pool_not_of_each_campaign() -> None:
    pool = pool_of("lookahead", "progressive", "power:1", agents=10)
    assert sum(launches(pool, 0.0, a=FREE, b=FREE, c=FREE).values()) == 10
    pool.observe(CallLaunched(0.0, "a-1"), "a")
    pool.observe(CallLaunched(0.0, "b-1"), "b")
    assert sum(launches(pool, 0.5, a=FREE, b=FREE, c=FREE).values()) == 8


def test_lines_that_one_cannot_use_go_to_the_others() -> None:
    pool = pool_of("progressive", "progressive", agents=10)
    assert launches(pool, 0.0, a=replace(FREE, leads=1), b=FREE) == {"a": 1, "b": 9}
    assert launches(pool, 0.5, b=FREE) == {"b": 10}
    assert pool.decide(1.0, {}) == {}


def test_calls_of_a_campaign_that_does_not_dial_now_count() -> None:
    pool = pool_of("progressive", "progressive", agents=2)
    pool.observe(CallLaunched(0.0, "a-1"), "a")
    assert launches(pool, 0.5, b=FREE) == {"b": 1}
    pool.remove("a")
    assert launches(pool, 1.0, b=FREE) == {"b": 2}
    pool.observe(CallLive(2.0, "a-1"), "a")  # a late word of a campaign that is over
    assert launches(pool, 2.0, b=FREE) == {"b": 2}


def test_power_dials_its_lines_per_idle_agent_and_heeds_the_brakes() -> None:
    pool = pool_of("power:2.5", agents=4)
    found = pool.decide(0.0, {"a": FREE})["a"]
    assert (found.launch, found.why.binding, found.why.policy, found.why.level) == (10, "agents", "power", 2.5)
    for limits, launch, binding in (
        (replace(FREE, message_armed=False), 4, "no_message"), (replace(FREE, state_age_s=3.0), 4, "stale_state"),
        (replace(FREE, channels=7), 7, "channels"), (replace(FREE, telephony_up=False), 0, "telephony"),
        (replace(FREE, ledger_writable=False), 0, "ledger"),
    ):  # fmt: skip
        found = pool.decide(0.5, {"a": limits})["a"]
        assert (found.launch, found.why.binding) == (launch, binding)
    spend(pool, "a", 1.0)
    found = pool.decide(1.5, {"a": FREE})["a"]
    assert (found.launch, found.why.binding) == (4, "budget")
    pool = SharedPacers()
    pool.add("a", PacerConfig(lines_per_agent_max=2), policy="power:5")
    pool.observe(AgentReady(0.0, "ann"))
    found = pool.decide(0.0, {"a": FREE})["a"]
    assert (found.launch, found.why.binding) == (2, "lines_per_agent")


def test_a_spent_campaign_dials_only_while_nobody_dials_beyond_the_idle_agents() -> None:
    pool = pool_of("lookahead", "power:3", agents=10)
    spend(pool, "a", 1.0)
    assert pool.theta("a").braked
    for now in (2.0, 2.5, 100.0):
        found = pool.decide(now, {"a": FREE, "b": FREE})
        assert (found["a"].launch, found["a"].why.binding) == (0, "budget")
        assert found["b"].launch == 30
    assert launches(pool, 100.5, a=FREE) == {"a": 10}  # nobody else dials
    pool.observe(CallLaunched(101.0, "a-1"), "a")
    found = pool.decide(101.5, {"a": FREE, "b": FREE})
    assert (found["b"].launch, found["b"].why.binding) == (9, "share")  # a call of a relies on its agent


def test_a_spent_campaign_gets_quiet_times_to_earn_its_budget_back() -> None:
    pool = pool_of("lookahead", "power:3", agents=10)
    spend(pool, "a", 1.0)
    given = [pool.decide(now, {"a": FREE, "b": FREE})["a"].launch for now in range(2, 600)]
    quiet = [second for second, launch in enumerate(given, 2) if launch]
    assert quiet
    assert len(quiet) <= 2 * 46


def test_overdialing_follows_each_ones_own_theta() -> None:
    pool = pool_of("lookahead", "lookahead", agents=20)
    experience(pool, "a")
    experience(pool, "b")
    together = launches(pool, 231.0, a=FREE, b=FREE)
    assert sum(together.values()) > 40
    assert abs(together["a"] - together["b"]) <= 1
    for number in range(5):
        pool.observe(CallLaunched(231.0, f"lost-{number}"), "a")
        pool.observe(CallAbandoned(231.0, f"lost-{number}"), "a")
    found = pool.decide(231.5, {"a": FREE, "b": FREE})
    assert found["a"].why.theta < found["b"].why.theta
    assert found["a"].launch < found["b"].launch


def test_a_new_start_in_a_pool_keeps_what_campaign_and_agents_taught() -> None:
    pool = pool_of("lookahead", "lookahead", agents=20)
    experience(pool, "a")
    state = pool.campaign_state("a")
    pool = SharedPacers()
    pool.add("a", CONFIG, state=state, facts=[SettledAnswer(300.0, True)])
    pool.add("b", CONFIG, facts=[SettledAnswer(100.0, True)])
    assert (pool.ledger("a").abandoned, pool.ledger("b").abandoned) == (1, 1)
    for number in range(20):
        pool.observe(AgentReady(301.0, f"agent-{number}"))
    assert pool.decide(301.0, {"a": FREE})["a"].launch > 20
    pool.observe(AgentTalking(302.0, "agent-1"))
    pool.observe(AgentWrapping(303.0, "agent-1"))
    pool.remove("b")
    pool.add("b", CONFIG, state=state)  # while the pool runs: its agents stay as they are
    assert pool.decide(303.0, {"b": FREE})["b"].why.wrapping == 1


@pytest.mark.parametrize("policy", ["magic", "power", "power:x", "power:0.5", "power:nan", "lookahead:2", "power:9999"])
def test_bad_policy_is_refused(policy: str) -> None:
    with pytest.raises(ConfigError, match=r"^policy: "):
        parsed_policy(policy)


def test_bad_weight_twice_the_same_campaign_and_a_damaged_state_are_refused() -> None:
    pool = pool_of("lookahead")
    with pytest.raises(ConfigError, match=r"^weight: "):
        pool.add("b", CONFIG, 0)
    with pytest.raises(ConfigError, match=r"^campaign: "):
        pool.add("a", CONFIG)
    state = pool.state()
    state["members"][0]["config"]["colour"] = "red"
    with pytest.raises(ConfigError, match=r"^state: "):
        SharedPacers.restored(state)
    with pytest.raises(ConfigError, match=r"^state: "):
        SharedPacers.restored({})


def test_calls_given_up_leave_one_line_for_each_idle_agent_of_the_pool() -> None:
    pool = pool_of("lookahead", "lookahead", agents=5)
    for key in ("a", "b"):
        experience(pool, key)
        for number in range(30):
            pool.observe(CallLaunched(231.0, f"{key}-{number}"), key)
            pool.observe(CallRinging(231.0, f"{key}-{number}"), key)
    assert [found.cancel for found in pool.decide(245.0, {"a": FREE, "b": FREE}).values()] == [0, 0]
    assert [found.cancel for found in pool.decide(246.0, {"a": FREE, "b": FREE}).values()] == [30, 25]


def test_what_a_campaign_wants_does_not_depend_on_its_own_outer_limits() -> None:
    pool = pool_of("power:3", "progressive", agents=10)
    found = pool.decide(0.0, {"a": replace(FREE, channels=4), "b": replace(FREE, leads=0)})
    assert (found["a"].launch, found["a"].why.wanted, found["a"].why.binding) == (4, 30, "channels")
    assert (found["b"].launch, found["b"].why.wanted, found["b"].why.binding) == (0, 6, "leads")
    pool.observe(CallLaunched(1.0, "a-1"), "a")
    found = pool.decide(1.0, {"b": replace(FREE, leads=9)})
    assert (found["b"].launch, found["b"].why.wanted, found["b"].why.binding) == (9, 9, "agents")


def test_a_progressive_campaign_without_a_message_is_as_ever_until_somebody_overdials() -> None:
    pool = pool_of("progressive", "power:2", agents=10)
    unarmed = replace(FREE, message_armed=False)
    found = pool.decide(0.0, {"a": unarmed})["a"]
    assert (found.launch, found.why.binding) == (10, "agents")
    found = pool.decide(0.5, {"a": unarmed, "b": FREE})["a"]
    assert (found.launch, found.why.binding) == (0, "no_message")
    pool.observe(CallLaunched(1.0, "a-1"), "a")
    assert launches(pool, 1.0, a=unarmed, b=FREE) == {"a": 0, "b": 9}


def test_a_campaign_that_learns_without_a_message_counts_on_its_agents_too() -> None:
    pool = pool_of("lookahead", "power:2", agents=10)
    unarmed = replace(FREE, message_armed=False)
    found = pool.decide(0.0, {"a": unarmed, "b": FREE})
    assert (found["a"].launch, found["a"].why.binding, found["b"].launch) == (0, "no_message", 20)
