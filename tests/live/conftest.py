"""One real world for the live tests: Asterisk, SIPp, PostgreSQL, Redis, the engine behind a fault-injecting proxy.

After every test the world is brought to rest, and nothing may be left over: no channel, bridge, open attempt, task of
the engine or file descriptor.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from engine.demo.world import TRUNK, World, WorldPlan, open_world
from engine.errors import Rejected
from engine.ids import CampaignId
from engine.stack.chaos_proxy import ChaosProxy
from engine.stack.home import state_home
from engine.stack.instance import Stack
from engine.stack.programs import Programs
from engine.stack.report import SilentReport
from engine.stack.sound import Sound

AGENTS = 4
FDS_SPARE = 8
"""PostgreSQL's pool (4) and the API client's idle connections come and go."""
MEASURED_EVERY_S = 1.2
"""The engine counts its tasks once a second."""
ALL_DAY = {"window_from": "00:00", "window_to": "23:59:59.999999"}
ONCE = {
    outcome: {"attempts_max": 1, "delay_s": 1}
    for outcome in (
        "busy",
        "no_answer",
        "unreachable",
        "congestion",
        "customer_hangup",
        "abandoned",
        "cancelled",
        "unknown",
    )
}
_NUMBER = re.compile(r"^(\w+) (\S+)$", re.MULTILINE)


@dataclass(slots=True)
class Site:
    """The world, the proxy on the engine's way to ARI, and what tests do all the time."""

    world: World
    ari: ChaosProxy
    webhook_secret: str
    campaigns: list[CampaignId] = field(default_factory=list)
    fds: int = 0
    tasks: float = 0.0

    async def campaign(self, *numbers: str, **changes: Any) -> CampaignId:
        """A running campaign over these numbers."""
        body = {"name": f"live {os.urandom(4).hex()}", "trunk": TRUNK, "ring_timeout_s": 15, "wrap_up_s": 0.0}
        created = await self.world.api.post("/campaigns", {**body, **ALL_DAY, "recall": ONCE, **changes})
        campaign = CampaignId(created["campaign"]["id"])
        self.campaigns.append(campaign)
        async with self.world.database.connection() as connection:
            await connection.executemany(
                "INSERT INTO autodialer_leads (campaign_id_ref, phone_number, zones) VALUES ($1, $2, '{UTC}')",
                [(campaign, number) for number in numbers],
            )
        await self.world.api.post(f"/campaigns/{campaign}/start")
        return campaign

    async def staff(self, *slots: int) -> None:
        """Log agents in and make them ready."""
        for slot in slots:
            await self.world.api.post(f"/agents/{slot}/login")
        for slot in slots:
            await self.until_agent(slot, "paused")
            await self.world.api.post(f"/agents/{slot}/ready")

    async def agent(self, slot: int) -> dict[str, Any]:
        return next(agent for agent in (await self.world.api.get("/agents"))["items"] if agent["slot"] == slot)

    async def until_agent(self, slot: int, state: str, limit_s: float = 20.0) -> dict[str, Any]:
        """Wait for an agent's state."""
        for _ in range(int(limit_s / 0.05)):
            agent = await self.agent(slot)
            if agent["state"] == state:
                return agent
            await asyncio.sleep(0.05)
        raise AssertionError(f"agent {slot} did not become {state}: {await self.agent(slot)}")

    async def music_heard(self, slot: int) -> None:
        """Wait until the agent hears music; a piece may begin softly, so a call that comes at once would hide it."""
        for _ in range(200):
            legs = [heard for heard in self.world.agent_end.heard() if heard.number == str(slot)]
            if legs and legs[-1].first_ms(Sound.OTHER) is not None:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"no music while {slot} waits: {legs}")

    async def calls(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.world.api.get("/calls"))["items"]
        return items

    async def until_calls(self, count: int, limit_s: float = 40.0) -> list[dict[str, Any]]:
        """Wait until so many calls are live."""
        for _ in range(int(limit_s / 0.05)):
            calls = await self.calls()
            if len(calls) == count:
                return calls
            await asyncio.sleep(0.05)
        raise AssertionError(f"not {count} calls: {await self.calls()}")

    async def outcomes(self, campaign: CampaignId, count: int, limit_s: float = 60.0) -> list[dict[str, Any]]:
        """Wait for so many outcomes of a campaign, in the order of the attempts."""
        for _ in range(int(limit_s / 0.1)):
            rows = [dict(row) for row in await self.world.database.rows("dialed_attempts", campaign)]
            if sum(row["outcome"] != "open" for row in rows) >= count:
                return rows
            await asyncio.sleep(0.1)
        raise AssertionError(f"not {count} outcomes: {rows}")

    async def kill_engine(self, **changes: str) -> None:
        """The engine dies at once, and another one is started, with these settings beside the usual ones."""
        stack = self.world.stack
        stack.engine.process.signal(signal.SIGKILL)
        await stack.engine.stop()
        await stack.start_engine(wait_ready=True, **_settings(self.ari, self.webhook_secret), **changes)

    async def left_over(self) -> dict[str, int]:
        """What Asterisk and the database still hold."""
        site = self.world.stack.asterisk.site
        found = {"open_attempts": len(await self.world.database.rows("open_attempts"))}
        headers = {"Authorization": aiohttp.encode_basic_auth(site.ari_user, site.ari_password)}
        async with aiohttp.ClientSession(headers=headers) as session:
            for kind in ("channels", "bridges"):
                async with session.get(f"{self.world.stack.asterisk.ari_url}/ari/{kind}") as answer:
                    found[kind] = len(await answer.json())
        return found

    async def measures(self) -> tuple[int, float]:
        """File descriptors and asyncio tasks of the engine."""
        fds = len(os.listdir(f"/proc/{self.world.stack.engine.process.pid}/fd"))
        async with (
            aiohttp.ClientSession() as session,
            session.get(
                f"{self.world.stack.engine.url}/metrics",
                headers={"Authorization": f"Bearer {self.world.stack.api_token}"},
            ) as answer,
        ):
            numbers = dict(_NUMBER.findall(await answer.text()))
        return fds, float(numbers["vss_tasks"])

    async def rest(self) -> None:
        """Stop campaigns, end calls, log everybody out; then see that nothing is left over."""
        self.ari.heal()
        await self._until_ready()
        for campaign in self.campaigns:
            try:
                await self.world.api.post(f"/campaigns/{campaign}/stop")
            except Rejected as refusal:  # stopped by the test already
                if refusal.code != "campaign_state":
                    raise
        self.campaigns.clear()
        for call in await self.calls():
            try:
                await self.world.api.delete(f"/calls/{call['id']}")
            except Rejected as refusal:  # it ended meanwhile
                if refusal.status != 404:
                    raise
        await self.until_calls(0)
        for agent in (await self.world.api.get("/agents"))["items"]:
            if agent["state"] != "offline":
                await self.world.api.post(f"/agents/{agent['slot']}/logout")
        for _ in range(100):
            left = await self.left_over()
            if not any(left.values()):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"left over: {left}")

    async def _until_ready(self) -> None:
        for _ in range(200):
            if (await self.world.api.readiness())["ready"]:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"the engine is not ready: {await self.world.api.readiness()}")


