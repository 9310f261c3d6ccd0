"""Scripts that listen, on real calls of a whole engine: a voice bot, machine detection, the wait for a beep."""

from __future__ import annotations

import asyncio
import time

import pytest

from engine.stack.sound import Sound
from tests.live.conftest import Site
from tests.live.test_script_calls import run_of, scripted_campaign
from tests.unit.voice_bot import voice_bot

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

STREAMED, MACHINE, BEEPS = "+12135550131", "+12145550131", "+12155550131"
HEAD = """
gacs: "1.0"
id: {name}
version: 1
params: {{due: {{type: money, currency: USD}}}}
locales: {{default: en-GB, supported: [en-GB]}}
prompts:
  who: {{en-GB: {{text: "This is Example Limited. For no more calls, press nine."}}}}
limits: {{max_duration_s: 300, max_node_visits: 50}}
policies: {{used_for: [agentless], identity: who, webhook_hosts: [127.0.0.1]}}
on: {{hangup: left, error.*: failed}}
start: {start}
nodes:
  never: {{dnc_add: {{}}, then: stopped}}
  stopped: {{disposition: {{code: opted_out}}, then: bye}}
  left: {{disposition: {{code: hung_up}}, then: bye}}
  failed: {{disposition: {{code: failed}}, then: bye}}
  bye: {{hangup: {{}}}}
"""
TO_BOT = """  who:
    menu: {{prompt: who, options: {{"9": never}}, timeout_s: 1, retries: 0}}
    on: {{max_retries: talk}}
  talk:
    stream: {{url: "{url}", max_s: 60, name: bot, params: {{place: "'test'"}}}}
    on: {{done: talked, error.*: failed}}
  talked: {{disposition: {{code: talked}}, then: bye}}
"""
TO_MACHINE = """  detect:
    amd: {{timeout_s: 5}}
    on: {{human: who, machine: drop, unsure: who, error.amd: failed}}
  who:
    menu: {{prompt: who, options: {{"9": never}}, timeout_s: 1, retries: 0}}
    on: {{max_retries: full}}
  drop:
    voicemail_drop: {{prompt: who, wait_s: 3, silence_s: 1}}
    on: {{done: dropped, no_beep: full, error.media: failed}}
  dropped: {{disposition: {{code: dropped}}, then: bye}}
  full: {{disposition: {{code: no_beep}}, then: bye}}
"""


async def stands_at(site: Site, node: str) -> None:
    """Wait until the newest run is at a node."""
    for _ in range(600):
        runs = (await site.world.api.get("/runs"))["items"]
        if runs and runs[-1].get("node") == node:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"no script came to {node}")


async def test_person_talks_with_a_bot_until_they_press_hash(site: Site) -> None:
    async with voice_bot(site.webhook_secret) as bot:
        text = (HEAD + TO_BOT).replace("{url}", bot.url).replace("{start}", "who")
        campaign = await scripted_campaign(site, STREAMED, "{}", text)
        for _ in range(600):
            if "interrupted" in bot.said:  # their tone is louder than its greeting
                break
            await asyncio.sleep(0.05)
        assert bot.said[0].startswith("call ")
        site.world.customer_end.press(STREAMED, "#")
        run = await run_of(site, campaign)
    assert (run["disposition"], run["reason"]) == ("talked", "script")
    heard = next(one for one in reversed(site.world.customer_end.heard()) if one.number == STREAMED)
    assert heard.first_ms(Sound.OTHER) is not None


async def test_machine_that_never_beeps_gets_no_message(site: Site) -> None:
    text = (HEAD + TO_MACHINE).replace("{start}", "detect")
    campaign = await scripted_campaign(site, MACHINE, "{}", text)
    run = await run_of(site, campaign)
    assert (run["disposition"], run["reason"]) == ("no_beep", "script")


async def test_machine_gets_its_message_right_after_the_beep(site: Site) -> None:
    text = (HEAD + TO_MACHINE).replace("wait_s: 3", "wait_s: 30").replace("{start}", "detect")
    campaign = await scripted_campaign(site, BEEPS, "{}", text)
    end = site.world.customer_end
    await stands_at(site, "drop")
    await asyncio.sleep(5.0)  # so long it is listened to, longer than any beep: this is the machine that speaks
    for muted, for_s in ((True, 0.6), (False, 0.4), (True, 0.0)):
        end.mute(BEEPS, muted)
        await asyncio.sleep(for_s)
    beep_ended_ms = time.time() * 1000
    run = await run_of(site, campaign)
    assert (run["disposition"], run["reason"]) == ("dropped", "script")
    heard = next(one for one in reversed(end.heard()) if one.number == BEEPS)
    message_ms = heard.first_ms(Sound.OTHER)
    assert message_ms is not None
    print(f"message_after_beep_ms: {message_ms - beep_ended_ms:.0f}")
    assert 0 < message_ms - beep_ended_ms < 1000
