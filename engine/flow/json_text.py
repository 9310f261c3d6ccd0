"""JSON (RFC 8259) with the line of every value (pure); the standard library's decoder keeps no lines and recurses."""

from __future__ import annotations

import json
import re
from typing import Any

from .problem import Problem
from .tree import DOCUMENTS_MAX, TOO_LARGE, UNREADABLE, Grower, Refused, Tree

_TOKEN = re.compile(
    r"[ \t\r\n]*(?:(?P<mark>[{}\[\],:])|(?P<text>\"(?:[^\"\\\x00-\x1f]|\\.)*\")"
    r"|(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)|(?P<word>true|false|null))"
)
_WORDS = {"true": True, "false": False, "null": None}
_NUMBER_MAX = 60


def read_json(text: str) -> tuple[tuple[Tree, ...], tuple[Problem, ...]]:
    """The documents of a text (one, or a list of them), and what is wrong with it as JSON."""
    problems: list[Problem] = []
    grower = Grower(problems)
    try:
        _Reader(text, grower).read()
    except Refused as refused:
        return (), (*problems, refused.problem)
    tree = Tree(grower.root, grower.lines)
    if not isinstance(tree.value, list):
        return (tree,), tuple(problems)
    if len(tree.value) > DOCUMENTS_MAX:
        too_many = Refused(TOO_LARGE, f"more than {DOCUMENTS_MAX} documents", "use several files", 1)
        return (), (*problems, too_many.problem)
    return tuple(_entries(tree)), tuple(problems)


def _entries(tree: Tree) -> list[Tree]:
    lines: list[dict[Any, int]] = [{} for _ in tree.value]
    for path, line in tree.lines.items():
        if path:
            lines[int(path[0])][path[1:]] = line
    return [Tree(value, of) for value, of in zip(tree.value, lines, strict=True)]


class _Reader:
    """Tokens one after the other; `Grower` holds what is open, so that nesting costs no stack."""

    def __init__(self, text: str, grower: Grower) -> None:
        self._text = text.rstrip(" \t\r\n")
        self._grower = grower
        self._at = 0
        self._line = 1
        self._closing: list[str] = []

    def read(self) -> None:
        self._value(*self._token())
        while self._closing:
            self._continue()
        if self._at != len(self._text):
            raise self._refused("something follows the end of the document")

    def _continue(self) -> None:
        """After a value: a comma and the next one, or the end of what it is in."""
        kind, token = self._token()
        if kind == "mark" and token == self._closing[-1]:
            self._close()
        elif kind == "mark" and token == ",":
            self._next(*self._token())
        else:
            raise self._refused(f"expected , or {self._closing[-1]}")

    def _next(self, kind: str, token: str) -> None:
        if self._closing[-1] == "]":
            self._value(kind, token)
            return
        if kind != "text":
            raise self._refused("expected a key in quotes")
        self._grower.key(self._string(token), self._line)
        if self._token() != ("mark", ":"):
            raise self._refused("expected :")
        self._value(*self._token())

    def _value(self, kind: str, token: str) -> None:
        match kind, token:
            case "mark", "{" | "[":
                self._grower.begin({} if token == "{" else [], self._line)
                self._closing.append("}" if token == "{" else "]")
                kind, token = self._token()
                if token == self._closing[-1] and kind == "mark":
                    self._close()
                else:
                    self._next(kind, token)
            case "text", _:
                self._grower.scalar(self._string(token), self._line)
            case "number", _:
                self._grower.scalar(self._number(token), self._line)
            case "word", _:
                self._grower.scalar(_WORDS[token], self._line)
            case _:
                raise self._refused("expected a value")

    def _close(self) -> None:
        self._closing.pop()
        self._grower.end()

    def _token(self) -> tuple[str, str]:
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            self._line += len(re.match(r"[ \t\r\n]*", self._text[self._at :])[0].split("\n")) - 1  # type: ignore[index]
            raise self._refused("expected a value" if self._at < len(self._text) else "the document is not complete")
        kind = str(match.lastgroup)
        self._line += self._text.count("\n", self._at, match.start(kind))
        self._at = match.end()
        return kind, match[kind]

    def _string(self, token: str) -> str:
        if "\\" not in token and token.isascii():
            return token[1:-1]
        try:
            found = json.loads(token)
            found.encode()
        except ValueError:
            raise self._refused("a text with a wrong escape") from None
        return str(found)

    def _number(self, token: str) -> Any:
        if len(token) > _NUMBER_MAX:
            raise self._refused("a number that is too long")
        return json.loads(token)

    def _refused(self, what: str) -> Refused:
        return Refused(UNREADABLE, f"this is not JSON: {what}", "look at this line and above it", self._line)
