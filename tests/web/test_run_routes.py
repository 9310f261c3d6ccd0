"""Routes of runs and bindings."""

from __future__ import annotations

from typing import Any

import pytest

from engine.ids import CallId, Slot
from tests.gacs import framed
from tests.web.fake_control import FakeControl
from tests.web.served_site import Site

CALL = "0192c1a2-0000-7000-8000-000000000001"


async def ask(site: Site, method: str, path: str, sent: Any = None) -> tuple[int, Any]:
    async with site.client.request(method, site.base + "/api/v1" + path, json=sent) as response:
        return response.status, await response.json()


@pytest.fixture
async def live(control: FakeControl) -> CallId:
    """A live call."""
    return await control.start_call(Slot(7001), "+12125550100", None)


async def test_call_is_handed_to_a_script_and_its_run_is_shown_and_stopped(
    site: Site, control: FakeControl, live: CallId
) -> None:
    body = {"script": "pay.by.key@1", "params": {"due": 12}, "then": "agent", "locale": "ru-RU"}
    status, run = await ask(site, "POST", f"/calls/{live}/run-script", body)
    assert (status, run["state"], run["call"]) == (201, "running", live)
    assert control.asked[-1] == ("run_script", live, "pay.by.key@1", None, {"due": 12}, "ru-RU", "agent")
    assert (await ask(site, "GET", "/runs"))[1]["items"] == [run]
    assert (await ask(site, "GET", f"/calls/{live}/runs"))[1]["items"] == [run]
    status, stopped = await ask(site, "POST", f"/calls/{live}/stop-script", {})
    assert (status, stopped["state"], stopped["reason"]) == (200, "ended", "stopped")
    assert (await ask(site, "GET", "/runs"))[1]["items"] == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"script": "a", "slot": 6001},
        {"slot": 7001},
        {"script": ""},
        {"slot": 6001, "then": "wait"},
        {"seat": 1},
    ],
)
async def test_wrong_wish_is_told_and_nothing_is_asked(
    site: Site, control: FakeControl, live: CallId, body: dict[str, Any]
) -> None:
    before = list(control.asked)
    assert (await ask(site, "POST", f"/calls/{live}/run-script", body))[0] == 422
    assert control.asked == before


async def test_call_that_is_not_there_has_no_run(site: Site) -> None:
    assert (await ask(site, "POST", f"/calls/{CALL}/run-script", {"slot": 6001}))[0] == 404
    assert (await ask(site, "GET", f"/calls/{CALL}/runs"))[0] == 404
    assert (await ask(site, "POST", f"/calls/{CALL}/stop-script", {}))[0] == 404


async def test_bindings_are_listed_and_taken_back(site: Site) -> None:
    import json

    _, made = await ask(site, "POST", "/scripts", {"text": json.dumps(framed("title: one")), "syntax": "json"})
    version = made["items"][0]["hash"]
    await ask(site, "POST", f"/scripts/{version}/publish", {"slot": 6001})
    _, listed = await ask(site, "GET", "/scripts/bindings")
    assert [(one["target"], one["shares"]) for one in listed["items"]] == [
        ({"kind": "slot", "name": "6001"}, [{"version": version, "share": 1.0}])
    ]
    assert (await ask(site, "POST", "/scripts/unbind", {"slot": 6001})) == (200, {"items": []})
    status, problem = await ask(site, "POST", "/scripts/unbind", {"slot": 6001})
    assert (status, problem["code"]) == (404, "not_bound")
