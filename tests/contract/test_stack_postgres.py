"""The private PostgreSQL: durable, closed to strangers, a database per test."""

import asyncpg
import pytest

from engine.stack.instance import Stack
from engine.stack.postgres import Postgres

pytestmark = pytest.mark.pg


async def _value(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn, timeout=10, command_timeout=10)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close(timeout=10)


async def test_database_is_a_copy_of_its_template_and_goes_when_dropped(postgres: Postgres) -> None:
    template = await postgres.create_database("template_of_test")
    await _value(template, "CREATE TABLE kept AS SELECT 7 AS number")
    copy = await postgres.create_database("copy_of_test", "template_of_test")
    assert await _value(copy, "SELECT number FROM kept") == 7
    for name in ("copy_of_test", "template_of_test"):
        await postgres.drop_database(name)
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await _value(copy, "SELECT 1")


async def test_settings_are_those_that_durability_and_local_time_need(empty_postgres_dsn: str) -> None:
    for setting, expected in {"fsync": "on", "synchronous_commit": "on", "TimeZone": "UTC"}.items():
        assert await _value(empty_postgres_dsn, f"SHOW {setting}") == expected
    # what calling windows need: zones by name, with their summer time
    hour = "SELECT extract(hour FROM timestamptz '2026-07-01 12:00+00' AT TIME ZONE 'Europe/Berlin')::int"
    assert await _value(empty_postgres_dsn, hour) == 14


async def test_wrong_password_is_refused_on_socket_and_tcp(postgres: Postgres) -> None:
    for dsn in (postgres.dsn(), postgres.tcp_dsn()):
        assert await _value(dsn, "SELECT 1") == 1
        with pytest.raises(asyncpg.InvalidPasswordError):
            await _value(dsn.replace(postgres.password, "wrong"), "SELECT 1")


async def test_only_its_own_user_may_enter_the_socket_directory(postgres: Postgres, stack: Stack) -> None:
    status = postgres.sockets.stat()
    assert status.st_mode & 0o077 == 0
    assert status.st_uid == stack.user.uid


async def test_name_that_is_not_plain_is_refused(postgres: Postgres) -> None:
    for name in ('x" OWNER postgres; --', "", "Großbuchstaben", "x" * 64):
        with pytest.raises(ValueError, match="not a plain database name"):
            await postgres.create_database(name)
