"""What each route answers, right and wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_control import Part
from served_site import Site

from engine.errors import Unavailable
from engine.http import exchange


async def ask(site: Site, method: str, path: str, **options: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
    async with site.client.request(method, site.base + path, **options) as response:
        body = await response.json(content_type=None) if response.content_length else {}
        return response.status, body, dict(response.headers)


async def test_campaigns_are_listed_with_their_numbers(site: Site) -> None:
    status, body, _ = await ask(site, "GET", "/api/v1/campaigns")
    assert status == 200
    assert body["items"][0]["campaign"]["name"] == "Spring"
    assert body["items"][0]["stats"]["outcomes"] == {"answered": 21, "busy": 9}


async def test_a_campaign_is_created_as_a_draft_and_found_under_its_location(site: Site) -> None:
    new = {"name": "Autumn", "trunk": "carrier", "recall": {"busy": {"attempts_max": 2, "delay_s": 60.0}}}
    status, body, headers = await ask(site, "POST", "/api/v1/campaigns", json=new)
    assert (status, body["campaign"]["status"]) == (201, "draft")
    status, again, _ = await ask(site, "GET", headers["Location"])
    assert (status, again) == (200, body)


async def test_a_campaign_starts_pauses_and_stops(site: Site) -> None:
    for change, expected in (("start", "running"), ("pause", "paused"), ("start", "running"), ("stop", "stopped")):
        status, body, _ = await ask(site, "POST", f"/api/v1/campaigns/1/{change}")
        assert (status, body["campaign"]["status"]) == (200, expected)


async def test_a_campaign_started_twice_is_a_conflict_with_a_code(site: Site) -> None:
    await ask(site, "POST", "/api/v1/campaigns/1/start")
    status, body, headers = await ask(site, "POST", "/api/v1/campaigns/1/start")
    assert (status, body["code"]) == (409, "campaign_state")
    assert headers["Content-Type"].startswith("application/problem+json")
    assert body["request_id"] == headers["X-Request-ID"]


async def test_statistics_of_an_unknown_campaign_are_not_found(site: Site) -> None:
    status, body, _ = await ask(site, "GET", "/api/v1/campaigns/99/stats")
    assert (status, body["code"]) == (404, "no_campaign")


async def test_a_call_is_started_listed_and_hung_up(site: Site) -> None:
    status, started, _ = await ask(site, "POST", "/api/v1/calls", json={"slot": 7001, "number": "+74951234567"})
    assert status == 201
    _, listed, _ = await ask(site, "GET", "/api/v1/calls")
    assert [call["id"] for call in listed["items"]] == [started["id"]]
    status, _, _ = await ask(site, "DELETE", f"/api/v1/calls/{started['id']}")
    assert status == 202
    status, body, _ = await ask(site, "DELETE", f"/api/v1/calls/{started['id']}")
    assert (status, body["code"]) == (404, "no_call")


async def test_an_idempotency_key_rings_the_phone_once(site: Site) -> None:
    call = {"slot": 7001, "number": "+74951234567"}
    key = {"Idempotency-Key": "order-1"}
    site.control.delay_s = 0.02
    answers = await asyncio.gather(*(ask(site, "POST", "/api/v1/calls", json=call, headers=key) for _ in range(3)))
    assert {(status, body["id"]) for status, body, _ in answers} == {(201, "call-1")}
    assert len(site.control.live_calls) == 1
    status, body, _ = await ask(site, "POST", "/api/v1/calls", json=call | {"slot": 7002}, headers=key)
    assert (status, body["code"]) == (422, "idempotency_key")


async def test_a_failed_request_frees_its_idempotency_key(site: Site) -> None:
    call = {"slot": 7001, "number": "+74951234567"}
    site.control.fail = Unavailable("ari", "socket closed by 10.0.0.9")
    status, _, _ = await ask(site, "POST", "/api/v1/calls", json=call, headers={"Idempotency-Key": "k"})
    assert status == 503
    site.control.fail = None
    status, _, _ = await ask(site, "POST", "/api/v1/calls", json=call, headers={"Idempotency-Key": "k"})
    assert status == 201


async def test_an_agent_logs_in_pauses_resumes_and_gives_a_disposition(site: Site) -> None:
    steps: tuple[tuple[str, dict[str, str] | None, str], ...] = (
        ("login", None, "calling"),
        ("ready", {}, "ready"),
        ("pause", {"reason": "lunch"}, "paused"),
        ("resume", None, "ready"),
        ("done", {"disposition": "sold", "note": "two lines\nof text"}, "ready"),
        ("logout", None, "offline"),
    )
    for action, body, state in steps:
        status, agent, _ = await ask(site, "POST", f"/api/v1/agents/7001/{action}", json=body)
        assert (status, agent.get("state")) == (200, state), action
    assert ("disposition", "sold", "two lines\nof text") in site.control.asked
    assert ("paused", 7001, "lunch") in site.control.asked


async def test_logging_in_twice_is_a_conflict_and_an_unknown_seat_not_found(site: Site) -> None:
    await ask(site, "POST", "/api/v1/agents/7001/login")
    status, body, _ = await ask(site, "POST", "/api/v1/agents/7001/login")
    assert (status, body["code"]) == (409, "agent_state")
    status, body, _ = await ask(site, "POST", "/api/v1/agents/7999/login")
    assert (status, body["code"]) == (404, "no_slot")


async def test_readiness_names_each_part_and_only_needed_ones_make_it_503(site: Site) -> None:
    site.control.parts = {"postgres": Part(True), "redis": Part(False, needed=False, detail="one line per idle agent")}
    async with site.stranger.get(site.base + "/readyz") as response:
        assert response.status == 200
    site.control.parts["postgres"] = Part(False, detail="no connection")
    async with site.stranger.get(site.base + "/readyz") as response:
        body = await response.json()
        assert (response.status, body["ready"], body["parts"]["postgres"]["ok"]) == (503, False, False)
        assert "Retry-After" in response.headers


async def test_metrics_count_requests_by_route_template_and_not_by_path(site: Site) -> None:
    await ask(site, "GET", "/api/v1/campaigns/1")
    await ask(site, "GET", "/api/v1/campaigns/99")
    await ask(site, "GET", "/api/v1/no/such/thing")
    async with site.stranger.get(site.base + "/metrics") as response:
        text = await response.text()
    assert 'vss_http_requests_total{method="GET",route="/api/v1/campaigns/{id}",status="200"} 1.0' in text
    assert 'route="unknown",status="404"' in text
    assert "/99" not in text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "slot"),
        ({"slot": "7001", "number": "+74951234567"}, "slot"),
        ({"slot": 7001, "number": 74951234567}, "number"),
        ({"slot": 7001, "number": "sip:a@b"}, "number"),
        ({"slot": 7001, "number": "+74951234567\r\nX: y"}, "number"),
        ({"slot": 5, "number": "+74951234567"}, "slot"),
        ({"slot": 7001, "number": "+74951234567", "trunk": "a/b"}, "trunk"),
        ({"slot": 7001, "number": "+74951234567", "evil": 1}, "evil"),
        ({"slot": True, "number": "+74951234567"}, "slot"),
    ],
)
async def test_a_wrong_field_is_named(site: Site, body: dict[str, Any], field: str) -> None:
    status, problem, _ = await ask(site, "POST", "/api/v1/calls", json=body)
    assert (status, problem["code"]) == (422, "invalid_body")
    assert field in {error["field"] for error in problem["errors"]}
    assert not site.control.live_calls


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "a\x00b", "trunk": "t"}, "name"),
        ({"name": "a\nb", "trunk": "t"}, "name"),
        ({"name": "x", "trunk": "t", "message": ["sound:../../etc/passwd"]}, "message.0"),
        ({"name": "x", "trunk": "t", "message": ["http://example.org/a.wav"]}, "message.0"),
        ({"name": "x", "trunk": "t", "dial_mode": "reckless"}, "dial_mode"),
        ({"name": "x", "trunk": "t", "answer_limit_s": 1e9}, "answer_limit_s"),
        (
            {"name": "x", "trunk": "t", "recall": {"busy": {"attempts_max": 0, "delay_s": 1}}},
            "recall.busy.attempts_max",
        ),
        ({"name": "x", "trunk": "t", "window_from": "25:00"}, "window_from"),
    ],
)
async def test_a_campaign_with_a_wrong_setting_is_refused(site: Site, body: dict[str, Any], field: str) -> None:
    status, problem, _ = await ask(site, "POST", "/api/v1/campaigns", json=body)
    assert (status, problem["code"]) == (422, "invalid_body")
    assert field in {error["field"] for error in problem["errors"]}


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[1,2]", b"null", b'{"slot": NaN}', b"\xff\xfe", b"[" * 5000, b'{"slot":1}garbage', b'"\\ud800"'],
)
async def test_a_malformed_body_is_refused_whatever_it_is(site: Site, raw: bytes) -> None:
    status, problem, _ = await ask(
        site, "POST", "/api/v1/calls", data=raw, headers={"Content-Type": "application/json"}
    )
    assert status in {400, 415, 422}
    assert problem["code"] in {"malformed_json", "invalid_body", "unsupported_media_type"}


async def test_a_body_that_is_not_json_is_415(site: Site) -> None:
    status, problem, _ = await ask(site, "POST", "/api/v1/calls", data={"slot": "7001"})
    assert (status, problem["code"]) == (415, "unsupported_media_type")


async def test_a_body_over_the_limit_is_413_whether_it_says_so_or_not(site: Site) -> None:
    big = b'{"x":"' + b"a" * 66_000 + b'"}'
    headers = {"Content-Type": "application/json"}
    status, problem, _ = await ask(site, "POST", "/api/v1/calls", data=big, headers=headers)
    assert (status, problem["code"]) == (413, "body_too_large")

    async def chunks() -> Any:
        for start in range(0, len(big), 8192):
            yield big[start : start + 8192]

    status, problem, _ = await ask(site, "POST", "/api/v1/calls", data=chunks(), headers=headers)
    assert (status, problem["code"]) == (413, "body_too_large")


async def test_a_body_that_never_comes_is_408(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "BODY_TIMEOUT_S", 0.05)

    async def stalled() -> Any:
        yield b"{"
        await asyncio.sleep(5)

    status, problem, _ = await ask(
        site, "POST", "/api/v1/calls", data=stalled(), headers={"Content-Type": "application/json"}
    )
    assert (status, problem["code"]) == (408, "body_timeout")


async def test_a_use_case_that_hangs_is_504(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "HANDLER_TIMEOUT_S", 0.05)
    site.control.delay_s = 5
    status, problem, headers = await ask(site, "GET", "/api/v1/campaigns")
    assert (status, problem["code"]) == (504, "timeout")
    assert "Retry-After" in headers


async def test_a_part_that_is_away_is_503_and_its_address_stays_inside(site: Site) -> None:
    site.control.fail = Unavailable("postgres", "connect to 10.1.2.3 port 5432 as vss failed")
    status, problem, headers = await ask(site, "GET", "/api/v1/campaigns")
    assert (status, problem["code"], headers["Retry-After"]) == (503, "unavailable", "2")
    assert "postgres" in problem["detail"]
    assert "10.1.2.3" not in str(problem)


async def test_a_fault_of_ours_tells_nothing_of_our_insides(site: Site) -> None:
    site.control.fail = RuntimeError("SELECT secret FROM users")
    status, problem, _ = await ask(site, "GET", "/api/v1/campaigns")
    assert (status, problem["code"]) == (500, "internal")
    assert "secret" not in str(problem)


async def test_a_body_on_a_get_and_wrong_methods_and_paths_are_problems(site: Site) -> None:
    status, problem, _ = await ask(site, "GET", "/api/v1/calls", json={"a": 1})
    assert (status, problem["code"]) == (400, "unexpected_body")
    status, problem, headers = await ask(site, "PUT", "/api/v1/calls", json={})
    assert (status, problem["code"], headers["Allow"]) == (405, "method_not_allowed", "GET,POST")
    for path in (
        "/api/v1/campaigns/abc",
        "/api/v1/campaigns/-1",
        "/api/v1/agents/70011/login",
        "/api/v1/campaigns/1/x",
    ):
        status, problem, _ = await ask(site, "GET", path)
        assert status in {404, 405}, path


async def test_a_campaigns_pacing_is_explained_in_one_line_and_in_fields(site: Site) -> None:
    status, body, _ = await ask(site, "GET", "/api/v1/campaigns/1/pacing")
    assert (status, body["binding"], body["needs"]) == (
        200,
        "theta",
        ["agents: all 20 are busy, the next is free in about 6 s"],
    )
    window = {"answered": 100, "abandoned": 2, "ratio": 0.02, "limit": 0.03}
    assert body["windows"]["period"] == window | {"false_positives": 0.0, "customer_gone": 3}
    assert body["windows"]["1h"]["limit"] is None
    assert body["inputs"] == {"idle": 1, "chance": 0.01}
    status, body, _ = await ask(site, "GET", "/api/v1/campaigns/99/pacing")
    assert (status, body["code"]) == (404, "no_such_campaign")
