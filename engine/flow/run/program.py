"""What a run runs: a sound script with the subflows it calls (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..document import Syntax, load
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


def program_of(document: str) -> Program:
    """The program of a published version, from its canonical form (publication.py). Raises ValueError.

    A version was sound when it was published; one that cannot even be read is of a language that is not ours.
    """
    whole = json.loads(document)
    loaded = load(json.dumps([whole["flow"], *whole["subflows"].values()]), Syntax.JSON)
    if loaded.problems:
        raise ValueError(f"{loaded.problems[0].code} {loaded.problems[0].message}")
    return program(loaded.flows, whole["flow"]["id"])


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
