"""The engine is killed while people talk, wait and ring: nobody hears anything of it."""

from __future__ import annotations

import asyncio
import time

import pytest

from engine.stack.sound import Sound
from tests.live.conftest import Site

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

PEOPLE = ("+12255550111", "+12255550121", "+12255550131")
RINGS_OUT = "+12255550133"
KEPT_S = 0.5
"""What changed is kept for the next engine within a twentieth of a second."""
ROUND_MS = 100.0
"""What the ends may take for the beginning of a tone."""


async def test_pairs_talk_on_while_the_engine_is_killed_twice(site: Site) -> None:
    await site.staff(7001, 7002, 7003)
    await site.world.api.post("/agents/7004/login")
    await site.until_agent(7004, "paused")
    heard_before = len(site.world.customer_end.heard())
    campaign = await site.campaign(*PEOPLE)
    talks = [await site.until_agent(slot, "talking") for slot in (7001, 7002, 7003)]
    bridged = {call["id"]: call["bridged_at"] for call in await site.calls()}
    await asyncio.sleep(1.0)
    began_ms = time.time() * 1000
    for _ in range(2):
        await site.kill_engine()
        for talk in talks:
            agent = await site.agent(talk["slot"])
            assert (agent["state"], agent["call"], agent["since"]) == ("talking", talk["call"], talk["since"])
        assert (await site.agent(7004))["state"] == "paused"
        assert {call["id"]: call["bridged_at"] for call in await site.calls()} == bridged
    await asyncio.sleep(1.0)
    ended_ms = time.time() * 1000
    ends = site.world.customer_end.heard()[heard_before:]
    ends += [next(heard for heard in reversed(site.world.agent_end.heard()) if heard.number == str(talk["slot"]))
             for talk in talks]  # fmt: skip
    assert len(ends) == 6
    for end in ends:
        assert end.lasting_ms(Sound.TONE, began_ms, ended_ms) >= ended_ms - began_ms - ROUND_MS, end
    for talk in talks:
        await site.world.api.delete(f"/calls/{talk['call']}")
    rows = await site.outcomes(campaign, 3)
    assert {row["outcome"] for row in rows} == {"answered"}
    assert {row["slot_id"] for row in rows} == {7001, 7002, 7003}


async def test_phone_that_rings_and_agent_who_waits_outlive_the_engine(site: Site) -> None:
    await site.staff(7001)
    campaign = await site.campaign(RINGS_OUT)
    (call,) = await site.until_calls(1)
    for _ in range(200):
        if (await site.calls())[0]["phase"] == "ringing":
            break
        await asyncio.sleep(0.05)
    await asyncio.sleep(KEPT_S)
    await site.kill_engine()
    agent = await site.agent(7001)
    assert agent["state"] == "ready", agent
    assert [(known["id"], known["phase"]) for known in await site.calls()] == [(call["id"], "ringing")]
    (row,) = await site.outcomes(campaign, 1)
    assert row["outcome"] == "no_answer"
