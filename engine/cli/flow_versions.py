"""`vss flow publish|list|show|diff|retire|bindings|unbind`: versions in the database, whether or not an engine runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.answer import FAILURE, Answer, AsJson, EnvFile, give
from engine.cli.environment import Environment, read
from engine.cli.flow_files import text_of
from engine.cli.table import Table

if TYPE_CHECKING:
    from engine.flow.publication import Unsound
    from engine.ports import ScriptTarget, ScriptVersion
    from engine.runtime.scripts import ScriptDesk

Which = Annotated[
    str, typer.Argument(metavar="VERSION", help="The first 8 digits of its hash or more, NAME@VERSION, or NAME.")
]


def publish(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML or .json, with the subflows that it calls.")],
    slot: Annotated[int | None, typer.Option(min=6001, max=6999, help="Bind it to an automatic seat.")] = None,
    did: Annotated[str | None, typer.Option(metavar="NUMBER", help="Bind it to an inbound number.")] = None,
    campaign: Annotated[int | None, typer.Option(min=1, metavar="ID", help="Bind it to a campaign.")] = None,
    share: Annotated[float, typer.Option(help="The part of the calls that it gets there, up to 1.")] = 1.0,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Check a script and keep it as a version that never changes. Exits 1 with all problems when it is not sound.

    Calls of what it is bound to meet it from now on; calls that go on keep the version that they began with.
    """
    target = _target(slot, did, campaign)
    if not 0 < share <= 1:
        raise typer.BadParameter(f"{share:g}: more than 0 and at most 1", param_hint="--share")
    if target is None and share != 1:
        raise typer.BadParameter("a share needs --slot, --did or --campaign", param_hint="--share")
    text = text_of(file)

    async def work() -> Answer:
        return await _publish(read(env_file), file, text, target, share)

    give(as_json, work)


