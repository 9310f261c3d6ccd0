"""From a tree to the model, by the model's own type hints: check 1 of the publish gate (pure).

All that is wrong is reported, and what is right is kept: a node that cannot be read becomes `Unknown` with its wiring,
a variable or prompt that cannot be read keeps its name (`Read.broken`), so that the other checks can go on without
being led astray by it.
"""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, get_args, get_origin

from .expression import Expression, Literal, SyntaxFault, parse
from .model import Flow, Locales, Param, Variable
from .nodes.entry import PromptByTry
from .nodes.node import VERBS, Node
from .nodes.verb import Unknown, Verb
from .problem import Path, Problem, written
from .prompt import Audio, Prompt, Sequence, Silence, Speech, Tone
from .shape import NODE_NAME, Length, Pattern, Range
from .template import Template, parse_template
from .tree import Tree
from .values import INT_MAX, Kind

VERSION = "1.0"
MISSING, EXTRA, WRONG_TYPE, OUT_OF_BOUNDS, NOT_OF_THESE = "G0105", "G0106", "G0107", "G0108", "G0109"
NODE_TYPE, WRONG_VERSION, WRONG_FORM, WRONG_EXPRESSION = "G0110", "G0111", "G0112", "G0113"
WIRING = ("then", "on", "max_visits", "note")
"""What stands beside a node's word."""


class _Broken:
    """What could not be read."""


BROKEN = _Broken()


@dataclass(frozen=True, slots=True)
class Read:
    """A script as far as it could be read. `broken` are the paths of entries that only kept their names."""

    flow: Flow | None
    problems: tuple[Problem, ...]
    broken: frozenset[Path]


def read_flow(tree: Tree) -> Read:
    """The script that a tree is."""
    reader = _Reader(tree)
    flow = reader.document()
    return Read(flow, tuple(reader.problems), frozenset(reader.broken))


_HINTS: dict[type, Mapping[str, Any]] = {}


def hints_of(kind: type) -> Mapping[str, Any]:
    """The fields that documents may give, with their type hints (ClassVars left out)."""
    found = _HINTS.get(kind)
    if found is None:
        hints = typing.get_type_hints(kind, include_extras=True)
        found = _HINTS[kind] = {one.name: hints[one.name] for one in dataclasses.fields(kind)}
    return found


def words_of(kind: type) -> Mapping[str, dataclasses.Field[Any]]:
    """The fields by the word that documents use."""
    return {one.metadata.get("word", one.name): one for one in dataclasses.fields(kind)}


def required(one: dataclasses.Field[Any]) -> bool:
    """Whether a document must give the field."""
    return one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING


