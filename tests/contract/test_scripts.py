"""What every ScriptStore promises, PostgreSQL and the fake alike."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import asyncpg
import pytest

from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.scripts import PostgresScripts
from engine.errors import NotFound, Rejected, Unavailable
from engine.fakes.scripts import FakeScripts
from engine.flow.publication import Publication, Reference, reference
from engine.flow.split import Share
from engine.ports import ScriptStore, ScriptTarget, TargetKind

SLOT = ScriptTarget(TargetKind.SLOT, "6001")


@dataclass
class World:
    store: ScriptStore
    go_away: Callable[[], Awaitable[None]]


def script(number: int = 1, said: str = "hello", name: str = "reminder") -> Publication:
    return Publication(name, number, "Напоминание", 3, f'{{"flow":{{"id":"{name}","said":"{said}"}},"subflows":{{}}}}')


async def refused(action: Awaitable[object]) -> str:
    with pytest.raises(Rejected) as caught:
        await action
    return caught.value.code


class ScriptsContract:
    """Runs once for each world."""

    async def test_published_version_is_found_by_hash_by_number_and_by_name(self, world: World) -> None:
        first, second = script(), script(2, "good day")
        (kept,) = await world.store.publish([first], "ann")
        await world.store.publish([second], "bob")
        assert (kept.hash, kept.name, kept.number, kept.title, kept.nodes, kept.published_by, kept.retired_at) == (
            first.hash, "reminder", 1, "Напоминание", 3, "ann", None,
        )  # fmt: skip
        assert abs(kept.published_at - time.time()) < 60
        for named in (first.hash, first.hash[:8], "reminder@1"):
            found = await world.store.find(reference(named))
            assert (found.version, found.document) == (kept, first.document)
        assert (await world.store.find(reference("reminder"))).version.hash == second.hash

    async def test_versions_are_listed_the_newest_first_and_by_name(self, world: World) -> None:
        for publication in (script(), script(name="other"), script(2, "later")):
            await world.store.publish([publication], "ann")
        listed = [(one.name, one.number) for one in await world.store.versions()]
        assert listed == [("reminder", 2), ("other", 1), ("reminder", 1)]
        assert [one.number for one in await world.store.versions("reminder")] == [2, 1]
        assert await world.store.versions("no\0body") == []

    async def test_same_content_published_again_keeps_its_first_publication(self, world: World) -> None:
        (first,) = await world.store.publish([script()], "ann")
        (again,) = await world.store.publish([script()], "bob")
        assert again == first
        assert len(await world.store.versions()) == 1

    async def test_other_content_under_a_taken_number_is_refused_and_nothing_of_it_is_kept(self, world: World) -> None:
        await world.store.publish([script()], "ann")
        both = [script(name="another"), script(said="something else")]
        assert await refused(world.store.publish(both, "bob")) == "version_taken"
        assert len(await world.store.versions()) == 1

    async def test_same_content_published_at_once_is_one_version(self, world: World) -> None:
        kept = await asyncio.gather(*(world.store.publish([script()], f"author {n}") for n in range(8)))
        assert len({one.published_by for (one,) in kept}) == 1
        assert len(await world.store.versions()) == 1

    async def test_different_content_published_at_once_under_one_number_has_one_winner(self, world: World) -> None:
        publications = [script(said=f"text {n}") for n in range(8)]
        tried = await asyncio.gather(*(world.store.publish([p], "ann") for p in publications), return_exceptions=True)
        lost = [one for one in tried if isinstance(one, Rejected)]
        assert [one.code for one in lost] == ["version_taken"] * 7
        (kept,) = await world.store.versions()
        assert kept.hash in {publication.hash for publication in publications}

    async def test_many_scripts_published_at_once_in_any_order_do_not_block_each_other(self, world: World) -> None:
        scripts = [script(n, f"text {n}") for n in range(1, 9)]
        orders = [scripts, scripts[::-1], scripts[4:] + scripts[:4]]
        kept = await asyncio.gather(*(world.store.publish(order, "ann") for order in orders))
        assert [[one.hash for one in each] for each in kept] == [[one.hash for one in order] for order in orders]
        assert len(await world.store.versions()) == 8

    @pytest.mark.parametrize("named", ["reminder@2", "nobody", "0" * 64, "0" * 8, "no\0body"])
    async def test_unknown_version_is_not_found(self, world: World, named: str) -> None:
        await world.store.publish([script()], "ann")
        with pytest.raises(NotFound):
            await world.store.find(reference(named))

    async def test_beginning_of_a_hash_that_several_have_is_refused(self, world: World) -> None:
        for number in range(1, 40):
            await world.store.publish([script(number, f"text {number}")], "ann")
        prefix = min((one.hash[0] for one in await world.store.versions()), key=str)
        wanted = [one for one in await world.store.versions() if one.hash[0] == prefix]
        assert len(wanted) > 1
        assert await refused(world.store.find(Reference(prefix))) == "script_ambiguous"

    async def test_retired_version_stays_readable_and_keeps_when_it_was_retired(self, world: World) -> None:
        (kept,) = await world.store.publish([script()], "ann")
        retired = await world.store.retire(kept.hash, "bob")
        assert retired.retired_at is not None
        assert retired.retired_by == "bob"
        assert await world.store.retire(kept.hash, "eve") == retired
        assert (await world.store.find(reference(kept.hash))).document == script().document
        assert await world.store.versions() == [retired]
        assert await refused(world.store.bind(SLOT, kept.hash, 1.0, 1, "ann")) == "script_retired"
        assert await world.store.publish([script()], "ann") == [retired]

    async def test_unknown_version_is_neither_retired_nor_bound(self, world: World) -> None:
        with pytest.raises(NotFound):
            await world.store.retire("0" * 64, "ann")
        with pytest.raises(NotFound):
            await world.store.bind(SLOT, "0" * 64, 1.0, 1, "ann")

    async def test_bindings_keep_who_bound_what_the_newest_first(self, world: World) -> None:
        old, new = await world.store.publish([script(), script(2, "later")], "ann")
        first = await world.store.bind(SLOT, old.hash, 1.0, 7, "ann")
        second = await world.store.bind(SLOT, new.hash, 0.25, 8, "bob")
        assert (first.shares, first.seed, first.by) == ((Share(old.hash, 1.0),), 7, "ann")
        assert (second.shares, second.seed, second.by) == ((Share(new.hash, 0.25), Share(old.hash, 0.75)), 7, "bob")
        assert await world.store.bindings(SLOT) == [second, first]
        assert await world.store.bindings(ScriptTarget(TargetKind.SLOT, "6002")) == []

    async def test_version_that_a_target_runs_is_retired_only_after_another_took_its_place(self, world: World) -> None:
        old, new = await world.store.publish([script(), script(2, "later")], "ann")
        await world.store.bind(SLOT, old.hash, 1.0, 1, "ann")
        await world.store.bind(SLOT, new.hash, 0.5, 1, "ann")
        assert await refused(world.store.retire(old.hash, "ann")) == "script_bound"
        await world.store.bind(SLOT, new.hash, 1.0, 1, "ann")
        assert (await world.store.retire(old.hash, "ann")).retired_by == "ann"
        assert len(await world.store.bindings(SLOT)) == 3

    async def test_campaign_that_is_not_there_or_has_agents_runs_no_script(self, world: World) -> None:
        (kept,) = await world.store.publish([script()], "ann")
        target = ScriptTarget(TargetKind.CAMPAIGN, "77")
        with pytest.raises(NotFound):
            await world.store.bind(target, kept.hash, 1.0, 1, "ann")
        assert await world.store.bindings(target) == []

    async def test_target_that_is_unbound_runs_nothing_and_begins_anew(self, world: World) -> None:
        old, new = await world.store.publish([script(), script(2, "later")], "ann")
        with pytest.raises(NotFound):
            await world.store.unbind(SLOT, "ann")
        await world.store.bind(SLOT, old.hash, 1.0, 7, "ann")
        await world.store.unbind(SLOT, "bob")
        assert await world.store.all_bindings() == []
        with pytest.raises(NotFound):
            await world.store.unbind(SLOT, "ann")
        history = [(one.by, len(one.shares)) for one in await world.store.bindings(SLOT)]
        assert history == [("bob", 0), ("ann", 1)]
        assert await refused(world.store.bind(SLOT, new.hash, 0.5, 1, "ann")) == "share_invalid"
        again = await world.store.bind(SLOT, new.hash, 1.0, 1, "ann")
        assert (again.shares, again.seed) == ((Share(new.hash, 1.0),), 7)
        assert (await world.store.retire(old.hash, "ann")).retired_by == "ann"

    async def test_all_bindings_are_what_every_target_runs_now(self, world: World) -> None:
        old, new = await world.store.publish([script(), script(2, "later")], "ann")
        other = ScriptTarget(TargetKind.DID, "+74950000001")
        await world.store.bind(SLOT, old.hash, 1.0, 1, "ann")
        bound = await world.store.bind(other, old.hash, 1.0, 1, "ann")
        newest = await world.store.bind(SLOT, new.hash, 0.5, 1, "bob")
        assert await world.store.all_bindings() == [bound, newest]

    async def test_bindings_made_at_once_all_count(self, world: World) -> None:
        scripts = await world.store.publish([script(n, f"text {n}") for n in range(1, 9)], "ann")
        await asyncio.gather(*(world.store.versions() for _ in scripts))  # so that each has a connection at once
        await world.store.bind(SLOT, scripts[0].hash, 1.0, 1, "ann")
        await asyncio.gather(*(world.store.bind(SLOT, one.hash, 0.5, 1, "ann") for one in scripts[1:]))
        newest = (await world.store.bindings(SLOT))[0]
        assert {share.version for share in newest.shares} == {one.hash for one in scripts}
        assert sum(share.share for share in newest.shares) == pytest.approx(1)

    @pytest.mark.parametrize(
        "target",
        [
            ScriptTarget(TargetKind.SLOT, "6000"), ScriptTarget(TargetKind.SLOT, "7001"),
            ScriptTarget(TargetKind.DID, "sales"), ScriptTarget(TargetKind.CAMPAIGN, "0"),
        ],
        ids=lambda target: f"{target.kind} {target.name}",
    )  # fmt: skip
    async def test_wrong_target_is_refused(self, world: World, target: ScriptTarget) -> None:
        (kept,) = await world.store.publish([script()], "ann")
        assert await refused(world.store.bind(target, kept.hash, 1.0, 1, "ann")) == "target_invalid"
        assert await world.store.bindings(target) == []

    async def test_share_of_a_target_that_runs_nothing_is_refused(self, world: World) -> None:
        (kept,) = await world.store.publish([script()], "ann")
        assert await refused(world.store.bind(SLOT, kept.hash, 0.5, 1, "ann")) == "share_invalid"

    async def test_everything_is_unavailable_while_the_database_is_away(self, world: World) -> None:
        await world.go_away()
        for action in (
            lambda: world.store.publish([script()], "ann"),
            world.store.versions,
            lambda: world.store.find(reference("reminder")),
            lambda: world.store.retire("0" * 64, "ann"),
            lambda: world.store.bind(SLOT, "0" * 64, 1.0, 1, "ann"),
            lambda: world.store.bindings(SLOT),
        ):
            with pytest.raises(Unavailable) as caught:
                await action()
            assert caught.value.part == "postgres"


class TestMemory(ScriptsContract):
    @pytest.fixture
    async def world(self) -> World:
        store = FakeScripts(now=time.time, dial_modes={})

        async def go_away() -> None:
            store.away = True

        return World(store, go_away)


@pytest.mark.pg
class TestPostgres(ScriptsContract):
    @pytest.fixture
    async def world(self, postgres_dsn: str) -> AsyncIterator[World]:
        async with Database(postgres_dsn) as database:
            yield World(PostgresScripts(database), database.close)


CHANGES = [
    "UPDATE gacs_scripts SET document = '{}'",
    "UPDATE gacs_scripts SET version = 2",
    "UPDATE gacs_scripts SET created_by = 'eve'",
    "UPDATE gacs_scripts SET retired_at = now(), retired_by = 'eve', title = 'x'",
    "DELETE FROM gacs_scripts",
    "TRUNCATE gacs_scripts CASCADE",
    "UPDATE gacs_bindings SET bound_by = 'eve'",
    "DELETE FROM gacs_bindings",
    "UPDATE gacs_binding_shares SET share = 0.5",
    "DELETE FROM gacs_binding_shares",
]


@pytest.mark.pg
async def test_database_refuses_to_change_what_was_published_and_bound(postgres_dsn: str) -> None:
    async with Database(postgres_dsn) as database:
        store = PostgresScripts(database)
        (kept,) = await store.publish([script()], "ann")
        await store.bind(SLOT, kept.hash, 1.0, 1, "ann")
        for statement in CHANGES:
            with pytest.raises(asyncpg.RestrictViolationError):
                async with database.connection() as connection:
                    await connection.execute(statement)
        assert await store.versions() == [kept]


@pytest.mark.pg
async def test_retirement_is_not_taken_back_and_a_false_hash_is_not_kept(postgres_dsn: str) -> None:
    async with Database(postgres_dsn) as database:
        store = PostgresScripts(database)
        (kept,) = await store.publish([script()], "ann")
        await store.retire(kept.hash, "ann")
        async with database.connection() as connection:
            with pytest.raises(asyncpg.RestrictViolationError):
                await connection.execute("UPDATE gacs_scripts SET retired_at = NULL, retired_by = NULL")
            with pytest.raises(asyncpg.CheckViolationError):
                await connection.execute(
                    "INSERT INTO gacs_scripts (script_name, version, title, nodes, document, content_hash, created_by)"
                    " VALUES ('x', 1, '', 1, '{}', repeat('0', 64), 'eve')"
                )
