"""The look-ahead pacer's rules one by one: configuration, floor, brakes, caps, the explanation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.dialer.baselines import pacer_named
from engine.dialer.budget import Ledger, Theta
from engine.dialer.jurisdiction import jurisdiction, names
from engine.dialer.lookahead import LookaheadPacer
from engine.dialer.observation import (
    AgentGone,
    AgentReady,
    AgentTalking,
    CallAbandoned,
    CallAnswered,
    CallFailed,
    CallLaunched,
    CallLive,
    CallMachine,
    CallRinging,
    CustomerGone,
    Observation,
)
from engine.dialer.outlook import largest_within
from engine.dialer.pacer import PacerConfig, PacingLimits
from engine.dialer.watched import LEARN_CALLS
from engine.errors import ConfigError

FREE = PacingLimits()


def experienced(config: PacerConfig | None = None, answered_in: int = 4, after_s: float = 8.0) -> LookaheadPacer:
    """A pacer that has seen 200 calls, each `answered_in`-th a person after `after_s`; nobody is logged in yet."""
    pacer = LookaheadPacer(config or PacerConfig(), seed=1)
    past: list[Observation] = []
    for number in range(200):
        at, call = number * 1.0, f"past-{number}"
        past.append(CallLaunched(at, call))
        if number % answered_in:
            past.append(CallFailed(at + after_s, call))
            continue
        past += [
            CallAnswered(at + after_s, call),
            CallLive(at + after_s, call),
            AgentTalking(at + after_s, "past-agent", call),
        ]
        past.append(AgentReady(at + after_s, "past-agent"))
    for event in sorted(past, key=lambda event: event.at):
        pacer.observe(event)
    pacer.observe(AgentGone(230, "past-agent"))
    return pacer


def log_in(pacer: LookaheadPacer, agents: int, at: float = 231.0) -> None:
    for number in range(agents):
        pacer.observe(AgentReady(at, f"agent-{number}"))


def test_delivered_jurisdictions_are_those_of_the_issue() -> None:
    assert names() == ("us-ftc", "us-fcc", "uk-ofcom", "ca-crtc", "de", "ru", "custom")
    assert all(jurisdiction(name).ring_min_s >= 15 and jurisdiction(name).limit > 0 for name in names())


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("limit", {"limit": 0}),
        ("limit", {"limit": -0.01}),
        ("limit", {"limit": 0.05}),
        ("limit", {"limit": float("nan")}),
        ("fp_rate", {"fp_rate": -0.1}),
        ("fp_rate", {"fp_rate": 0.03}),
        ("jurisdiction", {"jurisdiction": "atlantis"}),
        ("theta0", {"theta0": 0.9}),
        ("theta_min", {"theta_min": 0}),
        ("theta_max", {"theta_max": 1.5}),
        ("eta", {"eta": 0}),
        ("patience_s", {"patience_s": -1}),
        ("lines_per_agent_max", {"lines_per_agent_max": 0}),
    ],
)
def test_bad_configuration_is_refused_with_the_fields_name(field: str, values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"^{field}: "):
        PacerConfig(**values)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("magic", "policy"), ("power", "policy"), ("power:x", "lines"), ("power:-1", "lines"), ("ratio:0", "lines"),
        ("vicidial:0.5", "level_max"), ("vicidial:3:soft", "mode"), ("lookahead:3", "policy"),
    ],
)  # fmt: skip
def test_bad_policy_is_refused_with_the_fields_name(text: str, field: str) -> None:
    with pytest.raises(ConfigError, match=f"^{field}: "):
        pacer_named(text, PacerConfig(), 1)


def test_limit_for_custom_may_be_looser_and_the_target_leaves_room() -> None:
    assert PacerConfig("custom", limit=0.08).ratio_limit == 0.08
    assert PacerConfig().target == pytest.approx(0.0285)
    assert PacerConfig(fp_rate=0.01).target == pytest.approx(0.0185)


def test_pacer_without_experience_dials_one_line_per_idle_agent() -> None:
    pacer = LookaheadPacer(PacerConfig(), seed=1)
    log_in(pacer, 20, at=0.0)
    decision = pacer.decide(0.0, FREE)
    assert (decision.launch, decision.why.binding) == (20, "learning")
    assert LEARN_CALLS > 0


def test_overdials_an_idle_team_and_says_why() -> None:
    pacer = experienced()
    log_in(pacer, 20)
    decision = pacer.decide(231.0, FREE)
    assert decision.launch > 40
    assert decision.why.binding == "theta"
    assert decision.explanation.startswith(f"launch {decision.launch}: 20 idle, 20.0 free in 10 s, ")
    assert "bound by theta" in decision.explanation


def test_fewer_people_who_answer_mean_more_lines() -> None:
    launched = []
    for answered_in in (2, 4, 10):
        pacer = experienced(answered_in=answered_in)
        log_in(pacer, 10)
        launched.append(pacer.decide(231.0, FREE).launch)
    assert launched == sorted(launched)
    assert launched[0] < launched[-1]


def test_small_team_gets_one_line_per_idle_agent() -> None:
    pacer = experienced()
    log_in(pacer, 3)
    decision = pacer.decide(231.0, FREE)
    assert (decision.launch, decision.why.binding) == (3, "small_team")
    pacer = experienced(PacerConfig(small_team=False))
    log_in(pacer, 3)
    assert pacer.decide(231.0, FREE).launch > 3


@pytest.mark.parametrize(
    ("limits", "launch", "binding"),
    [
        (replace(FREE, state_age_s=2.5), 20, "stale_state"),
        (replace(FREE, message_armed=False), 20, "no_message"),
        (replace(FREE, telephony_up=False), 0, "telephony"),
        (replace(FREE, ledger_writable=False), 0, "ledger"),
        (replace(FREE, channels=7), 7, "channels"),
        (replace(FREE, calls_per_second=5), 5, "calls_per_second"),
        (replace(FREE, leads=0), 0, "leads"),
    ],
)
def test_guard_rails_bind_and_are_named(limits: PacingLimits, launch: int, binding: str) -> None:
    pacer = experienced()
    log_in(pacer, 20)
    decision = pacer.decide(231.0, limits)
    assert (decision.launch, decision.why.binding) == (launch, binding)
    assert decision.why.wanted is not None
    assert decision.why.wanted >= launch


def test_lines_per_agent_are_capped() -> None:
    pacer = experienced(PacerConfig(lines_per_agent_max=2))
    log_in(pacer, 20)
    decision = pacer.decide(231.0, FREE)
    assert (decision.launch, decision.why.binding) == (40, "lines_per_agent")


def test_theta_does_not_grow_while_a_trunk_binds_but_falls() -> None:
    pacer = experienced()
    log_in(pacer, 20)
    pacer.decide(231.0, replace(FREE, channels=1))
    before = pacer.theta.value
    for number in range(50):
        pacer.observe(CallLaunched(232, f"c{number}"))
        pacer.observe(CallLive(233, f"c{number}"))
        pacer.observe(AgentTalking(233, f"agent-{number % 20}", f"c{number}"))
    assert pacer.theta.value == before
    pacer.observe(CallLaunched(234, "lost"))
    pacer.observe(CallLive(235, "lost"))
    pacer.observe(CallAbandoned(236, "lost"))
    assert pacer.theta.value < before


def test_agent_who_asks_to_leave_is_no_supply_at_once() -> None:
    pacer = experienced()
    log_in(pacer, 10)
    before = pacer.decide(231.0, FREE).launch
    for number in range(5):
        pacer.observe(AgentGone(231.0, f"agent-{number}"))
    after = pacer.decide(231.0, FREE)
    assert after.why.idle == 5
    assert after.launch < before


def test_spent_period_leaves_one_line_per_idle_agent() -> None:
    pacer = experienced(PacerConfig("uk-ofcom"))
    for number in range(40):
        pacer.observe(CallLaunched(300, f"c{number}"))
        pacer.observe(CallLive(310, f"c{number}"))
        pacer.observe(CallAbandoned(311, f"c{number}"))
    log_in(pacer, 20, at=80_000.0)
    decision = pacer.decide(80_000.0, FREE)
    assert (decision.launch, decision.why.binding) == (20, "hard_stop_period")


def test_jump_of_failed_calls_stops_overdialing() -> None:
    pacer = LookaheadPacer(PacerConfig(), seed=1)
    for number in range(400):
        at, call = number * 1.0, f"c{number}"
        pacer.observe(CallLaunched(at, call))
        pacer.observe(CallAnswered(at, call) if number < 250 else CallFailed(at, call))
        pacer.observe(CallMachine(at, call))
    log_in(pacer, 20, at=401.0)
    decision = pacer.decide(401.0, FREE)
    assert (decision.launch, decision.why.binding) == (20, "failures")


def flooded(config: PacerConfig) -> LookaheadPacer:
    """20 agents had 60 calls out, people who answer after 20 s; all but two of the agents left."""
    pacer = experienced(config, answered_in=2, after_s=20.0)
    log_in(pacer, 20)
    for number in range(60):
        pacer.observe(CallLaunched(231, f"c{number}"))
        pacer.observe(CallRinging(232, f"c{number}"))
    for number in range(18):
        pacer.observe(AgentGone(233, f"agent-{number}"))
    return pacer


def test_calls_that_rang_long_enough_are_given_up_when_too_many_answer() -> None:
    pacer = flooded(PacerConfig())
    assert pacer.decide(246.5, FREE).cancel == 0
    late = pacer.decide(247.0, FREE)
    assert (late.launch, late.cancel) == (0, 58)
    assert late.explanation.startswith("launch 0, cancel 58: 2 idle")


def test_giving_up_calls_can_be_switched_off() -> None:
    assert flooded(PacerConfig(cancel=False)).decide(247.0, FREE).cancel == 0


def test_customer_who_hangs_up_before_the_limit_is_kept_apart() -> None:
    pacer = experienced()
    answered = pacer.ledger.answered
    pacer.observe(CallLaunched(300, "c"))
    pacer.observe(CallLive(310, "c"))
    pacer.observe(CustomerGone(310.5, "c"))
    pacer.observe(CallAbandoned(312, "c"))
    assert (pacer.ledger.answered, pacer.ledger.customer_gone) == (answered, 1)


def test_person_dropped_by_a_fault_counts_as_abandoned() -> None:
    pacer = experienced()
    pacer.observe(CallLaunched(300, "c"))
    pacer.observe(CallLive(310, "c"))
    pacer.observe(CallFailed(310.5, "c"))
    assert pacer.ledger.abandoned == 1


def test_inbound_caller_is_demand_but_no_dialed_answer() -> None:
    pacer = experienced()
    log_in(pacer, 10)
    before, answered = pacer.decide(231.0, FREE).launch, pacer.ledger.answered
    for number in range(5):
        pacer.observe(CallLive(231.0, f"inbound-{number}"))
    assert pacer.decide(231.0, FREE).launch < before
    pacer.observe(AgentTalking(231.5, "agent-0", "inbound-0"))
    pacer.observe(CallAbandoned(233.0, "inbound-1"))
    assert (pacer.ledger.answered, pacer.ledger.abandoned) == (answered, 0)


def test_late_and_repeated_events_change_nothing() -> None:
    pacer = experienced()
    for event in (CallRinging(300, "x"), CallAnswered(300, "x"), CallMachine(300, "x"), CallAbandoned(300, "x"),
                  CallFailed(300, "x"), CustomerGone(300, "x"), AgentGone(300, "nobody")):  # fmt: skip
        pacer.observe(event)
    decision = pacer.decide(301.0, FREE)
    assert (decision.why.launched, decision.why.detecting, decision.why.waiting) == (0, 0, 0)


def test_windows_forget_and_the_period_does_not() -> None:
    ledger = Ledger(PacerConfig())
    for number in range(10):
        ledger.settle(number * 60.0, abandoned=number == 0)
    ledger.hour.expire(4000.0)
    ledger.day.expire(4000.0)
    assert (ledger.hour.answered, ledger.hour.abandoned) == (3, 0)
    assert (ledger.day.answered, ledger.abandoned, ledger.answered) == (10, 1, 10)


def test_debt_below_the_least_theta_must_be_earned_back() -> None:
    config = PacerConfig()
    theta = Theta(config)
    for _ in range(12):
        theta.learn(abandoned=True, may_grow=True)
    assert theta.braked
    assert theta.value == pytest.approx(config.theta_min)
    owed = theta.answers_owed
    for _ in range(owed - 1):
        theta.learn(abandoned=False, may_grow=True)
    assert theta.braked
    assert theta.answers_owed == 1
    theta.learn(abandoned=False, may_grow=True)
    assert not theta.braked
    assert theta.answers_owed == 0


@pytest.mark.parametrize("theta", [0.0005, 0.001, 0.01, 0.0249, 0.33, 0.5])
@pytest.mark.parametrize("room", [0, 1, 2, 3, 5, 16, 17, 40, 100, 1000])
def test_search_finds_what_trying_one_by_one_finds(theta: float, room: int) -> None:
    found = largest_within(lambda beside: np.minimum((beside + 1) * 0.001, 1.0), theta, room)
    assert found == max([0, *(k for k in range(1, room + 1) if k * 0.001 <= theta)])
