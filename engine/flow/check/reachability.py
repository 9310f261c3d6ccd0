"""Check 4: every node can be reached, and from every node the run can end (pure)."""

from __future__ import annotations

from collections.abc import Iterator

from ..graph import components, reached
from ..model import FlowKind
from ..nodes.centre import Queue
from ..nodes.logic import Return
from ..nodes.verb import Unknown
from ..outcomes import HANGUP
from ..problem import Problem
from .subject import Subject

UNREACHED, NO_END, NO_RETURN, CALLER_GONE = "G0401", "G0402", "G0403", "G0404"


def problems(subject: Subject) -> Iterator[Problem]:
    """Nodes that nobody comes to, that nobody leaves, or that would speak to nobody."""
    flow, graph = subject.flow, subject.graph
    if flow.start not in flow.nodes:
        return
    successors = {name: [edge.target for edge in edges] for name, edges in graph.edges.items()}
    there = reached([flow.start], successors)
    if not there & graph.unsure and not graph.loose:
        for name in flow.nodes:
            if name not in there:
                message = f"nothing leads to {name}"
                yield subject.problem(UNREACHED, ("nodes", name), message, "wire an outcome to it, or leave it out")
        if flow.kind is FlowKind.SUBFLOW and not _returns(subject, there):
            message = "the subflow never comes back: no return can be reached"
            yield subject.problem(NO_RETURN, ("nodes",), message, "end a way through it with return: {}")
    yield from _endless(subject, there)
    yield from _caller_gone(subject, there)


def _returns(subject: Subject, there: set[str]) -> bool:
    return any(isinstance(subject.flow.nodes[name].action, Return) for name in there)


def _endless(subject: Subject, there: set[str]) -> Iterator[Problem]:
    """What leads to nodes that never end is not reported once more."""
    for names in endless(subject, there):
        message = f"the run can never end once it is at {', '.join(names[:8])}"
        yield subject.problem(NO_END, ("nodes", names[0]), message, "wire a way out to a node that ends the run")


def endless(subject: Subject, there: set[str]) -> Iterator[list[str]]:
    """Groups of nodes that lead only to each other."""
    nodes, graph = subject.flow.nodes, subject.graph
    usual = {name: [edge.target for edge in graph.usual(name)] for name in nodes if name in there}
    order = {name: at for at, name in enumerate(nodes)}
    for group in components(usual):
        inside = set(group)
        leaves_it = any(target not in inside for name in group for target in usual[name])
        ends = any(nodes[name].action.ENDS or name in graph.unsure or not usual[name] for name in group)
        if not leaves_it and not ends:
            yield sorted(group, key=order.__getitem__)


def _caller_gone(subject: Subject, there: set[str]) -> Iterator[Problem]:
    """What follows a hang-up cannot speak to the caller."""
    nodes, graph = subject.flow.nodes, subject.graph
    starts = {
        edge.target
        for name in there
        for edge in graph.edges[name]
        if edge.outcome == HANGUP or (edge.outcome == "abandoned" and isinstance(nodes[name].action, Queue))
    }
    onward = {
        name: [edge.target for edge in graph.usual(name) if edge.outcome != HANGUP]
        for name in nodes
        if not nodes[name].action.NEEDS_CALLER
    }
    gone = reached(starts, onward)
    for name in nodes:
        action = nodes[name].action
        if name in gone and action.NEEDS_CALLER and not isinstance(action, Unknown):
            message = f"{action.WORD} needs the caller, who has hung up when the run comes here"
            hint = "after a hang-up use nodes that need nobody, and hangup at the end"
            yield subject.problem(CALLER_GONE, ("nodes", name), message, hint)
