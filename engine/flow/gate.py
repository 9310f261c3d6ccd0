"""The publish gate: all twelve checks, all problems at once (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from .check import (
    assignment,
    cost,
    cycles,
    dispositions,
    form,
    hosts,
    policies,
    prompts,
    reachability,
    references,
    secrecy,
    subflows,
    wiring,
)
from .check.subject import Subject
from .document import Document, Syntax, load
from .problem import Problem
from .site import ANYWHERE, Site

SAME_ID = "G0206"
CHECKS: tuple[Callable[[Subject], Iterator[Problem]], ...] = (
    form.problems,
    references.problems,
    wiring.problems,
    reachability.problems,
    cycles.problems,
    assignment.problems,
    cost.problems,
    policies.problems,
    dispositions.problems,
    prompts.problems,
    subflows.problems,
    hosts.problems,
    secrecy.problems,
)


def check(documents: Sequence[Document], site: Site = ANYWHERE) -> tuple[tuple[Problem, ...], ...]:
    """The problems of each document, in the order of lines; they may call each other as subflows.

    What could not be read is in `Loaded.problems`, not here.
    """
    library: dict[str, Document] = {}
    found: list[tuple[Problem, ...]] = []
    for document in documents:
        library.setdefault(document.flow.id, document)
    for document in documents:
        subject = Subject(document, library, site)
        problems = {problem for one in CHECKS for problem in one(subject)}
        if document.flow.id and library[document.flow.id] is not document:
            message = f"there are two scripts {document.flow.id}"
            problems.add(document.problem(SAME_ID, ("id",), message, "give one of them another id"))
        found.append(tuple(sorted(problems)))
    return tuple(found)


def check_text(text: str, syntax: Syntax = Syntax.YAML, site: Site = ANYWHERE) -> tuple[Problem, ...]:
    """Everything that is wrong with a text, in the order of lines; nothing: it is sound."""
    loaded = load(text, syntax)
    return tuple(sorted((*loaded.problems, *(one for found in check(loaded.documents, site) for one in found))))
