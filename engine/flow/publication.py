"""Publications: the canonical form of a script, and the name that its content gives it (pure).

A version is a flow together with all subflows it calls, so that a run needs one row and nothing that it runs can change
under it. Its canonical form is one JSON object, `{"flow": {...}, "subflows": {id: {...}}}`, of the plain values as they
were written: keys sorted by code point, no white space, UTF-8 without escapes but those JSON demands, integers as
integers, other numbers in the shortest decimal form that reads back the same (so `1` and `1.0` differ). Comments,
layout, the order of keys and whether it was YAML or JSON leave no trace. The content hash is the SHA-256 of that text.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import Rejected

from .document import Document, Loaded
from .gate import check
from .model import FlowKind
from .problem import Problem
from .site import ANYWHERE, Site
from .tree import UNREADABLE

HASH_SHOWN = 12
"""So many digits of a hash name a version in lists."""
PREFIX_MIN = 8
_HASH = re.compile(rf"[0-9a-f]{{{PREFIX_MIN},64}}")
_NUMBERED = re.compile(r"([^@]{1,200})@([1-9][0-9]{0,8})")


class Unsound(Rejected):
    """A text that is not published because of its problems; `problems` has all of them, in the order of lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        others = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        super().__init__("script_unsound", f"line {first.line}: {first.code} {first.message}{others}", 422)
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Publication:
    """A sound script, ready to be kept."""

    name: str
    number: int
    """The version that its author gave it."""
    title: str
    nodes: int
    """Those of its subflows too."""
    document: str
    """The canonical form."""

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.document.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Reference:
    """What a person calls a version: the beginning of its hash, `name@version`, or a name (its highest version)."""

    hash_prefix: str | None = None
    name: str = ""
    number: int | None = None


def reference(text: str) -> Reference:
    """Read a reference; 8 to 64 hexadecimal digits are a hash."""
    if _HASH.fullmatch(text):
        return Reference(text)
    numbered = _NUMBERED.fullmatch(text)
    return Reference(None, numbered[1], int(numbered[2])) if numbered else Reference(None, text)


def canonical(value: Any) -> str:
    """The canonical form of plain values."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def publications(loaded: Loaded, site: Site = ANYWHERE) -> tuple[Publication, ...]:
    """One publication for each flow of a text; subflows go with those that call them. Raises Unsound."""
    checked = (problem for found in check(loaded.documents, site) for problem in found)
    problems = sorted((*loaded.problems, *checked))
    flows = [document for document in loaded.documents if document.flow.kind is FlowKind.FLOW]
    if not problems and not flows:
        hint = "add the flow that calls the subflows"
        problems = [Problem(1, "", UNREADABLE, "there are subflows only, and they are published with a flow", hint)]
    if problems:
        raise Unsound(problems)
    library = {document.flow.id: document for document in loaded.documents}
    return tuple(_publication(document, library) for document in flows)


def _publication(document: Document, library: dict[str, Document]) -> Publication:
    called = _called(document, library)
    whole = {"flow": document.tree.value, "subflows": {one.flow.id: one.tree.value for one in called}}
    nodes = sum(len(one.flow.nodes) for one in (document, *called))
    flow = document.flow
    return Publication(flow.id, flow.version, flow.title, nodes, canonical(whole))


def _called(document: Document, library: dict[str, Document]) -> list[Document]:
    """All subflows below a script; sound ones do not call in circles."""
    found: dict[str, Document] = {}
    left = list(document.flow.calls())
    while left:
        name = left.pop()
        if name not in found:
            found[name] = library[name]
            left += library[name].flow.calls()
    return list(found.values())
