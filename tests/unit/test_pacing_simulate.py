"""`vss pacing simulate` and the simulator below it: figures add up, seeds repeat, wrong words are refused."""

from __future__ import annotations

from typing import Any

import pytest

from engine.dialer.baselines import pacer_named
from engine.dialer.observation import AgentReady, CallLaunched, Observation
from engine.dialer.pacer import PacerConfig, PacingLimits
from engine.dialer.scenario import Scenario, Shift
from engine.dialer.simulator import Measured, Run
from tests.vss_command import Here

POLICIES = [
    "lookahead",
    "progressive",
    "power:2.5",
    "ratio:1.5",
    "vicidial:3",
    "vicidial:3:average",
    "vicidial:3:tapered",
]


def simulated(policy: str, seed: int = 1, limits: PacingLimits | None = None, **given: Any) -> Measured:
    scenario = Scenario(**({"agents": 12, "hours": 0.4} | given))
    return Run(scenario, pacer_named(policy, PacerConfig(), seed), seed, limits or PacingLimits()).run()


@pytest.mark.parametrize("policy", POLICIES)
def test_prints_what_its_schema_says(policy: str, here: Here) -> None:
    ran = here.run("pacing", "simulate", "--agents", "8", "--hours", "0.3", "--policy", policy, "--json")
    assert ran.code == 0
    printed = ran.json("pacing-simulate")
    assert printed["policy"] == policy
    assert printed["live_answers"] == printed["connected"] + printed["abandoned"]
    assert printed["abandonment"] == printed["abandoned"] / max(1, printed["live_answers"])
    assert printed["decision_us_p50"] > 0


def test_prints_a_table_for_people(here: Here) -> None:
    ran = here.run("pacing", "simulate", "--agents", "2", "--hours", "0.05")
    assert ran.code == 0
    assert "occupancy" in ran.out


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (["--jurisdiction", "atlantis"], "jurisdiction"), (["--limit", "0"], "limit"), (["--limit", "0.2"], "limit"),
        (["--answer-rate", "-0.1"], "answer_rate"), (["--fp", "-1"], "fp_rate"), (["--fp", "0.03"], "fp_rate"),
        (["--model", "magic"], "model"), (["--policy", "magic"], "policy"), (["--agents", "0"], "agents"),
        (["--shock", "soon"], "shock"), (["--shock", "60:2"], "shock"), (["--logoff", "60"], "logoff"),
        (["--talk-mean", "0"], "talk_mean_s"), (["--hours", "0"], "hours"), (["--policy", "vicidial:2:x"], "mode"),
        (["--policy", "power"], "policy"), (["--policy", "power:x"], "lines"), (["--policy", "ratio:0"], "lines"),
        (["--theta0", "0"], "theta0"), (["--theta0", "0.9"], "theta0"), (["--theta-min", "0"], "theta_min"),
        (["--theta-max", "1.5"], "theta_max"), (["--eta", "-1"], "eta"),
        (["--policy", "vicidial:0.5"], "level_max"), (["--shock=-5:0.2"], "shock"), (["--shock", "x:0.2"], "shock"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)  # fmt: skip
def test_bad_values_are_wrong_usage_and_the_field_is_named(words: list[str], field: str, here: Here) -> None:
    ran = here.run("pacing", "simulate", *words, "--json")
    assert ran.code == 2
    error = ran.json("error")["error"]
    assert error["code"] == "usage"
    assert f"{field}: " in error["message"]


def test_same_seed_same_day_and_another_seed_another_day() -> None:
    assert simulated("lookahead", 1, hours=0.08) == simulated("lookahead", 1, hours=0.08)
    assert simulated("lookahead", 1, hours=0.08) != simulated("lookahead", 2, hours=0.08)


def test_progressive_abandons_nobody_and_the_look_ahead_keeps_agents_busier() -> None:
    progressive, ahead = simulated("progressive", agents=20, hours=0.35), simulated("lookahead", agents=20, hours=0.35)
    assert progressive.abandoned == 0
    assert 0.6 < progressive.occupancy < 0.75
    assert ahead.occupancy > progressive.occupancy + 0.08
    assert ahead.abandoned <= 0.03 * ahead.live_answers + 9.2


def test_nobody_is_dialed_beyond_the_channels() -> None:
    assert simulated("power:9", limits=PacingLimits(channels=0)).dials == 0


def test_people_taken_for_machines_count_as_abandoned() -> None:
    measured = simulated("progressive", fp_rate=0.2)
    assert measured.abandoned == measured.false_positives > 0
    assert measured.abandonment == pytest.approx(0.2, abs=0.12)


def test_agents_who_log_off_get_no_call_more() -> None:
    told: list[Observation] = []
    scenario = Scenario(agents=10, hours=0.3, logoffs=(Shift(500, 1.0),))
    Run(scenario, pacer_named("progressive", PacerConfig(), 1), 1, on_event=told.append).run()
    assert not [event for event in told if event.at > 500 and isinstance(event, AgentReady | CallLaunched)]


def test_shock_changes_how_many_answer() -> None:
    calm = simulated("progressive", answer_rate=0.1, hours=0.5)
    shocked = simulated("progressive", answer_rate=0.1, hours=0.5, shocks=(Shift(0, 0.8),))
    assert shocked.live_answers / shocked.dials > 3 * calm.live_answers / calm.dials


def test_vicidials_level_rises_with_idle_agents_and_falls_with_drops() -> None:
    levels: list[float] = []
    Run(
        Scenario(agents=20, hours=0.6), pacer_named("vicidial:6:hard", PacerConfig(), 1), 1,
        on_decision=lambda decision: levels.append(decision.why.level or 0.0),
    ).run()  # fmt: skip
    assert levels[0] == 1.0
    assert max(levels) > 2
    assert levels.index(max(levels)) < len(levels) - 1 - levels[::-1].index(1.0)


def test_markov_progressive_is_as_busy_as_the_formula_says() -> None:
    """One line per idle agent: an agent waits 15 s / p for an answer and then talks 140 s."""
    measured = simulated("progressive", agents=40, hours=2.0, model="markov", answer_rate=0.5)
    assert measured.occupancy == pytest.approx(140 / (140 + 15 / 0.5), abs=0.02)
