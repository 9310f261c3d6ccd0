"""Campaigns that share agents: one alone is as without sharing; the budget holds for each; weights are kept."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from engine.dialer.lookahead import LookaheadPacer
from engine.dialer.observation import (
    AgentEvent,
    AgentGone,
    AgentTalking,
    CallAbandoned,
    CallLaunched,
    CallLive,
    Observation,
)
from engine.dialer.pacer import PacerConfig, PacingDecision, PacingLimits
from engine.dialer.pool_simulator import Dialed, PoolRun
from engine.dialer.recording import RecordedPool
from engine.dialer.replay import repeat
from engine.dialer.scenario import Scenario, Shift
from engine.dialer.shared import SharedPacers
from engine.dialer.simulator import Run
from tests.property.alike import differences
from tests.property.pacing_events import Drawn, drawn, told

FEW = settings(max_examples=12, deadline=None, derandomize=True)
WORLDS = settings(max_examples=5, deadline=None, derandomize=True, phases=[Phase.generate])  # a world shrinks for hours
CONFIG = PacerConfig(small_team=False)
SPENT = frozenset({"budget", "hard_stop_period", "hard_stop_24h"})


class Alone:
    """A pool with one campaign behind the interface of one pacer."""

    def __init__(self, config: PacerConfig) -> None:
        self.pool = SharedPacers()
        self.pool.add("only", config, seed=1)

    def observe(self, event: Observation) -> None:
        of_pool = isinstance(event, AgentEvent)
        self.pool.observe(event, None if of_pool else "only")

    def decide(self, now: float, limits: PacingLimits) -> PacingDecision:
        return self.pool.decide(now, {"only": limits})["only"]


@given(found=drawn, config=st.sampled_from([CONFIG, PacerConfig("uk-ofcom", patience_s=0.0)]))
@FEW
def test_a_campaign_alone_decides_as_the_look_ahead_does_whatever_happens(
    found: list[Drawn], config: PacerConfig
) -> None:
    one, other = LookaheadPacer(config, 1), Alone(config)
    for event in told(found):
        one.observe(event)
        other.observe(event)
        assert repr(one.decide(event.at, PacingLimits())) == repr(other.decide(event.at, PacingLimits()))


def test_a_campaign_alone_has_the_same_day() -> None:
    scenario = Scenario(agents=15, hours=0.2, shocks=(Shift(300, 0.6),), logoffs=(Shift(600, 0.3),))
    days = []
    for pacer in (LookaheadPacer(CONFIG, 1), Alone(CONFIG)):
        lines: list[str] = []
        Run(scenario, pacer, 4, on_decision=lambda decision, to=lines: to.append(repr(decision))).run()
        days.append(lines)
    assert days[0] == days[1]


class Account:
    """The budget of one campaign, kept apart from the pacer's own books."""

    def __init__(self, pool: SharedPacers, key: str, config: PacerConfig) -> None:
        self._pool = pool
        self._key = key
        self._config = config
        self.answered = self.abandoned = 0
        self._in_flight: set[str] = set()
        self._braked: set[str] | None = None
        self._gone = 0

    def event(self, event: Observation) -> None:
        braked = self._pool.theta(self._key).braked
        if braked and self._braked is None:
            self._braked, self._gone = set(self._in_flight), 0
        elif not braked:
            self._braked = None
        match event:
            case CallLaunched(_, call) if call.startswith(self._key):
                self._in_flight.add(call)
            case AgentTalking(_, _, call) if call is not None and call.startswith("inbound"):
                self._gone += 1  # an agent whom an inbound caller took is gone for the floor's calls
            case AgentTalking(_, _, call) if call is not None and call.startswith(self._key):
                self._in_flight.discard(call)
                self.answered += 1
            case CallAbandoned(_, call) if call.startswith(self._key):
                self._in_flight.discard(call)
                self.answered += 1
                self.abandoned += 1
            case AgentGone():
                self._gone += 1
            case CallLive() | _:
                pass
        earned = math.log(self._config.theta0 / self._config.theta_min) / self._config.eta + 1
        extra = 0 if self._braked is None else len(self._braked) + self._gone
        assert self.abandoned - self._config.target * self.answered <= earned + extra + 1e-6


rates = st.floats(0.05, 0.8)
dialed = st.builds(
    Dialed,
    st.builds(
        Scenario, agents=st.just(1), answer_rate=rates, model=st.sampled_from(["lognormal", "markov"]),
        shocks=st.lists(st.builds(Shift, st.floats(100, 350), rates), max_size=1).map(tuple),
    ),
    begins_s=st.sampled_from([0.0, 0.0, 150.0]), ends_s=st.sampled_from([math.inf, 400.0]),
)  # fmt: skip
policies = st.sampled_from(["lookahead", "lookahead", "lookahead", "power:2", "power:4", "progressive"])
members = st.lists(st.tuples(dialed, policies, st.sampled_from([0.5, 1.0, 3.0])), min_size=2, max_size=3)
pools = st.builds(
    Scenario, agents=st.integers(3, 40), hours=st.just(0.14), talk_mean_s=st.floats(5, 200),
    logoffs=st.lists(st.builds(Shift, st.floats(100, 400), st.floats(0.1, 0.8)), max_size=1).map(tuple),
)  # fmt: skip


