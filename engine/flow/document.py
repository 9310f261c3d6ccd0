"""Documents: a text read into scripts, with the place of everything (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .json_text import read_json
from .model import Flow
from .problem import Path, Problem, written
from .reader import read_flow
from .tree import TEXT_MAX, TOO_LARGE, UNREADABLE, Tree
from .yaml_text import read_yaml


class Syntax(StrEnum):
    YAML = "yaml"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Document:
    """A script with the lines of its text. Where `broken` names a path, only its name could be read."""

    flow: Flow
    tree: Tree
    broken: frozenset[Path] = frozenset()

    def problem(self, code: str, path: Path, message: str, hint: str) -> Problem:
        """A problem at a place of this document."""
        return Problem(self.tree.line(path), written(path), code, message, hint)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a text holds. Its problems are those of check 1; the documents are as whole as they could be read."""

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...]

    @property
    def flows(self) -> tuple[Flow, ...]:
        return tuple(document.flow for document in self.documents)


def load(text: str, syntax: Syntax = Syntax.YAML) -> Loaded:
    """The scripts of a text: YAML (several documents are parted by `---`) or JSON (one, or a list of them)."""
    if len(text) > TEXT_MAX:
        hint = "split it into subflows in files of their own"
        return Loaded((), (Problem(1, "", TOO_LARGE, f"{len(text)} characters, at most {TEXT_MAX}", hint),))
    if any("\ud800" <= mark <= "\udfff" for mark in text):
        return Loaded((), (Problem(1, "", UNREADABLE, "half a character (a lone surrogate)", "save it as UTF-8"),))
    trees, problems = read_json(text) if syntax is Syntax.JSON else read_yaml(text)
    if not trees and not problems:
        return Loaded((), (Problem(1, "", UNREADABLE, "there is no document", 'begin with gacs: "1.0"'),))
    documents: list[Document] = []
    found = list(problems)
    for tree in trees:
        read = read_flow(tree)
        found += read.problems
        if read.flow is not None:
            documents.append(Document(read.flow, tree, read.broken))
    return Loaded(tuple(documents), tuple(found))
