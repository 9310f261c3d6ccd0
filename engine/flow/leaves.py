"""Every expression, text and name in a part of a script, with its place: found by the model's type hints (pure)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from .expression import Expression
from .nodes.entry import PromptByTry
from .nodes.verb import Verb
from .problem import Path
from .reader import hints_of, unwrapped, words_of
from .shape import Names, Refers
from .template import Template


@dataclass(frozen=True, slots=True)
class Reference:
    """A name of something in the same document."""

    path: Path
    to: Names
    name: str


@dataclass(frozen=True, slots=True)
class Formula:
    """An expression."""

    path: Path
    expression: Expression


@dataclass(frozen=True, slots=True)
class Wording:
    """A text with values in it."""

    path: Path
    template: Template


Leaf = Reference | Formula | Wording


def leaves(of: Any, path: Path) -> Iterator[Leaf]:
    """The leaves of a dataclass of the model; `path` is its place."""
    kind = type(of)
    plan = _PLANS.get(kind)
    if plan is None:
        plan = _PLANS[kind] = _planned(kind)
    for name, word, hint in plan:
        value = getattr(of, name)
        if value is None:
            continue
        if isinstance(value, Verb):
            yield from leaves(value, (*path, value.WORD))
        else:
            yield from _leaves(hint, value, path if word is None else (*path, word))


_Plan = tuple[tuple[str, str | None, Any], ...]
_PLANS: dict[type, _Plan] = {}
"""The fields of a class that can hold leaves: name, word (None: its mapping stands right there), hint."""


def _planned(kind: type) -> _Plan:
    flat = kind.FLAT if issubclass(kind, Verb) else None
    return tuple(
        (one.name, None if one.name == flat else word, hints_of(kind)[one.name])
        for word, one in words_of(kind).items()
        if _holds(hints_of(kind)[one.name])
    )


def _holds(hint: Any) -> bool:
    """Whether a value of this hint can hold leaves."""
    plain, notes = unwrapped(hint)
    if any(isinstance(note, Refers) for note in notes) or plain in {Expression, Template, PromptByTry}:
        return True
    if get_args(plain):
        return any(_holds(part) for part in get_args(plain) if part not in {Ellipsis, type(None)})
    return dataclasses.is_dataclass(plain)


def _leaves(hint: Any, value: Any, path: Path) -> Iterator[Leaf]:
    match value:
        case Expression():
            yield Formula(path, value)
        case Template():
            yield Wording(path, value)
        case PromptByTry():
            by_try = len(value.names) > 1
            for at, name in enumerate(value.names):
                yield Reference((*path, str(at + 1)) if by_try else path, Names.PROMPT, name)
        case str():
            yield from (Reference(path, note.to, value) for note in _notes(hint) if isinstance(note, Refers))
        case tuple():
            [entry_hint, *_] = get_args(_plain(hint))
            for at, entry in enumerate(value):
                yield from _leaves(entry_hint, entry, (*path, at))
        case Mapping():
            key_hint, entry_hint = get_args(_plain(hint))
            keys = _holds(key_hint)
            for name, entry in value.items():
                if keys:
                    yield from _leaves(key_hint, name, (*path, name))
                yield from _leaves(entry_hint, entry, (*path, name))
        case _ if dataclasses.is_dataclass(value):
            yield from leaves(value, path)


def _plain(hint: Any) -> Any:
    return unwrapped(_present(hint))[0]


def _notes(hint: Any) -> tuple[Any, ...]:
    return unwrapped(_present(hint))[1]


def _present(hint: Any) -> Any:
    """The hint of an optional field when it is there."""
    plain, _ = unwrapped(hint)
    options = [option for option in get_args(plain) if option is not type(None)]
    optional = type(None) in get_args(plain) and len(options) == 1
    return options[0] if optional else hint
