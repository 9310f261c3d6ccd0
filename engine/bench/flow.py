"""`vss bench flow`: what scripts cost, beside a program that does the same walk and a bare loop that plays the same.

Steps of the interpreter against a Python function that decides the same; the check of a document of 1,000 nodes; CPU of
a run on a real call against the bare ARI loop, in turns; digits of many callers at once, each looked for in what its
script took.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.adapters.speech import EspeakSpeech
from engine.adapters.telemetry.prometheus import PrometheusMetrics
from engine.cli.table import Table
from engine.demo.world import DID, World, WorldPlan, callers_port, open_world
from engine.flow.document import Syntax, load
from engine.flow.gate import check_text
from engine.flow.run.cursor import loaded, saved
from engine.flow.run.events import Digit, PlaybackEnded
from engine.flow.run.interpreter import advance, begin
from engine.flow.run.program import Program, program
from engine.flow.run.state import Facts, Run, WaitKind
from engine.ids import CampaignId
from engine.stack.callers import CallerHabits, callers_with_ears
from engine.stack.home import state_home
from engine.stack.instance import Stack
from engine.stack.programs import Part
from engine.stack.provision import provision
from engine.stack.report import PlainReport

from .calls import Round, measured_round
from .place import Place, PlacePlan, open_place
from .run import BenchReport
from .sides import bare_side, engine_side

INSTANCE = "bench-flow"
PARTS = (Part.POSTGRES, Part.REDIS, Part.ASTERISK, Part.SIPP, Part.ESPEAK)
NODES = 1000
WALK_NODES = 200
LINES = 100
WARM_UP_S = 4.0
CPS_MOST = 200
DIGITS = 8
CALLS_PER_S = 20
SETTLE_LIMIT_S = 120.0
ENOUGH_S = 0.5
"""So long a walk is repeated."""


@dataclass(frozen=True, slots=True)
class FlowOptions:
    """`seconds` of each of `rounds` per side; `callers` who press digits at once."""

    seconds: float
    rounds: int
    callers: int
    parts: frozenset[str]


async def run(options: FlowOptions) -> BenchReport:
    """Measure. Raises StackFailure."""
    data: dict[str, Any] = {}
    errors = 0
    if "interpreter" in options.parts:
        data |= interpreter_told()
    if options.parts & {"calls", "digits"}:
        report = PlainReport()
        programs = await asyncio.to_thread(provision, state_home(), PARTS, report)
        if "calls" in options.parts:
            plan = PlacePlan(
                lines=LINES, agents=1, leads=int(CPS_MOST * options.rounds * (options.seconds + WARM_UP_S + 4)),
                mixed_leads=0, talk_ms=100,
            )  # fmt: skip
            async with Stack.open(INSTANCE, state_home(), programs, report) as stack, open_place(stack, plan) as place:
                data["run"], failed = await _runs(place, options)
                errors += failed
        if "digits" in options.parts:
            wide = WorldPlan(agents=1, channels_max=2 * options.callers, cps_max=100.0)
            async with Stack.open(INSTANCE, state_home(), programs, report) as stack, open_world(stack, wide) as world:
                data["digits"] = await _digits(world, options.callers)
                errors += data["digits"]["wrong"] + data["digits"]["lost"]
        data["asterisk_version"] = programs.asterisk.version
    data["cores"] = len(os.sched_getaffinity(0))
    return BenchReport(data, _shown(data), errors)


# --- the interpreter


def interpreter_told() -> dict[str, Any]:
    """Steps per second, the check and the cursor, with nothing else going on."""
    text = chain(NODES)
    began = time.perf_counter()
    assert check_text(text, Syntax.JSON) == ()
    check_s = time.perf_counter() - began
    walked = _walked(program(load(chain(WALK_NODES), Syntax.JSON).flows, "bench"))
    steps = _per_second(walked.walk)
    baseline = _per_second(lambda: walk_by_hand(WALK_NODES))
    cursor_s = 1 / _per_second(walked.keep)
    return {
        "steps_per_s": round(steps * walked.steps),
        "baseline_steps_per_s": round(baseline * walked.steps),
        "steps_ratio": round(baseline / steps, 1),
        "check_1000_nodes_s": round(check_s, 3),
        "cursor_ms": round(1000 * cursor_s, 4),
    }


def chain(nodes: int) -> str:
    """A sound script of so many nodes: prompts, keys, counters and decisions in turns."""
    made: dict[str, Any] = {}
    for at in range(nodes):
        onward = f"n{at + 1}"
        match at % 4:
            case 0:
                made[f"n{at}"] = {"play": {"prompt": "hello"}, "then": onward}
            case 1:
                made[f"n{at}"] = {"set": {"i": "i + 1"}, "then": onward}
            case 2:
                made[f"n{at}"] = {"switch": {"cases": [{"when": f"i > {at}", "to": "over"}], "default": onward}}
            case _:
                made[f"n{at}"] = {
                    "menu": {"prompt": "hello", "options": {"1": onward}, "retries": 0},
                    "on": {"max_retries": "over"},
                }
    made[f"n{nodes}"] = {"pause": {"for_s": 0.1}, "then": "over"}
    made["over"] = {"disposition": {"code": "over"}, "then": "bye"}
    made["bye"] = {"hangup": {}}
    whole = {
        "gacs": "1.0", "id": "bench", "version": 1, "vars": {"i": {"type": "int", "init": 0}},
        "locales": {"default": "en-GB", "supported": ["en-GB"]}, "prompts": {"hello": {"en-GB": {"text": "Hi."}}},
        "limits": {"max_duration_s": 14400, "max_node_visits": 10000},
        "on": {"hangup": "over", "error.*": "over"}, "start": "n0", "nodes": made,
    }  # fmt: skip
    return json.dumps(whole)


@dataclass(slots=True)
class _Walk:
    """A walk through the whole script, and how many events it takes."""

    program: Program
    steps: int
    midway: Run

    def walk(self) -> None:
        _through(self.program)

    def keep(self) -> None:
        loaded(self.program, saved(self.midway))


def _walked(script: Program) -> _Walk:
    runs = _through(script)
    return _Walk(script, len(runs), runs[len(runs) // 2])


def _through(script: Program) -> list[Run]:
    """The runs after each event, from the beginning to the end."""
    step = begin(script, Facts(call="c", answered=True), {}, 0.0)
    runs = [step.run]
    at = 0.0
    while (wait := step.run.wait) is not None:
        at += 1.0
        match wait.kind:
            case WaitKind.SOUND:
                step = advance(script, step.run, PlaybackEnded(at=at, request=wait.sound or ""))
            case WaitKind.ENTRY:
                step = advance(script, step.run, Digit(at=at, key="1"))
            case _:
                break
        runs.append(step.run)
    return runs


def walk_by_hand(nodes: int) -> list[tuple[str, int, bool]]:
    """The same walk by a Python function that knows nothing but this script: what deciding costs at least."""
    count, waiting, states = 0, False, []
    node = 0
    while node < nodes:
        kind = node % 4
        if kind in {0, 3}:
            waiting = not waiting
            states.append((f"n{node}", count, waiting))
            if not waiting:
                node += 1
            continue
        if kind == 1:
            count += 1
        elif count > node:
            break
        node += 1
    return states


def _per_second(work: Any) -> float:
    """How often a piece of work can be done in a second: the best of three."""
    best = 0.0
    for _ in range(3):
        began, times = time.perf_counter(), 0
        while (spent := time.perf_counter() - began) < ENOUGH_S:
            work()
            times += 1
        best = max(best, times / spent)
    return best


# --- runs on real calls

PROMPTS = ("One.", "Two.", "Three.")


def three_prompts() -> str:
    """A script that says three prompts and hangs up."""
    names = ("first", "second", "third")
    nodes: dict[str, Any] = {}
    for name, onward in zip(names, (*names[1:], "over"), strict=True):
        nodes[name] = {"play": {"prompt": name}, "then": onward}
    nodes["over"] = {"disposition": {"code": "over"}, "then": "bye"}
    nodes["never"] = {"dnc_add": {}, "then": "over"}
    nodes["key"] = {
        "menu": {"prompt": "third", "options": {"9": "never"}, "timeout_s": 0.1, "retries": 0},
        "on": {"max_retries": "over"},
    }
    nodes["third"] = {"set": {"said": "true"}, "then": "key"}
    nodes["bye"] = {"hangup": {}}
    whole = {
        "gacs": "1.0", "id": "bench.prompts", "version": 1, "vars": {"said": {"type": "bool", "init": False}},
        "locales": {"default": "en-GB", "supported": ["en-GB"]},
        "prompts": {name: {"en-GB": {"text": text}} for name, text in zip(names, PROMPTS, strict=True)},
        "limits": {"max_duration_s": 60, "max_node_visits": 20},
        "policies": {"used_for": ["agentless"], "identity": "first"},
        "on": {"hangup": "over", "error.*": "over"}, "start": "first", "nodes": nodes,
    }  # fmt: skip
    return json.dumps(whole)


async def _runs(place: Place, options: FlowOptions) -> tuple[dict[str, Any], int]:
    """Engine, bare loop, engine, ...: CPU of the process on each call."""
    engine: list[Round] = []
    baseline: list[Round] = []
    note = place.stack.report.note
    await _bind(place, place.calls)
    for turn in range(1, options.rounds + 1):
        side = engine_side(place, place.calls)
        engine.append(await measured_round(side, WARM_UP_S, options.seconds))
        note(f"round {turn}  scripts    {engine[-1]}")
        media = await _media(place.stack)
        bare = bare_side(place, lines=LINES, series=f"2{turn}", media=media)
        baseline.append(await measured_round(bare, WARM_UP_S, options.seconds))
        note(f"round {turn}  bare loop  {baseline[-1]}")
    sides = {
        name: {
            "runs_per_s": round(statistics.median(one.cps for one in rounds), 1),
            "cpu_ms_per_run": round(statistics.median(one.own_ms for one in rounds), 4),
            "postgres_ms_per_run": round(statistics.median(one.postgres_ms for one in rounds), 4),
        }
        for name, rounds in (("engine", engine), ("baseline", baseline))
    }
    ratio = sides["engine"]["cpu_ms_per_run"] / sides["baseline"]["cpu_ms_per_run"]
    return {**sides, "cpu_ratio": round(ratio, 3)}, sum(one.errors for one in (*engine, *baseline))


async def _bind(place: Place, campaign: CampaignId) -> None:
    """The campaign's people meet the script."""
    from engine.adapters.postgres.scripts import PostgresScripts
    from engine.ports import ScriptTarget, TargetKind
    from engine.runtime.scripts import ScriptDesk

    target = ScriptTarget(TargetKind.CAMPAIGN, str(campaign))
    await ScriptDesk(PostgresScripts(place.database)).publish_to(three_prompts(), Syntax.JSON, target, 1.0, "bench")


