"""Runs of sound scripts, whatever happens: never stuck, within their limits, one disposition, storable always."""

from __future__ import annotations

import json
from functools import cache
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.flow.document import Syntax, load
from engine.flow.gate import check
from engine.flow.run.commands import Command, Conclude, Dispose
from engine.flow.run.cursor import loaded, saved
from engine.flow.run.events import DeadlinePassed, RunEvent
from engine.flow.run.interpreter import Step, advance, begin
from engine.flow.run.program import Program, program
from engine.flow.run.state import Facts, Run, WaitKind
from engine.flow.run.turn import GRACE_S, GRACE_VISITS
from engine.flow.values import WrongValue
from tests.gacs import SITE
from tests.gacs_chance import chance, numbers, params_for
from tests.gacs_mutation import SOUND, changes, mutated

STEPS_MAX = 3000
NOW = 1_772_000_000.0


@cache
def sound_programs() -> tuple[Program, ...]:
    return tuple(found for documents in SOUND for found in programs(json.dumps(documents)))


def programs(text: str) -> list[Program]:
    """The scripts of a text that can serve a call, if all of it is sound."""
    read = load(text, Syntax.JSON)
    if read.problems or any(check(read.documents, SITE)):
        return []
    return [program(read.flows, flow.id) for flow in read.flows if flow.kind == "flow"]


def started(made: Program, number: int) -> Step | None:
    facts = Facts(
        call=f"call-{number}", direction=("inbound", "outbound")[number % 2], caller="+74951234567",
        called="+74950000000", answered=number % 3 == 0, utc_offset_s=10800,
    )  # fmt: skip
    try:
        return begin(made, facts, params_for(made.flow, number), NOW, ("en-GB", "ru-RU", None)[number % 3])
    except WrongValue:
        return None


def keeps_its_promises(made: Program, number: int, seed: int, events: int) -> list[str]:
    """Drive a run by chance for some events, then by its deadlines alone; returns the nodes on the way."""
    step = started(made, number)
    if step is None:
        return []
    commands: list[Command] = list(step.commands)
    run, way, draw = step.run, [step.run.node], numbers(seed)
    for at in range(STEPS_MAX):
        if run.over:
            break
        within_limits(made, run)
        again = loaded(made, json.loads(json.dumps(saved(run))))
        assert again == run
        event: RunEvent = DeadlinePassed(at=run.wait.deadline_at) if run.wait else DeadlinePassed(at=0)
        if at < events:
            event = chance(made.flow, run, *islice(draw, 2))
        step = advance(made, run, event)
        assert advance(made, again, event) == step
        if at >= events:
            assert step.run != run, f"stuck at {run.node}: {run.wait}"
        run = step.run
        way.append(run.node)
        commands += step.commands
    assert run.over, f"not over after {STEPS_MAX} events, at {run.node}"
    assert run.deadline_at is None
    within_limits(made, run)
    assert len([command for command in commands if isinstance(command, Dispose)]) == 1
    assert [type(command) for command in commands].count(Conclude) == 1
    assert advance(made, run, DeadlinePassed(at=NOW)) == Step(run, ())
    return way


def within_limits(made: Program, run: Run) -> None:
    limits = made.flow.limits
    talking = run.wait is not None and run.wait.kind in {WaitKind.TALKING, WaitKind.APOLOGY}
    ahead = run.wait.deadline_at - run.mark_at if run.wait is not None and not talking else 0.0
    more_s = GRACE_S if "max_duration" in run.tripped else 0.0
    assert run.spent_s + ahead <= limits.max_duration_s + more_s + 11 + 13 * 0.25
    assert run.visits <= limits.max_node_visits + (GRACE_VISITS if "max_node_visits" in run.tripped else 0)
    assert run.webhooks <= limits.max_webhooks


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 2**63), st.integers(0, 60))
def test_sound_scripts_keep_their_promises(which: int, number: int, seed: int, events: int) -> None:
    there = sound_programs()
    keeps_its_promises(there[which % len(there)], number, seed, events)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), changes, st.integers(0, 10**6), st.integers(0, 2**63), st.integers(0, 40))
def test_changed_scripts_that_pass_the_checks_keep_them_too(
    which: int, todo: list[tuple[int, int, int]], number: int, seed: int, events: int
) -> None:
    for made in programs(mutated(SOUND[which % len(SOUND)], todo)):
        keeps_its_promises(made, number, seed, events)


def test_chance_reaches_most_nodes_of_the_examples() -> None:
    """The property is worth something only if runs get about."""
    reached: set[tuple[str, str]] = set()
    there: set[tuple[str, str]] = set()
    for which, made in enumerate(sound_programs()):
        there |= {(flow.id, name) for flow in made.flows.values() for name in flow.nodes}
        for seed in range(40):
            way = keeps_its_promises(made, seed, which * 1000 + seed, 60)
            reached |= {(made.main, node.partition("/")[0]) for node in way}
    assert len(reached) > 0.6 * len(there)


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 2**63), st.integers(0, 60))
def test_many_runs_of_sound_scripts_keep_their_promises(which: int, number: int, seed: int, events: int) -> None:
    there = sound_programs()
    keeps_its_promises(there[which % len(there)], number, seed, events)


@pytest.mark.long
@settings(max_examples=20_000, deadline=None)
@given(st.integers(0, 10**6), changes, st.integers(0, 10**6), st.integers(0, 2**63), st.integers(0, 60))
def test_very_many_changed_scripts_keep_them_too(
    which: int, todo: list[tuple[int, int, int]], number: int, seed: int, events: int
) -> None:
    for made in programs(mutated(SOUND[which % len(SOUND)], todo)):
        keeps_its_promises(made, number, seed, events)
