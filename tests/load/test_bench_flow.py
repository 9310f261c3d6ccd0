"""The bench of scripts runs whole, in small: its figures are for the benchmark's own run."""

import pytest

from engine.bench import flow as bench
from engine.bench.flow import FlowOptions, chain, interpreter_told, three_prompts
from engine.flow.document import Syntax
from engine.flow.gate import check_text
from tests.vss_command import check


def test_what_is_measured_is_sound() -> None:
    for text, syntax in ((chain(40), Syntax.JSON), (three_prompts(), Syntax.JSON), (bench.TAKES, Syntax.YAML)):
        assert check_text(text, syntax) == ()


def test_interpreter_is_measured_beside_a_function_that_decides_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "ENOUGH_S", 0.01)
    told = interpreter_told()
    assert told["steps_per_s"] > 0
    assert told["steps_ratio"] > 1
    assert len(bench.walk_by_hand(bench.WALK_NODES)) > bench.WALK_NODES / 2


@pytest.mark.live
@pytest.mark.timeout(300)
async def test_scripts_and_bare_loop_play_the_same_and_no_digit_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "INSTANCE", "bench-flow-test")
    monkeypatch.setattr(bench, "LINES", 10)
    parts = frozenset({"calls", "digits", "interpreter"})
    report = await bench.run(FlowOptions(seconds=3.0, rounds=1, callers=8, parts=parts))
    check(report.data, "bench-flow")
    assert report.errors == 0
    assert report.data["digits"]["right"] == 8
    assert report.data["run"]["engine"]["runs_per_s"] > 0
    assert report.data["run"]["baseline"]["runs_per_s"] > 0
