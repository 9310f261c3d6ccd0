"""`vss status`: the engine, its parts, agents and campaigns in short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from engine.cli.answer import NOT_READY, OK, Answer, AsJson, EnvFile, give
from engine.cli.api import engine_api
from engine.cli.campaign import overview_table
from engine.cli.environment import Environment, read
from engine.cli.table import Table
from engine.errors import Unavailable

NOBODY: Mapping[str, Any] = {
    "running": False, "url": None, "ready": False, "parts": {}, "campaigns": [], "calls": 0, "agents": {},
}  # fmt: skip
"""What is known when no engine answers."""


def status(env_file: EnvFile = None, as_json: AsJson = False) -> None:
    """Ask the running engine how it is; exits 3 when it or a part that it needs is away."""

    async def work() -> Answer:
        environment = read(env_file)
        instances = _instances()
        try:
            data = await _ask(environment)
        except Unavailable as error:
            data = {
                "running": False,
                "url": None,
                "ready": False,
                "parts": {},
                "campaigns": [],
                "calls": 0,
                "agents": {},
            }
            return Answer(data | {"instances": instances}, [str(error), *_instance_lines(instances)], NOT_READY)
        return Answer(data | {"instances": instances}, _shown(data, instances), OK if data["ready"] else NOT_READY)

    give(as_json, work)


async def _ask(environment: Environment) -> dict[str, Any]:
    async with engine_api(environment) as api:
        readiness = await api.readiness()
        try:
            campaigns = (await api.get("/campaigns"))["items"]
        except Unavailable:
            campaigns = []  # the engine is there, its database is not: the parts say so
        calls = (await api.get("/calls"))["items"]
        agents = (await api.get("/agents"))["items"]
    return {
        "running": True, "url": environment.url, "ready": readiness["ready"], "parts": readiness["parts"],
        "campaigns": campaigns, "calls": len(calls), "agents": dict(Counter(agent["state"] for agent in agents)),
    }  # fmt: skip


def _shown(data: dict[str, Any], instances: list[dict[str, Any]]) -> list[str | Table]:
    parts = [(name, part["ok"], part["needed"], part["detail"]) for name, part in data["parts"].items()]
    agents = ", ".join(f"{count} {state}" for state, count in sorted(data["agents"].items())) or "none"
    shown: list[str | Table] = [
        f"{data['url']} is {'ready' if data['ready'] else 'NOT READY'}",
        Table(("part", "there", "needed", "detail"), parts),
        f"agents: {agents}; live calls: {data['calls']}",
    ]
    if data["campaigns"]:
        shown.append(overview_table(data["campaigns"]))
    return [*shown, *_instance_lines(instances)]


def _instances() -> list[dict[str, Any]]:
    from engine.stack.down import instances
    from engine.stack.home import state_home

    return [
        {"name": one.name, "owner_pid": one.owner_pid, "processes": len(one.running)}
        for one in instances(state_home())
        if one.owner_pid or one.running
    ]


def _instance_lines(instances: list[dict[str, Any]]) -> list[str]:
    return [f"private stack {one['name']}: {one['processes']} processes" for one in instances]
