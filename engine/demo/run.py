"""The demo's main line: make the world, import leads, run the campaign, reckon."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console

from engine.adapters.postgres.importer import ImportReport, PostgresImporter
from engine.adapters.postgres.statistics import CampaignStatistics, PostgresStatistics
from engine.errors import VssError
from engine.ids import CampaignId
from engine.stack.calllog import CallLogError
from engine.stack.carrier import CarrierCall
from engine.stack.instance import Stack
from engine.stack.programs import Part
from engine.stack.provision import provision
from engine.stack.report import Report

from .leads import as_csv, numbers
from .people import People
from .reckoning import (
    Accounts,
    DialedAttempt,
    audio,
    bridge_times_ms,
    counters,
    disagreements,
    pairs,
    percentile,
)
from .view import View, view_for
from .world import TRUNK, World, WorldPlan, open_world

PARTS = (Part.POSTGRES, Part.REDIS, Part.ASTERISK, Part.SIPP, Part.ESPEAK)
INSTANCE = "demo"
RING_TIMEOUT_S = 15
TALK_MAX_S = 4.0
LOOK_S = 0.25
RECALL: Mapping[str, Mapping[str, float]] = {
    "busy": {"attempts_max": 2, "delay_s": 3},
    "congestion": {"attempts_max": 2, "delay_s": 2},
    "no_answer": {"attempts_max": 1, "delay_s": 1},
    "unreachable": {"attempts_max": 1, "delay_s": 1},
    "customer_hangup": {"attempts_max": 1, "delay_s": 1},
    "abandoned": {"attempts_max": 1, "delay_s": 1},
    "cancelled": {"attempts_max": 2, "delay_s": 1},
}
"""Short pauses, so that retries are seen within the demo."""


IDENTITY_TEXT = "This is the demonstration of VSS engine. Call us back at +1 202 555 0199."
"""Who calls and how to call back (16 CFR 310.4(b)(4)(iii)); espeak-ng speaks it to people whom no agent takes."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line asks for."""

    leads: int = 120
    agents: int = 8
    cps: float = 10.0
    seed: int = 1

    @property
    def limit_s(self) -> float:
        """A campaign that takes longer than this is broken."""
        return 120.0 + 30.0 * self.leads / self.agents


@dataclass(frozen=True, slots=True)
class DemoResult:
    """`report` is what --json prints; `complaints` is empty when everybody agrees and every talk was heard."""

    report: dict[str, Any]
    complaints: list[str]


class DemoFailure(VssError):
    """The campaign did not come to its end."""


@asynccontextmanager
async def demo_world(home: Path, options: DemoOptions, report: Report) -> AsyncIterator[World]:
    """Fetch what is missing, and start everything. Raises StackFailure."""
    programs = await asyncio.to_thread(provision, home, PARTS, report)
    plan = WorldPlan(agents=options.agents, cps_max=options.cps)
    async with Stack.open(INSTANCE, home, programs, report) as stack, open_world(stack, plan) as world:
        yield world


async def run_campaign(world: World, options: DemoOptions, console: Console, setup_s: float) -> DemoResult:
    """Run one campaign over all behaviours and reckon. Raises DemoFailure, Rejected."""
    began_at = time.monotonic()
    campaign = await _create(world)
    imported = await _import(world, campaign, options)
    for line in imported.rejected:
        console.print(f"  line {line.line} of the CSV was left out: {line.detail}", highlight=False, soft_wrap=True)
    people = People(world.api, [slot.number for slot in world.slots], options.seed, TALK_MAX_S)
    await people.log_in()
    await world.api.post(f"/campaigns/{campaign}/start")
    with view_for(console) as view:
        await _until_done(world, campaign, people, view, options.limit_s)
    await world.api.post(f"/campaigns/{campaign}/stop")
    await people.log_out()
    leftovers = await _leftovers(world)
    return await _reckon(world, campaign, imported, leftovers, setup_s, time.monotonic() - began_at)


async def _create(world: World) -> CampaignId:
    created = await world.api.post(
        "/campaigns",
        {
            "name": "demo",
            "trunk": TRUNK,
            "window_from": "00:00",
            "window_to": "23:59:59.999999",
            "ring_timeout_s": RING_TIMEOUT_S,
            "recall": RECALL,
            "identity_text": IDENTITY_TEXT,
        },
    )
    return CampaignId(created["campaign"]["id"])


