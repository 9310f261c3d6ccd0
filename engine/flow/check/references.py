"""Check 2: every name means something, and only one thing (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ..expression import RESERVED, Expression, Named, parts_of
from ..leaves import Formula, Leaf, Reference, Wording, leaves
from ..nodes.node import VERBS, Node
from ..nodes.outside import Lookup, Webhook
from ..nodes.verb import Unknown
from ..outcomes import ANY_ERROR, EVENTS
from ..problem import Path, Problem
from ..shape import Names
from .subject import Subject

NODE, VARIABLE, PROMPT, TWICE, OUTCOME, ASSIGNED, RESPONSE = (
    "G0201", "G0202", "G0203", "G0204", "G0205", "G0207", "G0208",
)  # fmt: skip
_ALL_OUTCOMES = frozenset(
    name
    for verb in VERBS.values()
    for name in (verb.MAIN, *verb.OUTCOMES, *verb.ERRORS, "unconfirmed", "max_visits", *EVENTS, ANY_ERROR)
    if name
)


def problems(subject: Subject) -> Iterator[Problem]:
    """Every name that means nothing, or two things."""
    flow = subject.flow
    for leaf in leaves(replace(flow, nodes={}), ()):
        yield from _leaf(subject, leaf)
    for found in subject.leaves.values():
        for leaf in found:
            yield from _leaf(subject, leaf)
    yield from _declared(subject)
    yield from _handlers(subject, ("on",), flow.on, _ALL_OUTCOMES)
    for name, node in flow.nodes.items():
        if not isinstance(node.action, Unknown):
            yield from _handlers(subject, ("nodes", name, "on"), node.on, _outcomes(node))
            yield from _assigned(subject, name, node)
            yield from _taken(subject, name, node)


def _leaf(subject: Subject, leaf: Leaf) -> Iterator[Problem]:
    match leaf:
        case Reference(path, Names.NODE, name):
            if name not in subject.flow.nodes and not subject.unread("nodes") and not (path == ("start",) and not name):
                yield _unknown(subject, NODE, path, f"there is no node {name}", name, subject.flow.nodes)
        case Reference(path, Names.PROMPT, name):
            if name not in subject.flow.prompts and not subject.unread("prompts"):
                yield _unknown(subject, PROMPT, path, f"there is no prompt {name}", name, subject.flow.prompts)
        case Reference(path, Names.VARIABLE, name):
            yield from _variable(subject, path, name)
        case Formula(path, expression):
            yield from _names(subject, path, expression)
        case Wording(path, template):
            for slot in template.slots:
                yield from _names(subject, path, slot.expression)


def _names(subject: Subject, path: Path, expression: Expression) -> Iterator[Problem]:
    names = {part.name for part in parts_of(expression.term) if isinstance(part, Named)}
    for name in sorted(names - {"call"}):
        yield from _variable(subject, path, name)


def _variable(subject: Subject, path: Path, name: str) -> Iterator[Problem]:
    if name not in subject.names and not subject.unread("vars") and not subject.unread("params"):
        known = (*sorted(subject.names), "call")
        yield _unknown(subject, VARIABLE, path, f"there is no variable or parameter {name}", name, known)


def _unknown(subject: Subject, code: str, path: Path, message: str, name: str, known: Iterable[str]) -> Problem:
    names = list(known)
    near = subject.nearest(name, names)
    hint = f"did you mean {near}?" if near else f"there are {', '.join(names[:12]) or 'none'}"
    return subject.problem(code, path, message, hint)


def _declared(subject: Subject) -> Iterator[Problem]:
    flow = subject.flow
    for name in flow.vars:
        if name in flow.params:
            message = f"{name} is a parameter and a variable"
            yield subject.problem(TWICE, ("vars", name), message, "give one of them another name")
    for place, declared in (("params", flow.params), ("vars", flow.vars)):
        for name in declared:
            if name in RESERVED:
                message = f"{name} is a word of the language"
                yield subject.problem(TWICE, (place, name), message, "give it another name")
    seen: set[str] = set()
    for at, result in enumerate(flow.results):
        if result.name in seen:
            message = f"the result {result.name} is there twice"
            yield subject.problem(TWICE, ("results", at), message, "keep one of them")
        seen.add(result.name)


def _outcomes(node: Node) -> frozenset[str]:
    events = () if node.action.ENDS else (*EVENTS, ANY_ERROR)
    return frozenset((*node.outcomes(), *node.action.ERRORS, *events))


def _handlers(subject: Subject, path: Path, handlers: Iterable[str], known: frozenset[str]) -> Iterator[Problem]:
    for outcome in handlers:
        if outcome not in known:
            yield _unknown(subject, OUTCOME, (*path, outcome), f"there is no outcome {outcome}", outcome, sorted(known))


def _assigned(subject: Subject, name: str, node: Node) -> Iterator[Problem]:
    """Parameters never change."""
    assigned = {variable for outcome in (*node.outcomes(), "again") for variable in node.action.assigns(outcome)} & set(
        subject.flow.params
    )
    for leaf in subject.leaves[name]:
        if not isinstance(leaf, Reference) or leaf.to is not Names.VARIABLE or "allow_sensitive" in leaf.path:
            continue
        if leaf.name in assigned:
            message = f"{leaf.name} is a parameter, and those never change"
            yield subject.problem(ASSIGNED, leaf.path, message, "use a variable of its own")


def _taken(subject: Subject, name: str, node: Node) -> Iterator[Problem]:
    """`into` takes fields that the response declares."""
    action = node.action
    if isinstance(action, (Webhook, Lookup)):
        for variable, field in action.into.items():
            if field not in action.response:
                path = ("nodes", name, action.WORD, "into", variable)
                yield _unknown(subject, RESPONSE, path, f"the response has no field {field}", field, action.response)