def _settings(ari: ChaosProxy, webhook_secret: str) -> dict[str, str]:
    return {
        "VSS_ARI_URL": f"http://127.0.0.1:{ari.port}",
        "VSS_WRAP_UP_S": "0",
        "VSS_WEBHOOK_SECRET": webhook_secret,
        "VSS_WEBHOOK_HOSTS": "127.0.0.1,.example.org",
    }


@pytest.fixture(scope="session")
async def open_site(programs: Programs) -> AsyncIterator[Site]:
    """The world of this run; its scripts may ask what listens on this machine."""
    webhook_secret = os.urandom(24).hex()
    async with (
        Stack.open("live", state_home(), programs, SilentReport()) as stack,
        ChaosProxy(("127.0.0.1", stack.ports.ari)) as proxy,
        open_world(stack, WorldPlan(agents=AGENTS), _settings(proxy, webhook_secret)) as world,
    ):
        site = Site(world, proxy, webhook_secret)
        await asyncio.sleep(MEASURED_EVERY_S)
        site.fds, site.tasks = await site.measures()
        yield site


@pytest.fixture
async def site(open_site: Site) -> AsyncIterator[Site]:
    """The world at rest; brought to rest again after the test."""
    yield open_site
    await open_site.rest()
    await asyncio.sleep(MEASURED_EVERY_S)
    fds, tasks = await open_site.measures()
    assert fds <= open_site.fds + FDS_SPARE, "file descriptors of the engine are left over"
    assert tasks <= open_site.tasks + 2, "tasks of the engine are left over"
