"""The bench of pacing runs whole, in small: its figures are for the benchmark's own run."""

import pytest

from engine.bench import pacing as bench
from engine.bench.pacing import PacingOptions
from tests.vss_command import check

pytestmark = pytest.mark.live


@pytest.mark.timeout(300)
async def test_both_policies_talk_to_people_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "INSTANCE", "bench-pacing-test")
    report = await bench.run(PacingOptions(agents=6, answer_rate=0.5, answers=10, rounds=1, limit_s=120.0))
    check(report.data, "bench-pacing")
    assert report.errors == 0
    for policy in ("progressive", "predictive"):
        assert report.data[policy]["live_answers"] >= 10
        assert 0 < report.data[policy]["occupancy"] <= 1
