"""A busy world: pairs that talk, callers who wait or meet a script, phones that ring, calls that come and go."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from engine.adapters.postgres.routes import PostgresRoutes
from engine.adapters.postgres.scripts import PostgresScripts
from engine.demo.people import People
from engine.demo.world import TRUNK, World, callers_port
from engine.errors import Rejected, Unavailable
from engine.flow.document import Syntax, load
from engine.flow.publication import publications
from engine.ids import CampaignId
from engine.ports import InboundRoute, ScriptTarget, TargetKind
from engine.stack.callers import CallerHabits, callers_with_ears
from engine.stack.calllog import LoggedCall, read_calls
from engine.stack.scenario import Running

QUEUE_DID, SCRIPT_DID = "+12025550171", "+12025550172"
EMPTY_POOL = "nobody"
"""Its callers wait: nobody ever logs in there."""
SPARE_AGENTS = 2
"""They take the calls that come and go."""
BUILD_LIMIT_S = 60.0
END_LIMIT_S = 40.0
RING_S = 60
FOR_EVER_MS = 900_000
IDENTITY = "This is a test of VSS engine. Call us back at +1 202 555 0199."
NPAS = tuple(npa for npa in range(200, 1000) if npa % 100 != 11)
SCRIPT = """
gacs: "1.0"
id: chaos.wait
version: 1
locales: {default: en-GB, supported: [en-GB]}
prompts:
  wait: {en-GB: {text: "Please hold the line."}}
limits: {max_duration_s: 900, max_node_visits: 100}
on: {hangup: left, error.*: failed}
start: answer
nodes:
  answer: {answer: {}, then: wait}
  wait:
    menu: {prompt: wait, options: {"1": enough}, timeout_s: 20, retries: 9}
    on: {max_retries: enough}
  enough: {disposition: {code: waited}, then: bye}
  left: {disposition: {code: left}, then: bye}
  failed: {disposition: {code: failed}, then: bye}
  bye: {hangup: {}}
"""


@dataclass(frozen=True, slots=True)
class Mix:
    """How many of each kind are on the line at once."""

    talking: int
    queued: int
    scripted: int
    ringing: int

    @classmethod
    def of(cls, calls: int) -> Mix:
        """Half of them talk."""
        queued = scripted = calls // 5
        talking = max(1, calls // 2)
        return cls(talking, queued, scripted, max(0, calls - talking - queued - scripted))


@dataclass(slots=True)
class Scene:
    """One round's calls; those of people who come in are in the log of `callers`."""

    campaigns: tuple[CampaignId, CampaignId]
    stayers: frozenset[str]
    """Numbers whose people talk until the other side hangs up."""
    callers: Running

    def incoming(self) -> list[LoggedCall]:
        """The calls of people who came in."""
        return read_calls(self.callers.log)


