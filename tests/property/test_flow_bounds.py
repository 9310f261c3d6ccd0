"""No run costs more than check 7 says, and none goes on for ever that check 5 lets pass: random graphs, random runs."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.flow.evaluation import evaluate
from engine.flow.graph import Edge, Graph, graph_of
from engine.flow.model import Flow
from engine.flow.nodes.logic import Loop, Set, Switch
from engine.flow.reader import read_flow
from engine.flow.repetition import dearest
from engine.flow.tree import Tree

NAMES = [f"n{at}" for at in range(6)]
FAR = 3000
"""Visits after which a run is taken to have no end."""


@st.composite
def nodes(draw: st.DrawFn, at: int) -> dict[str, Any]:
    """A node that leads onward for the most part, so that many scripts have few circles and some have none."""
    onward = [*NAMES[at + 1 :], "end"]
    names = st.sampled_from([*onward, *onward[:2], *NAMES[max(0, at - 2) : at + 1]])
    kind = draw(
        st.sampled_from(
            (
                "pause",
                "loop",
                "loop",
                "while",
                "menu",
                "add",
                "add",
                "reset",
                "switch",
                "switch",
                "switch_down",
                "split",
            )
        )
    )
    made: dict[str, Any]
    match kind:
        case "pause":
            made = {"play": {"prompt": "p"}, "then": draw(names)}
            if draw(st.booleans()):
                made["on"] = {"error.media": draw(names)}
        case "loop" | "while":
            made = {"loop": {"times": draw(st.integers(1, 3)), "body": draw(names)}, "then": draw(names)}
            if kind == "while":
                made["loop"]["while"] = f"i < {draw(st.integers(0, 3))}"
        case "menu":
            made = {"menu": {"prompt": "p", "options": {"1": draw(names), "2": draw(names)}}}
            made["on"] = {"max_retries": draw(names)}
        case "add":
            made = {"set": {"i": f"i + {draw(st.integers(1, 2))}"}, "then": draw(names)}
            if draw(st.booleans()):
                made["on"] = {"error.expression": draw(names)}
        case "reset":
            made = {"set": {"i": str(draw(st.integers(0, 2)))}, "then": draw(names)}
        case "split":
            branches = [{"weight": 1, "to": draw(names)}, {"weight": 1, "to": draw(names)}]
            made = {"random_split": {"branches": branches}}
        case _:
            sign = draw(st.sampled_from(("<", "<=") if kind == "switch" else (">", ">=", "==")))
            case = {"when": f"i {sign} {draw(st.integers(0, 4))}", "to": draw(names)}
            made = {"switch": {"cases": [case], "default": draw(names)}}
    if draw(st.integers(0, 3)) == 0:
        made["max_visits"] = draw(st.integers(1, 3))
        made.setdefault("on", {})["max_visits"] = draw(names)
    return made


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    """A script of six random nodes and an end."""
    document = {
        "id": "random",
        "gacs": "1.0",
        "vars": {"i": {"type": "int", "init": draw(st.integers(0, 2))}},
        "locales": {"default": "en-GB", "supported": ["en-GB"]},
        "prompts": {"p": {"any": {"silence_s": 1}}},
        "start": "n0",
        "on": {"hangup": draw(st.sampled_from(NAMES))} if draw(st.booleans()) else {},
        "nodes": {**{name: draw(nodes(at)) for at, name in enumerate(NAMES)}, "end": {"hangup": {}}},
    }
    flow = read_flow(Tree(document, {})).flow
    assert flow is not None
    return flow


def visits_of_a_run(flow: Flow, graph: Graph, chance: random.Random) -> int:
    """A run that takes any outcome that a node may have, by the rules of engine/flow/__init__.py; how many visits."""
    at, visits = flow.start, 0
    counts: dict[str, int] = {}
    turns: dict[str, int] = {}
    taken: set[str] = set()
    scope = {"i": flow.vars["i"].init}
    for _ in range(FAR):
        node = flow.nodes[at]
        if node.max_visits is not None and counts.get(at, 0) >= node.max_visits:
            at = next(edge.target for edge in graph.edges[at] if edge.outcome == "max_visits")
            continue
        counts[at] = counts.get(at, 0) + 1
        visits += 1
        if node.action.ENDS:
            return visits
        edge = chance.choice(_possible(flow, graph, at, scope, turns, taken))
        if edge.once:
            taken.add(edge.outcome)
        elif isinstance(node.action, Loop):
            turns[at] = 0 if edge.outcome == "done" else turns.get(at, 0) + 1
        elif isinstance(node.action, Set) and edge.outcome == "done":
            scope["i"] = evaluate(node.action.values["i"], scope)
        at = edge.target
    return FAR


def _possible(
    flow: Flow, graph: Graph, at: str, scope: dict[str, Any], turns: dict[str, int], taken: set[str]
) -> list[Edge]:
    action = flow.nodes[at].action
    edges = [edge for edge in graph.edges[at] if edge.outcome not in taken and edge.outcome != "max_visits"]
    outcome = None
    if isinstance(action, Loop):
        again = turns.get(at, 0) < action.times and (action.while_ is None or evaluate(action.while_, scope))
        outcome = "again" if again else "done"
    elif isinstance(action, Switch):
        outcome = "case.1" if evaluate(action.cases[0].when, scope) else "default"
    return [edge for edge in edges if outcome is None or edge.outcome == outcome or edge.once]


@settings(deadline=None, max_examples=200, suppress_health_check=list(HealthCheck), database=None)
@given(flow=flows(), seed=st.integers(0, 2**32))
def test_no_run_visits_more_nodes_than_the_dearest_run(flow: Flow, seed: int) -> None:
    graph = graph_of(flow)
    found = dearest(flow, graph, dict.fromkeys(flow.nodes, (1.0,)))
    if found.unbounded:
        return
    chance = random.Random(seed)
    for _ in range(10):
        assert visits_of_a_run(flow, graph, chance) <= found.cost[0]


@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck), database=None)
@given(flow=flows(), seed=st.integers(0, 2**32))
def test_a_run_without_end_is_in_a_circle_that_is_reported(flow: Flow, seed: int) -> None:
    graph = graph_of(flow)
    chance = random.Random(seed)
    if any(visits_of_a_run(flow, graph, chance) >= FAR for _ in range(3)):
        assert dearest(flow, graph, dict.fromkeys(flow.nodes, (1.0,))).unbounded
