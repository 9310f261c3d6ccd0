"""Writes the reference of node types into docs/gacs.md, from the model and the texts beside its fields.

PYTHONPATH=. python tools/gacs_nodes.py [--check]
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import sys
import types
import typing
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args, get_origin

from engine.flow.expression import Expression
from engine.flow.nodes import centre, control, entry, logic, media, outside
from engine.flow.nodes.entry import PromptByTry
from engine.flow.nodes.node import VERBS
from engine.flow.nodes.verb import Verb
from engine.flow.reader import hints_of, required, unwrapped, words_of
from engine.flow.shape import Length, Range, Refers
from engine.flow.values import TypeSpec

PAGE = Path(__file__).parents[1] / "docs/gacs.md"
BEGIN, END = "<!-- nodes: written by tools/gacs_nodes.py -->\n", "<!-- end of nodes -->\n"
GROUPS: Mapping[str, types.ModuleType] = {
    "Heard and recorded": media,
    "What the caller presses": entry,
    "Decisions": logic,
    "The caller's leg": control,
    "Contact centre": centre,
    "Other systems": outside,
}


def reference() -> str:
    """The whole section."""
    parts: list[str] = []
    for title, module in GROUPS.items():
        parts.append(f"### {title}\n")
        parts += [_verb(verb) for verb in VERBS.values() if verb.__module__ == module.__name__]
    return "\n".join(parts)


def _verb(verb: type[Verb]) -> str:
    lines = [f"#### `{verb.WORD}`", "", " ".join(str(verb.__doc__).split()), ""]
    lines += _fields(verb, "")
    routes = {"menu": "each key of `options`", "switch": "`to` of each case, `default`", "loop": "`body`"}
    outcomes = [f"`{name}`" for name in ((verb.MAIN,) if verb.MAIN else ()) + verb.OUTCOMES]
    outcomes += [routes[verb.WORD]] if verb.WORD in routes else []
    said = f"Outcomes: {', '.join(outcomes) or 'none: the run ends here'}"
    if verb.MAIN:
        said += " (the first is that of `then`)" if len(outcomes) > 1 else ""
    errors = ", ".join(f"`{name}`" for name in verb.ERRORS)
    said += f". Errors: {errors}" if errors else ""
    said += " (must be wired)" if verb.EXPECTED else ""
    said += f". After a restart: {verb.RESUME.value}."
    said += "" if verb.NEEDS_CALLER else " Needs no caller."
    return "\n".join([*lines, said, ""])


def _fields(kind: type, prefix: str) -> list[str]:
    texts = _texts(kind)
    rows: list[str] = []
    for word, one in words_of(kind).items():
        hint = hints_of(kind)[one.name]
        default = "required" if required(one) else _default(one)
        name = f"`{prefix}{word}`" if getattr(kind, "FLAT", None) is None else "(the mapping)"
        rows.append(f"| {name} | {_type(hint)} | {default} | {texts.get(one.name, '')} |")
        inner = _inner(hint)
        if inner is not None:
            rows += _fields(inner, f"{prefix}{word}.")
    if prefix:
        return rows
    return ["| field | what | default | |", "|--|--|--|--|", *rows, ""] if rows else []


def _texts(kind: type) -> Mapping[str, str]:
    """The text that stands below a field."""
    body = typing.cast(ast.ClassDef, ast.parse(inspect.cleandoc(inspect.getsource(kind))).body[0]).body
    found: dict[str, str] = {}
    for field, after in itertools.pairwise(body):
        named = isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if named and text:
            found[field.target.id] = " ".join(str(after.value.value).split())  # type: ignore[union-attr,attr-defined]
    return found


def _inner(hint: Any) -> type | None:
    """A record in a field that is described below it."""
    plain, _ = unwrapped(hint)
    options = [option for option in get_args(plain) if option is not type(None)]
    if get_origin(plain) in {types.UnionType, typing.Union, tuple} and options:
        plain, _ = unwrapped(options[0])
    special = {PromptByTry, Expression, TypeSpec}
    return plain if isinstance(plain, type) and dataclasses.is_dataclass(plain) and plain not in special else None


def _type(hint: Any) -> str:
    plain, notes = unwrapped(hint)
    origin = get_origin(plain)
    if origin in {types.UnionType, typing.Union}:
        return _type(next(option for option in get_args(plain) if option is not type(None)))
    bounds = "".join(
        f" {note.low:g} to {note.high:g}" if isinstance(note, Range) else f", {note.low} to {note.high}"
        for note in notes
        if isinstance(note, (Range, Length))
    )
    names = [str(note.to) for note in notes if isinstance(note, Refers)]
    if names:
        return names[0] + bounds
    if origin is tuple:
        return f"list of: {_type(get_args(plain)[0])}"
    if origin is not None and issubclass(origin, Mapping):
        key, value = get_args(plain)
        return f"mapping of {_type(key)} to {_type(value)}"
    if issubclass(plain, StrEnum):
        return ", ".join(f"`{member}`" for member in plain)
    words = {str: "text", int: "whole number", float: "number", bool: "true or false", Expression: "expression"}
    words |= {PromptByTry: "prompt, or `{1: prompt, 2: prompt}` by try", TypeSpec: "type"}
    return words.get(plain, "mapping") + bounds


def _default(one: dataclasses.Field[Any]) -> str:
    value = one.default
    if value is dataclasses.MISSING or value in (None, ()):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def page_with(text: str) -> str:
    """The page with the section as it should be."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{reference()}\n{END}{after}"


def main() -> int:
    """Write the section, or with --check say whether it is as it should be."""
    text = PAGE.read_text()
    if "--check" in sys.argv:
        return 0 if page_with(text) == text else 1
    PAGE.write_text(page_with(text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
