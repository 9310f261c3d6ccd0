"""What a run runs: a sound script with the subflows it calls (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..expression import Expression
from ..inference import TypeFault, infer
from ..inferred import ANYTHING, Inferred
from ..model import Flow


@dataclass(frozen=True, slots=True)
class Program:
    """Scripts by id; `main` serves the call. Which documents they are is for who pins them (by content hash)."""

    main: str
    flows: Mapping[str, Flow]

    @property
    def flow(self) -> Flow:
        return self.flows[self.main]


def program(flows: Iterable[Flow], main: str) -> Program:
    """The script `main` with what it calls. Raises KeyError for one that is not there; the checks see to it."""
    there = {flow.id: flow for flow in flows}
    found: dict[str, Flow] = {}
    waiting = [main]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = there[name]
            waiting += there[name].calls()
    return Program(main, found)


def known(flow: Flow, expression: Expression) -> Inferred:
    """The type of an expression of a script, and whose secrets are in it."""

    def names(name: str) -> Inferred:
        declared = flow.declared(name)
        if declared is None:
            return ANYTHING
        return Inferred(declared, sensitive=frozenset({name}) if declared.sensitive else frozenset())

    try:
        return infer(expression.term, names)
    except TypeFault:
        return ANYTHING
