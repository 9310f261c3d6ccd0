"""A pacer that was written down and read again is the same pacer; one that starts anew keeps what it learned."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dialer.budget import SettledAnswer
from engine.dialer.lookahead import LookaheadPacer
from engine.dialer.observation import AgentReady, AgentTalking, CallAbandoned, CallLaunched, CallLive, Observation
from engine.dialer.pacer import PacerConfig, PacingDecision, PacingLimits
from engine.dialer.scenario import Scenario, Shift
from engine.dialer.simulator import Run
from engine.errors import ConfigError
from tests.property.alike import differences
from tests.property.pacing_events import Drawn, drawn, told

FEW = settings(max_examples=15, deadline=None, derandomize=True)
CONFIG = PacerConfig(small_team=False)
FREE = PacingLimits()


def through_json(pacer: LookaheadPacer) -> LookaheadPacer:
    written = json.dumps(pacer.state(), allow_nan=False)
    return LookaheadPacer.restored(pacer.config, pacer.seed, json.loads(written))


def decided(pacer: LookaheadPacer, events: Sequence[Observation], start: float) -> list[str]:
    """What it says after each event, and after a while."""
    lines = []
    for event in events:
        pacer.observe(event)
        lines.append(repr(pacer.decide(event.at, FREE)))
    end = events[-1].at if events else start
    return [*lines, *(repr(pacer.decide(end + gap, FREE)) for gap in (0.5, 11.0, 60.0))]


@given(before=drawn, after=drawn, config=st.sampled_from([CONFIG, PacerConfig("uk-ofcom", patience_s=0.0)]))
@FEW
def test_after_any_events_the_restored_one_is_the_same_and_decides_the_same(
    before: list[Drawn], after: list[Drawn], config: PacerConfig
) -> None:
    pacer = LookaheadPacer(config, 3)
    decided(pacer, told(before), 0.0)
    restored = through_json(pacer)
    assert list(differences(pacer, restored)) == []
    later = told(after, start=1e5)
    assert decided(pacer, later, 1e5) == decided(restored, later, 1e5)
    assert list(differences(pacer, restored)) == []


@dataclass
class Changing:
    """Drives a simulation, and is written down and read again every so many decisions."""

    pacer: LookaheadPacer
    every: int
    decisions: int = 0

    def observe(self, event: Observation) -> None:
        self.pacer.observe(event)

    def decide(self, now: float, limits: PacingLimits) -> PacingDecision:
        self.decisions += 1
        if self.decisions % self.every == 0:
            restored = through_json(self.pacer)
            assert list(differences(self.pacer, restored)) == []
            self.pacer = restored
        return self.pacer.decide(now, limits)


def lines_of(pacer: Any) -> list[str]:
    lines: list[str] = []
    scenario = Scenario(agents=15, hours=0.2, shocks=(Shift(300, 0.6),), logoffs=(Shift(600, 0.3),))
    Run(scenario, pacer, 4, on_decision=lambda decision: lines.append(repr(decision))).run()
    return lines


def test_a_day_with_restores_in_it_is_the_day_without() -> None:
    plain = lines_of(LookaheadPacer(CONFIG, 1))
    assert lines_of(Changing(LookaheadPacer(CONFIG, 1), every=97)) == plain
    assert len(set(plain)) > 1000


@cache
def experience() -> str:
    pacer = LookaheadPacer(CONFIG, 1)
    Run(Scenario(agents=15, hours=0.25), pacer, 4).run()
    return json.dumps(pacer.state())


def after_a_day() -> LookaheadPacer:
    return LookaheadPacer.restored(CONFIG, 1, json.loads(experience()))


def test_a_new_start_keeps_what_was_learned_and_forgets_who_was_there() -> None:
    old = after_a_day()
    pacer = LookaheadPacer.resumed(CONFIG, 1, json.loads(json.dumps(old.state())))
    assert pacer.theta.value == old.theta.value
    assert list(differences(old.ledger, pacer.ledger)) == []
    nobody = pacer.decide(1000.0, FREE)
    assert (nobody.launch, nobody.why.idle, nobody.why.talking, nobody.why.launched) == (0, 0, 0, 0)
    for number in range(15):
        pacer.observe(AgentReady(1000.0, f"agent-{number}"))
    assert pacer.decide(1000.5, FREE).launch > 20  # no second time of learning


def test_facts_since_then_lower_theta_and_do_not_raise_it() -> None:
    old = after_a_day()
    state = old.state()
    good = [SettledAnswer(1000.0, False)] * 50
    pacer = LookaheadPacer.resumed(CONFIG, 1, state, good)
    assert pacer.theta.value == old.theta.value
    assert (pacer.ledger.answered, pacer.ledger.hour.answered) == (old.ledger.answered + 50, pacer.ledger.day.answered)
    pacer = LookaheadPacer.resumed(CONFIG, 1, state, [*good, SettledAnswer(1001.0, True)])
    assert math.log(pacer.theta.value / old.theta.value) == pytest.approx(CONFIG.eta * (CONFIG.target - 1))
    assert pacer.ledger.abandoned == old.ledger.abandoned + 1


@given(facts=st.lists(st.booleans(), max_size=300))
@FEW
def test_without_a_state_the_whole_history_makes_the_account_and_theta(facts: list[bool]) -> None:
    history = [SettledAnswer(10.0 * number, abandoned) for number, abandoned in enumerate(facts)]
    pacer = LookaheadPacer.resumed(CONFIG, 1, None, history)
    answered, abandoned = len(facts), sum(facts)
    assert (pacer.ledger.answered, pacer.ledger.abandoned) == (answered, abandoned)
    allowed = math.log(CONFIG.theta0) + CONFIG.eta * (CONFIG.target * answered - abandoned)
    assert pacer.theta.state()["log"] <= min(allowed, math.log(CONFIG.theta0)) + 1e-9


def test_theta_does_not_grow_between_a_new_start_and_its_first_decision() -> None:
    pacer = LookaheadPacer.resumed(CONFIG, 1, None)
    before = pacer.theta.value
    for event in (CallLaunched(1, "c"), CallLive(2, "c"), AgentTalking(2, "ann", "c")):
        pacer.observe(event)
    assert pacer.theta.value == before
    for event in (CallLaunched(1, "d"), CallLive(2, "d"), CallAbandoned(2, "d")):
        pacer.observe(event)
    assert pacer.theta.value < before


def damaged(path: str, value: Any) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(experience())
    place: Any = state
    *way, last = path.split(".")
    for name in way:
        place = place[name]
    if value is KeyError:
        del place[last]
    else:
        place[last] = value
    return state


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("version", 99), ("campaign", KeyError), ("team", 3), ("team.crew.talk.count", [1, 2]),
        ("team.crew.talk.left", "x"), ("campaign.watched.theta.log", "low"),
        ("campaign.watched.may_grow", 1), ("campaign.watched.resolved", True),
        ("campaign.watched.ledger.day.slices", [[1, 2]]), ("campaign.watched.calls", [["c", "SINGING", 0, 0, 0]]),
        ("campaign.rates.ring", []),
        ("campaign.watched.ledger.answered", KeyError), ("team.refresh_at", KeyError),
    ],
)  # fmt: skip
def test_a_damaged_state_is_refused_in_words(path: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=r"^state: "):
        LookaheadPacer.restored(CONFIG, 1, damaged(path, value))
