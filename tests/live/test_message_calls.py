"""What people hear whom no agent takes, and how they never hear it again: on real calls, with real words."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from engine.ids import CampaignId
from engine.stack.sound import Sound
from engine.stack.tones import Heard
from tests.live.conftest import Site

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

# a number of its own for each test: the carrier's log and what was heard go by them
HEARS, OPTS_OUT, FREE, RUSSIAN_SPEAKER, NO_FILE, SPOILT = (f"+1{area}5550121" for area in range(212, 218))
TEXT = "This is Example Limited. We called about your order. Please call us back at +1 202 555 0199."
RUSSIAN = "Вам звонили из компании Пример. Перезвоните нам: +7 495 555 01 99."
AGENTLESS = {"dial_mode": "agentless", "answer_action": "message", "identity_text": TEXT}


async def answered_ms(site: Site, number: str) -> float:
    """When the person picked up, as the carrier's own log says."""
    for _ in range(400):
        for call in reversed(site.world.carrier.calls()):
            if call.number == number and call.answered_ms is not None:
                return call.answered_ms
        await asyncio.sleep(0.05)
    raise AssertionError(f"{number} did not answer")


async def hears(site: Site, number: str, since_ms: float) -> Heard:
    """Wait until the person hears something."""
    for _ in range(200):
        for heard in reversed(site.world.customer_end.heard()):
            if heard.number == number and heard.first_ms(Sound.OTHER, since_ms) is not None:
                return heard
        await asyncio.sleep(0.05)
    raise AssertionError("nothing was heard")


def at_end(site: Site, number: str) -> Heard:
    return next(heard for heard in reversed(site.world.customer_end.heard()) if heard.number == number)


def longest_pause_ms(heard: Heard, start_ms: float, end_ms: float) -> float:
    """The longest time without a sound between two times."""
    quiet = [s for s in heard.segments if s.sound in {Sound.SILENCE, Sound.NOTHING}]
    parts = [min(s.end_ms or end_ms, end_ms) - max(s.start_ms, start_ms) for s in quiet]
    return max(parts, default=0.0)


async def facts(site: Site, campaign: CampaignId) -> dict[str, Any]:
    async with site.world.database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT outcome, extract(epoch FROM answered_at)::float8 AS answered_at,"
            " extract(epoch FROM message_at)::float8 AS message_at, opted_out_at FROM outcomes WHERE campaign_id = $1",
            campaign,
        )
    assert row is not None
    return dict(row)


async def counted(site: Site, name: str) -> float:
    """A metric's value, 0 where it was never counted."""
    url = f"{site.world.stack.engine.url}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        lines = (await answer.text()).splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name + " "))


async def abandoned(site: Site, number: str) -> CampaignId:
    """A campaign whose one answer finds its agent gone."""
    await site.staff(7001)
    campaign = await site.campaign(number, identity_text=TEXT)
    await site.until_calls(1)
    await site.world.api.post("/agents/7001/pause", {"reason": "away"})
    return campaign


async def test_person_whom_no_agent_takes_hears_who_called_within_two_seconds(site: Site) -> None:
    campaign = await abandoned(site, HEARS)
    begun_ms = await answered_ms(site, HEARS)
    await site.outcomes(campaign, 1)
    heard = at_end(site, HEARS)
    first_ms = heard.first_ms(Sound.OTHER, begun_ms)
    assert first_ms is not None
    assert first_ms - begun_ms < 2000
    told = await facts(site, campaign)
    assert told["outcome"] == "abandoned"
    assert 0 < told["message_at"] - told["answered_at"] <= 2.0
    assert abs(told["message_at"] * 1000 - first_ms) < 300, "the fact is not what was heard"
    words_end_ms = max(s.end_ms or 0 for s in heard.segments if s.sound is Sound.OTHER)
    assert words_end_ms - first_ms > 8000, "the text is longer than that"
    assert longest_pause_ms(heard, first_ms, words_end_ms) < 1000


