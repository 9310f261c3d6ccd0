"""`vss flow run|runs|stop`: scripts on live calls, asked of the running engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from engine.cli.answer import Answer, AsJson, EnvFile, give
from engine.cli.api import engine_api
from engine.cli.environment import read
from engine.cli.table import Table

CallId = Annotated[str, typer.Argument(metavar="CALL", help="The call's id (vss status, GET /api/v1/calls).")]


def run(
    call: CallId,
    script: Annotated[str | None, typer.Option(metavar="VERSION", help="A version: hash, NAME@VERSION, NAME.")] = None,
    slot: Annotated[int | None, typer.Option(min=6001, max=6999, help="What this automatic seat runs.")] = None,
    param: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter; VALUE is JSON.")] = None,
    back: Annotated[bool, typer.Option("--back", help="The agent waits, and gets the caller back.")] = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Hand a call that an agent is on, or that waits for one, to a script."""
    if (script is None) == (slot is None):
        raise typer.BadParameter("give one of --script and --slot")
    params = dict(_param(text) for text in param or ())
    body = {"script": script, "slot": slot, "params": params, "then": "agent" if back else "hang_up"}

    async def work() -> Answer:
        async with engine_api(read(env_file)) as api:
            made = await api.post(f"/calls/{call}/run-script", {k: v for k, v in body.items() if v is not None})
        return Answer({"run": made}, [f"{made['name']} has the call {call}"])

    give(as_json, work)


def runs(
    call: Annotated[str | None, typer.Argument(metavar="[CALL]", help="Only this call's, past ones too.")] = None,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Runs that go on, or all of one call."""

    async def work() -> Answer:
        async with engine_api(read(env_file)) as api:
            found = (await api.get("/runs" if call is None else f"/calls/{call}/runs"))["items"]
        return Answer({"runs": found}, [_table(found)])

    give(as_json, work)


def stop(call: CallId, env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """End the run that has a call; its caller is hung up, or goes back to the agent."""

    async def work() -> Answer:
        async with engine_api(read(env_file)) as api:
            stopped = await api.post(f"/calls/{call}/stop-script")
        return Answer({"run": stopped}, [f"{stopped['name']} is stopped"])

    give(as_json, work)


def _param(text: str) -> tuple[str, Any]:
    """`due=12` is a number, `name=Anna` text."""
    import json

    name, found, value = text.partition("=")
    if not found or not name:
        raise typer.BadParameter(f"{text}: expected NAME=VALUE", param_hint="--param")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _table(found: Sequence[dict[str, Any]]) -> Table:
    rows: list[tuple[Any, ...]] = [
        (one["run"], one["name"], one["state"], one["node"], one["disposition"], one["reason"]) for one in found
    ]
    return Table(("run", "script", "state", "node", "disposition", "ended by"), rows)