async def _media(stack: Stack) -> Sequence[str]:
    """The files that the engine's voice made of the prompts."""
    directory = Path(stack.asterisk.site.directory) / "sounds" / "speech"
    async with EspeakSpeech(stack.programs.espeak_or_none.words, directory, PrometheusMetrics()) as speech:  # type: ignore[union-attr]
        return [one for text in PROMPTS for one in await speech.prepare(text, "en-GB")]


# --- digits of many callers

TAKES = """
gacs: "1.0"
id: bench.digits
version: 1
vars: {digits: {type: digits, max: 8}}
locales: {default: en-GB, supported: [en-GB]}
prompts: {ask: {en-GB: {text: "Please enter eight digits now."}}}
limits: {max_duration_s: 120, max_node_visits: 20}
on: {hangup: left, error.*: left}
start: answer
nodes:
  answer: {answer: {}, then: ask}
  ask:
    gather: {prompt: ask, into: digits, min: 8, max: 8, timeout_s: 30, inter_digit_s: 10, retries: 0}
    then: tell
    on: {max_retries: left}
  tell:
    emit: {event: bench.digits, data: {digits: "default(digits, '')", caller: "default(call.caller, '')"}}
    then: wait
  wait: {pause: {for_s: 1}, then: taken}
  taken: {disposition: {code: taken}, then: bye}
  left: {disposition: {code: left}, then: bye}
  bye: {hangup: {}}
"""


