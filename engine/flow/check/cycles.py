"""Check 5: every cycle is bounded by a loop, a counter or `max_visits` (pure)."""

from __future__ import annotations

from collections.abc import Iterator

from ..problem import Problem
from ..repetition import dearest
from .subject import Subject

NOTHING, RESTARTED, NO_COUNTER = "G0501", "G0502", "G0503"


def problems(subject: Subject) -> Iterator[Problem]:
    """Every cycle that a run may never leave."""
    costs = dict.fromkeys(subject.flow.nodes, (1.0,))
    for cycle in dearest(subject.flow, subject.graph, costs).unbounded:
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
