"""The bench: fair to the bare loop, right in its sums, and printing what its schema says."""

import ast
import os
import re
import subprocess
import sys

import pytest

from engine.bench.bridges import RATES_CPS, Waits
from engine.bench.calls import CallsResult, Round
from engine.bench.cpu import family_s, process_s
from engine.bench.pacing import Tally
from engine.bench.pacing import told as pacing_told
from engine.bench.people import People
from engine.bench.run import OUTCOME_VARIANTS, bridges_told, calls_told
from engine.bench.sides import BARE_LOOP, attempts_by_outcome
from engine.dialer.campaign import DialMode
from tests.vss_command import check


def imported(source: str) -> set[str]:
    names = set[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


def test_bare_loop_is_short_and_knows_nothing_of_the_engine() -> None:
    source = BARE_LOOP.read_text()
    assert len(source.splitlines()) < 140
    assert "engine" not in imported(source)


def test_attempts_are_read_by_outcome() -> None:
    text = (
        "# HELP vss_attempts_total Attempts that ended\n"
        'vss_attempts_total{outcome="answered"} 41.0\n'
        'vss_attempts_total{outcome="busy"} 2.0\n'
        "vss_originates_total 50.0\n"
    )
    assert attempts_by_outcome(text) == {"answered": 41, "busy": 2}


def test_quantiles_are_of_the_nearest_rank() -> None:
    waits = Waits([float(n) for n in range(100, 0, -1)])
    assert waits.quantiles() == {"p50": 50.0, "p99": 99.0}
    assert Waits().quantiles() == {"p50": None, "p99": None}


def test_a_family_has_its_childrens_time_also_of_those_that_ended() -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass"
    before_s = family_s(os.getpid())
    subprocess.run([sys.executable, "-c", burn], check=True, timeout=60)
    assert family_s(os.getpid()) - before_s >= 0.15
    with pytest.raises(FileNotFoundError):
        process_s(2**22 + 1)


def test_what_is_printed_is_as_its_schema_says() -> None:
    engine = [Round(cps, 0, 0.5, 0.2, 3.0) for cps in (300.0, 310.0, 305.0)]
    baseline = [Round(cps, 0, 0.25, 0.0, 2.9) for cps in (400.0, 360.0, 380.0)]
    bridges = {
        rate: {"engine": Waits([4.0, 3.0 * number]), "baseline": Waits([2.0, 4.0])}
        for number, rate in enumerate(RATES_CPS, 1)
    }
    told = {
        **calls_told(CallsResult(engine, baseline)),
        "bridge_ms": bridges_told(bridges),
        "outcomes_per_s": {"8x20": dict.fromkeys(OUTCOME_VARIANTS, 1.0)},
        "asterisk_version": "22.10.1",
        "cores": 2,
    }
    check(told, "bench-calls")
    assert told["ratio"] == {"cps": round(305 / 380, 3), "cpu": 2.8}
    assert told["bridge_ms"]["ratio_p99"] == 1.5
    assert told["bridge_ms"]["engine"]["p99"] == told["bridge_ms"]["engine"]["100"]["p99"] == 6.0


def test_people_of_the_pacing_bench_have_the_same_fates_for_every_policy_and_answer_as_often_as_asked() -> None:
    people = People(0.25)
    one, other = (list(people.numbers(1, 4000, series)) for series in (0, 1))
    assert [number[9:] for number in one] == [number[9:] for number in other]
    assert not set(one) & set(other)
    assert all(re.fullmatch(r"\+999[0-9]{5}[123][0-9]{5}", number) for number in one)
    fates = [number[9] for number in one]
    assert abs(fates.count("1") / len(fates) - 0.25) < 0.03
    talks_s = [int(number[12:]) / 10 for number in one if number[9] == "1"]
    assert abs(sum(talks_s) / len(talks_s) - people.talk_mean_s) < 1.0


def test_pacing_bench_prints_both_policies_and_the_gain_as_its_schema_says() -> None:
    data = pacing_told(
        {
            DialMode.PROGRESSIVE: Tally(500, 0, 2000, busy=680, seated=1000, seconds=480.0),
            DialMode.PREDICTIVE: Tally(500, 12, 2050, busy=870, seated=1000, seconds=400.0),
        }
    )
    assert data["gain_points"] == 19.0
    assert data["predictive"]["abandonment"] == 0.024
    check({**data, "agents": 20, "answer_rate": 0.25, "asterisk_version": "22.10.1", "cores": 2}, "bench-pacing")
