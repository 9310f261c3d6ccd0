"""Every expression, text and name in a part of a script, with its place: found by the model's type hints (pure)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from .expression import Expression
from .nodes.entry import PromptByTry
from .nodes.verb import Verb
from .problem import Path
from .reader import hints_of, unwrapped
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
    for one in dataclasses.fields(of):
        value = getattr(of, one.name)
        if value is None:
            continue
        if isinstance(value, Verb):
            yield from leaves(value, (*path, value.WORD))
        else:
            flat = isinstance(of, Verb) and one.name == of.FLAT
            word = one.metadata.get("word", one.name)
            yield from _leaves(hints_of(type(of))[one.name], value, path if flat else (*path, word))


def _leaves(hint: Any, value: Any, path: Path) -> Iterator[Leaf]:
    plain, notes = unwrapped(_present(hint))
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
            yield from (Reference(path, note.to, value) for note in notes if isinstance(note, Refers))
        case tuple() if get_origin(plain) is tuple:
            for at, entry in enumerate(value):
                yield from _leaves(get_args(plain)[0], entry, (*path, at))
        case Mapping() if get_args(plain):
            key_hint, entry_hint = get_args(plain)
            for name, entry in value.items():
                yield from _leaves(key_hint, name, (*path, name))
                yield from _leaves(entry_hint, entry, (*path, name))
        case _ if dataclasses.is_dataclass(value):
            yield from leaves(value, path)


def _present(hint: Any) -> Any:
    """The hint of an optional field when it is there."""
    plain, _ = unwrapped(hint)
    options = [option for option in get_args(plain) if option is not type(None)]
    return (
        options[0] if get_origin(plain) not in {tuple} and len(options) == 1 and type(None) in get_args(plain) else hint
    )