async def _digits(world: World, callers: int) -> dict[str, Any]:
    """All callers are in the script at once, and each presses digits of their own."""
    (version,) = (await world.api.post("/scripts", {"text": TAKES}))["items"]
    await world.api.post(f"/scripts/{version['hash']}/publish", {"did": DID})
    dice = random.Random(7)
    pressed = {f"+1415555{number:04}": "".join(dice.choices("0123456789", k=DIGITS)) for number in range(callers)}
    await asyncio.sleep(2.0)
    async with callers_with_ears(
        world.stack, [(number, number) for number in pressed], label="script-callers", port=callers_port(world.stack),
        account=DID, tone_port=world.stack.ports.sipp[11],
        habits=CallerHabits(stay_ms=90_000, per_second=CALLS_PER_S),
    ) as (_, end):  # fmt: skip
        at_once = await _all_in(world, callers)
        for number, digits in pressed.items():
            end.press(number, digits)
        taken = await _taken(world, callers)
    right = sum(taken.get(number) == digits for number, digits in pressed.items())
    lost = sum(number not in taken for number in pressed)
    return {
        "callers": callers, "at_once": at_once, "digits": callers * DIGITS, "right": right,
        "wrong": callers - right - lost, "lost": lost,
    }  # fmt: skip


async def _all_in(world: World, callers: int) -> int:
    """Wait until every caller is in the script, or no more come."""
    there = 0
    for _ in range(int(SETTLE_LIMIT_S)):
        there = len((await world.api.get("/runs"))["items"])
        if there >= callers:
            break
        await asyncio.sleep(1.0)
    await asyncio.sleep(1.0)
    return there


