"""`vss flow lookup load|list`: tables that scripts may read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.answer import Answer, AsJson, EnvFile, give
from engine.cli.environment import Environment, read
from engine.cli.menu import group
from engine.cli.table import Table
from engine.errors import Rejected

commands = group("Tables that scripts may read (the node lookup): load, list.")
ENTRIES_MAX = 1_000_000


@commands.command()
def load(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The table's name, as scripts say it.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a header; the first column is the key.")],
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Replace a table with the rows of a file; scripts see the old one until all of the new one is there."""

    async def work() -> Answer:
        entries = _entries(file)
        count = await _put(read(env_file), source, entries)
        return Answer({"source": source, "entries": count}, [f"{source}: {count} entries"])

    give(as_json, work)


@commands.command("list")
def list_(env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """All tables, by name."""

    async def work() -> Answer:
        from engine.adapters.postgres.pool import Database

        async with Database(read(env_file).dsn, connections_max=1) as database:
            rows = await database.rows("lookup_sources")
        found = [
            {"source": row["source"], "entries": row["entries"], "changed_at": row["changed_at"].timestamp()}
            for row in rows
        ]
        table = Table(("table", "entries"), [(one["source"], one["entries"]) for one in found])
        return Answer({"tables": found}, [table])

    give(as_json, work)


def _entries(file: Path) -> dict[str, dict[str, str]]:
    """Rows by their first column. Raises Rejected naming the line."""
    import csv

    entries: dict[str, dict[str, str]] = {}
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.reader(lines)
            header = next(rows, [])
            if len(header) < 2 or len(set(header)) != len(header):
                raise _wrong(file, 1, "the header needs the key's column, others, and no name twice")
            for row in rows:
                if not row:
                    continue
                if len(row) != len(header) or not row[0]:
                    raise _wrong(file, rows.line_num, f"expected {len(header)} fields, the first one not empty")
                if row[0] in entries or len(entries) >= ENTRIES_MAX:
                    raise _wrong(file, rows.line_num, f"{row[0]} is there twice, or there are too many rows")
                entries[row[0]] = dict(zip(header[1:], row[1:], strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Rejected("file_unreadable", f"{file}: {error}") from None
    return entries


def _wrong(file: Path, line: int, text: str) -> Rejected:
    return Rejected("file_invalid", f"{file}:{line}: {text}", 422)


async def _put(environment: Environment, source: str, entries: dict[str, dict[str, str]]) -> int:
    import json

    import asyncpg

    from engine.adapters.postgres.pool import Database
    from engine.adapters.postgres.text import storable

    keys = [storable(key) for key in entries]
    data: list[Any] = [storable(json.dumps(entry, ensure_ascii=False)) for entry in entries.values()]
    try:
        async with Database(environment.dsn, connections_max=1, command_timeout_s=120) as database:
            count: int = await database.value("put_lookups", source, keys, data)
    except asyncpg.CheckViolationError:
        text = f"{source}: a table's name is small letters, digits, - and _; keys have at most 200 characters"
        raise Rejected("source_invalid", text, 422) from None
    return count
