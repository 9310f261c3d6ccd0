"""The routes of the lead that an agent is shown before it is dialed."""

from __future__ import annotations

from typing import Any

import pytest
from fake_control import Earlier, Preview
from served_site import Site

from engine.errors import Rejected

SEAT = "/api/v1/agents/7001"


async def ask(site: Site, method: str, path: str, **options: Any) -> tuple[int, dict[str, Any]]:
    async with site.client.request(method, site.base + path, **options) as response:
        return response.status, await response.json(content_type=None)


@pytest.fixture(autouse=True)
def shown(site: Site) -> None:
    earlier = Earlier(900.0, "skipped", 7002, "on holiday")
    site.control.previews[7001] = Preview(
        "0199-call", 1, "Spring", 17, "+12125550100", {"name": "Ann", "debt": 12.5}, [earlier], 1000.0, 93.5
    )


async def test_lead_shown_has_its_number_data_history_and_the_seconds_left(site: Site) -> None:
    status, body = await ask(site, "GET", f"{SEAT}/preview")
    assert status == 200
    assert body == {
        "call": "0199-call", "campaign": 1, "campaign_name": "Spring", "lead": 17, "number": "+12125550100",
        "data": {"name": "Ann", "debt": 12.5}, "shown_at": 1000.0, "seconds_left": 93.5, "barred": None,
        "attempts": [{"at": 900.0, "outcome": "skipped", "slot": 7002, "note": "on holiday"}],
    }  # fmt: skip


async def test_lead_is_for_who_has_the_token_only(site: Site) -> None:
    async with site.stranger.get(f"{site.base}{SEAT}/preview") as response:
        assert response.status == 401
        assert "+12125550100" not in await response.text()


async def test_agent_dials_and_then_no_lead_is_shown_any_more(site: Site) -> None:
    status, agent = await ask(site, "POST", f"{SEAT}/preview/dial")
    assert (status, agent["state"]) == (200, "reserved")
    for method, path in (("GET", "preview"), ("POST", "preview/dial")):
        status, body = await ask(site, method, f"{SEAT}/{path}")
        assert (status, body["code"]) == (404, "no_preview")


async def test_agent_skips_for_a_reason(site: Site) -> None:
    status, agent = await ask(site, "POST", f"{SEAT}/preview/skip", json={"reason": "spoke to her yesterday"})
    assert (status, agent["state"]) == (200, "ready")
    assert ("skip", "spoke to her yesterday") in site.control.asked


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "two\nlines"}, {"reason": "x" * 501}, {"reason": 5}])
async def test_skip_without_a_reason_that_can_be_kept_is_refused_with_the_fields_name(
    site: Site, body: dict[str, Any]
) -> None:
    status, problem = await ask(site, "POST", f"{SEAT}/preview/skip", json=body)
    assert (status, problem["code"]) == (422, "invalid_body")
    assert [error["field"] for error in problem["errors"]] == ["reason"]
    assert 7001 in site.control.previews


async def test_full_trunk_and_barred_lead_say_what_is_wrong(site: Site) -> None:
    site.control.fail = Rejected("trunk_full", "trunk carrier has no free channel", 429)
    assert (await ask(site, "POST", f"{SEAT}/preview/dial"))[0] == 429
    site.control.fail = Rejected("do_not_call", "not dialed: the number is on the do-not-call list")
    status, problem = await ask(site, "POST", f"{SEAT}/preview/dial")
    assert (status, problem["code"]) == (409, "do_not_call")
    assert "do-not-call" in problem["detail"]


async def test_unknown_seat_has_no_preview(site: Site) -> None:
    status, body = await ask(site, "GET", "/api/v1/agents/7999/preview")
    assert (status, body["code"]) == (404, "no_slot")
