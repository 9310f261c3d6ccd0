"""Nodes that talk to other systems (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, ClassVar

from ..expression import Expression
from ..shape import NAME, Length, Name, Pattern, PoolName, PromptName, Range, Seconds, ShortText, VariableName
from ..values import TypeSpec
from .verb import Resume, Verb

Url = Annotated[str, Pattern(r"[a-z]{2,5}://[^\s]{1,500}", "an address such as https://example.org/path")]
Sent = Annotated[Mapping[Annotated[str, NAME], Expression], Length(0, 50)]
Answered = Annotated[Mapping[Annotated[str, NAME], TypeSpec], Length(0, 50)]
Taken = Annotated[Mapping[VariableName, Name], Length(0, 50)]
HeaderName = Annotated[str, Pattern(r"[A-Za-z][A-Za-z0-9-]{0,63}", "the name of an HTTP header")]
HeaderValue = Annotated[str, Pattern(r"[\x20-\x7e]{0,200}", "at most 200 printable ASCII characters")]


class Method(StrEnum):
    GET = "GET"
    POST = "POST"
    PUT = "PUT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filler:
    """What the caller hears while it takes long."""

    music: PoolName | None = None
    prompt: PromptName | None = None
    after_s: Annotated[float, Range(0, 30)] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook(Verb):
    """Ask another system: signed, within a time, with an idempotency key of the call, the node and the visit.

    `error.timeout`: nothing in time; `error.http`: an answer that is not 2xx; `error.response`: a declared field is
    missing, null or of another type; `error.limit`: `limits.max_webhooks` is reached.
    """

    WORD: ClassVar[str] = "webhook"
    ERRORS: ClassVar[tuple[str, ...]] = (
        "error.timeout", "error.http", "error.response", "error.limit", "error.expression",
    )  # fmt: skip
    EXPECTED: ClassVar[bool] = True
    RESUME: ClassVar[Resume] = Resume.REQUERY
    NEEDS_CALLER: ClassVar[bool] = False
    OUTSIDE: ClassVar[bool] = True
    url: Url
    method: Method = Method.POST
    query: Sent = field(default_factory=dict)
    body: Sent = field(default_factory=dict)
    headers: Annotated[Mapping[HeaderName, HeaderValue], Length(0, 20)] = field(default_factory=dict)
    timeout_s: Annotated[float, Range(0.1, 30)] = 5
    retries: Annotated[int, Range(0, 5)] = 1
    response: Answered = field(default_factory=dict)
    into: Taken = field(default_factory=dict)
    """Which variable takes which field of the response."""
    filler: Filler | None = None
    allow_sensitive: tuple[VariableName, ...] = ()

    def assigns(self, outcome: str) -> frozenset[str]:
        return frozenset(self.into) if outcome == "done" else frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup(Verb):
    """Read something the engine or its operator knows: a lead, a calendar, a list. Read-only."""

    WORD: ClassVar[str] = "lookup"
    MAIN: ClassVar[str | None] = "found"
    OUTCOMES: ClassVar[tuple[str, ...]] = ("not_found",)
    ERRORS: ClassVar[tuple[str, ...]] = ("error.lookup", "error.response", "error.expression")
    EXPECTED: ClassVar[bool] = True
    RESUME: ClassVar[Resume] = Resume.REQUERY
    NEEDS_CALLER: ClassVar[bool] = False
    source: PoolName
    key: Expression
    timeout_s: Annotated[float, Range(0.1, 30)] = 3
    response: Answered = field(default_factory=dict)
    into: Taken = field(default_factory=dict)
    allow_sensitive: tuple[VariableName, ...] = ()

    def assigns(self, outcome: str) -> frozenset[str]:
        return frozenset(self.into) if outcome == "found" else frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Emit(Verb):
    """Tell other systems that something happened; nobody waits for them."""

    WORD: ClassVar[str] = "emit"
    ERRORS: ClassVar[tuple[str, ...]] = ("error.expression",)
    NEEDS_CALLER: ClassVar[bool] = False
    event: PoolName
    data: Sent = field(default_factory=dict)
    allow_sensitive: tuple[VariableName, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag(Verb):
    """Mark the call with names and values for reports; written as `tag: {name: expression}`."""

    WORD: ClassVar[str] = "tag"
    FLAT: ClassVar[str | None] = "values"
    ERRORS: ClassVar[tuple[str, ...]] = ("error.expression",)
    NEEDS_CALLER: ClassVar[bool] = False
    values: Annotated[Mapping[Annotated[str, NAME], Expression], Length(1, 20)]


class Direction(StrEnum):
    BOTH = "both"
    OUT = "out"
    """Only what the caller says goes to the other side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream(Verb):
    """Sound to and from a WebSocket, for a voice bot; `done` when the other side or the limit ended it."""

    WORD: ClassVar[str] = "stream"
    ERRORS: ClassVar[tuple[str, ...]] = ("error.stream", "error.expression")
    EXPECTED: ClassVar[bool] = True
    OUTSIDE: ClassVar[bool] = True
    url: Url
    max_s: Annotated[float, Range(1, 3600)]
    direction: Direction = Direction.BOTH
    connect_timeout_s: Annotated[float, Range(0.1, 30)] = 5
    params: Sent = field(default_factory=dict)
    name: ShortText | None = None
    finish_key: Annotated[str, Pattern(r"[0-9*#]", "one key of a phone")] | None = None
    silence_max_s: Seconds = 30
    """So long may the other side send nothing."""
    allow_sensitive: tuple[VariableName, ...] = ()