@given(pool=pools, found=members, inbound=st.sampled_from([0.0, 60.0]), seed=st.integers(0, 2**31))
@WORLDS
def test_budget_of_each_holds_whatever_the_world_and_the_others_do(
    pool: Scenario, found: list[tuple[Dialed, str, float]], inbound: float, seed: int
) -> None:
    pacers = SharedPacers()
    accounts = {}
    for number, (_, policy, weight) in enumerate(found):
        pacers.add(f"campaign{number}", CONFIG, weight, policy=policy)
        accounts[f"campaign{number}"] = Account(pacers, f"campaign{number}", CONFIG)

    def event(happened: Observation, _: str | None) -> None:
        for account in accounts.values():
            account.event(happened)

    run = PoolRun(
        pool, {f"campaign{number}": dials for number, (dials, _, _) in enumerate(found)}, pacers, seed,
        inbound_per_hour=inbound, on_event=event, on_decision=floors_are_shared,
    )  # fmt: skip
    for key, share in run.run().items():
        assert share.rang_least_s >= 15
        account, ledger = accounts[key], pacers.ledger(key)
        assert (ledger.answered, ledger.abandoned) == (account.answered, account.abandoned)
        assert (share.answered, share.abandoned) == (account.answered, account.abandoned)


def floors_are_shared(_: float, decisions: Mapping[str, PacingDecision]) -> None:
    """Who may not dial beyond the idle agents gets, all together, one line for each whom no call in flight may need."""
    spent = [found for found in decisions.values() if found.why.binding in SPENT]
    floor = spent + [found for found in decisions.values() if found.why.policy == "progressive" and found not in spent]
    spare = [max(0, f.why.idle - f.why.launched - f.why.detecting - f.why.waiting) for f in floor]
    assert sum(found.launch for found in floor) <= min(spare, default=0)
    if any(found.launch for found in spent):
        assert sum(found.launch for found in decisions.values()) <= min(spare)


def test_a_shared_day_with_restores_in_it_is_the_day_without() -> None:
    days = []
    for every in (10**9, 83):
        lines: list[str] = []
        run = PoolRun(
            POOL, THREE, Changing(every), 5, inbound_per_hour=40, on_decision=lambda _, d, to=lines: to.append(repr(d))
        )
        run.run()
        days.append(lines)
    assert days[0] == days[1]


@given(found=drawn, asked=st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, unique=True))
@FEW
def test_a_pool_told_anything_can_be_written_down_and_repeated(found: list[Drawn], asked: list[str]) -> None:
    lines: list[str] = []
    pool = RecordedPool(SharedPacers(), lines.append)
    pool.begin()
    for key, policy in (("a", "lookahead"), ("b", "power:2"), ("c", "progressive")):
        pool.add(key, CONFIG, policy=policy)
    for event in told(found):
        of_pool = isinstance(event, AgentEvent)
        pool.observe(event, None if of_pool else (*"abc", None)[int(event.call[-1]) % 4])
        for decision in pool.decide(event.at, dict.fromkeys(asked, PacingLimits())).values():
            assert decision.launch >= 0
            assert decision.cancel >= 0
    restored = SharedPacers.restored(json.loads(json.dumps(pool.pool.state(), allow_nan=False)))
    assert list(differences(pool.pool, restored)) == []
    assert repeat(lines).difference is None


POOL = Scenario(agents=12, hours=0.12, warmup_s=300)
WORLD = Dialed(POOL)
THREE = {"a": WORLD, "b": replace(WORLD, begins_s=120), "c": replace(WORLD, ends_s=300)}


class Changing:
    """A pool that is written down and read again every so many decisions."""

    def __init__(self, every: int) -> None:
        self.pool = SharedPacers()
        for key, policy in (("a", "lookahead"), ("b", "lookahead"), ("c", "power:2")):
            self.pool.add(key, CONFIG, 2.0 if key == "a" else 1.0, policy=policy)
        self._every = every
        self._decisions = 0

    def observe(self, event: Observation, campaign: str | None = None) -> None:
        self.pool.observe(event, campaign)

    def decide(self, now: float, limits: Mapping[str, PacingLimits]) -> Mapping[str, PacingDecision]:
        self._decisions += 1
        if self._decisions % self._every == 0:
            restored = SharedPacers.restored(json.loads(json.dumps(self.pool.state(), allow_nan=False)))
            assert list(differences(self.pool, restored)) == []
            self.pool = restored
        return self.pool.decide(now, limits)


def test_lines_follow_the_weights() -> None:
    pool = SharedPacers()
    pool.add("a", CONFIG, 3.0)
    pool.add("b", CONFIG, 1.0)
    shares = PoolRun(replace(POOL, agents=20, hours=0.3), {"a": WORLD, "b": WORLD}, pool, 3).run()
    assert 2.6 < shares["a"].dials / shares["b"].dials < 3.4


def test_sharing_costs_the_agents_nothing() -> None:
    occupancy = []
    for keys in (["a"], ["a", "b"]):
        pool = SharedPacers()
        for key in keys:
            pool.add(key, CONFIG)
        run = PoolRun(replace(POOL, agents=20, hours=0.25), dict.fromkeys(keys, WORLD), pool, 3)
        run.run()
        occupancy.append(run.occupancy)
    assert occupancy[1] > occupancy[0] - 0.03


def test_a_campaign_that_joins_a_busy_pool_gets_to_learn() -> None:
    pool = SharedPacers()
    pool.add("a", CONFIG)
    pool.add("late", CONFIG)
    bound: list[str] = []
    run = PoolRun(
        replace(POOL, agents=30, hours=0.35), {"a": WORLD, "late": replace(WORLD, begins_s=500)}, pool, 3,
        on_decision=lambda now, found: bound.append(found["late"].why.binding) if now > 800 else None,
    )  # fmt: skip
    shares = run.run()
    assert "learning" not in bound
    assert shares["late"].answered > 20
