"""Predictive and power dialing over the whole runtime, in virtual time."""

from __future__ import annotations

import pytest

from engine.dialer.campaign import DialMode
from tests.sim.floor import Floor, work

SHIFT_S = 900.0


@pytest.fixture(autouse=True)
def _startable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.dialer.campaign.MODES_TO_COME", frozenset())


def occupancy_of(mode: DialMode, seed: int = 1) -> float:
    """Share of their time that ten agents are busy, after a start of five minutes."""
    found = 0.0

    async def shift(floor: Floor) -> None:
        nonlocal found
        campaign = await floor.campaign(mode)
        await floor.works(300.0)
        floor.occupancy()
        await floor.works(SHIFT_S)
        found = floor.occupancy()
        met, abandoned = floor.answers(campaign)
        assert abandoned <= 0.03 * (met + abandoned) + 6

    work(shift, seed=seed)
    return found


def test_predictive_campaign_keeps_agents_busier_than_progressive_within_the_budget() -> None:
    progressive, predictive = occupancy_of(DialMode.PROGRESSIVE), occupancy_of(DialMode.PREDICTIVE)
    assert predictive > progressive + 0.08
