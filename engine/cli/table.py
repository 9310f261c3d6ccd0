"""Tables: drawn on a terminal, aligned plain lines everywhere else (rich itself obeys NO_COLOR)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns; values are shown as text, None as nothing."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    title: str = ""


def show(parts: Sequence[str | Table]) -> None:
    """Print lines and tables on stdout."""
    for part in parts:
        if isinstance(part, str):
            print(part)
        elif sys.stdout.isatty():
            _draw(part)
        else:
            print("\n".join(plain(part)))
    sys.stdout.flush()


def plain(table: Table) -> list[str]:
    """The table as lines: title, header, rows, columns padded to their widest value."""
    rows = [[str(name) for name in table.columns], *([_text(value) for value in row] for row in table.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.columns))]
    lines = ["  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [table.title, *lines] if table.title else lines


def _draw(table: Table) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table as Drawn

    drawn = Drawn(*table.columns, title=table.title or None, box=box.SIMPLE_HEAD, title_justify="left")
    for row in table.rows:
        drawn.add_row(*(escape(_text(value)) for value in row))
    Console(highlight=False).print(drawn)


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
    return str(value)
