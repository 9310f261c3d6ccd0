"""Texts that are spoken: words with `{expression}` or `{expression|formatter}` in them (pure).

What stands in braces is an expression of the document, read when the document is; callers' data is only ever a value in
it. `{{` and `}}` are braces.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .expression import Expression, SyntaxFault, parse

TEMPLATE_MAX = 2000
SLOTS_MAX = 30


class Formatter(StrEnum):
    """How a value is said in the locale of the call."""

    TEXT = "text"
    NUMBER = "number"
    ORDINAL = "ordinal"
    MONEY = "money"
    DIGITS = "digits"
    """Digit by digit."""
    PHONE = "phone"
    DATE = "date"
    TIME = "time"
    DATETIME = "datetime"
    DURATION = "duration"


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a value is said; without a formatter the one that fits the value's type."""

    expression: Expression
    formatter: Formatter | None


@dataclass(frozen=True, slots=True)
class Template:
    """A text and its parts in order."""

    text: str
    parts: tuple[str | Slot, ...]

    @property
    def slots(self) -> tuple[Slot, ...]:
        return tuple(part for part in self.parts if isinstance(part, Slot))


def parse_template(text: str) -> Template:
    """The template that `text` is. Raises SyntaxFault."""
    if len(text) > TEMPLATE_MAX:
        raise SyntaxFault(f"longer than {TEMPLATE_MAX} characters")
    parts: list[str | Slot] = []
    words = ""
    at = 0
    while at < len(text):
        if text.startswith(("{{", "}}"), at):
            words += text[at]
            at += 2
        elif text[at] == "{":
            end = _closing(text, at + 1)
            if words:
                parts.append(words)
                words = ""
            parts.append(_slot(text[at + 1 : end]))
            at = end + 1
        elif text[at] == "}":
            raise SyntaxFault(f"}} at {at + 1} closes nothing; for a brace write }}}}")
        else:
            words += text[at]
            at += 1
    if words:
        parts.append(words)
    if len(parts) > 2 * SLOTS_MAX:
        raise SyntaxFault(f"more than {SLOTS_MAX} values")
    return Template(text, tuple(parts))


def _closing(text: str, at: int) -> int:
    """The brace that closes the one before `at`, leaving quoted text alone."""
    quote = ""
    while at < len(text):
        mark = text[at]
        if quote:
            at += mark == "\\"
            quote = "" if mark == quote else quote
        elif mark in "'\"":
            quote = mark
        elif mark == "}":
            return at
        at += 1
    raise SyntaxFault("{ is not closed; for a brace write {{")


def _slot(inside: str) -> Slot:
    before, bar, name = inside.rpartition("|")
    if not bar or "'" in name or '"' in name:
        return Slot(parse(inside), None)
    name = name.strip()
    if name not in set(Formatter):
        raise SyntaxFault(f"there is no formatter {name!r}; there are {', '.join(Formatter)}")
    return Slot(parse(before), Formatter(name))