async def _taken(world: World, callers: int) -> dict[str, str]:
    """What scripts took, by caller, once all are done or nothing more comes."""
    found: dict[str, str] = {}
    for _ in range(int(SETTLE_LIMIT_S)):
        async with world.database.connection() as connection:
            rows = await connection.fetch("SELECT data FROM gacs_events WHERE name = 'bench.digits'")
        data = [json.loads(row["data"]) for row in rows]
        found = {one["caller"]: one["digits"] for one in data}
        if len(found) >= callers:
            break
        await asyncio.sleep(1.0)
    return found


def _shown(data: Mapping[str, Any]) -> list[str | Table]:
    parts: list[str | Table] = []
    if "steps_per_s" in data:
        parts.append(
            f"interpreter: {data['steps_per_s']} steps/s, {data['steps_ratio']} times the time of a function that "
            f"decides the same ({data['baseline_steps_per_s']} steps/s)"
        )
        parts.append(f"check of {NODES} nodes: {data['check_1000_nodes_s']} s; cursor: {data['cursor_ms']} ms")
    if "run" in data:
        rows = [[name, *data["run"][name].values()] for name in ("engine", "baseline")]
        parts.append(Table(("", "runs/s", "CPU ms/run", "PostgreSQL ms/run"), rows, "Three prompts on real calls"))
        parts.append(f"ratio of CPU: {data['run']['cpu_ratio']}")
    if "digits" in data:
        told = data["digits"]
        parts.append(
            f"{told['callers']} callers at once ({told['at_once']} seen): {told['digits']} digits, "
            f"{told['right']} callers right, {told['wrong']} wrong, {told['lost']} lost"
        )
    return parts
