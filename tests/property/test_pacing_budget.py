"""What must hold of the pacer whatever happens: the budget, repeatability, the minimum ring time."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dialer.budget import Theta
from engine.dialer.lookahead import LookaheadPacer
from engine.dialer.pacer import PacerConfig
from engine.dialer.scenario import Scenario, Shift
from engine.dialer.simulator import Run
from tests.property.pacing_worlds import Account, World, lived_through, random_world

FEW = settings(max_examples=8, deadline=None, derandomize=True)


@given(number=st.integers(0, 2**31))
@FEW
def test_budget_and_hard_stop_hold_whatever_the_world_does(number: int) -> None:
    """Checked at every event and decision by an account of its own: see `pacing_worlds`."""
    _, rang = lived_through(random_world(number))
    assert min(rang, default=15) >= 15


def test_hard_stop_is_passed_by_no_more_than_was_in_flight_near_the_end_of_the_laws_period() -> None:
    scenario = Scenario(agents=80, answer_rate=0.2, hours=0.15, shocks=(Shift(200, 0.5),))
    account, _ = lived_through(World(scenario, PacerConfig("us-ftc"), seed=2, began_s=30 * 86_400 - 600))
    assert account.stops > 0


@pytest.mark.long
def test_budget_and_hard_stop_hold_in_a_thousand_worlds() -> None:
    stopped = spent = cancelled = 0
    for number in range(1000):
        account, rang = lived_through(random_world(number))
        assert min(rang, default=15) >= 15, number
        stopped += account.stops > 0
        spent += account.allowed_max > 0
        cancelled += bool(rang)
    # the worlds are hard enough to reach what they are there for
    assert min(stopped, spent, cancelled) >= 20


@given(
    answers=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=300),
    eta=st.floats(0.02, 2), limit=st.floats(0.001, 0.2), theta0=st.floats(0.003, 0.7),
)  # fmt: skip
@settings(max_examples=100, deadline=None, derandomize=True)
def test_theta_above_its_least_means_an_excess_within_the_budget(
    answers: list[tuple[bool, bool]], eta: float, limit: float, theta0: float
) -> None:
    """For any answers in any order, and whenever growth is withheld."""
    config = PacerConfig("custom", limit, theta0=theta0, eta=eta)
    theta = Theta(config)
    excess = 0.0
    for abandoned, may_grow in answers:
        theta.learn(abandoned, may_grow)
        excess += abandoned - config.target
        assert theta.braked or excess <= math.log(theta0 / config.theta_min) / eta + 1e-6


@given(seed=st.integers(0, 2**31))
@settings(max_examples=1, deadline=None, derandomize=True)
def test_same_events_give_the_same_decisions_byte_for_byte(seed: int) -> None:
    scenario = Scenario(agents=12, hours=0.07, shocks=(Shift(200, 0.7),))
    written = []
    for _ in range(2):
        lines: list[str] = []
        Run(scenario, LookaheadPacer(PacerConfig(), 1), seed, on_decision=lambda d, to=lines: to.append(repr(d))).run()
        written.append("\n".join(lines).encode())
    assert written[0] == written[1]


def test_a_flood_of_answers_gives_up_ringing_calls_but_none_before_its_time() -> None:
    scenario = Scenario(agents=60, answer_rate=0.1, hours=0.3, shocks=(Shift(500, 0.8),), ring_median_s=14)
    rang: list[float] = []
    Run(scenario, LookaheadPacer(PacerConfig(), 1), 3, on_cancel=rang.append).run()
    assert rang
    assert min(rang) >= 15


def test_a_pacer_that_believes_nobody_answers_is_braked_by_the_budget() -> None:
    """The estimates are made as wrong as can be: every call is a person, and the pacer has seen a thousand machines."""
    scenario = Scenario(agents=30, answer_rate=0.03, hours=0.25, shocks=(Shift(400, 1.0),))
    pacer = LookaheadPacer(PacerConfig(), 1)
    account = Account(pacer)
    result = Run(scenario, pacer, 5, on_event=account.event, on_decision=account.decision).run()
    assert result.abandoned > 0
    assert account.allowed_max > 0
