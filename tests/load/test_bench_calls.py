"""The bench of calls runs whole, in small: its figures are for the benchmark's own run."""

import pytest

from engine.bench import run as bench
from engine.bench.run import BenchOptions
from tests.vss_command import check

pytestmark = pytest.mark.live
ONLY_FOR_THE_SCHEMA = {"1x1": dict.fromkeys(bench.OUTCOME_VARIANTS, 1.0)}


@pytest.mark.timeout(300)
async def test_both_sides_make_calls_and_bridges_without_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "INSTANCE", "bench-test")
    report = await bench.run(BenchOptions(seconds=2.0, rounds=1, lines=10, parts=frozenset({"calls", "bridges"})))
    check({**report.data, "outcomes_per_s": ONLY_FOR_THE_SCHEMA}, "bench-calls")
    assert report.errors == 0
    assert report.data["engine"]["cps"] > 0
    assert report.data["baseline"]["cps"] > 0
    assert report.data["bridge_ms"]["engine"]["100"]["p50"] is not None
    assert report.data["bridge_ms"]["baseline"]["100"]["p50"] is not None
