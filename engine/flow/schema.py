"""The JSON Schema of documents (draft 2020-12), made from the model, so that editors complete and check them (pure).

It says what check 1 says of single fields; what fields have to do with each other only the checks know.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, get_args, get_origin

from .expression import TEXT_MAX, Expression
from .model import Flow
from .nodes.entry import PromptByTry
from .nodes.node import VERBS, Node
from .nodes.verb import Verb
from .reader import SAID_BY_KEY, VERSION, WIRING, hints_of, required, unwrapped, words_of
from .shape import NODE_NAME, Length, Pattern, Range
from .template import TEMPLATE_MAX, Template

Schema = dict[str, Any]
_PROMPT_NAME: Schema = {"type": "string", "pattern": f"^(?:{NODE_NAME.regex})$"}


def json_schema() -> Schema:
    """The schema of one document."""
    maker = _Maker()
    document = maker.fields(Flow)
    document["properties"] = {"gacs": {"const": VERSION}, **document["properties"]}
    document["required"] = ["gacs", *document["required"]]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"GACS {VERSION}: a call-flow document",
        "description": "Made from the model by `vss flow schema`; docs/gacs.md explains it.",
        **document,
        "$defs": dict(sorted(maker.defs.items())),
    }


class _Maker:
    """Makes the schema of a hint; dataclasses stand in `$defs`, so that types may hold themselves."""

    def __init__(self) -> None:
        self.defs: dict[str, Schema] = {}

    def of(self, hint: Any) -> Schema:
        plain, notes = unwrapped(hint)
        schema = self._plain(plain)
        for note in notes:
            schema = {**schema, **_bounds(note, schema)}
        return schema

    def _plain(self, hint: Any) -> Schema:
        origin = get_origin(hint)
        if origin in {types.UnionType, typing.Union}:
            return self._union(hint)
        if origin is tuple:
            return {"type": "array", "items": self.of(get_args(hint)[0])}
        if origin is not None and issubclass(origin, Mapping):
            return self._mapping(*get_args(hint))
        if hint is Any:
            return {}
        if hint in _SPECIAL:
            return _SPECIAL[hint](self)
        if issubclass(hint, StrEnum):
            return {"type": "string", "enum": [str(member) for member in hint]}
        if dataclasses.is_dataclass(hint):
            return self._named(hint)
        return {"type": {str: "string", int: "integer", float: "number", bool: "boolean"}[hint]}

    def _union(self, hint: Any) -> Schema:
        options = [option for option in get_args(hint) if option is not type(None)]
        if len(options) == 1:
            return {"anyOf": [self.of(options[0]), {"type": "null"}]}
        return {"oneOf": [self.of(kind) for kind in SAID_BY_KEY.values() if kind in options]}

    def _mapping(self, key_hint: Any, hint: Any) -> Schema:
        schema: Schema = {"type": "object", "additionalProperties": self.of(hint)}
        names = {name: bound for name, bound in self.of(key_hint).items() if name != "type"}
        return {**schema, "propertyNames": names} if names else schema

    def _named(self, kind: Any) -> Schema:
        name = kind.__name__
        if name not in self.defs:
            self.defs[name] = {}  # it may hold itself
            self.defs[name] = self.fields(kind)
        return {"$ref": f"#/$defs/{name}"}

    def fields(self, kind: type) -> Schema:
        """The fields of a dataclass as an object."""
        hints = hints_of(kind)
        words = words_of(kind)
        schema: Schema = {
            "description": _first_line(kind),
            "type": "object",
            "additionalProperties": False,
            "properties": {word: self.of(hints[one.name]) for word, one in words.items()},
        }
        needed = [word for word, one in words.items() if required(one)]
        return {**schema, "required": needed} if needed else schema

    def expression(self) -> Schema:
        return {"type": ["string", "number", "boolean", "null"], "maxLength": TEXT_MAX}

    def template(self) -> Schema:
        return {"type": "string", "maxLength": TEMPLATE_MAX}

    def prompts(self) -> Schema:
        by_try = {"type": "object", "minProperties": 1, "additionalProperties": False}
        return {"anyOf": [_PROMPT_NAME, {**by_try, "patternProperties": {"^[1-9][0-9]*$": _PROMPT_NAME}}]}

    def node(self) -> Schema:
        """A node: exactly one word, and its wiring."""
        if "Node" not in self.defs:
            self.defs["Node"] = {
                "description": _first_line(Node),
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    **{word: self._verb(kind) for word, kind in VERBS.items()},
                    **{word: self.of(hints_of(Node)[word]) for word in WIRING},
                },
                "oneOf": [{"required": [word]} for word in VERBS],
            }
        return {"$ref": "#/$defs/Node"}

    def _verb(self, kind: type[Verb]) -> Schema:
        if kind.FLAT is not None:
            return {"description": _first_line(kind), **self.of(hints_of(kind)[kind.FLAT])}
        named = self._named(kind)
        return {"anyOf": [named, {"type": "null"}]} if "required" not in self.defs[kind.__name__] else named


_SPECIAL: Mapping[Any, Callable[[_Maker], Schema]] = {
    Expression: _Maker.expression,
    Template: _Maker.template,
    PromptByTry: _Maker.prompts,
    Node: _Maker.node,
}


def _bounds(note: Any, schema: Schema) -> Schema:
    match note:
        case Range():
            return {"minimum": note.low, "maximum": note.high}
        case Pattern():
            return {"pattern": f"^(?:{note.regex})$"}
        case Length():
            unit = {"string": "Length", "array": "Items", "object": "Properties"}[schema["type"]]
            return {f"min{unit}": note.low, f"max{unit}": note.high}
    return {}


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().split("\n\n")[0].replace("\n    ", " ")
