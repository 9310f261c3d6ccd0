"""The migration runner: in order, once, and never over a changed past."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.adapters.postgres.migrate import migrate, migrations, schema_directory
from engine.errors import ConfigError, Unavailable
from tests.schema.ground import connected

FIRST = "CREATE TABLE first_table (a integer);"
SECOND = "ALTER TABLE first_table ADD COLUMN b integer;"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "0001_first.sql").write_text(FIRST)
    (tmp_path / "0002_second.sql").write_text(SECOND)
    return tmp_path


def test_files_of_this_checkout_are_found_in_order() -> None:
    names = [migration.name for migration in migrations(schema_directory())]
    assert names[0] == "0001_people.sql"
    assert names == sorted(names)


@pytest.mark.parametrize("name", ["0004_gap.sql", "0002_again.sql", "later.sql"])
def test_gap_duplicate_or_strange_name_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_text("SELECT 1")
    with pytest.raises(ConfigError, match=r"expected the file 000\d_<name>.sql next"):
        migrations(folder)


@pytest.mark.pg
async def test_each_file_is_applied_once(empty_postgres_dsn: str, folder: Path) -> None:
    assert await migrate(empty_postgres_dsn, folder) == ["0001_first.sql", "0002_second.sql"]
    assert await migrate(empty_postgres_dsn, folder) == []
    (folder / "0003_third.sql").write_text("CREATE TABLE third_table ()")
    assert await migrate(empty_postgres_dsn, folder) == ["0003_third.sql"]


@pytest.mark.pg
async def test_changed_applied_file_is_refused_by_name(empty_postgres_dsn: str, folder: Path) -> None:
    await migrate(empty_postgres_dsn, folder)
    (folder / "0001_first.sql").write_text(FIRST + "-- harmless?")
    with pytest.raises(ConfigError, match=r"schema/0001_first.sql was changed after it was applied"):
        await migrate(empty_postgres_dsn, folder)


@pytest.mark.pg
async def test_database_newer_than_the_files_is_refused(empty_postgres_dsn: str, folder: Path) -> None:
    await migrate(empty_postgres_dsn, folder)
    (folder / "0002_second.sql").unlink()
    with pytest.raises(ConfigError, match=r"has 0002_second.sql, which this version does not know"):
        await migrate(empty_postgres_dsn, folder)


@pytest.mark.pg
async def test_file_that_fails_is_named_and_leaves_nothing(empty_postgres_dsn: str, folder: Path) -> None:
    (folder / "0002_second.sql").write_text("CREATE TABLE half (); SELECT nonsense;")
    with pytest.raises(ConfigError, match=r"schema/0002_second.sql failed and was rolled back: .*nonsense"):
        await migrate(empty_postgres_dsn, folder)
    async with connected(empty_postgres_dsn) as connection:
        assert await connection.fetchval(
            "SELECT to_regclass('half') IS NULL AND to_regclass('first_table') IS NOT NULL"
        )
    (folder / "0002_second.sql").write_text(SECOND)
    assert await migrate(empty_postgres_dsn, folder) == ["0002_second.sql"]


@pytest.mark.pg
async def test_engines_that_start_at_once_migrate_once(empty_postgres_dsn: str) -> None:
    done = await asyncio.gather(*(migrate(empty_postgres_dsn) for _ in range(4)))
    assert sorted(map(len, done)) == [0, 0, 0, len(migrations(schema_directory()))]


async def test_database_that_is_away_is_unavailable(unused_tcp_port: int, folder: Path) -> None:
    with pytest.raises(Unavailable):
        await migrate(f"postgresql://nobody@127.0.0.1:{unused_tcp_port}/none", folder)
