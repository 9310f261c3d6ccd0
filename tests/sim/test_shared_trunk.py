"""Campaigns that share a trunk which carries far less than they want, in virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.agent.pool import new_agent
from engine.dialer.campaign import AnswerAction, Campaign, DialMode
from engine.dialer.settings import PacingSettings
from engine.ids import CampaignId, Slot
from engine.runtime.dialing import FAULT_PAUSE_S
from tests.sim.floor import Floor, work

SHIFT_S = 240.0
Kind = tuple[DialMode, dict[str, Any]]
PREDICTIVE: Kind = (DialMode.PREDICTIVE, {})
PROGRESSIVE: Kind = (DialMode.PROGRESSIVE, {})
LONE: Kind = (DialMode.AGENTLESS, {"answer_action": AnswerAction.MESSAGE})
OTHER_POOL: Kind = (DialMode.PREDICTIVE, {"pool": "other"})


def dialed(floor: Floor, campaign: CampaignId) -> int:
    """Calls of a campaign so far."""
    return sum(attempt.campaign == campaign for attempt in floor.cell.memory.attempts.values())


async def second_pool(floor: Floor) -> None:
    """Five agents in a pool of their own, `other`."""
    engine = floor.cell.engine
    for n in range(5):
        engine.switchboard.add_agent(new_agent(Slot(7101 + n), "other", engine.control.clock.now()))
    await floor.cell.staff(*(7101 + n for n in range(5)))


@pytest.mark.parametrize(
    ("first", "second"),
    [(PREDICTIVE, PREDICTIVE), (PROGRESSIVE, PROGRESSIVE), (PREDICTIVE, LONE), (LONE, LONE), (PREDICTIVE, OTHER_POOL)],
    ids=["pool", "progressive", "pool-and-lone", "lone", "two-pools"],
)
@pytest.mark.parametrize(("weight", "low", "high"), [(1.0, 0.8, 1.25), (3.0, 2.4, 3.75)], ids=["equal", "3-to-1"])
def test_campaigns_share_a_full_trunk_by_weight(
    first: Kind, second: Kind, weight: float, low: float, high: float
) -> None:
    async def shift(floor: Floor) -> None:
        floor.habits.talk_mean_s = 10.0
        if second is OTHER_POOL:
            await second_pool(floor)
        one = await floor.campaign(first[0], "one", pacing=PacingSettings(pool_weight=weight), **first[1])
        other = await floor.campaign(second[0], "other", **second[1])
        told: set[str] = set()

        async def look() -> None:
            for campaign in (one, other):
                told.add((await floor.cell.engine.control.pacing(campaign)).binding)

        await floor.works(SHIFT_S, look)
        assert dialed(floor, other) >= 8
        assert low < dialed(floor, one) / dialed(floor, other) < high
        assert "trunk_share" in told

    work(shift, channels_max=3)


def test_fault_over_one_campaign_rests_that_one_and_leaves_the_others_of_its_pool_dialing() -> None:
    async def shift(floor: Floor) -> None:
        desk, faults = floor.cell.engine.desk, 0
        opened = desk.open

        async def open_but_one(campaign: Campaign, agents: Any) -> None:
            nonlocal faults
            if campaign.name == "broken":
                faults += 1
                raise RuntimeError("broken")
            await opened(campaign, agents)

        desk.open = open_but_one  # type: ignore[method-assign]
        broken = await floor.campaign(DialMode.PREDICTIVE, "broken")
        sound = await floor.campaign(DialMode.PREDICTIVE, "sound")
        await floor.works(4 * FAULT_PAUSE_S)
        assert dialed(floor, sound) > 5
        assert dialed(floor, broken) == 0
        assert 3 <= faults <= 5
        told = await floor.cell.engine.control.pacing(broken)
        assert (told.binding, told.needs) == ("fault", ("engine: its log says what is wrong",))
        desk.open = opened  # type: ignore[method-assign]
        await floor.works(2 * FAULT_PAUSE_S)
        assert dialed(floor, broken) > 0

    work(shift)


def test_campaign_nobody_decided_on_yet_says_in_a_sentence_what_it_waits_for() -> None:
    async def shift(floor: Floor) -> None:
        floor.cell.engine.dialing.tick = nothing  # type: ignore[method-assign]
        await asyncio.sleep(1.0)
        campaign = await floor.campaign(DialMode.PREDICTIVE)
        told = await floor.cell.engine.control.pacing(campaign)
        assert told.binding == "undecided"
        assert told.needs == (
            "time: the first decision, which the engine takes within seconds of the campaign's start",
        )

    async def nothing() -> None:
        """A round that never comes to a decision."""

    work(shift)
