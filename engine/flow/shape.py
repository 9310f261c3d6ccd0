"""Bounds and meanings of a field, written beside its type; the reader and the JSON Schema obey the same ones (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated


@dataclass(frozen=True, slots=True)
class Range:
    """A number from `low` to `high`, both included."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Length:
    """How many characters or entries, both bounds included."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text that matches `regex` from end to end; `meaning` says it to the author."""

    regex: str
    meaning: str

    def matches(self, text: str) -> bool:
        return re.fullmatch(self.regex, text) is not None


class Names(StrEnum):
    """What a name refers to, so that references can be checked wherever they stand."""

    NODE = "node"
    VARIABLE = "variable"
    PROMPT = "prompt"


@dataclass(frozen=True, slots=True)
class Refers:
    """The text is the name of something in the same document."""

    to: Names


NAME = Pattern(r"[A-Za-z][A-Za-z0-9_]{0,63}", "letters, digits and _, beginning with a letter, at most 64")
NODE_NAME = Pattern(r"[A-Za-z][A-Za-z0-9_-]{0,63}", "letters, digits, _ and -, beginning with a letter, at most 64")
FLOW_NAME = Pattern(r"[a-z][a-z0-9_.-]{0,127}", "small letters, digits, dots, _ and -, at most 128")
LOCALE = Pattern(r"[a-z]{2,3}-[A-Z]{2}", "a language and a country, such as ru-RU")
DIGIT = Pattern(r"[0-9*#]", "one key of a phone: 0-9, * or #")
CURRENCY = Pattern(r"[A-Z]{3}", "three capital letters (ISO 4217), such as RUB")

Name = Annotated[str, NAME]
NodeName = Annotated[str, NODE_NAME, Refers(Names.NODE)]
VariableName = Annotated[str, NAME, Refers(Names.VARIABLE)]
PromptName = Annotated[str, NODE_NAME, Refers(Names.PROMPT)]
FlowName = Annotated[str, FLOW_NAME]
Digit = Annotated[str, DIGIT]
ShortText = Annotated[str, Length(1, 100)]
PoolName = Annotated[str, Pattern(r"[A-Za-z0-9_.-]{1,64}", "letters, digits, dots, _ and -, at most 64")]
Seconds = Annotated[float, Range(0.1, 600)]
"""A wait of a script."""
TalkSeconds = Annotated[float, Range(1, 14400)]
"""How long two people may talk; not counted as the script's own time."""
