"""Check 1, what the reader cannot see: fields of one thing that contradict each other (pure)."""

from __future__ import annotations

from collections.abc import Iterator

from ..nodes.centre import Consent, Queue
from ..nodes.control import Transfer, TransferKind
from ..nodes.entry import Asked, Collect, Gather
from ..nodes.logic import Loop
from ..nodes.outside import Lookup, Webhook
from ..problem import Path, Problem
from ..values import Kind, TypeSpec
from .subject import Subject

CONTRADICTION = "G0114"


def problems(subject: Subject) -> Iterator[Problem]:
    """Every contradiction."""
    flow = subject.flow
    for place, declared in (("params", flow.params), ("vars", flow.vars)):
        for name, one in declared.items():
            if not subject.unread(place, name):
                yield from _type(subject, (place, name), one)
    for at, result in enumerate(flow.results):
        yield from _type(subject, ("results", at), result)
    for name, node in flow.nodes.items():
        path = ("nodes", name, node.action.WORD)
        for inside, message, hint in _contradictions(node.action):
            yield subject.problem(CONTRADICTION, (*path, *inside), message, hint)
        if isinstance(node.action, (Webhook, Lookup)):
            for field, spec in node.action.response.items():
                yield from _type(subject, (*path, "response", field), spec)


def _type(subject: Subject, path: Path, top: TypeSpec) -> Iterator[Problem]:
    waiting: list[tuple[Path, TypeSpec]] = [(path, top)]
    while waiting:
        here, spec = waiting.pop()
        match spec.type:
            case Kind.ENUM if not spec.values:
                yield subject.problem(CONTRADICTION, here, "an enum without values", "add values: [one, other]")
            case Kind.LIST if spec.of is None:
                yield subject.problem(CONTRADICTION, here, "a list of what?", "add of: {type: string}")
            case Kind.RECORD if not spec.fields:
                yield subject.problem(CONTRADICTION, here, "a record without fields", "add fields: {name: {type: ...}}")
        if spec.of is not None:
            waiting.append(((*here, "of"), spec.of))
        waiting += (((*here, "fields", name), one) for name, one in spec.fields.items())


def _contradictions(action: object) -> Iterator[tuple[Path, str, str]]:
    match action:
        case Gather() | Collect() if action.min > action.max:
            yield ("min",), f"at least {action.min} digits, but at most {action.max}", "make min the smaller one"
    match action:
        case Collect(type=Asked.MONEY, currency=None):
            yield (), "money of which currency?", "add currency: RUB"
        case Consent() if action.yes == action.no:
            yield ("no",), f"{action.yes} means yes and no", "use two keys"
        case Loop(each=None, into=str()):
            yield ("into",), "into without each", "say of which list: each: items"
        case Loop(into=None) if action.each is not None:
            yield (), "each without into", "say which variable takes the entry: into: item"
        case Transfer(kind=TransferKind.BLIND, whisper=str()):
            yield ("whisper",), "nobody whispers in a blind transfer", "add kind: warm, or leave whisper out"
        case Queue(callback=offer) if offer is not None and offer.every_s > action.max_wait_s:
            message = f"the offer comes after {offer.every_s:g} s, but nobody waits longer than {action.max_wait_s:g} s"
            yield ("callback", "every_s"), message, "make every_s shorter than max_wait_s"
