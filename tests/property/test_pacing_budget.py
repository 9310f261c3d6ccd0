"""What must hold of the pacer whatever happens: the budget, repeatability, the minimum ring time."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dialer.lookahead import LookaheadPacer
from engine.dialer.observation import (
    AgentGone,
    AgentTalking,
    CallAbandoned,
    CallLaunched,
    CallLive,
    Observation,
)
from engine.dialer.pacer import PacerConfig, PacingDecision
from engine.dialer.scenario import Scenario, Shift
from engine.dialer.simulator import Run

FEW = settings(max_examples=8, deadline=None, derandomize=True)

rates = st.floats(0.03, 0.8)
scenarios = st.builds(
    Scenario,
    agents=st.integers(2, 60), answer_rate=rates, hours=st.just(0.08),
    shocks=st.lists(st.builds(Shift, st.floats(60, 250), rates), max_size=2).map(
        lambda found: tuple(sorted(found, key=lambda shift: shift.at_s))
    ),
    logoffs=st.lists(st.builds(Shift, st.floats(60, 250), st.floats(0.05, 0.9)), max_size=1).map(tuple),
    fp_rate=st.floats(0, 0.02), talk_mean_s=st.floats(5, 400), talk_cv=st.floats(0, 2), wrap_mean_s=st.floats(1, 60),
    model=st.sampled_from(["lognormal", "markov"]),
)  # fmt: skip


class Account:
    """The budget property, kept apart from the pacer's own books: what was in flight when theta reached its least."""

    def __init__(self, pacer: LookaheadPacer) -> None:
        self._pacer = pacer
        self._config = pacer.config
        self.answered = self.abandoned = 0
        self._in_flight: set[str] = set()
        self._braked: set[str] | None = None
        self._gone = 0
        self._allowed_extra = 0.0
        self.launched_while_braked = 0

    def event(self, event: Observation) -> None:
        braked = self._pacer.theta.braked
        if braked and self._braked is None:
            self._braked = set(self._in_flight)
            self._gone = 0
        elif not braked:
            self._braked = None
        match event:
            case CallLaunched(_, call):
                self._in_flight.add(call)
            case AgentTalking(_, _, call) if call is not None:
                self._in_flight.discard(call)
                self.answered += 1
            case CallAbandoned(_, call):
                self._in_flight.discard(call)
                self.answered += 1
                self.abandoned += 1
            case AgentGone():
                self._gone += 1
            case CallLive() | _:
                pass
        config = self._config
        earned = math.log(config.theta0 / config.theta_min) / config.eta + 1
        extra = 0 if self._braked is None else len(self._braked) + self._gone
        assert self.abandoned - config.target * self.answered <= earned + extra + 1e-6

    def decision(self, decision: PacingDecision) -> None:
        """While the budget is spent only floor calls go out."""
        if decision.why.binding in {"budget", "hard_stop_period", "hard_stop_24h"}:
            why = decision.why
            assert decision.launch <= max(0, why.idle - why.launched - why.detecting - why.waiting)


@given(scenario=scenarios, seed=st.integers(0, 2**31))
@FEW
def test_budget_holds_whatever_the_world_does(scenario: Scenario, seed: int) -> None:
    pacer = LookaheadPacer(PacerConfig(fp_rate=scenario.fp_rate, small_team=False), seed)
    account = Account(pacer)
    rang: list[float] = []
    Run(
        scenario, pacer, seed, on_event=account.event, on_decision=account.decision, on_cancel=rang.append
    ).run()  # fmt: skip
    assert all(seconds >= 15 for seconds in rang)
    assert (pacer.ledger.answered, pacer.ledger.abandoned) == (account.answered, account.abandoned)


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
    result = Run(replace(scenario), pacer, 5, on_event=account.event, on_decision=account.decision).run()
    assert result.abandoned > 0
