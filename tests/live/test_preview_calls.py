"""Preview on real calls: what the agent decides is what the carrier sees."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from engine.adapters.postgres.campaigns import PostgresCampaigns
from engine.errors import Rejected
from engine.ids import CampaignId
from engine.stack.sound import Sound
from tests.live.conftest import Site

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

LISTENS, BUSY, RINGS_OUT = "+12125550111", "+12125550122", "+12125550133"
MORE = ("+12135550111", "+12145550111")


async def previewing(site: Site, *numbers: str, **changes: Any) -> CampaignId:
    return await site.campaign(*numbers, dial_mode="preview", **changes)


async def shown(site: Site, slot: int) -> dict[str, Any]:
    """What the agent is shown, as soon as it is."""
    await site.until_agent(slot, "reserved")
    lead: dict[str, Any] = await site.world.api.get(f"/agents/{slot}/preview")
    return lead


async def notes(site: Site, campaign: CampaignId) -> list[tuple[str, str | None]]:
    """Outcomes and notes of a campaign, in the order of the attempts."""
    async with site.world.database.connection() as connection:
        rows = await connection.fetch(
            "SELECT outcome, note FROM outcomes WHERE campaign_id = $1 ORDER BY ended_at", campaign
        )
    return [(row["outcome"], row["note"]) for row in rows]


def invited(site: Site, since_ms: float) -> list[str]:
    """Numbers for which the carrier got an INVITE."""
    return [call.number for call in site.world.carrier.calls() if call.invited_ms >= since_ms]


async def test_lead_is_dialed_when_the_agent_says_so_and_they_hear_each_other_at_once(site: Site) -> None:
    began_ms = time.time() * 1000
    await site.staff(7001)
    await site.music_heard(7001)
    campaign = await previewing(site, LISTENS)
    lead = await shown(site, 7001)
    assert (lead["number"], lead["campaign"], lead["attempts"], lead["barred"]) == (LISTENS, campaign, [], None)
    assert 100 < lead["seconds_left"] <= 120
    assert [(call["phase"], call["slot"]) for call in await site.calls()] == [("previewing", 7001)]
    await asyncio.sleep(1.5)
    assert invited(site, began_ms) == []
    await site.world.api.post("/agents/7001/preview/dial")
    agent = await site.until_agent(7001, "talking")
    assert agent["call"] == lead["call"]
    await asyncio.sleep(1.0)
    bridges = await site.world.stack.asterisk.cli("bridge show all")
    assert "native_rtp" in next(line for line in bridges.splitlines() if line.startswith("seat-7001"))
    await site.world.api.delete(f"/calls/{agent['call']}")
    (row,) = await site.outcomes(campaign, 1)
    assert (row["outcome"], row["slot_id"]) == ("answered", 7001)
    assert invited(site, began_ms) == [LISTENS]
    answered_ms = next(call.answered_ms for call in reversed(site.world.carrier.calls()) if call.number == LISTENS)
    assert answered_ms is not None
    assert row["bridged_at"] * 1000 - answered_ms < 500
    seat = [heard for heard in site.world.agent_end.heard() if heard.number == "7001"][-1]
    waited = (lead["shown_at"] * 1000, row["bridged_at"] * 1000 - 50)
    assert seat.lasting_ms(Sound.OTHER, *waited) > 0.5 * (waited[1] - waited[0]), "the agent waited in silence"
    talked = (row["bridged_at"] * 1000 + 100, row["ended_at"] * 1000 - 100)
    assert seat.lasting_ms(Sound.TONE, *talked) > 500
    assert seat.lasting_ms(Sound.OTHER, *talked) == 0


async def test_skipped_lead_is_not_dialed_and_the_reason_is_in_the_database(site: Site) -> None:
    began_ms = time.time() * 1000
    await site.staff(7001)
    campaign = await previewing(site, LISTENS, MORE[0])
    first = await shown(site, 7001)
    await site.world.api.post("/agents/7001/preview/skip", {"reason": "spoke to her yesterday"})
    for _ in range(100):
        second = await shown(site, 7001)
        if second["call"] != first["call"]:
            break
        await asyncio.sleep(0.05)
    assert second["number"] == MORE[0]
    await site.outcomes(campaign, 1)
    assert await notes(site, campaign) == [("skipped", "spoke to her yesterday")]
    await asyncio.sleep(1.0)
    assert invited(site, began_ms) == []


async def test_agent_who_decides_nothing_is_paused_after_two_leads_and_nothing_is_dialed(site: Site) -> None:
    began_ms = time.time() * 1000
    await site.staff(7001)
    campaign = await previewing(site, LISTENS, *MORE, preview_limit_s=5.0)
    agent = await site.until_agent(7001, "paused", 30)
    assert agent["reason"] == "no decision about the leads shown"
    await site.outcomes(campaign, 2)
    assert await notes(site, campaign) == [("skipped", "no decision in time")] * 2
    assert invited(site, began_ms) == []


async def test_plain_phone_skips_with_2_and_dials_with_1(site: Site) -> None:
    began_ms = time.time() * 1000
    await site.staff(7002)
    campaign = await previewing(site, LISTENS, MORE[0])
    await shown(site, 7002)
    site.world.agent_end.press("7002", "2")
    await site.outcomes(campaign, 1)
    assert await notes(site, campaign) == [("skipped", "phone")]
    second = await shown(site, 7002)
    site.world.agent_end.press("7002", "1")
    agent = await site.until_agent(7002, "talking")
    assert agent["call"] == second["call"]
    assert invited(site, began_ms) == [second["number"]]
    await site.world.api.delete(f"/calls/{agent['call']}")


@pytest.mark.parametrize(("number", "outcome"), [(BUSY, "busy"), (RINGS_OUT, "no_answer")])
async def test_agent_is_ready_again_when_the_lead_does_not_answer(site: Site, number: str, outcome: str) -> None:
    await site.staff(7001)
    await site.music_heard(7001)
    campaign = await previewing(site, number, wrap_up_s=30.0)
    await shown(site, 7001)
    await asyncio.sleep(0.5)  # the sound that tells of the lead is over: what is heard from now on is music
    began_ms = time.time() * 1000
    await site.world.api.post("/agents/7001/preview/dial")
    (row,) = await site.outcomes(campaign, 1)
    assert row["outcome"] == outcome
    assert (await site.agent(7001))["state"] == "ready"
    seat = [heard for heard in site.world.agent_end.heard() if heard.number == "7001"][-1]
    rang_ms = row["ended_at"] * 1000 - began_ms
    assert seat.lasting_ms(Sound.OTHER, began_ms, row["ended_at"] * 1000) > 0.5 * rang_ms - 500, "silence while it rang"


async def test_lead_deleted_or_forbidden_while_it_is_shown_is_not_dialed(site: Site) -> None:
    began_ms = time.time() * 1000
    await site.staff(7001)
    campaign = await previewing(site, LISTENS, MORE[1])
    campaigns = PostgresCampaigns(site.world.database)
    for code in ("lead_deleted", "do_not_call"):
        lead = await shown(site, 7001)
        if code == "lead_deleted":
            await campaigns.delete_leads([lead["lead"]])
            assert (await site.world.api.get("/agents/7001/preview"))["number"] == ""
        else:
            await campaigns.add_do_not_call([lead["number"]], "asked for it")
        with pytest.raises(Rejected) as refused:
            await site.world.api.post("/agents/7001/preview/dial")
        assert (refused.value.status, refused.value.code) == (409, code)
        await site.until_agent(7001, "ready")
    await site.outcomes(campaign, 2)
    assert {outcome for outcome, _ in await notes(site, campaign)} == {"not_dialed"}
    assert invited(site, began_ms) == []


async def test_agent_who_pauses_gives_the_lead_to_the_next_one(site: Site) -> None:
    await site.staff(7001)
    campaign = await previewing(site, LISTENS)
    first = await shown(site, 7001)
    assert (await site.world.api.post("/agents/7001/pause", {"reason": "lunch"}))["state"] == "paused"
    await site.staff(7003)
    second = await shown(site, 7003)
    assert (second["lead"], second["attempts"]) == (first["lead"], [])
    assert second["call"] != first["call"]
    await site.outcomes(campaign, 1)
    assert await notes(site, campaign) == [("not_dialed", "the agent left")]
