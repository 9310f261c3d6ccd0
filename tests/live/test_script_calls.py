"""Scripts on real calls: words heard, keys pressed, what is stored, engines killed at any node."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from engine.ids import CampaignId
from engine.stack.sound import Sound
from tests.live.conftest import ALL_DAY, ONCE, TRUNK, Site

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

PAYS = "+12125550131"
REMINDER = """
gacs: "1.0"
id: {name}
version: 1
params: {{due: {{type: money, currency: USD, required: true}}}}
locales: {{default: en-GB, supported: [en-GB]}}
prompts:
  owe: {{en-GB: {{text: "Example Limited. You owe {{due|money}}. To pay, press one. For no more calls, nine."}}}}
  thanks: {{en-GB: {{text: "Thank you very much indeed."}}}}
limits: {{max_duration_s: 300, max_node_visits: 50}}
policies: {{used_for: [agentless], identity: owe}}
on: {{hangup: left, error.*: failed}}
start: owe
nodes:
  owe:
    menu: {{prompt: owe, options: {{"1": thanks, "9": never}}, timeout_s: 5, retries: 0}}
    on: {{max_retries: heard}}
  thanks: {{play: {{prompt: thanks}}, then: paid}}
  paid: {{disposition: {{code: paid}}, then: bye}}
  never: {{dnc_add: {{}}, then: stopped}}
  stopped: {{disposition: {{code: opted_out}}, then: bye}}
  heard: {{disposition: {{code: heard}}, then: bye}}
  left: {{disposition: {{code: hung_up}}, then: bye}}
  failed: {{disposition: {{code: failed}}, then: bye}}
  bye: {{hangup: {{}}}}
"""


async def scripted_campaign(site: Site, number: str, data: str, script: str = REMINDER) -> CampaignId:
    """A running agentless campaign whose one lead meets a script."""
    name = f"live.r{os.urandom(4).hex()}"
    body = {"name": name, "trunk": TRUNK, "ring_timeout_s": 15, "dial_mode": "agentless", "answer_action": "message"}
    created = await site.world.api.post("/campaigns", {**body, **ALL_DAY, "recall": ONCE})
    campaign = CampaignId(created["campaign"]["id"])
    site.campaigns.append(campaign)
    async with site.world.database.connection() as connection:
        await connection.execute(
            "INSERT INTO autodialer_leads (campaign_id_ref, phone_number, zones, lead_data)"
            " VALUES ($1, $2, '{UTC}', $3::jsonb)",
            campaign, number, data,
        )  # fmt: skip
    (version,) = (await site.world.api.post("/scripts", {"text": script.format(name=name)}))["items"]
    await site.world.api.post(f"/scripts/{version['hash']}/publish", {"campaign": campaign})
    await site.world.api.post(f"/campaigns/{campaign}/start")
    return campaign


async def run_of(site: Site, campaign: CampaignId, limit_s: float = 40.0) -> dict[str, Any]:
    """The run of the campaign's only call, once it is over."""
    for _ in range(int(limit_s / 0.1)):
        async with site.world.database.connection() as connection:
            row = await connection.fetchrow(
                "SELECT r.*, c.result FROM gacs_runs r JOIN calls c USING (call_id)"
                " WHERE c.campaign_id = $1 AND r.ended_at IS NOT NULL AND c.ended_at IS NOT NULL",
                campaign,
            )
        if row is not None:
            return dict(row)
        await asyncio.sleep(0.1)
    raise AssertionError("the run did not end")


async def test_person_hears_what_they_owe_presses_a_key_and_is_thanked(site: Site) -> None:
    campaign = await scripted_campaign(site, PAYS, '{"due": "120.50 USD"}')
    for _ in range(400):
        legs = [heard for heard in site.world.customer_end.heard() if heard.number == PAYS]
        if legs and legs[-1].first_ms(Sound.OTHER) is not None:
            break
        await asyncio.sleep(0.05)
    await asyncio.sleep(1.0)
    site.world.customer_end.press(PAYS, "1")
    run = await run_of(site, campaign)
    assert (run["disposition"], run["reason"], run["secret"], run["leg"]) == ("paid", "script", None, None)
    assert run["result"] == "answered"
