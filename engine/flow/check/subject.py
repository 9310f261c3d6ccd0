"""What a check looks at: one script, the others it may call, and the place where it will run (pure)."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from ..document import Document
from ..graph import Graph, graph_of
from ..inferred import ANYTHING, Inferred
from ..leaves import Leaf, Reference, leaves
from ..model import Flow, Variable
from ..nodes.node import Node
from ..problem import Path, Problem
from ..prompt import Speech, sounds
from ..shape import Names
from ..site import Site
from ..template import Template

SEARCHES_MAX = 50


@dataclass
class Subject:
    """A script with what the checks ask of it again and again (so: not slotted, cached)."""

    document: Document
    library: Mapping[str, Document]
    """Every script that is there, by id."""
    site: Site
    _searches: int = 0

    @property
    def flow(self) -> Flow:
        return self.document.flow

    def problem(self, code: str, path: Path, message: str, hint: str) -> Problem:
        return self.document.problem(code, path, message, hint)

    def unread(self, *path: str | int) -> bool:
        """Whether something there could not be read."""
        return path in self.document.broken

    @cached_property
    def unwired(self) -> frozenset[str]:
        """The nodes whose wiring could not be read; all, where the script's own could not."""
        if self.unread("on"):
            return frozenset(self.flow.nodes)
        return frozenset(
            str(path[1])
            for path in self.document.broken
            if len(path) == 3 and path[0] == "nodes" and path[2] in {"on", "then"}
        )

    @cached_property
    def graph(self) -> Graph:
        return graph_of(self.flow, self.unwired)

    @cached_property
    def names(self) -> frozenset[str]:
        """Every variable and parameter."""
        return frozenset((*self.flow.params, *self.flow.vars))

    @cached_property
    def leaves(self) -> Mapping[str, tuple[Leaf, ...]]:
        """The leaves of every node."""
        return {name: tuple(leaves(node, ("nodes", name))) for name, node in self.flow.nodes.items()}

    def nodes(self) -> Iterator[tuple[str, Node]]:
        yield from self.flow.nodes.items()

    def templates(self, prompt: str) -> Iterator[tuple[Path, str, Template]]:
        """The texts of a prompt, each with its place and its locale."""
        for locale, said in self.flow.prompts.get(prompt, {}).items():
            several = sounds(said)
            for at, sound in enumerate(several):
                if isinstance(sound, Speech):
                    inside: Path = ("list", at, "text") if several is not (said,) and len(several) > 1 else ("text",)
                    yield ("prompts", prompt, locale, *inside), locale, sound.text

    def said_at(self, node: str) -> Iterator[Reference]:
        """The prompts that a node names."""
        for leaf in self.leaves[node]:
            if isinstance(leaf, Reference) and leaf.to is Names.PROMPT:
                yield leaf

    def declared(self, name: str) -> Inferred:
        """The type of a variable or parameter, as if it had its value; ANYTHING for what is not known."""
        return self._types.get(name, ANYTHING)

    @cached_property
    def _types(self) -> Mapping[str, Inferred]:
        found: dict[str, Inferred] = {}
        for place, there in (("params", self.flow.params), ("vars", self.flow.vars)):
            for name, one in there.items():
                secret = frozenset({name}) if one.sensitive else frozenset[str]()
                unread = self.unread(place, name)
                found[name] = ANYTHING if unread else Inferred(one, sensitive=secret)
        return found

    def has_value(self, name: str) -> bool:
        """Whether a variable or parameter has a value from the start."""
        one = self.flow.declared(name)
        if one is None:
            return True
        given = one.init if isinstance(one, Variable) else one.default
        place = "vars" if isinstance(one, Variable) else "params"
        return given is not None or bool(getattr(one, "required", False)) or self.unread(place, name)

    @cached_property
    def sensitive(self) -> frozenset[str]:
        """The variables and parameters that are sensitive."""
        return frozenset(name for name, one in self._types.items() if one.sensitive)

    def nearest(self, name: str, known: list[str]) -> str | None:
        """The known name that is most like another; only for the first problems, for it takes long with many names."""
        self._searches += 1
        if self._searches > SEARCHES_MAX:
            return None
        return next(iter(difflib.get_close_matches(name, known, 1)), None)
