"""A document as it was written: plain values, and the line of each (pure).

Whatever the text holds, reading ends with a tree or with problems. Bounds: TEXT_MAX characters, VALUES_MAX values,
DEPTH_MAX levels; nothing recurses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .problem import Path, Problem, written

TEXT_MAX = 2_000_000
VALUES_MAX = 200_000
DEPTH_MAX = 40
DOCUMENTS_MAX = 100
SCALAR_MAX = 10_000

UNREADABLE = "G0101"
DUPLICATE_KEY = "G0102"
FORBIDDEN_YAML = "G0103"
TOO_LARGE = "G0104"


@dataclass(frozen=True, slots=True)
class Tree:
    """One document of a text: dicts with text keys, lists, and scalars."""

    value: Any
    lines: Mapping[Path, int]
    """The line of each key and each entry of a list, from 1."""

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being read."""

    value: dict[str, Any] | list[Any]
    path: Path
    key: str | None = None
    skipped: bool = False
    """The key was there already: its second value is left out."""


class Refused(Exception):
    """The text cannot be read on; the problem says why."""

    def __init__(self, code: str, message: str, hint: str, line: int, path: Path = ()) -> None:
        super().__init__(message)
        self.problem = Problem(line, written(path), code, message, hint)


@dataclass(slots=True)
class Grower:
    """Builds one tree from what a reader of a syntax finds, one after the other, and holds it to the bounds."""

    problems: list[Problem]
    lines: dict[Path, int] = field(default_factory=dict)
    root: Any = None
    _open: list[_Open] = field(default_factory=list)
    _values: int = 0

    @property
    def wants_key(self) -> bool:
        """Whether the next scalar is the key of a mapping."""
        return bool(self._open) and isinstance(self._open[-1].value, dict) and self._open[-1].key is None

    def key(self, name: str, line: int) -> None:
        """The key of the next value."""
        here = self._open[-1]
        here.key = name
        here.skipped = isinstance(here.value, dict) and name in here.value
        path = (*here.path, name)
        if here.skipped:
            message = f"{name[:80]!r} is written twice (before in line {self.lines[path]})"
            self.problems.append(Problem(line, written(path), DUPLICATE_KEY, message, "keep one of the two"))
        else:
            self.lines[path] = line

    def scalar(self, value: Any, line: int) -> None:
        if isinstance(value, str) and len(value) > SCALAR_MAX:
            raise Refused(TOO_LARGE, f"a text of {len(value)} characters", f"at most {SCALAR_MAX} characters", line)
        self._put(value, line)

    def begin(self, value: dict[str, Any] | list[Any], line: int) -> None:
        """A mapping or a list begins."""
        if len(self._open) >= DEPTH_MAX:
            raise Refused(TOO_LARGE, f"more than {DEPTH_MAX} levels in one another", "make the document flatter", line)
        self._open.append(_Open(value, self._put(value, line)))

    def end(self) -> None:
        """The innermost mapping or list ends."""
        self._open.pop()

    def _put(self, value: Any, line: int) -> Path:
        self._values += 1
        if self._values > VALUES_MAX:
            raise Refused(TOO_LARGE, f"more than {VALUES_MAX} values", "split the document into subflows", line)
        if not self._open:
            self.root = value
            self.lines[()] = line
            return ()
        here = self._open[-1]
        if isinstance(here.value, list):
            path: Path = (*here.path, len(here.value))
            here.value.append(value)
            self.lines[path] = line
            return path
        path = (*here.path, str(here.key))
        if not here.skipped:
            here.value[str(here.key)] = value
        here.key = None
        return path
