"""Chaos in small: its own code strikes a real world, and nobody is lost."""

from __future__ import annotations

import pytest

from engine.chaos import run as chaos
from engine.chaos.faults import Fault
from engine.chaos.run import ChaosOptions, Round
from engine.cli.chaos import total
from engine.stack.report import SilentReport
from tests.vss_command import check


@pytest.mark.live
@pytest.mark.timeout(300)
async def test_engine_that_is_killed_and_a_socket_that_is_cut_lose_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chaos, "INSTANCE", "chaos-test")
    told: list[Round] = []
    faults = (Fault.KILL_ENGINE, Fault.FAIL_OVER, Fault.CUT_SOCKET)
    rounds = await chaos.run(ChaosOptions(faults, rounds=1, calls=10), SilentReport(), told.append)
    assert told == rounds
    assert [one.fault for one in rounds] == list(faults)
    for one in rounds:
        assert one.live_before >= 5
        assert one.sound, (one.counts, one.notes)
    check({"rounds": [one.plain() for one in rounds], "total": total(rounds)}, "chaos")