async def test_digit_ends_the_message_confirms_and_no_campaign_dials_the_number_again(site: Site) -> None:
    campaign = await abandoned(site, OPTS_OUT)
    begun_ms = await answered_ms(site, OPTS_OUT)
    await hears(site, OPTS_OUT, begun_ms)
    await asyncio.sleep(1)
    site.world.customer_end.press(OPTS_OUT, "19")
    (row,) = await site.outcomes(campaign, 1, 20)
    heard = at_end(site, OPTS_OUT)
    assert heard.closed_ms is not None
    assert 3000 < heard.closed_ms - begun_ms < 9000, "the message was not cut short for a confirmation"
    told = await facts(site, campaign)
    assert (row["outcome"], told["outcome"]) == ("abandoned", "abandoned")
    assert told["opted_out_at"] is not None
    async with site.world.database.connection() as connection:
        reason = await connection.fetchval("SELECT reason FROM do_not_call WHERE phone_number = $1", OPTS_OUT)
        status = await connection.fetchval("SELECT status FROM autodialer_leads WHERE campaign_id_ref = $1", campaign)
    try:
        assert reason is not None
        assert status == "excluded"
        again = await site.campaign(OPTS_OUT, FREE, **AGENTLESS)
        await site.outcomes(again, 1)
        assert [r["phone_number"] for r in await site.world.database.rows("dialed_attempts", again)] == [FREE]
    finally:
        async with site.world.database.connection() as connection:
            await connection.execute("DELETE FROM do_not_call WHERE phone_number = $1", OPTS_OUT)


async def test_agentless_campaign_speaks_its_text_in_its_language_and_counts_as_answered(site: Site) -> None:
    campaign = await site.campaign(RUSSIAN_SPEAKER, **{**AGENTLESS, "identity_text": RUSSIAN, "language": "ru"})
    begun_ms = await answered_ms(site, RUSSIAN_SPEAKER)
    await site.outcomes(campaign, 1)
    heard = at_end(site, RUSSIAN_SPEAKER)
    first_ms = heard.first_ms(Sound.OTHER, begun_ms)
    assert first_ms is not None
    assert first_ms - begun_ms < 1000
    assert (await facts(site, campaign))["outcome"] == "answered"


async def test_message_without_a_file_ends_the_call_and_is_counted(site: Site) -> None:
    metric = 'vss_messages_total{result="failed"}'
    before = await counted(site, metric)
    campaign = await site.campaign(NO_FILE, **{**AGENTLESS, "message": ["sound:there-is-no-such-file"]})
    begun_ms = await answered_ms(site, NO_FILE)
    await site.outcomes(campaign, 1)
    closed_ms = at_end(site, NO_FILE).closed_ms
    assert closed_ms is not None
    assert closed_ms - begun_ms < 1000, "the person was left in silence"
    told = await facts(site, campaign)
    assert (told["outcome"], told["message_at"]) == ("abandoned", None)
    assert await counted(site, metric) == before + 1


async def test_sounds_that_were_spoilt_are_made_again_before_anybody_hears_them(site: Site) -> None:
    await site.campaign(**AGENTLESS)
    shelf = site.world.stack.asterisk.site.directory / "sounds/speech"
    files = [path for path in shelf.rglob("*.*") if path.is_file()]
    assert files
    sizes = {path: path.stat().st_size for path in files}
    for path in files:
        path.write_bytes(b"")
    spoken = [path for path in files if path.parent.name == "en-us"]
    for _ in range(200):
        if any(path.stat().st_size == sizes[path] for path in spoken):
            break
        await asyncio.sleep(0.1)
    campaign = await site.campaign(SPOILT, **AGENTLESS)
    begun_ms = await answered_ms(site, SPOILT)
    await hears(site, SPOILT, begun_ms)
    await site.outcomes(campaign, 1)
    assert (await facts(site, campaign))["outcome"] == "answered"