def list_(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only versions of this script.")] = None,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """All versions, retired ones too, the newest first."""

    async def work() -> Answer:
        async with _desk(read(env_file)) as desk:
            found = await desk.versions(name)
        return Answer({"versions": [asdict(one) for one in found]}, [_table(found)])

    give(as_json, work)


def show(version: Which, env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """One version with its document: the flow and the subflows it calls."""

    async def work() -> Answer:
        import json

        async with _desk(read(env_file)) as desk:
            found = await desk.find(version)
        document = json.loads(found.document)
        text = json.dumps(document, ensure_ascii=False, indent=2)
        return Answer({"version": asdict(found.version), "document": document}, [*_told(found.version), text])

    give(as_json, work)


def diff(before: Which, after: Which, env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """What changed between two versions, node by node."""

    async def work() -> Answer:
        from engine.flow.difference import lines

        async with _desk(read(env_file)) as desk:
            old, new, changes = await desk.difference(before, after)
        data = {
            "before": asdict(old.version), "after": asdict(new.version),
            "changes": [asdict(change) for change in changes],
        }  # fmt: skip
        head = f"{_named(old.version)} -> {_named(new.version)}"
        return Answer(data, [head, *(lines(changes) if changes else ("nothing differs",))])

    give(as_json, work)


def retire(version: Which, env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """Let nothing be bound to a version any more; it stays readable, and calls that run it go on."""

    async def work() -> Answer:
        async with _desk(read(env_file)) as desk:
            retired = await desk.retire(version, _author())
        return Answer({"version": asdict(retired)}, [f"{_named(retired)} is retired"])

    give(as_json, work)


def bindings(env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """What every slot, number and campaign runs now."""

    async def work() -> Answer:
        async with _desk(read(env_file)) as desk:
            found = await desk.bindings()
        rows: list[tuple[Any, ...]] = [
            (one.target.kind, one.target.name, share.version[:12], f"{share.share:.0%}", _time(one.at), one.by)
            for one in found
            for share in one.shares
        ]
        table = Table(("target", "name", "version", "share", "since", "by"), rows)
        return Answer({"bindings": [asdict(one) for one in found]}, [table])

    give(as_json, work)


def unbind(
    slot: Annotated[int | None, typer.Option(min=6001, max=6999, help="An automatic seat.")] = None,
    did: Annotated[str | None, typer.Option(metavar="NUMBER", help="An inbound number.")] = None,
    campaign: Annotated[int | None, typer.Option(min=1, metavar="ID", help="A campaign.")] = None,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Let a slot, a number or a campaign run no script from now on; calls that go on keep theirs."""
    target = _target(slot, did, campaign)
    if target is None:
        raise typer.BadParameter("give one of --slot, --did and --campaign")

    async def work() -> Answer:
        async with _desk(read(env_file)) as desk:
            await desk.unbind(target, _author())
        return Answer({"target": asdict(target)}, [f"{target.kind} {target.name} runs no script any more"])

    give(as_json, work)


def _target(slot: int | None, did: str | None, campaign: int | None) -> ScriptTarget | None:
    """What to bind to. Raises typer.BadParameter for more than one."""
    from engine.ports import ScriptTarget, TargetKind

    given = {TargetKind.SLOT: slot, TargetKind.DID: did, TargetKind.CAMPAIGN: campaign}
    targets = [ScriptTarget(kind, str(value)) for kind, value in given.items() if value is not None]
    if len(targets) > 1:
        raise typer.BadParameter("give one of --slot, --did and --campaign")
    return targets[0] if targets else None


@asynccontextmanager
async def _desk(environment: Environment) -> AsyncIterator[ScriptDesk]:
    from engine.adapters.postgres.pool import Database
    from engine.adapters.postgres.scripts import PostgresScripts
    from engine.runtime.scripts import ScriptDesk

    async with Database(environment.dsn, connections_max=1) as database:
        yield ScriptDesk(PostgresScripts(database), environment.site)


async def _publish(
    environment: Environment, file: Path, text: str, target: ScriptTarget | None, share: float
) -> Answer:
    from engine.flow.document import Syntax
    from engine.flow.publication import Unsound

    syntax = Syntax.JSON if file.suffix.lower() == ".json" else Syntax.YAML
    binding = None
    async with _desk(environment) as desk:
        try:
            if target is None:
                versions = await desk.publish(text, syntax, _author())
            else:
                version, binding = await desk.publish_to(text, syntax, target, share, _author())
                versions = [version]
        except Unsound as unsound:
            return _refused(file, unsound)
    data = {
        "published": True, "problems": [], "versions": [asdict(one) for one in versions],
        "binding": None if binding is None else asdict(binding),
    }  # fmt: skip
    return Answer(data, [f"published {_named(one)}" for one in versions])


def _refused(file: Path, unsound: Unsound) -> Answer:
    lines: list[str] = []
    for problem in unsound.problems:
        where = f" {problem.path}:" if problem.path else ""
        lines += (f"{file}:{problem.line}: {problem.code}{where} {problem.message}", f"    -> {problem.hint}")
    data = {
        "published": False, "problems": [problem.printed() for problem in unsound.problems], "versions": [],
        "binding": None,
    }  # fmt: skip
    return Answer(data, [*lines, "not published"], FAILURE)


def _author() -> str:
    """Who is at the keyboard, as this machine knows them."""
    import getpass

    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"


def _named(version: ScriptVersion) -> str:
    from engine.flow.publication import HASH_SHOWN

    return f"{version.name}@{version.number} ({version.hash[:HASH_SHOWN]})"


def _told(version: ScriptVersion) -> list[str]:
    lines = [f"{_named(version)}: {version.title or 'without a title'}, {version.nodes} nodes"]
    lines.append(f"sha256 {version.hash}")
    lines.append(f"published {_time(version.published_at)} by {version.published_by}")
    if version.retired_at is not None:
        lines.append(f"retired {_time(version.retired_at)} by {version.retired_by}")
    return lines


def _table(versions: Sequence[ScriptVersion]) -> Table:
    from engine.flow.publication import HASH_SHOWN

    rows: list[tuple[Any, ...]] = [
        (
            one.hash[:HASH_SHOWN], one.name, one.number, one.nodes, _time(one.published_at), one.published_by,
            None if one.retired_at is None else _time(one.retired_at),
        )
        for one in versions
    ]  # fmt: skip
    return Table(("hash", "script", "version", "nodes", "published", "by", "retired"), rows)


def _time(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
