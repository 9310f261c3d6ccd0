"""`vss slot`: numbered SIP seats."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.answer import NOT_READY, OK, Answer, AsJson, EnvFile, give
from engine.cli.environment import Environment, read
from engine.cli.menu import group
from engine.cli.table import Table

if TYPE_CHECKING:
    from engine.adapters.postgres.pool import Database
    from engine.cli.asterisk_site import Reload

commands = group("Numbered SIP seats: 6001-6999 scripts, 7001-7999 agents, 8001-8999 streams, 9001-9999 services.")

SECRET_BYTES = 16
SLOTS_MAX = 3000
"""Slots that one command may add."""


@commands.command()
def add(
    numbers: Annotated[list[str], typer.Argument(metavar="SLOT...", help="Numbers or ranges, such as 7001-7008.")],
    pool: Annotated[str, typer.Option(help="Whose calls they take.")] = "default",
    name: Annotated[str, typer.Option(help="Shown on the page; with a range the number is added.")] = "",
    new_secret: Annotated[bool, typer.Option("--new-secret", help="Give known slots a new secret too.")] = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Add SIP accounts for phones; the secret of each is made here and shown only now."""
    wanted = slot_numbers(numbers)

    async def work() -> Answer:
        return await _add(read(env_file), wanted, pool, name, new_secret)

    give(as_json, work)


@commands.command(name="list")
def list_(env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """All slots; never their secrets."""

    async def work() -> Answer:
        from engine.adapters.postgres.pool import Database
        from engine.adapters.postgres.seats import PostgresSeats

        async with Database(read(env_file).dsn, connections_max=1) as database:
            seats = await PostgresSeats(database).list()
        items = [{"slot": seat.slot, "kind": seat.kind, "pool": seat.pool, "name": seat.display_name} for seat in seats]
        return Answer(
            {"slots": items}, [Table(("slot", "kind", "pool", "name"), [list(item.values()) for item in items])]
        )

    give(as_json, work)


def slot_numbers(texts: Sequence[str]) -> list[int]:
    """`7001 7003-7005` as numbers, each once, in order. Raises typer.BadParameter."""
    numbers: set[int] = set()
    for text in texts:
        first, dash, last = text.partition("-")
        if not (first.isdecimal() and (last.isdecimal() if dash else True) and len(text) <= 9):
            raise typer.BadParameter(f"{text}: expected a slot's number or a range, such as 7001-7008")
        numbers |= set(range(int(first), int(last or first) + 1))
    if not 0 < len(numbers) <= SLOTS_MAX:
        raise typer.BadParameter(f"{len(numbers)} slots: expected 1 to {SLOTS_MAX}")
    return sorted(numbers)


async def _add(environment: Environment, numbers: list[int], pool: str, name: str, new_secret: bool) -> Answer:
    from engine.adapters.postgres.pool import Database

    async with Database(environment.dsn, connections_max=1) as database:
        added = await _put(database, numbers, pool, name, new_secret)
        told = await _rendered(environment, database)
    data = {"slots": added, "rendered": told.rendered, "detail": told.detail}
    rows = [(item["slot"], item["user"], item["secret"] or "(kept)") for item in added]
    server = f"{environment.get('VSS_SIP_HOST') or '127.0.0.1'}:{environment.get('VSS_SIP_PORT') or '5060'}"
    shown: list[str | Table] = [
        Table(("slot", "user", "secret"), rows),
        f"SIP server {server} (UDP); the secrets are not shown again",
        told.detail,
    ]
    unread = environment.get("VSS_ASTERISK_DIR") is not None and not told.rendered
    return Answer(data, shown, NOT_READY if unread else OK)


async def _put(database: Database, numbers: list[int], pool: str, name: str, new_secret: bool) -> list[dict[str, Any]]:
    """Write the seats; a known one keeps its secret (shown as None) unless a new one is asked for."""
    from engine.adapters.postgres.seats import PostgresSeats, Seat
    from engine.ids import Slot

    keeper = PostgresSeats(database)
    known = set() if new_secret else {int(seat.slot) for seat in await keeper.list()}
    seats = []
    for number in numbers:
        secret = None if number in known else secrets.token_hex(SECRET_BYTES)
        shown_name = f"{name} {number}" if name and len(numbers) > 1 else name
        seats.append(Seat(Slot(number), pool, shown_name, secret))
    await keeper.put(seats)
    return [{"slot": int(seat.slot), "user": str(seat.slot), "secret": seat.sip_secret} for seat in seats]


async def _rendered(environment: Environment, database: Database) -> Reload:
    from engine.cli.asterisk_site import Reload, rewrite_slots

    if environment.get("VSS_ASTERISK_DIR") is None:
        return Reload(False, "VSS_ASTERISK_DIR is not set: render Asterisk's configuration (vss asterisk render DIR)")
    return await rewrite_slots(environment.settings(), database)