async def _import(world: World, campaign: CampaignId, options: DemoOptions) -> ImportReport:
    with world.stack.report.step("Leads") as step:
        file = io.BytesIO(as_csv(numbers(options.leads, options.seed)))
        report = await PostgresImporter(world.database).run(campaign, file, file_name="demo.csv")
        step.detail = f"{report.imported} imported, {report.rejected_total} broken lines left out"
    return report


async def _until_done(world: World, campaign: CampaignId, people: People, view: View, limit_s: float) -> None:
    """Watch until no lead is left to dial and no call is under way."""
    work = asyncio.create_task(people.work())
    until = time.monotonic() + limit_s
    try:
        while True:
            overview = await world.api.get(f"/campaigns/{campaign}")
            calls = (await world.api.get("/calls"))["items"]
            view.show(overview, (await world.api.get("/agents"))["items"], calls)
            leads = overview["stats"]["leads"]
            if not calls and not any(leads.get(status) for status in ("new", "dialing", "waiting")):
                return
            if work.done():
                work.result()
            if time.monotonic() > until:
                raise DemoFailure(f"the campaign did not end within {limit_s:.0f} s: {overview['stats']}")
            await asyncio.sleep(LOOK_S)
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def _leftovers(world: World) -> dict[str, int]:
    """What is left in Asterisk and of open attempts, after everybody logged out; waits a little for the last BYEs."""
    site = world.stack.asterisk.site
    headers = {"Authorization": aiohttp.encode_basic_auth(site.ari_user, site.ari_password)}
    found: dict[str, int] = {}
    async with aiohttp.ClientSession(headers=headers) as session:
        for _ in range(20):
            for kind in ("channels", "bridges"):
                async with session.get(f"{world.stack.asterisk.ari_url}/ari/{kind}") as answer:
                    found[kind] = len(await answer.json())
            found["open_attempts"] = len(await world.database.rows("open_attempts"))
            if not any(found.values()):
                break
            await asyncio.sleep(0.25)
    return found


async def _reckon(
    world: World,
    campaign: CampaignId,
    imported: ImportReport,
    leftovers: dict[str, int],
    setup_s: float,
    run_s: float,
) -> DemoResult:
    statistics = PostgresStatistics(world.database)
    kept, recount = await statistics.of(campaign), await statistics.recount(campaign)
    attempts = [
        DialedAttempt(
            row["phone_number"], row["outcome"], row["claimed_at"], row["bridged_at"], row["ended_at"] or 0.0,
            str(row["slot_id"]),
        )
        for row in await world.database.rows("dialed_attempts", campaign)
    ]  # fmt: skip
    calls, unreadable = _carrier_calls(world)
    matched = pairs(attempts, calls)
    times_ms = bridge_times_ms(matched)
    audio_ok, deaf = audio(matched, world.customer_end.heard(), world.agent_end.heard())
    complaints = unreadable + disagreements(Accounts(_plain(kept), _plain(recount), attempts, calls))
    agree = not complaints
    complaints += [f"{pair.attempt.number}: no tone both ways with slot {pair.attempt.slot}" for pair in deaf]
    complaints += [f"{count} {what} left over" for what, count in leftovers.items() if count]
    report = {
        "leads": imported.imported,
        "outcomes": dict(kept.outcomes),
        "statistics": _plain(kept),
        "recount": _plain(recount),
        "carrier": counters(calls),
        "agree": agree,
        "bridge_ms": {"p50": percentile(times_ms, 0.5), "p99": percentile(times_ms, 0.99)},
        "audio_ok": audio_ok,
        "leftovers": leftovers,
        "setup_s": round(setup_s, 1),
        "run_s": round(run_s, 1),
    }
    return DemoResult(report, complaints)


def _carrier_calls(world: World) -> tuple[list[CarrierCall], list[str]]:
    """The carrier's calls, and what is wrong with its log."""
    try:
        return world.carrier.calls(), []
    except CallLogError as error:
        return [], [f"the carrier's log {world.carrier.log} cannot be trusted: {error}"]


def _plain(statistics: CampaignStatistics) -> dict[str, dict[str, int]]:
    return {"leads": dict(sorted(statistics.leads.items())), "outcomes": dict(sorted(statistics.outcomes.items()))}