class Traffic:
    """Makes scenes in one world, each with numbers of its own."""

    def __init__(self, world: World, mix: Mix, seed: int) -> None:
        self._world = world
        self._mix = mix
        self._dice = random.Random(seed)
        self._names = itertools.count(1)
        self._areas = itertools.cycle(self._dice.sample(NPAS, len(NPAS)))
        self._used: set[str] = set()

    async def prepare(self) -> None:
        """Routes, and the script that callers meet."""
        await PostgresRoutes(self._world.database).put(InboundRoute(QUEUE_DID, EMPTY_POOL, wait_max_s=3000.0))
        scripts = PostgresScripts(self._world.database)
        (version,) = await scripts.publish(publications(load(SCRIPT, Syntax.YAML)), "chaos")
        await scripts.bind(ScriptTarget(TargetKind.DID, SCRIPT_DID), version.hash, 1.0, 1, "chaos")
        await asyncio.sleep(2.0)  # the engine looks for new bindings every second

    async def people_at_work(self) -> None:
        """Whoever is not logged in logs in, and everybody is ready. Raises Unavailable."""
        offline = [str(agent["slot"]) for agent in await self._playing() if agent["state"] == "offline"]
        if offline:
            await People(self._world.api, offline, 1, 1e9).log_in()
        for agent in await self._playing():
            if agent["state"] in {"paused", "wrapping"}:
                with suppress(Rejected):
                    await self._world.api.post(f"/agents/{agent['slot']}/ready")

    @asynccontextmanager
    async def scene(self) -> AsyncIterator[Scene]:
        """Until the block begins: so many are on the line; while it lasts, calls come and go."""
        stayers = self._numbers(self._mix.talking, "1")
        churn = [self._number(self._dice.choice("0002470")) for _ in range(40 * SPARE_AGENTS)]
        talk = await self._campaign("talk", dict.fromkeys(stayers, 9) | dict.fromkeys(churn, 0))
        ring = await self._campaign(
            "ring", dict.fromkeys(self._numbers(self._mix.ringing, "3"), 0), dial_mode="agentless",
            answer_action="message", lines_max=max(1, self._mix.ringing), ring_timeout_s=RING_S,
        )  # fmt: skip
        rows = [(f"+1555{n:07}", QUEUE_DID) for n in range(self._mix.queued)]
        rows += [(f"+1556{n:07}", SCRIPT_DID) for n in range(self._mix.scripted)]
        sipp = self._world.stack.ports.sipp
        habits = CallerHabits(patience_ms=FOR_EVER_MS, stay_ms=FOR_EVER_MS, per_second=10)
        async with callers_with_ears(
            self._world.stack, rows or [("+15550000000", SCRIPT_DID)], label=f"callers-{next(self._names)}",
            port=callers_port(self._world.stack), tone_port=sipp[11], habits=habits,
        ) as (callers, _):  # fmt: skip
            tending = asyncio.create_task(self._tend_for_ever(), name="agents finish their wrap-up")
            try:
                yield Scene((talk, ring), frozenset(stayers), callers)
            finally:
                tending.cancel()
                await asyncio.gather(tending, return_exceptions=True)
                await self._end(talk, ring)

    async def built(self) -> list[dict[str, Any]]:
        """Wait until the mix is on the line, at most BUILD_LIMIT_S; the calls."""
        until = time.monotonic() + BUILD_LIMIT_S
        while True:
            calls = await self.calls()
            phases = [call["phase"] for call in calls]
            wanted = {"talking": self._mix.talking, "waiting": self._mix.queued, "scripted": self._mix.scripted}
            there = all(phases.count(phase) >= count for phase, count in wanted.items())
            if (there and phases.count("ringing") >= self._mix.ringing) or time.monotonic() > until:
                return calls
            await asyncio.sleep(0.1)

    async def calls(self) -> list[dict[str, Any]]:
        """Live calls as the engine tells."""
        items: list[dict[str, Any]] = (await self._world.api.get("/calls"))["items"]
        return items

    async def _agents(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self._world.api.get("/agents"))["items"]
        return items

    async def agents_stuck(self) -> int:
        """Agents who are busy though no call is there, or are not logged in; asked when all calls are over."""
        await self._until(self._all_free)
        return sum(agent["state"] not in {"ready", "paused"} for agent in await self._playing())

    async def _all_free(self) -> bool:
        return all(agent["state"] in {"ready", "paused"} for agent in await self._playing())

    async def _playing(self) -> list[dict[str, Any]]:
        played = {account.number for account in self._world.slots}
        return [agent for agent in await self._agents() if str(agent["slot"]) in played]

    async def log_out(self) -> None:
        """Everybody goes home."""
        for agent in await self._agents():
            if agent["state"] != "offline":
                await self._world.api.post(f"/agents/{agent['slot']}/logout")
        await self._until(self._all_offline)

    async def _all_offline(self) -> bool:
        return all(agent["state"] == "offline" for agent in await self._agents())

    async def _tend_for_ever(self) -> None:
        """Agents say that they are done as soon as a caller has gone; an engine that is away is asked again."""
        while True:
            with suppress(Unavailable, Rejected):
                for agent in await self._agents():
                    if agent["state"] == "wrapping":
                        await self._world.api.post(f"/agents/{agent['slot']}/ready")
            await asyncio.sleep(0.2)

    async def _end(self, *campaigns: CampaignId) -> None:
        """Stop campaigns and end every call, however often it takes."""
        for campaign in campaigns:
            with suppress(Rejected):
                await self._world.api.post(f"/campaigns/{campaign}/stop")
        await self._until(self._none_left)

    async def _none_left(self) -> bool:
        calls = await self.calls()
        for call in calls:
            with suppress(Rejected):
                await self._world.api.delete(f"/calls/{call['id']}")
        return not calls

    async def _until(self, over: Callable[[], Any]) -> None:
        until = time.monotonic() + END_LIMIT_S
        while not await over():
            if time.monotonic() > until:
                return
            await asyncio.sleep(0.3)

    async def _campaign(self, name: str, leads: dict[str, int], **changes: Any) -> CampaignId:
        """A running campaign over these numbers and their priorities, without a second attempt."""
        once = {
            outcome: {"attempts_max": 1, "delay_s": 1}
            for outcome in (
                "busy", "no_answer", "unreachable", "congestion", "customer_hangup", "abandoned", "cancelled", "unknown"
            )
        }  # fmt: skip
        body = {
            "name": f"chaos {name} {next(self._names)}", "trunk": TRUNK, "ring_timeout_s": 15, "wrap_up_s": 1.0,
            "window_from": "00:00", "window_to": "23:59:59.999999", "recall": once, "identity_text": IDENTITY,
        }  # fmt: skip
        created = await self._world.api.post("/campaigns", {**body, **changes})
        campaign = CampaignId(created["campaign"]["id"])
        async with self._world.database.connection() as connection:
            await connection.executemany(
                "INSERT INTO autodialer_leads (campaign_id_ref, phone_number, zones, priority)"
                " VALUES ($1, $2, '{UTC}', $3)",
                [(campaign, number, priority) for number, priority in leads.items()],
            )
        if leads:
            await self._world.api.post(f"/campaigns/{campaign}/start")
        return campaign

    def _numbers(self, count: int, behaviour: str) -> list[str]:
        return [self._number(behaviour) for _ in range(count)]

    def _number(self, behaviour: str) -> str:
        """A number that was not used before in this world: +1 NPA 555 01 X B (engine/demo/leads.py)."""
        while True:
            number = f"+1{next(self._areas)}55501{self._dice.randrange(10)}{behaviour}"
            if number not in self._used:
                self._used.add(number)
                return number
