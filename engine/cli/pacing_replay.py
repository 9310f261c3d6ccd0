"""`vss pacing replay`: does this version decide what a recording says?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.answer import FAILURE, OK, Answer, AsJson, give
from engine.cli.table import Table

if TYPE_CHECKING:
    from engine.dialer.replay import Repeated


def replay(
    file: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, readable=True, help="A recording (JSON lines).", show_default=False
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Repeat a pacer's recording: every decision must come out again, byte for byte.

    Exit code 1: a decision differs; 2: the file cannot be read as a recording.
    """
    from engine.dialer.replay import Damaged, repeat

    try:
        with file.open(encoding="utf-8", errors="backslashreplace", newline="\n") as lines:
            found = repeat(lines)
    except Damaged as error:
        raise typer.BadParameter(f"{file}: {error}") from None
    give(as_json, lambda: _answer(found))


def _answer(found: Repeated) -> Answer:
    from engine.dialer.recording import header

    recorded = {name: found.header.get(name) for name in ("jurisdictions", "numpy")}
    here = {name: header("")[name] for name in recorded}
    data: dict[str, Any] = {
        "same": found.difference is None,
        "rule": found.header["rule"],
        "lines": found.lines, "events": found.events, "decisions": found.decisions, "launched": found.launched,
        "began_at": found.began_at, "ended_at": found.ended_at,
        "recorded_with": recorded, "repeated_with": here,
        "difference": None if found.difference is None else asdict(found.difference),
    }  # fmt: skip
    rows = [(name, data[name]) for name in ("rule", "lines", "events", "decisions", "launched")]
    shown: list[str | Table] = [Table(("", "replay"), rows)]
    if found.difference is None:
        shown.append("same: every decision came out as it is recorded, byte for byte")
        return Answer(data, shown, OK)
    shown += [
        f"line {found.difference.line} differs (the cause may be in a line before it)",
        f"  recorded: {found.difference.recorded}",
        f"  repeated: {found.difference.repeated}",
    ]
    shown += [
        f"{name} was {then} then and is {here[name]} now: that may be why"
        for name, then in recorded.items()
        if then != here[name]
    ]
    return Answer(data, shown, FAILURE)
