"""`vss asterisk`: the configuration of an Asterisk of our own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.answer import Answer, AsJson, EnvFile, give
from engine.cli.environment import read
from engine.cli.menu import group

commands = group("Asterisk's configuration.")


@commands.command()
def render(
    directory: Annotated[
        Path | None, typer.Argument(help="The place of this Asterisk; default: VSS_ASTERISK_DIR.")
    ] = None,
    callback: Annotated[str, typer.Option(help="Number spoken in the identity message.")] = "",
    fallback: Annotated[
        str, typer.Option(metavar="NUMBER@TRUNK", help="Whom callers reach with 0 while the engine is away.")
    ] = "",
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Write asterisk/ and dialplan/ into DIRECTORY/etc, with the trunks and slots of the database.

    Its state (control socket, logs, recordings) is kept below DIRECTORY too; the system's own /etc/asterisk stays as
    it is. Files hold secrets: mode 0600, and as root they are given to DIRECTORY's owner.
    """

    async def work() -> Answer:
        return await _render(env_file, directory, callback, fallback)

    give(as_json, work)


async def _render(env_file: str | None, directory: Path | None, callback: str, fallback: str) -> Answer:
    from engine.adapters.postgres.pool import Database
    from engine.adapters.postgres.seats import PostgresSeats
    from engine.cli.asterisk_site import kept_trunks, site_of, write_all
    from engine.errors import ConfigError

    settings = read(env_file).settings()
    place = directory or settings.asterisk_dir
    if place is None:
        raise ConfigError("name the directory, or set VSS_ASTERISK_DIR")
    number, _, trunk = fallback.partition("@")
    async with Database(settings.postgres_dsn.get_secret_value(), connections_max=1) as database:
        trunks = await kept_trunks(database)
        seats = await PostgresSeats(database).with_secrets()
    site = site_of(
        settings, place.absolute(), trunks, seats, callback=callback, fallback=(number, trunk) if fallback else None
    )
    etc = write_all(site)
    names = sorted(path.name for path in etc.iterdir() if path.is_file())
    data = {"directory": str(etc), "files": names, "trunks": len(trunks), "slots": len(seats)}
    shown = [
        f"wrote {len(names)} files to {etc}: {len(trunks)} trunks, {len(seats)} slots",
        f"start it:  asterisk -f -C {etc}/asterisk.conf",
    ]
    if settings.asterisk_dir is None:
        shown.append(f"set VSS_ASTERISK_DIR={place.absolute()} so that trunks and slots are rendered as they are added")
    return Answer(data, shown)
