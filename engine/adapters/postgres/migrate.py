"""Bring a database to the schema of this checkout: ordered SQL files, each applied once, in one transaction."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

import engine
from engine.errors import ConfigError

from .pool import telling_unavailable
from .query import query

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

LOCK_KEY = 0x5653530001
"""Advisory lock of the migration runner, so that two engines that start at once do not both migrate."""
_FILE_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of the schema; `sha256` is of its bytes."""

    name: str
    sql: str
    sha256: str


def schema_directory() -> Path:
    """Return the folder of the schema: beside the package in a checkout, inside it when installed.

    Raises ConfigError when there is none.
    """
    package = Path(engine.__file__).parent
    for candidate in (package.parent / "schema", package / "schema"):
        if any(candidate.glob("0001_*.sql")):
            return candidate
    raise ConfigError(f"the schema's SQL files are missing: looked beside and inside {package}")


def migrations(directory: Path) -> list[Migration]:
    """Read the migrations of a folder in order. Raises ConfigError for a gap, a duplicate or a strange name."""
    found: list[Migration] = []
    for path in sorted(directory.glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None or int(match[1]) != len(found) + 1:
            raise ConfigError(f"schema/{path.name}: expected the file {len(found) + 1:04d}_<name>.sql next")
        content = path.read_bytes()
        found.append(Migration(path.name, content.decode("utf-8"), hashlib.sha256(content).hexdigest()))
    return found


def pending(found: Sequence[Migration], applied: Mapping[str, str]) -> list[Migration]:
    """Return what is still to be applied. Raises ConfigError when the database and the files contradict each other."""
    unknown = sorted(applied.keys() - {migration.name for migration in found})
    if unknown:
        raise ConfigError(f"the database has {unknown[0]}, which this version does not know: use a newer version")
    for migration in found:
        if applied.get(migration.name, migration.sha256) != migration.sha256:
            raise ConfigError(
                f"schema/{migration.name} was changed after it was applied: restore it and add a new file instead"
            )
    rest = [migration for migration in found if migration.name not in applied]
    if rest and rest[0] is not found[len(applied)]:
        raise ConfigError(f"schema/{rest[0].name} is older than files already applied: give it the next number")
    return rest


async def migrate(dsn: str, directory: Path | None = None, *, timeout_s: float = 300.0) -> list[str]:
    """Apply what is missing and return its names. Raises Unavailable, and ConfigError naming the file that failed."""
    found = migrations(directory or schema_directory())
    with telling_unavailable():
        connection = await asyncpg.connect(dsn, timeout=10.0, command_timeout=timeout_s)
        try:
            return await _apply(connection, found)
        finally:
            await connection.close(timeout=5.0)


async def _apply(connection: Connection, found: Sequence[Migration]) -> list[str]:
    await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)  # released when the connection closes
    await connection.execute(query("create_schema_migrations"))
    applied = {row["name"]: row["sha256"] for row in await connection.fetch(query("applied_migrations"))}
    done: list[str] = []
    for migration in pending(found, applied):
        try:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(query("add_schema_migration"), migration.name, migration.sha256)
        except (asyncpg.SyntaxOrAccessError, asyncpg.IntegrityConstraintViolationError, asyncpg.DataError) as error:
            raise ConfigError(f"schema/{migration.name} failed and was rolled back: {error}") from error
        done.append(migration.name)
    return done
