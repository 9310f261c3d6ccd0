"""`vss trunk`: ways to the telephone network."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.answer import FAILURE, NOT_READY, OK, Answer, AsJson, EnvFile, give
from engine.cli.environment import Environment, read
from engine.cli.menu import group
from engine.cli.table import Table
from engine.errors import ConfigError, Rejected

if TYPE_CHECKING:
    from engine.adapters.postgres.trunks import TrunkSettings
    from engine.cli.asterisk_site import Reload

commands = group("Ways to the telephone network.")

SHOWN = ("name", "host", "port", "auth", "registration", "caller_id", "codecs", "channels_max", "cps_max", "enabled")


@commands.command()
def add(
    name: Annotated[str, typer.Argument(help="Short name: a-z, 0-9, _ and -.")],
    host: Annotated[str, typer.Option(help="The provider's host name or address.")],
    caller_id: Annotated[str, typer.Option(help="Number shown to those we call.")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="The provider's SIP port.")] = 5060,
    auth: Annotated[str, typer.Option(metavar="address|digest", help="How the provider knows us.")] = "address",
    username: Annotated[str | None, typer.Option(help="User name, for digest and registration.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="File with the password.")] = None,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin.")] = False,
    register: Annotated[bool, typer.Option("--register", help="Register there, to be called too.")] = False,
    codecs: Annotated[str, typer.Option(help="Separated by commas, the wanted one first.")] = "ulaw,alaw",
    external_address: Annotated[str | None, typer.Option(help="Our public address, behind NAT.")] = None,
    match: Annotated[list[str] | None, typer.Option(help="Further addresses its calls come from.")] = None,
    channels: Annotated[int, typer.Option(min=1, help="Calls at once at most.")] = 30,
    cps: Annotated[float, typer.Option(min=0.01, help="Calls per second at most.")] = 5.0,
    test: Annotated[bool, typer.Option("--test", help="Leads to a load generator, never to people.")] = False,
    disabled: Annotated[bool, typer.Option("--disabled", help="Keep it, but do not use it.")] = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Add a trunk or change the one of that name; a running engine knows it within 2 seconds.

    The password never stands on the command line, where others could read it. A change without one keeps the old one.
    """
    if password_stdin and password_file is not None:
        raise typer.BadParameter("--password-file and --password-stdin exclude each other")

    async def work() -> Answer:
        from engine.adapters.postgres.trunks import TrunkSettings
        from engine.ids import TrunkName

        trunk = TrunkSettings(
            TrunkName(name),
            host,
            caller_id,
            port=port,
            registration=register,
            # who registers has an account, and answers with it when called upon
            auth="digest" if register else auth,
            username=username,
            secret=_password(password_file, password_stdin),
            match_addresses=tuple(match or ()),
            codecs=tuple(codec.strip() for codec in codecs.split(",") if codec.strip()),
            external_address=external_address,
            channels_max=channels,
            cps_max=cps,
            test=test,
            enabled=not disabled,
        )
        return await _add(read(env_file), trunk)

    give(as_json, work)


@commands.command(name="list")
def list_(env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """All trunks; never their passwords."""

    async def work() -> Answer:
        from engine.adapters.postgres.pool import Database
        from engine.adapters.postgres.trunks import PostgresTrunks

        async with Database(read(env_file).dsn, connections_max=1) as database:
            trunks = [described(trunk) for trunk in await PostgresTrunks(database).list()]
        rows = [[",".join(t[key]) if key == "codecs" else t[key] for key in SHOWN] for t in trunks]
        return Answer({"trunks": trunks}, [Table(SHOWN, rows)])

    give(as_json, work)


@commands.command(name="test")
def check(
    name: Annotated[str, typer.Argument(help="The trunk.")],
    number: Annotated[str | None, typer.Argument(help="Call this number once; who answers hears who called.")] = None,
    ring_timeout_s: Annotated[int, typer.Option(min=5, max=120, help="Seconds until it is given up.")] = 30,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Check a trunk: its name, whether SIP is spoken there, its registration, and with NUMBER one real call."""

    async def work() -> Answer:
        from engine.adapters.telemetry.logs import configure_logging
        from engine.cli.trunk_check import examine

        configure_logging("error", as_json=False)
        settings = read(env_file).settings()
        checked = await examine(settings, name, number, ring_timeout_s)
        lines = [
            f"{'ok    ' if check.ok else 'WRONG '} {check.name:<13} {check.detail}"
            + (f"\n       -> {check.advice}" if check.advice else "")
            for check in checked.checks
        ]
        return Answer(checked.printed(), lines, OK if checked.ok else FAILURE)

    give(as_json, work)


def described(trunk: TrunkSettings) -> dict[str, Any]:
    """A trunk as it is printed: without its secret."""
    return {
        "name": trunk.name,
        "host": trunk.host,
        "port": trunk.port,
        "transport": trunk.transport,
        "registration": trunk.registration,
        "auth": trunk.auth,
        "username": trunk.username,
        "codecs": list(trunk.codecs),
        "caller_id": trunk.caller_id,
        "external_address": trunk.external_address,
        "channels_max": trunk.channels_max,
        "cps_max": trunk.cps_max,
        "test": trunk.test,
        "enabled": trunk.enabled,
    }


def _password(file: Path | None, stdin: bool) -> str | None:
    """The password from where the command line says, or None. Raises ConfigError, Rejected."""
    if not stdin and file is None:
        return None
    try:
        text = sys.stdin.readline() if stdin else file.read_text() if file else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--password-file {file}: cannot be read ({error})") from None
    password = text.rstrip("\r\n")
    if not password:
        raise Rejected("password_empty", "the password is empty", 422)
    return password


async def _add(environment: Environment, trunk: TrunkSettings) -> Answer:
    from engine.adapters.postgres.pool import Database
    from engine.adapters.postgres.trunks import PostgresTrunks
    from engine.cli.asterisk_site import trunk_of

    async with Database(environment.dsn, connections_max=1) as database:
        keeper = PostgresTrunks(database)
        known = {kept.name for kept in await keeper.list()}
        secret = trunk.secret or ((await keeper.with_secret(trunk.name)).secret if trunk.name in known else None)
        trunk_of(_with_secret(trunk, secret))  # what Asterisk's configuration cannot hold is refused before it is kept
        created = await keeper.put(trunk)
        told = await _rendered(environment, database)
    data = {"trunk": described(trunk), "created": created, "rendered": told.rendered, "detail": told.detail}
    shown = [
        f"trunk {trunk.name} {'added' if created else 'changed'}: {trunk.host}:{trunk.port}, {trunk.auth}"
        + (", registers" if trunk.registration else ""),
        told.detail,
        f"try it: vss trunk test {trunk.name} NUMBER",
    ]
    unread = environment.get("VSS_ASTERISK_DIR") is not None and not told.rendered
    return Answer(data, shown, NOT_READY if unread else OK)


def _with_secret(trunk: TrunkSettings, secret: str | None) -> TrunkSettings:
    from dataclasses import replace

    return replace(trunk, secret=secret)


async def _rendered(environment: Environment, database: Any) -> Reload:
    from engine.cli.asterisk_site import Reload, rewrite_trunks

    if environment.get("VSS_ASTERISK_DIR") is None:
        return Reload(False, "VSS_ASTERISK_DIR is not set: render Asterisk's configuration (vss asterisk render DIR)")
    return await rewrite_trunks(environment.settings(), database)
