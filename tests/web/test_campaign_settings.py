"""A campaign's settings over HTTP: what is refused names its field."""

from __future__ import annotations

from typing import Any

import pytest
from served_site import Site

from engine.dialer.settings import PacingSettings
from engine.errors import Rejected

PLAIN = {"name": "Autumn", "trunk": "carrier"}


async def post(site: Site, path: str, body: dict[str, Any] | None) -> tuple[int, dict[str, Any]]:
    async with site.client.post(f"{site.base}/api/v1{path}", json=body) as response:
        return response.status, await response.json(content_type=None)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"abandon_limit": 0}, "abandon_limit"),
        ({"abandon_limit": -0.01}, "abandon_limit"),
        ({"abandon_limit": 0.04}, "abandon_limit"),
        ({"abandon_limit": 0.04, "jurisdiction": "uk-ofcom"}, "abandon_limit"),
        ({"abandon_limit": "3 %"}, "abandon_limit"),
        ({"fp_rate": -0.001}, "fp_rate"),
        ({"fp_rate": 0.03}, "fp_rate"),
        ({"fp_rate": 1}, "fp_rate"),
        ({"jurisdiction": "atlantis"}, "jurisdiction"),
        ({"jurisdiction": ""}, "jurisdiction"),
        ({"jurisdiction": "de"}, "require_consent"),
        ({"theta0": 0.9}, "theta0"),
        ({"lines_per_agent": 0.5}, "lines_per_agent"),
        ({"lines_per_agent_max": -1}, "lines_per_agent_max"),
        ({"pool_weight": 0}, "pool_weight"),
        ({"preview_limit_s": 1}, "preview_limit_s"),
        ({"small_team": "no"}, "small_team"),
        ({"dial_mode": "reckless"}, "dial_mode"),
        ({"dial_mode": "predictive", "answer_limit_s": 2.5}, "answer_limit_s"),
        ({"dial_mode": "power", "answer_limit_s": 2.5}, "answer_limit_s"),
        ({"language": "English"}, "language"),
        ({"opt_out_digit": "99"}, "opt_out_digit"),
        ({"identity_text": "one\ntwo"}, "identity_text"),
        ({"identity_text": "x" * 1001}, "identity_text"),
    ],
    ids=str,
)
async def test_wrong_setting_is_refused_by_its_name(site: Site, given: dict[str, Any], field: str) -> None:
    status, body = await post(site, "/campaigns", PLAIN | given)
    assert (status, body["code"]) == (422, "invalid_body")
    assert [problem["field"] for problem in body["errors"]] == [field]
    assert field in body["detail"]
    assert not [asked for asked in site.control.asked if asked[0] == "create_campaign"]


async def test_settings_reach_the_campaign(site: Site) -> None:
    given = {
        "jurisdiction": "ru", "require_consent": True, "abandon_limit": 0.01, "fp_rate": 0.002, "lines_per_agent": 2,
        "lines_per_agent_max": 6.5, "pool_weight": 0.5, "small_team": False, "cancel": False, "preview_limit_s": 30,
    }  # fmt: skip
    said = {"identity_text": "Это «Пример».", "language": "ru", "opt_out_digit": ""}
    status, _ = await post(site, "/campaigns", PLAIN | given | said | {"dial_mode": "predictive"})
    assert status == 201
    draft: Any = next(asked for asked in site.control.asked if asked[0] == "create_campaign")[1]
    assert draft.pacing == PacingSettings(**given)
    assert {name: getattr(draft, name) for name in said} == said


async def test_start_that_is_refused_says_why_and_what_to_do(site: Site) -> None:
    site.control.fail = Rejected("no_identity_message", "dial mode predictive needs an identity message: give ...")
    status, body = await post(site, "/campaigns/1/start", None)
    assert (status, body["code"]) == (409, "no_identity_message")
    assert "give" in body["detail"]
