"""Nodes that decide; nobody hears them (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from ..expression import Expression
from ..shape import NAME, FlowName, Length, Name, NodeName, Range, ShortText, VariableName
from .verb import Resume, Route, Verb, named


@dataclass(frozen=True, slots=True, kw_only=True)
class Set(Verb):
    """Give variables values, one after the other; written as `set: {name: expression}`."""

    WORD: ClassVar[str] = "set"
    FLAT: ClassVar[str | None] = "values"
    ERRORS: ClassVar[tuple[str, ...]] = ("error.expression",)
    NEEDS_CALLER: ClassVar[bool] = False
    values: Annotated[Mapping[VariableName, Expression], Length(1, 50)]

    def assigns(self, outcome: str) -> frozenset[str]:
        return frozenset(self.values) if outcome == "done" else frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Where to go when an expression is true."""

    when: Expression
    to: NodeName


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch(Verb):
    """Go where the first true case leads, else to the default."""

    WORD: ClassVar[str] = "switch"
    MAIN: ClassVar[str | None] = None
    ERRORS: ClassVar[tuple[str, ...]] = ("error.expression",)
    NEEDS_CALLER: ClassVar[bool] = False
    cases: Annotated[tuple[Case, ...], Length(1, 50)]
    default: NodeName

    def routes(self) -> tuple[Route, ...]:
        cases = tuple(Route(("cases", at, "to"), f"case.{at + 1}", case.to) for at, case in enumerate(self.cases))
        return (*cases, Route(("default",), "default", self.default))


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop(Verb):
    """Go to `body` at most `times` times (for each entry of a list, or while something is true), then on.

    The body comes back by naming this node. The count begins anew once the loop has ended with `done`.
    """

    WORD: ClassVar[str] = "loop"
    ERRORS: ClassVar[tuple[str, ...]] = ("error.expression",)
    NEEDS_CALLER: ClassVar[bool] = False
    times: Annotated[int, Range(1, 100)]
    body: NodeName
    each: Expression | None = None
    """A list; at most its first `times` entries are taken."""
    into: VariableName | None = None
    """The entry of `each` that it is the turn of."""
    while_: Expression | None = field(default=None, metadata={"word": "while"})

    def routes(self) -> tuple[Route, ...]:
        return (Route(("body",), "again", self.body),)

    def assigns(self, outcome: str) -> frozenset[str]:
        return named(self.into) if outcome == "again" and self.each is not None else frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One of the ways of a split, with its share."""

    weight: Annotated[int, Range(1, 1000)]
    to: NodeName
    name: ShortText | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomSplit(Verb):
    """Go one of several ways, by chance, but the same way whenever the same call comes here."""

    WORD: ClassVar[str] = "random_split"
    MAIN: ClassVar[str | None] = None
    NEEDS_CALLER: ClassVar[bool] = False
    branches: Annotated[tuple[Branch, ...], Length(2, 20)]

    def routes(self) -> tuple[Route, ...]:
        return tuple(Route(("branches", at, "to"), f"branch.{at + 1}", one.to) for at, one in enumerate(self.branches))


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFlow(Verb):
    """Run a subflow and come back."""

    WORD: ClassVar[str] = "call"
    ERRORS: ClassVar[tuple[str, ...]] = ("error.expression",)
    NEEDS_CALLER: ClassVar[bool] = False
    """Its nodes say so themselves."""
    flow: FlowName
    params: Annotated[Mapping[Annotated[str, NAME], Expression], Length(0, 50)] = field(default_factory=dict)
    into: Annotated[Mapping[VariableName, Name], Length(0, 50)] = field(default_factory=dict)
    """Which variable takes which result."""

    def assigns(self, outcome: str) -> frozenset[str]:
        return frozenset(self.into) if outcome == "done" else frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Return(Verb):
    """End a subflow with its results."""

    WORD: ClassVar[str] = "return"
    MAIN: ClassVar[str | None] = None
    ERRORS: ClassVar[tuple[str, ...]] = ("error.expression",)
    RESUME: ClassVar[Resume] = Resume.CONTINUE
    NEEDS_CALLER: ClassVar[bool] = False
    ENDS: ClassVar[bool] = True
    results: Annotated[Mapping[Annotated[str, NAME], Expression], Length(0, 50)] = field(default_factory=dict)
