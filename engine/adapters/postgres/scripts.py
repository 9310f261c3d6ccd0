"""Scripts: versions that never change, and what they are bound to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import asyncpg

from engine.errors import NotFound, Rejected
from engine.flow.publication import Publication, Reference
from engine.flow.split import Share, with_share
from engine.ports import (
    VERSIONS_MAX,
    ScriptBinding,
    ScriptTarget,
    ScriptVersion,
    StoredScript,
    TargetKind,
    check_campaign,
    not_bound,
)

from .pool import Database
from .query import query
from .text import storable

if TYPE_CHECKING:
    from .pool import Connection


_IDENTITY = re.compile(r"[1-9][0-9]{0,8}")


class PostgresScripts:
    """ScriptStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def publish(self, scripts: Sequence[Publication], by: str) -> Sequence[ScriptVersion]:
        """Keep versions, all or none. Raises Rejected(`version_taken`), Unavailable."""
        # In one order everywhere, so that two publishers wait for one another instead of deadlocking.
        ordered = sorted(scripts, key=lambda script: (script.name, script.number, script.hash))
        kept: dict[str, ScriptVersion] = {}
        async with self._database.transaction() as connection:
            for script in ordered:
                kept[script.hash] = await _published(connection, script, by)
        return [kept[script.hash] for script in scripts]

    async def versions(self, name: str | None = None) -> Sequence[ScriptVersion]:
        """Versions, the newest first; VERSIONS_MAX at most. Raises Unavailable."""
        return [_version_of(row) for row in await self._database.rows("scripts", storable(name), VERSIONS_MAX)]

    async def find(self, reference: Reference) -> StoredScript:
        """The version that a reference means. Raises NotFound, Rejected(`script_ambiguous`), Unavailable."""
        if reference.hash_prefix is not None:
            rows = await self._database.rows("script_by_hash", reference.hash_prefix)
        else:
            rows = await self._database.rows("script_by_name", storable(reference.name), reference.number)
        if not rows:
            raise _unknown()
        if len(rows) > 1:
            text = f"several versions begin with {reference.hash_prefix}: give more digits"
            raise Rejected("script_ambiguous", text)
        return StoredScript(_version_of(rows[0]), rows[0]["document"])

    async def retire(self, version: str, by: str) -> ScriptVersion:
        """Let nothing be bound to a version any more. Raises NotFound, Rejected(`script_bound`), Unavailable."""
        async with self._database.transaction() as connection:
            script = await connection.fetchrow(query("script_for_change"), version)
            if script is None:
                raise _unknown()
            target = await connection.fetchrow(query("target_of_script"), script["script_id"])
            if target is not None:
                text = f"{target['target_kind']} {target['target']} runs it: publish another version there"
                raise Rejected("script_bound", text)
            if script["retired_at"] is None:
                script = await connection.fetchrow(query("retire_script"), version, storable(by))
                assert script is not None
        return _version_of(script)

    async def bind(self, target: ScriptTarget, version: str, share: float, seed: int, by: str) -> ScriptBinding:
        """Give a share of a target's calls to a version. Raises NotFound, Rejected, Unavailable."""
        name = storable(target.name)
        try:
            async with self._database.transaction() as connection:
                await connection.execute(query("lock_script_target"), target.kind, name)
                script = await connection.fetchrow(query("script_for_change"), version)
                if script is None:
                    raise _unknown()
                if script["retired_at"] is not None:
                    raise Rejected("script_retired", f"{script['script_name']} version {script['version']} is retired")
                if target.kind is TargetKind.CAMPAIGN and _IDENTITY.fullmatch(name):
                    check_campaign(name, await connection.fetchval(query("campaign_dial_mode"), int(name)))
                earlier = await connection.fetchrow(query("script_bindings"), target.kind, name, 1)
                shares = with_share(() if earlier is None else _shares_of(earlier), version, share)
                first_seed = seed if earlier is None else earlier["seed"]
                at = await connection.fetchval(
                    query("add_script_binding"), target.kind, name, first_seed, storable(by),
                    [one.version for one in shares], [one.share for one in shares],
                )  # fmt: skip
        except asyncpg.CheckViolationError:
            text = f"{target.name} is no {target.kind} that scripts can be bound to"
            raise Rejected("target_invalid", text, 422) from None
        return ScriptBinding(target, shares, first_seed, at.timestamp(), by)

    async def unbind(self, target: ScriptTarget, by: str) -> None:
        """Let a target run no script from now on. Raises NotFound(`not_bound`), Unavailable."""
        name = storable(target.name)
        async with self._database.transaction() as connection:
            await connection.execute(query("lock_script_target"), target.kind, name)
            earlier = await connection.fetchrow(query("script_bindings"), target.kind, name, 1)
            if earlier is None or not earlier["hashes"]:
                raise not_bound(target)
            await connection.fetchval(
                query("add_script_binding"), target.kind, name, earlier["seed"], storable(by), [], []
            )

    async def bindings(self, target: ScriptTarget) -> Sequence[ScriptBinding]:
        """Who bound what to a target and when, the newest first. Raises Unavailable."""
        rows = await self._database.rows("script_bindings", target.kind, storable(target.name), VERSIONS_MAX)
        return [
            ScriptBinding(target, _shares_of(row), row["seed"], row["bound_at"].timestamp(), row["bound_by"])
            for row in rows
        ]

    async def all_bindings(self) -> Sequence[ScriptBinding]:
        """What every target runs now, by target. Raises Unavailable."""
        return [
            ScriptBinding(
                ScriptTarget(TargetKind(row["target_kind"]), row["target"]), _shares_of(row), row["seed"],
                row["bound_at"].timestamp(), row["bound_by"],
            )
            for row in await self._database.rows("all_script_bindings")
        ]  # fmt: skip


async def _published(connection: Connection, script: Publication, by: str) -> ScriptVersion:
    await connection.execute(
        query("add_script"), script.name, script.number, storable(script.title), script.nodes, script.document,
        script.hash, storable(by),
    )  # fmt: skip
    rows = await connection.fetch(query("script_by_hash"), script.hash)
    if not rows:
        text = f"{script.name} has another version {script.number} already: give this one a higher version"
        raise Rejected("version_taken", text)
    return _version_of(rows[0])


def _unknown() -> NotFound:
    return NotFound("no_such_script", "there is no such version of a script; vss flow list shows all")


def _shares_of(row: asyncpg.Record) -> tuple[Share, ...]:
    return tuple(Share(version, share) for version, share in zip(row["hashes"], row["shares"], strict=True))


def _version_of(row: asyncpg.Record) -> ScriptVersion:
    retired_at = row["retired_at"]
    return ScriptVersion(
        row["content_hash"],
        row["script_name"],
        row["version"],
        row["title"],
        row["nodes"],
        row["created_at"].timestamp(),
        row["created_by"],
        None if retired_at is None else retired_at.timestamp(),
        row["retired_by"],
    )
