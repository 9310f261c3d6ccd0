"""Check 6: whatever is read has a value, and everything has the type it must have (pure)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from ..dataflow import Join, flow_facts
from ..expression import Expression, Named, parts_of
from ..graph import Edge
from ..inference import Names, TypeFault, infer, not_null_when, present
from ..inferred import Inferred, misfit, of_kind, shown
from ..leaves import Formula
from ..model import Variable
from ..nodes.centre import Consent
from ..nodes.entry import Asked, Collect, Gather
from ..nodes.logic import Loop, Set, Switch
from ..nodes.media import Record
from ..nodes.outside import Lookup, Webhook
from ..nodes.verb import Unknown
from ..problem import Path, Problem
from ..values import Kind, TypeSpec, WrongValue, value_of
from .subject import Subject

INTO, WANTED, INITIAL = "G0606", "G0607", "G0608"

SCALARS = frozenset(Kind) - {Kind.LIST, Kind.RECORD}
_PHONES = frozenset({Kind.PHONE})
_TEXTS = frozenset({Kind.STRING, Kind.DIGITS, Kind.PHONE, Kind.ENUM})
WANTED_KINDS: Mapping[tuple[str, str], frozenset[Kind]] = {
    ("switch", "when"): frozenset({Kind.BOOL}),
    ("loop", "while"): frozenset({Kind.BOOL}),
    ("loop", "each"): frozenset({Kind.LIST}),
    ("dial", "to"): _PHONES,
    ("dial", "caller_id"): _PHONES,
    ("transfer", "to"): _PHONES,
    ("conference", "room"): _TEXTS,
    ("callback", "number"): _PHONES,
    ("callback", "at"): frozenset({Kind.DATETIME}),
    ("callback", "note"): _TEXTS,
    ("disposition", "note"): _TEXTS,
    ("dnc_add", "number"): _PHONES,
    ("dtmf_send", "digits"): frozenset({Kind.DIGITS}),
    ("lookup", "key"): SCALARS,
    ("webhook", "query"): SCALARS,
    ("stream", "params"): SCALARS,
    ("tag", ""): SCALARS,
}
"""What the expression of a field must be, by the node's word and the field (of a mapping: its name)."""


Said = tuple[Path, Expression, int]
"""A value in a prompt: its place, what it is, and the variables it reads, as bits."""


