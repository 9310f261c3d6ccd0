"""Check 3: whatever can become of a node leads somewhere (pure)."""

from __future__ import annotations

from collections.abc import Iterator

from ..nodes.node import Node
from ..nodes.verb import Unknown
from ..outcomes import is_event, target
from ..problem import Problem
from .subject import Subject

OTHERS, MAIN, EXPECTED, TWICE, POINTLESS = "G0301", "G0302", "G0303", "G0304", "G0305"


def problems(subject: Subject) -> Iterator[Problem]:
    """Every outcome that leads nowhere, or to two places."""
    for name, node in subject.nodes():
        if not isinstance(node.action, Unknown) and name not in subject.unwired:
            yield from _missing(subject, name, node)
            yield from _surplus(subject, name, node)


def _missing(subject: Subject, name: str, node: Node) -> Iterator[Problem]:
    flow, action = subject.flow, node.action
    for outcome in node.outcomes():
        if target(flow, node, outcome) is not None:
            continue
        if outcome == action.MAIN:
            message = f"{action.WORD} may end with {outcome}, which leads nowhere"
            yield subject.problem(MAIN, ("nodes", name), message, "add then: NODE")
        else:
            message = f"{action.WORD} may end with {outcome}, which leads nowhere"
            yield subject.problem(OTHERS, ("nodes", name), message, f"add on: {{{outcome}: NODE}}")
    if action.EXPECTED:
        errors = [error for error in action.ERRORS if error != "error.expression"]
        missing = [error for error in errors if target(flow, node, error) is None]
        if missing:
            message = f"{action.WORD} fails every now and then ({', '.join(missing)}), and nothing is said about it"
            hint = "add on: {error.*: NODE} here or to the script"
            yield subject.problem(EXPECTED, ("nodes", name), message, hint)


def _surplus(subject: Subject, name: str, node: Node) -> Iterator[Problem]:
    action = node.action
    if node.then is not None and action.MAIN is None:
        ordinary = [outcome for outcome in node.outcomes() if not is_event(outcome)]
        hint = f"wire its outcomes with on: {', '.join(ordinary)}" if ordinary else "leave then out"
        message = f"{action.WORD} has no outcome that then could wire"
        yield subject.problem(POINTLESS, ("nodes", name, "then"), message, hint)
    if node.then is not None and action.MAIN is not None and action.MAIN in node.on:
        message = f"then and on both wire {action.MAIN}"
        yield subject.problem(TWICE, ("nodes", name, "on", action.MAIN), message, "keep one of the two")