def unwrapped(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A hint without Annotated, and what was annotated."""
    if get_origin(hint) is Annotated:
        return hint.__origin__, hint.__metadata__
    return hint, ()


SAID_BY_KEY: Mapping[str, type] = {
    "text": Speech, "audio": Audio, "tone": Tone, "silence_s": Silence, "list": Sequence
}  # fmt: skip


@dataclass(slots=True)
class _Reader:
    tree: Tree
    problems: list[Problem] = field(default_factory=list)
    broken: set[Path] = field(default_factory=set)

    def document(self) -> Flow | None:
        value = self.tree.value
        if not isinstance(value, dict):
            self._add(WRONG_TYPE, (), "a document is a mapping", 'begin with gacs: "1.0"')
            return None
        if not self._version(value):
            return None
        rest = {key: given for key, given in value.items() if key != "gacs"}
        read = self._fields(Flow, rest, (), stand_ins=_STAND_INS)
        return None if isinstance(read, _Broken) else Flow(**read)

    def _version(self, value: Mapping[str, Any]) -> bool:
        if "gacs" not in value:
            self._add(MISSING, (), "gacs is missing", f'begin with gacs: "{VERSION}"')
        elif value["gacs"] != VERSION:
            hint = f'this engine reads gacs: "{VERSION}", in quotes'
            self._add(WRONG_VERSION, ("gacs",), f"a version that is not known: {_shown(value['gacs'])}", hint)
            return False
        return True

    def _add(self, code: str, path: Path, message: str, hint: str) -> _Broken:
        self.problems.append(Problem(self.tree.line(path), written(path), code, message, hint))
        return BROKEN

    # --- by the kind of hint

    def read(self, hint: Any, value: Any, path: Path) -> Any:
        """The value as its hint says, or BROKEN with the problem reported."""
        plain, notes = unwrapped(hint)
        found = self._read(plain, value, path)
        if isinstance(found, _Broken):
            return found
        return found if self._within(notes, found, path) else BROKEN

    def _read(self, hint: Any, value: Any, path: Path) -> Any:
        origin = get_origin(hint)
        if origin in {types.UnionType, typing.Union}:
            return self._union(hint, value, path)
        if origin is tuple:
            return self._entries(get_args(hint)[0], value, path)
        if origin is not None and issubclass(origin, Mapping):
            key_hint, entry_hint = get_args(hint)
            return self._mapping(key_hint, entry_hint, value, path)
        if hint is Any:
            return value
        if isinstance(hint, type):
            if issubclass(hint, StrEnum):
                return self._member(hint, value, path)
            if hint in _SPECIAL:
                return _SPECIAL[hint](self, value, path)
            if dataclasses.is_dataclass(hint):
                return self._record(hint, value, path)
        return self._scalar(hint, value, path)

    def _union(self, hint: Any, value: Any, path: Path) -> Any:
        options = [option for option in get_args(hint) if option is not type(None)]
        if len(options) < len(get_args(hint)) and value is None:
            return None
        if len(options) == 1:
            return self.read(options[0], value, path)
        return self._said(options, value, path)

    def _scalar(self, hint: type, value: Any, path: Path) -> Any:
        if hint is float and isinstance(value, int) and not isinstance(value, bool):
            return value if abs(value) <= INT_MAX else self._add(OUT_OF_BOUNDS, path, "too large", "a smaller number")
        if isinstance(value, hint) and not (isinstance(value, bool) and hint is not bool):
            return value
        wanted = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}[hint]
        quoted = "put it in quotes" if hint is str and isinstance(value, (int, float)) else f"write {wanted}"
        return self._add(WRONG_TYPE, path, f"expected {wanted}, not {_shown(value)}", quoted)

    def _member(self, hint: type[StrEnum], value: Any, path: Path) -> Any:
        if isinstance(value, str) and value in set(hint):
            return hint(value)
        allowed = ", ".join(hint)
        return self._add(NOT_OF_THESE, path, f"{_shown(value)} is none of: {allowed}", _meant(value, list(hint)))

    def _within(self, notes: tuple[Any, ...], value: Any, path: Path) -> bool:
        for note in notes:
            match note:
                case Range() if not note.low <= value <= note.high:
                    bounds = f"{note.low:g} to {note.high:g}"
                    self._add(OUT_OF_BOUNDS, path, f"{_shown(value)} is not within {bounds}", f"use {bounds}")
                    return False
                case Length() if not note.low <= len(value) <= note.high:
                    unit = "characters" if isinstance(value, str) else "entries"
                    message = f"{len(value)} {unit}; allowed are {note.low} to {note.high}"
                    self._add(OUT_OF_BOUNDS, path, message, "make it longer or shorter")
                    return False
                case Pattern() if not note.matches(value):
                    self._add(WRONG_FORM, path, f"{_shown(value)} has the wrong form", f"expected {note.meaning}")
                    return False
        return True

    # --- lists, mappings, records

    def _entries(self, hint: Any, value: Any, path: Path) -> Any:
        if not isinstance(value, list):
            return self._add(WRONG_TYPE, path, f"expected a list, not {_shown(value)}", "write [a, b]")
        found = [self.read(hint, entry, (*path, at)) for at, entry in enumerate(value)]
        return BROKEN if any(entry is BROKEN for entry in found) else tuple(found)

    def _mapping(self, key_hint: Any, hint: Any, value: Any, path: Path) -> Any:
        if not isinstance(value, dict):
            return self._add(WRONG_TYPE, path, f"expected a mapping, not {_shown(value)}", "write name: value")
        found: dict[str, Any] = {}
        spoiled = False
        for name, entry in value.items():
            here = (*path, name)
            sound = self._within(unwrapped(key_hint)[1], name, here)
            read = self.read(hint, entry, here)
            if read is BROKEN and hint in _KEPT:
                self.broken.add(here)
                read = _KEPT[hint]()
            spoiled = spoiled or read is BROKEN or not (sound or hint in _KEPT)
            found[name] = read
        return BROKEN if spoiled else found

    def _record(self, kind: type, value: Any, path: Path) -> Any:
        if not isinstance(value, dict):
            return self._add(WRONG_TYPE, path, f"expected a mapping, not {_shown(value)}", "write name: value")
        found = self._fields(kind, value, path)
        return found if isinstance(found, _Broken) else kind(**found)

    def _fields(
        self, kind: type, value: Mapping[str, Any], path: Path, stand_ins: Mapping[str, Any] | None = None
    ) -> dict[str, Any] | _Broken:
        """The fields of a dataclass; what cannot be read takes its stand-in where there is one."""
        words = words_of(kind)
        found: dict[str, Any] = {}
        spoiled = False
        for word in value:
            if word not in words:
                message = f"{word[:80]!r} is not known here; there are {', '.join(words) or 'no fields'}"
                self._add(EXTRA, (*path, word), message, _meant(word, list(words)))
                spoiled = True
        for word, one in words.items():
            if word in value:
                read = self.read(hints_of(kind)[one.name], value[word], (*path, word))
            elif required(one):
                read = self._add(MISSING, path, f"{word} is missing", f"add {word}")
            else:
                continue
            if read is BROKEN:
                self.broken.add((*path, word))
                spoiled = True
                if stand_ins is not None and required(one):
                    found[one.name] = stand_ins[word]
            else:
                found[one.name] = read
        return BROKEN if spoiled and stand_ins is None else found

    # --- the special ones

    def _said(self, options: list[Any], value: Any, path: Path) -> Any:
        """What is said: told by its key."""
        keys = [key for key, kind in SAID_BY_KEY.items() if kind in options]
        if isinstance(value, dict):
            there = [key for key in keys if key in value]
            if len(there) == 1:
                return self._record(SAID_BY_KEY[there[0]], value, path)
        return self._add(
            WRONG_TYPE, path, f"expected exactly one of {', '.join(keys)}, not {_shown(value)}", 'write {text: "..."}'
        )

    def expression(self, value: Any, path: Path) -> Any:
        if value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) <= INT_MAX):
            return Expression(str(value), Literal(value))
        text = repr(value) if isinstance(value, float) else value
        if not isinstance(text, str):
            return self._add(WRONG_TYPE, path, f"expected an expression, not {_shown(value)}", "write it as text")
        try:
            return parse(text)
        except SyntaxFault as fault:
            message = f"{_shown(text)} is not an expression: {fault}"
            return self._add(WRONG_EXPRESSION, path, message, "text within expressions stands in single quotes")

    def template(self, value: Any, path: Path) -> Any:
        if not isinstance(value, str):
            return self._add(WRONG_TYPE, path, f"expected text, not {_shown(value)}", "put it in quotes")
        try:
            return parse_template(value)
        except SyntaxFault as fault:
            return self._add(WRONG_EXPRESSION, path, f"in the text: {fault}", "values stand in braces: {amount|money}")

    def prompts(self, value: Any, path: Path) -> Any:
        """`prompt: name` or `prompt: {1: name, 2: name}`."""
        if isinstance(value, str):
            return PromptByTry((value,)) if self._within((NODE_NAME,), value, path) else BROKEN
        if not isinstance(value, dict) or list(value) != [str(n + 1) for n in range(len(value))] or not value:
            hint = "write prompt: name, or by try {1: name, 2: name}"
            return self._add(WRONG_TYPE, path, f"expected the name of a prompt, not {_shown(value)}", hint)
        names = [self.read(Annotated[str, NODE_NAME], name, (*path, attempt)) for attempt, name in value.items()]
        return BROKEN if any(name is BROKEN for name in names) else PromptByTry(tuple(names))

    def node(self, value: Any, path: Path) -> Any:
        """A node: one word of VERBS with what belongs to it, and its wiring."""
        if not isinstance(value, dict):
            return self._add(WRONG_TYPE, path, f"expected a node, not {_shown(value)}", "write play: {prompt: name}")
        wiring: dict[str, Any] = {}
        for word in WIRING:
            if word in value:
                read = self.read(hints_of(Node)[word], value[word], (*path, word))
                if read is BROKEN:
                    self.broken.add((*path, word))
                else:
                    wiring[word] = read
        return Node(action=self._action(value, path), **wiring)  # type: ignore[arg-type]

    def _action(self, value: Mapping[str, Any], path: Path) -> Verb:
        words = [word for word in value if word not in WIRING]
        if len(words) != 1 or words[0] not in VERBS:
            unknown = [word for word in words if word not in VERBS]
            said = f"{unknown[0][:80]!r} is no node type" if unknown else f"{len(words)} node types, not one"
            hint = _meant(unknown[0], [*VERBS, *WIRING]) if unknown else "a node does exactly one thing"
            self._add(NODE_TYPE, (*path, *unknown[:1]), said, hint)
            return Unknown()
        kind, given = VERBS[words[0]], value[words[0]]
        here = (*path, words[0])
        if kind.FLAT is not None:
            read = self.read(hints_of(kind)[kind.FLAT], given, here)
            return Unknown() if isinstance(read, _Broken) else kind(**{kind.FLAT: read})
        read = self._record(kind, {} if given is None else given, here)
        return read if isinstance(read, Verb) else Unknown()


_SPECIAL: Mapping[type, Callable[[_Reader, Any, Path], Any]] = {
    Expression: _Reader.expression,
    Template: _Reader.template,
    PromptByTry: _Reader.prompts,
    Node: _Reader.node,
}
_KEPT: Mapping[Any, Callable[[], Any]] = {
    Node: lambda: Node(action=Unknown()),
    Param: lambda: Param(type=Kind.STRING),
    Variable: lambda: Variable(type=Kind.STRING),
    Prompt: dict,
}
"""What an entry becomes of which only the name could be read."""
_STAND_INS: Mapping[str, Any] = {
    "id": "", "locales": Locales(default="", supported=()), "start": "", "nodes": {}
}  # fmt: skip
"""What stands for the fields that a document must have and that could not be read."""


def _shown(value: object) -> str:
    match value:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _meant(word: object, known: list[str]) -> str:
    """The known word that is nearest, or all of them."""
    near = difflib.get_close_matches(str(word)[:80], known, 1)
    return f"did you mean {near[0]}?" if near else f"use one of {', '.join(known)}" if known else "leave it out"