@dataclass
class Assignment:
    """Which variables surely have a value at each node, as bits."""

    subject: Subject
    bits: dict[str, int] = field(default_factory=dict)
    states: dict[str, int] = field(default_factory=dict)
    _gains: dict[tuple[str, str], int] = field(default_factory=dict)
    _prompts: dict[str, tuple[Said, ...]] = field(default_factory=dict)
    _judged: set[tuple[str, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        flow = self.subject.flow
        for name in (*flow.params, *flow.vars):
            self.bits[name] = 1 << len(self.bits)
        first = self.mask(frozenset(name for name in self.bits if self.subject.has_value(name)))
        self.states = flow_facts(flow.start, first, self.subject.graph.edges, self._carry, Join.SURELY)

    def mask(self, names: frozenset[str]) -> int:
        found = 0
        for name in names:
            found |= self.bits.get(name, 0)
        return found

    def _carry(self, edge: Edge, state: int) -> int:
        key = (edge.source, edge.outcome)
        gained = self._gains.get(key)
        if gained is None:
            gained = self._gains[key] = self.mask(self._gained(edge))
        return state | gained

    def _gained(self, edge: Edge) -> frozenset[str]:
        action = self.subject.flow.nodes[edge.source].action
        if isinstance(action, Unknown):
            return frozenset(self.bits)
        found = action.assigns(edge.outcome)
        if isinstance(action, Switch):
            found |= _known_after(action, edge.outcome)
        if isinstance(action, Loop) and edge.outcome == "again" and action.while_ is not None:
            found |= not_null_when(action.while_.term, True)
        return found

    def names(self, state: int) -> Names:
        """What is known of each name where the facts are `state`."""

        def found(name: str) -> Inferred:
            declared = self.subject.declared(name)
            if name not in self.bits or state & self.bits[name]:
                return declared
            return replace(declared, nullable=True, unset=name)

        return found

    def newly_said(self, prompt: str, state: int) -> Iterator[Said]:
        """The values in a prompt that were not judged before with the same variables missing."""
        said = self._prompts.get(prompt)
        if said is None:
            said = self._prompts[prompt] = tuple(self._values_of(prompt))
        missing = ~state
        key = (prompt, missing & self._reads(said))
        if key not in self._judged:
            self._judged.add(key)
            yield from said

    def _values_of(self, prompt: str) -> Iterator[Said]:
        for path, _, template in self.subject.templates(prompt):
            for slot in template.slots:
                parts = parts_of(slot.expression.term)
                read = frozenset(part.name for part in parts if isinstance(part, Named))
                yield path, slot.expression, self.mask(read)

    @staticmethod
    def _reads(said: tuple[Said, ...]) -> int:
        read = 0
        for _, _, mask in said:
            read |= mask
        return read

    def names_at(self, node: str) -> Names:
        """What is known of each name at a node; where nobody comes, everything has a value."""
        return self.names(self.states.get(node, -1))


def _known_after(action: Switch, outcome: str) -> frozenset[str]:
    """The variables that surely have a value when a switch went this way."""
    found = frozenset[str]()
    for at, case in enumerate(action.cases):
        if outcome == f"case.{at + 1}":
            return found | not_null_when(case.when.term, True)
        found |= not_null_when(case.when.term, False)
    return found if outcome == "default" else frozenset()


def problems(subject: Subject) -> Iterator[Problem]:
    """Every value that may be missing or has the wrong type."""
    yield from _initial(subject)
    assignment = Assignment(subject)
    said: set[tuple[str, str]] = set()
    for name, node in subject.nodes():
        if isinstance(node.action, Unknown):
            continue
        names = assignment.names_at(name)
        if isinstance(node.action, Set):
            yield from _set(subject, name, node.action, names)
        else:
            for leaf in subject.leaves[name]:
                if isinstance(leaf, Formula):
                    yield from _formula(subject, node.action.WORD, leaf, names)
        yield from _into(subject, name, node.action, names)
        for problem in _said(subject, assignment, name):
            key = (problem.path, problem.message)
            if key not in said:
                said.add(key)
                yield problem


def _initial(subject: Subject) -> Iterator[Problem]:
    flow = subject.flow
    for place, declared in (("params", flow.params), ("vars", flow.vars)):
        for name, one in declared.items():
            word = "init" if isinstance(one, Variable) else "default"
            given = one.init if isinstance(one, Variable) else one.default
            if subject.unread(place, name) or given is None or (one.type is Kind.ENUM and not one.values):
                continue
            try:
                value_of(one, given)
            except WrongValue as wrong:
                message = f"{word} of {name} is no {one.type}: {wrong}"
                yield subject.problem(INITIAL, (place, name, word), message, "write a value of its type")


def typed(subject: Subject, path: Path, expression: Expression, names: Names) -> tuple[Inferred | None, list[Problem]]:
    """The type of an expression that must have a value, or what is wrong with it."""
    try:
        return present(infer(expression.term, names), "this"), []
    except TypeFault as fault:
        return None, [subject.problem(fault.code, path, str(fault), fault.hint)]


def _formula(subject: Subject, word: str, leaf: Formula, names: Names) -> Iterator[Problem]:
    found, wrong = typed(subject, leaf.path, leaf.expression, names)
    yield from wrong
    if found is None or found.kind is None:
        return
    wanted = _wanted(word, leaf.path)
    if wanted is None or found.kind in wanted:
        return
    if isinstance(found.literal, str) and any(misfit(found, TypeSpec(type=kind)) is None for kind in wanted & _TEXTS):
        return
    kinds = " or ".join(sorted(wanted)) if len(wanted) < 5 else "one plain value"
    message = f"expected {kinds}, not {shown(found)}"
    yield subject.problem(WANTED, leaf.path, message, _CONVERSIONS.get(next(iter(wanted)), "use a value of that type"))


_CONVERSIONS = {
    Kind.PHONE: "declare it as phone, or write default(phone(text), ...)",
    Kind.DIGITS: "declare it as digits, or write default(digits(text), ...)",
    Kind.BOOL: "compare it with something",
}


def _wanted(word: str, path: Path) -> frozenset[Kind] | None:
    where = path[-1] if word == "switch" else path[3]
    return WANTED_KINDS.get((word, str(where))) or WANTED_KINDS.get((word, ""))


def _set(subject: Subject, name: str, action: Set, names: Names) -> Iterator[Problem]:
    """Values are given one after the other, each with what the ones before it gave."""
    given: set[str] = set()

    def known(asked: str) -> Inferred:
        return replace(names(asked), nullable=False, unset=None) if asked in given else names(asked)

    for variable, expression in action.values.items():
        path = ("nodes", name, "set", variable)
        found, wrong = typed(subject, path, expression, known)
        yield from wrong
        if found is not None:
            yield from misfitting(subject, path, found, variable)
        given.add(variable)


def misfitting(subject: Subject, path: Path, found: Inferred, variable: str) -> Iterator[Problem]:
    """The problem of giving a value to a variable that cannot have it."""
    wanted = subject.declared(variable)
    reason = None if wanted.spec is None else misfit(found, wanted.spec)
    if reason is not None:
        message = f"{variable} cannot take this: {reason}"
        yield subject.problem(INTO, path, message, f"change the value, or the type of {variable}")


_COLLECTED = {
    Asked.DATE: Kind.DATE,
    Asked.MONEY: Kind.MONEY,
    Asked.DIGITS: Kind.DIGITS,
    Asked.YES_NO: Kind.BOOL,
    Asked.PHONE: Kind.PHONE,
}


def _into(subject: Subject, name: str, action: object, names: Names) -> Iterator[Problem]:
    """What a node gives fits the variable that takes it."""
    path: Path = ("nodes", name, getattr(action, "WORD", ""), "into")
    match action:
        case Gather():
            yield from misfitting(subject, path, of_kind(Kind.DIGITS), action.into)
            yield from _too_long(subject, path, action.max, action.into)
        case Collect():
            spec = TypeSpec(type=_COLLECTED[action.type], currency=action.currency)
            yield from misfitting(subject, path, Inferred(spec), action.into)
            if action.type is Asked.DIGITS:
                yield from _too_long(subject, path, action.max, action.into)
        case Record(into=str(variable)) | Consent(into=str(variable)):
            yield from misfitting(subject, path, of_kind(Kind.STRING), variable)
        case Webhook() | Lookup():
            for variable, field_name in action.into.items():
                if field_name in action.response:
                    yield from misfitting(subject, (*path, variable), Inferred(action.response[field_name]), variable)
        case Loop(into=str(variable)) if action.each is not None:
            try:
                entries = infer(action.each.term, names)
            except TypeFault:
                return
            if entries.spec is not None and entries.spec.of is not None:
                yield from misfitting(subject, path, Inferred(entries.spec.of), variable)


def _too_long(subject: Subject, path: Path, most: int, variable: str) -> Iterator[Problem]:
    wanted = subject.declared(variable).spec
    if wanted is None or wanted.max is None:
        return
    if wanted.type in {Kind.DIGITS, Kind.STRING} and wanted.max < most:
        message = f"{variable} takes {wanted.max} digits, but {most} may be pressed"
        yield subject.problem(INTO, path, message, f"add max: {wanted.max}")


def _said(subject: Subject, assignment: Assignment, name: str) -> Iterator[Problem]:
    """The values in the prompts of a node."""
    action = subject.flow.nodes[name].action
    for prompt in subject.said_at(name):
        state = assignment.states.get(name, -1)
        if isinstance(action, Collect) and prompt.path[-1] == "confirm":
            state |= assignment.bits.get(action.into, 0)
        names = assignment.names(state)
        for path, expression, _ in assignment.newly_said(prompt.name, state):
            yield from typed(subject, path, expression, names)[1]
