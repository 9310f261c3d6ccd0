"""`vss route`: where inbound numbers go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.answer import Answer, AsJson, EnvFile, give
from engine.cli.environment import read
from engine.cli.menu import group
from engine.cli.table import Table

if TYPE_CHECKING:
    from engine.ports import InboundRoute

commands = group("Where inbound numbers go.")


@commands.command()
def add(
    did: Annotated[str, typer.Argument(metavar="NUMBER", help="As the provider sends it, such as +12025550190.")],
    pool: Annotated[str, typer.Option(help="Whose agents take its calls.")] = "default",
    slot: Annotated[int | None, typer.Option(help="One seat that takes them instead.")] = None,
    wait_max_s: Annotated[float, typer.Option(min=0, max=3600, help="Seconds that a caller waits at most.")] = 120.0,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Send an inbound number to a pool's queue or to one seat; the next call goes there."""

    async def work() -> Answer:
        from engine.adapters.postgres.pool import Database
        from engine.adapters.postgres.routes import PostgresRoutes
        from engine.ids import Slot
        from engine.ports import InboundRoute

        route = InboundRoute(did, pool, None if slot is None else Slot(slot), wait_max_s)
        async with Database(read(env_file).dsn, connections_max=1) as database:
            await PostgresRoutes(database).put(route)
        goes_to = f"pool {pool}" if slot is None else f"slot {slot}"
        return Answer({"route": described(route)}, [f"{did} goes to {goes_to}, waiting {wait_max_s:g} s at most"])

    give(as_json, work)


@commands.command(name="list")
def list_(env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """All inbound numbers."""

    async def work() -> Answer:
        from engine.adapters.postgres.pool import Database
        from engine.adapters.postgres.routes import PostgresRoutes

        async with Database(read(env_file).dsn, connections_max=1) as database:
            routes = [described(route) for route in await PostgresRoutes(database).list()]
        rows = [list(route.values()) for route in routes]
        return Answer({"routes": routes}, [Table(("number", "pool", "slot", "wait max s"), rows)])

    give(as_json, work)


def described(route: InboundRoute) -> dict[str, Any]:
    """A route as it is printed."""
    return {"did": route.did, "pool": route.pool, "slot": route.slot, "wait_max_s": route.wait_max_s}
