"""The main line of `vss chaos`: make a world, let faults strike it while calls come and go, and reckon."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from engine.demo.world import World, WorldPlan, open_world
from engine.stack.chaos_proxy import ChaosProxy
from engine.stack.home import state_home
from engine.stack.instance import Stack
from engine.stack.programs import Part
from engine.stack.provision import provision
from engine.stack.report import Report, SilentReport

from .faults import ENDS_CALLS, STOPS_SOUND, Fault, Striker
from .reckoning import (
    COUNTS,
    Moment,
    attempts_of,
    channels,
    dialed_twice,
    drift,
    gone_quiet,
    lost,
    on_the_line,
    unserved,
)
from .traffic import SPARE_AGENTS, Mix, Scene, Traffic

PARTS = (Part.POSTGRES, Part.REDIS, Part.ASTERISK, Part.SIPP, Part.ESPEAK)
INSTANCE = "chaos"
CPS = 20.0
LONGEST_WAIT_S = 4.0
"""The fault strikes within so long of everybody being there."""
AFTERWARDS_S = 4.0
"""So long after the engine is ready again whoever was on the line must be there still."""
SETTLE_S = 3.0
BYES_S = 5.0


@dataclass(frozen=True, slots=True)
class ChaosOptions:
    """What the command line asks for."""

    faults: tuple[Fault, ...]
    rounds: int = 3
    """Of each fault."""
    calls: int = 20
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Round:
    """One strike and what came of it; `notes` name what is not as it should be."""

    fault: Fault
    live_before: int
    recovery_s: float
    counts: Mapping[str, int]
    notes: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether every count is as it must be; calls end with an Asterisk that is killed."""
        allowed = {"calls_lost", "agents_stuck"} if self.fault in ENDS_CALLS else set()
        return not any(count for name, count in self.counts.items() if name not in allowed)

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "fault": self.fault.value, "live_before": self.live_before, **self.counts,
            "recovery_s": round(self.recovery_s, 3), "notes": list(self.notes),
        }  # fmt: skip


async def run(options: ChaosOptions, report: Report, told: Callable[[Round], None]) -> list[Round]:
    """Play every round in one world; `told` hears of each. Raises StackFailure."""
    dice = random.Random(options.seed)
    rounds: list[Round] = []
    async with _open(options, report) as (world, striker):
        traffic = Traffic(world, Mix.of(options.calls), options.seed)
        await traffic.prepare()
        for fault in options.faults:
            for _ in range(options.rounds):
                played = await _round(world, traffic, striker, fault, dice)
                rounds.append(played)
                told(played)
        await traffic.log_out()
    return rounds


@asynccontextmanager
async def _open(options: ChaosOptions, report: Report) -> AsyncIterator[tuple[World, Striker]]:
    home = state_home()
    programs = await asyncio.to_thread(provision, home, PARTS, report)
    mix = Mix.of(options.calls)
    plan = WorldPlan(
        agents=mix.talking + SPARE_AGENTS, cps_max=CPS, channels_max=4 * options.calls + 40, talk_step_ms=5
    )
    async with (
        Stack.open(INSTANCE, home, programs, report) as stack,
        ChaosProxy(("127.0.0.1", stack.ports.ari)) as proxy,
    ):
        settings = {"VSS_ARI_URL": f"http://127.0.0.1:{proxy.port}", "VSS_WEBHOOK_SECRET": os.urandom(24).hex()}
        async with open_world(stack, plan, settings) as world:
            stack.report = SilentReport()
            yield world, Striker(world, proxy, settings)


async def _round(world: World, traffic: Traffic, striker: Striker, fault: Fault, dice: random.Random) -> Round:
    await traffic.people_at_work()
    await striker.prepare(fault)
    carrier_before, heard_before = len(world.carrier.calls()), len(world.customer_end.heard())
    async with traffic.scene() as scene:
        await traffic.built()
        await asyncio.sleep(dice.uniform(0.0, LONGEST_WAIT_S))
        struck_ms = time.time() * 1000
        recovery_s = await striker.strike(fault)
        await asyncio.sleep(AFTERWARDS_S)
        moment = Moment(struck_ms, time.time() * 1000)
        calls, incoming = world.carrier.calls()[carrier_before:], scene.incoming()
        live = len(on_the_line(calls, struck_ms)) + len(on_the_line(incoming, struck_ms))
        missing = _lost(world, scene, fault, moment, calls, heard_before)
    stuck = await traffic.agents_stuck()
    await asyncio.sleep(SETTLE_S)
    counts, notes = await _reckon(world, scene, carrier_before, heard_before)
    counts |= {"calls_lost": len(missing), "agents_stuck": stuck}
    counts["channels_orphaned"] = await _orphans(world, len(world.slots) - stuck)
    return Round(fault, live, recovery_s, {name: counts[name] for name in COUNTS}, (*missing, *notes))


def _lost(
    world: World, scene: Scene, fault: Fault, moment: Moment, calls: Sequence[Any], heard_before: int
) -> list[str]:
    """Who was on the line when it struck and was cut off, or left in silence, by none of the two who talked."""
    found = [f"{call.number}: ended by us" for call in lost(calls, moment, "caller") if call.number in scene.stayers]
    found += [f"{call.number}: a caller was ended by us" for call in lost(scene.incoming(), moment, "carrier")]
    if fault not in STOPS_SOUND:
        bridged = {call.call_id for call in on_the_line(calls, moment.struck_ms - 1500)}
        talks = {
            heard.number: heard
            for heard in world.customer_end.heard()[heard_before:]
            if heard.call_id in bridged and heard.number in scene.stayers
        }
        quiet = set(gone_quiet(talks, moment)) - {note.partition(":")[0] for note in found}
        found += [f"{number}: did not hear the agent all the time" for number in sorted(quiet)]
    return found


async def _reckon(
    world: World, scene: Scene, carrier_before: int, heard_before: int
) -> tuple[dict[str, int], list[str]]:
    """What the database and the carrier say, once everything is over."""
    attempts = await attempts_of(world, scene.campaigns)
    calls = world.carrier.calls()[carrier_before:]
    twice = dialed_twice(calls, attempts)
    silent = unserved(calls, world.customer_end.heard()[heard_before:])
    still_open = [attempt.number for attempt in attempts if attempt.outcome == "open"]
    duplicated: int = await world.database.value("duplicated_outcomes")
    counts = {
        "outcomes_missing": len(still_open),
        "outcomes_duplicated": duplicated,
        "leads_dialed_twice": len(twice),
        "stats_drift": await drift(world, scene.campaigns),
        "live_answers_unserved": len(silent),
    }
    notes = [f"{number}: no outcome" for number in still_open]
    notes += [f"{number}: dialed once too often" for number in twice]
    notes += [f"{number}: answered and heard nothing" for number in silent]
    return counts, notes


async def _orphans(world: World, seats: int) -> int:
    """Channels besides those of the agents who wait; the last ones may need a moment."""
    more = 0
    for _ in range(int(BYES_S / 0.25)):
        more = await channels(world) - seats
        if more <= 0:
            break
        await asyncio.sleep(0.25)
    return max(0, more)
