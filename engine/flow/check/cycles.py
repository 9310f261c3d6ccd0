"""Check 5: every cycle is bounded by a loop, a counter or `max_visits` (pure)."""

from __future__ import annotations

from collections.abc import Iterator

from ..graph import reached
from ..problem import Problem
from ..repetition import dearest
from .reachability import endless
from .subject import Subject

NOTHING, RESTARTED, NO_COUNTER = "G0501", "G0502", "G0503"


def problems(subject: Subject) -> Iterator[Problem]:
    """Every cycle that a run may never leave."""
    flow, graph = subject.flow, subject.graph
    there = reached([flow.start], {name: [edge.target for edge in graph.edges[name]] for name in flow.nodes})
    never_left = {name for group in endless(subject, there) for name in group} if flow.start in flow.nodes else set()
    costs = dict.fromkeys(flow.nodes, (1.0,))
    for cycle in dearest(flow, graph, costs).unbounded:
        if never_left.issuperset(cycle.nodes):
            continue  # check 4 reports it
        around = ", ".join(cycle.nodes[:8])
        path = ("nodes", cycle.nodes[0])
        if cycle.loops:
            message = f"{cycle.loops[0]} begins to count anew on the way round {around}"
            hint = f"let done of {cycle.loops[0]} leave the circle, or give one of its nodes max_visits"
            yield subject.problem(RESTARTED, path, message, hint)
        elif cycle.counters:
            name = cycle.counters[0]
            message = f"{name} does not bound the circle {around}"
            hint = f"on every way round add to {name}, set it nowhere else, give it an init, and test {name} < NUMBER"
            yield subject.problem(NO_COUNTER, path, message, hint)
        else:
            message = f"nothing bounds the circle {around}"
            yield subject.problem(NOTHING, path, message, "use a loop node, a counter, or max_visits at one of them")
