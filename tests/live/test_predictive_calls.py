"""Predictive and power dialing on real calls: overdialing, the message, calls given up, and why."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engine.dialer.replay import repeat
from engine.ids import CampaignId
from engine.stack.sound import Sound
from tests.live.conftest import Site

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

AREAS = [area for area in range(201, 990) if area % 100 != 11]
LAWFUL = {"dial_mode": "predictive", "message": ["sound:im-sorry", "sound:vm-goodbye"]}


def numbers(count: int, digit: str, first: int = 0) -> list[str]:
    return [f"+1{area}555010{digit}" for area in AREAS[first : first + count]]


async def explained(site: Site, campaign: CampaignId) -> dict[str, Any]:
    told: dict[str, Any] = await site.world.api.get(f"/campaigns/{campaign}/pacing")
    return told


def replayed(site: Site) -> int:
    """Every file of the journal repeats; how many decisions that were."""
    decisions = 0
    for file in sorted(Path(site.world.stack.directory).rglob("pacing/*/*.jsonl")):
        with file.open(encoding="utf-8") as lines:
            told = repeat(line for line in lines if line.endswith("\n"))
        assert told.difference is None
        decisions += told.decisions
    return decisions


async def test_power_campaign_overdials_and_who_meets_no_agent_hears_the_message(site: Site) -> None:
    await site.staff(7001, 7002)
    for number in numbers(2, "0"):  # the trunk's first tokens are never shared ones, and those allow no overdialing
        await site.outcomes(await site.campaign(number), 1)
    heard_before = len(site.world.customer_end.heard())
    power = LAWFUL | {"dial_mode": "power", "lines_per_agent": 3.0}
    # they ring for a second and a half before they answer: time to dial more of them; who talks never hangs up
    campaign = await site.campaign(*(f"+1{area}5550191" for area in range(290, 300)), **power)
    await site.outcomes(campaign, 2)
    await site.until_calls(2)
    told = await explained(site, campaign)
    assert told["inputs"]["abandoned"] >= 2
    assert told["message_armed"]
    assert (told["binding"], told["launch"]) == ("agents", 0)
    assert told["needs"][0].startswith("agents: all 2 are busy")
    assert told["windows"]["period"]["abandoned"] >= 2
    for heard in site.world.customer_end.heard()[heard_before:]:
        assert heard.first_ms(Sound.OTHER) is not None or heard.first_ms(Sound.TONE) is not None, "silence"


async def test_predictive_campaign_learns_overdials_and_says_why(site: Site) -> None:
    await site.staff(7001, 7002, 7003, 7004)
    leads = [number for n in range(60) for number in (*numbers(3, "2", 4 * n), *numbers(1, "0", 4 * n + 3))]
    campaign = await site.campaign(*leads, **LAWFUL, small_team=False)
    in_flight_max, bindings = 0, set()
    for _ in range(900):
        told = await explained(site, campaign)
        bindings |= {told["binding"], *(decision["binding"] for decision in told["recent"])}
        inputs = told["inputs"]
        if "launched" in inputs and told["binding"] in {"theta", "agents", "learning"}:
            in_flight_max = max(in_flight_max, inputs["launched"] + inputs["detecting"] - inputs["idle"])
        if in_flight_max > 0 and "theta" in bindings:
            break
        await asyncio.sleep(0.1)
    assert "learning" in bindings
    assert "theta" in bindings
    assert in_flight_max > 0, "more calls on their way than agents idle"
    assert told["line"].endswith(f"bound by {told['binding']}")
    assert told["needs"]
    await site.world.api.post(f"/campaigns/{campaign}/stop")
    await site.until_calls(0)
    assert replayed(site) > 100


async def test_calls_that_nobody_could_take_are_given_up_after_fifteen_seconds(site: Site) -> None:
    await site.staff(7001, 7002)
    known = len(site.world.carrier.calls())
    campaign = await site.campaign(*numbers(2, "3"), **LAWFUL, ring_timeout_s=60)
    await site.until_calls(2)
    for slot in (7001, 7002):
        await site.world.api.post(f"/agents/{slot}/pause", {"reason": "away"})
    rows = await site.outcomes(campaign, 2)
    assert [row["outcome"] for row in rows] == ["cancelled", "cancelled"]
    for call in site.world.carrier.calls()[known:]:
        assert (call.final, call.ended_by) == (487, "caller")
        assert call.ended_ms is not None
        assert 14_900 <= call.ended_ms - call.invited_ms < 25_000
    told = await explained(site, campaign)
    assert any(decision["cancel"] for decision in told["recent"])
