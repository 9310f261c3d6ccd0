"""A call's journal as a file: JSON lines, a header and then one entry a line (pure).

No numbers of people are in it (schema/README.md), so that it can be handed on and kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from engine.ids import CallId
from engine.plain import Malformed, typed

from .journal import Entry, without_numbers
from .replay import Result

FORMAT = "vss-call-journal"
VERSION = 1


class Damaged(ValueError):
    """It is no such file; the text says why."""


@dataclass(frozen=True, slots=True)
class ExportedCall:
    """A call with its journal, and what was recorded of its result."""

    call: CallId
    kind: str
    campaign: int | None
    trunk: str | None
    slot: int | None
    script: str
    created_at: float
    recorded: Result
    entries: tuple[Entry, ...]
    story: str = ""
    """What happens in it, for people; empty: nobody said."""


def lines(exported: ExportedCall) -> Iterator[str]:
    """The file's lines, without numbers of people, whichever version wrote the journal."""
    head = {"format": FORMAT, "version": VERSION, **asdict(exported)}
    del head["entries"]
    yield _line(head)
    for at, name, fields in exported.entries:
        yield _line((at, name, without_numbers(name, fields)))


def read(text: Iterable[str]) -> ExportedCall:
    """The call of such lines. Raises Damaged."""
    parts = [_part(number, line) for number, line in enumerate(text, 1) if line.strip()]
    head = parts[0] if parts else None
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise Damaged("this is no exported journal of a call (`vss replay CALL --export FILE` writes one)")
    if head.get("version") != VERSION:
        raise Damaged(f"this version reads version {VERSION} of the format, not {head.get('version')}")
    try:
        return typed({**head, "entries": parts[1:]}, ExportedCall)
    except Malformed as error:
        raise Damaged(str(error)) from None


def _line(part: object) -> str:
    return json.dumps(part, ensure_ascii=False, separators=(",", ":")) + "\n"


def _part(number: int, line: str) -> object:
    try:
        return json.loads(line)
    except ValueError as error:
        raise Damaged(f"line {number} is no JSON: {error}") from None
