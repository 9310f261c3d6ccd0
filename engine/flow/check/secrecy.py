"""Check 12: what is sensitive stays within the run unless a node says otherwise (pure)."""

from __future__ import annotations

from collections.abc import Iterator

from ..expression import Expression
from ..inference import TypeFault, infer
from ..leaves import Formula
from ..nodes.logic import CallFlow, Loop, Return, Set
from ..nodes.node import Node
from ..problem import Path, Problem
from .subject import Subject

SENT, EMITTED, COPIED, SPOKEN, HANDED, NOTED, MASK, RESULT = (
    "G1201", "G1202", "G1203", "G1204", "G1205", "G1206", "G1207", "G1208",
)  # fmt: skip
_SENDING = frozenset({"webhook", "lookup", "stream"})
_TELLING = frozenset({"emit", "tag"})
_NOTING = frozenset({"disposition", "callback", "conference", "dnc_add", "dial", "transfer"})
_SEND_HINT = "leave it out, send mask(...), or add allow_sensitive: [{}]"


def problems(subject: Subject) -> Iterator[Problem]:
    """Every way by which something sensitive would leave."""
    if subject.unread("vars") or subject.unread("params"):
        return
    told: dict[str, frozenset[str]] = {}
    for name, node in subject.nodes():
        yield from _node(subject, name, node)
        yield from _said(subject, name, node, told)
    yield from _masked(subject)


def _secrets(subject: Subject, expression: Expression) -> frozenset[str]:
    try:
        return infer(expression.term, subject.declared).sensitive
    except TypeFault:
        return frozenset()


def _node(subject: Subject, name: str, node: Node) -> Iterator[Problem]:
    action = node.action
    match action:
        case Set():
            for variable, expression in action.values.items():
                yield from _copied(subject, ("nodes", name, "set", variable), expression, variable)
        case Loop(into=str(variable)) if action.each is not None:
            yield from _copied(subject, ("nodes", name, "loop", "into"), action.each, variable)
        case CallFlow():
            yield from _handed(subject, name, action)
        case Return():
            yield from _returned(subject, name, action)
        case _:
            allowed = frozenset(getattr(action, "allow_sensitive", ()))
            for leaf in subject.leaves[name]:
                if isinstance(leaf, Formula):
                    for secret in sorted(_secrets(subject, leaf.expression) - allowed):
                        yield from _sent(subject, leaf.path, action.WORD, secret)


def _sent(subject: Subject, path: Path, word: str, secret: str) -> Iterator[Problem]:
    if word in _SENDING or word == "dtmf_send":
        message = f"{secret} is sensitive and would be sent away"
        yield subject.problem(SENT, path, message, _SEND_HINT.format(secret))
    elif word in _TELLING:
        hint = _SEND_HINT.format(secret) if word == "emit" else "leave it out, or tag mask(...)"
        yield subject.problem(EMITTED, path, f"{secret} is sensitive and would be told to everybody", hint)
    elif word in _NOTING:
        message = f"{secret} is sensitive and would be written down"
        yield subject.problem(NOTED, path, message, "leave it out, or write mask(...)")


def _copied(subject: Subject, path: Path, expression: Expression, variable: str) -> Iterator[Problem]:
    secrets = _secrets(subject, expression)
    if secrets and variable not in subject.sensitive and variable in subject.flow.vars:
        message = f"{variable} is not sensitive, but {', '.join(sorted(secrets))} is"
        yield subject.problem(COPIED, path, message, f"add sensitive: true to {variable}")


def _handed(subject: Subject, name: str, action: CallFlow) -> Iterator[Problem]:
    called = subject.library.get(action.flow)
    if called is None:
        return
    for param, expression in action.params.items():
        secrets = _secrets(subject, expression)
        declared = called.flow.params.get(param)
        if secrets and declared is not None and not declared.sensitive and ("params", param) not in called.broken:
            message = f"{param} of {action.flow} is not sensitive, but {', '.join(sorted(secrets))} is"
            path = ("nodes", name, "call", "params", param)
            yield subject.problem(HANDED, path, message, f"add sensitive: true to {param} there")
    results = {result.name: result for result in called.flow.results}
    for variable, result in action.into.items():
        given = results.get(result)
        open_to_all = variable in subject.flow.vars and variable not in subject.sensitive
        if given is not None and given.sensitive and open_to_all:
            message = f"{variable} is not sensitive, but {result} of {action.flow} is"
            path = ("nodes", name, "call", "into", variable)
            yield subject.problem(COPIED, path, message, f"add sensitive: true to {variable}")


def _returned(subject: Subject, name: str, action: Return) -> Iterator[Problem]:
    results = {result.name: result for result in subject.flow.results}
    for result, expression in action.results.items():
        secrets = _secrets(subject, expression)
        if secrets and result in results and not results[result].sensitive:
            message = f"the result {result} is not sensitive, but {', '.join(sorted(secrets))} is"
            path = ("nodes", name, "return", "results", result)
            yield subject.problem(RESULT, path, message, f"add sensitive: true to the result {result}")


def _said(subject: Subject, name: str, node: Node, told: dict[str, frozenset[str]]) -> Iterator[Problem]:
    """`told` keeps what each prompt tells, for many nodes may play it."""
    allowed = frozenset(getattr(node.action, "allow_sensitive", ()))
    for prompt in subject.said_at(name):
        if prompt.name not in told:
            slots = (slot for _, _, template in subject.templates(prompt.name) for slot in template.slots)
            told[prompt.name] = frozenset(secret for slot in slots for secret in _secrets(subject, slot.expression))
        found = told[prompt.name] - allowed
        if found:
            message = f"{', '.join(sorted(found))} is sensitive and would be said by {prompt.name}"
            hint = "leave it out of the text, or play it with allow_sensitive: [...]"
            yield subject.problem(SPOKEN, prompt.path, message, hint)


def _masked(subject: Subject) -> Iterator[Problem]:
    for at, name in enumerate(subject.flow.policies.mask):
        place = "vars" if name in subject.flow.vars else "params"
        known = subject.flow.declared(name) is not None and not subject.unread(place, name)
        if known and name not in subject.sensitive:
            message = f"{name} is to be masked, but is not sensitive"
            yield subject.problem(MASK, ("policies", "mask", at), message, f"add sensitive: true to {name}")
