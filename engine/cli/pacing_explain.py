"""`vss pacing explain`: why a campaign of the running engine dials what it dials."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.cli.answer import Answer, AsJson, EnvFile, give
from engine.cli.api import engine_api
from engine.cli.campaign import Which, number_of
from engine.cli.environment import read
from engine.cli.table import Table


def explain(campaign: Which, env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """Why a campaign dials what it dials, what it would need to dial more, and its account of abandoned calls."""

    async def work() -> Answer:
        async with engine_api(read(env_file)) as api:
            told: dict[str, Any] = await api.get(f"/campaigns/{await number_of(api, campaign)}/pacing")
        return Answer(told, _explained(told))

    give(as_json, work)


def _explained(told: dict[str, Any]) -> list[str | Table]:
    """The same for a person."""
    parts: list[str | Table] = [told["line"], *(f"needs {need}" for need in told["needs"])]
    if told["windows"] is None:
        parts.append("the account of abandoned calls cannot be read now: the database is away")
    else:
        rows = [
            (name, window["answered"], window["abandoned"], f"{window['ratio']:.2%}", _share(window["limit"]))
            for name, window in told["windows"].items()
        ]
        definition = told["definition"]
        title = f"Live answers as {definition['name']} counts them (version {definition['version']})"
        parts.append(Table(("window", "answered", "abandoned", "ratio", "limit"), rows, title))
    if not told["message_armed"]:
        parts.append("there is no identity message: nobody is dialed beyond the idle agents")
    changes = [(_clock(each["at"]), each["launch"], each["cancel"], each["binding"]) for each in told["recent"]]
    parts.append(Table(("at", "launch", "cancel", "bound by"), changes, "Decisions before"))
    return parts


def _clock(at: float | None) -> str:
    """Local time of day."""
    return "" if at is None else datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S.%f")[:-5]


def _share(limit: float | None) -> str:
    return "" if limit is None else f"{limit:.2%}"
