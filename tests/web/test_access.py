"""Who gets in, and what every answer carries."""

from __future__ import annotations

import asyncio

import pytest
from fake_control import FakeControl
from served_site import TOKEN, Site

from engine.adapters.telemetry import PrometheusMetrics
from engine.errors import ConfigError
from engine.http.app import all_routes, build_app
from engine.http.exchange import plain_path
from engine.http.live import LiveHub


def concrete(path: str) -> str:
    return plain_path(path).replace("{id}", "1").replace("{slot}", "7001").replace("{change}", "start")


PRIVATE = [(route.method, concrete(route.path)) for route in all_routes() if not route.public]
OPEN = {"/healthz", "/readyz", "/", "/docs"}


def test_only_health_and_pages_are_open() -> None:
    opened = {route.path for route in all_routes() if route.public}
    assert {path for path in opened if not path.startswith("/page/")} == OPEN


@pytest.mark.parametrize(("method", "path"), PRIVATE)
@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}",
     "Bearer \u00e9"],
)  # fmt: skip
async def test_every_private_route_refuses_a_missing_or_wrong_token(
    site: Site, method: str, path: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    async with site.stranger.request(method, site.base + path, headers=headers) as response:
        problem = await response.json(content_type="application/problem+json")
        assert (response.status, problem["code"]) == (401, "unauthorized")
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert site.control.asked == []


async def test_a_token_in_the_address_is_no_token(site: Site) -> None:
    async with site.stranger.get(
        site.base + "/api/v1/calls", params={"token": TOKEN, "access_token": TOKEN}
    ) as response:
        assert response.status == 401


TRICKS = "/api/v1/nothing /api /api/v2/calls /api/v1/calls/../campaigns /%61pi/v1/calls //api/v1/calls /api/v1/calls/"


@pytest.mark.parametrize("path", TRICKS.split())
async def test_tricks_with_the_path_open_nothing(site: Site, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(site.base.rsplit(":", 1)[1]))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    raw = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert raw.split(b" ")[1] in {b"401", b"404"}
    assert site.control.asked == []


async def test_every_answer_has_a_request_id_and_security_headers(site: Site) -> None:
    for path in ("/", "/docs", "/healthz", "/metrics", "/openapi.json", "/api/v1/calls", "/nothing"):
        async with site.client.get(site.base + path) as response:
            assert len(response.headers["X-Request-ID"]) >= 8, path
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert "script-src 'self'" in response.headers["Content-Security-Policy"]
            assert "unsafe" not in response.headers["Content-Security-Policy"]
            assert "aiohttp" not in response.headers["Server"]


async def test_a_callers_request_id_is_kept_when_it_is_harmless(site: Site) -> None:
    async with site.client.get(site.base + "/healthz", headers={"X-Request-ID": "trace-12345678"}) as response:
        assert response.headers["X-Request-ID"] == "trace-12345678"
    for odd in ("short", "x" * 65, "<script>alert(1)</script>"):
        async with site.client.get(site.base + "/healthz", headers={"X-Request-ID": odd}) as response:
            assert response.headers["X-Request-ID"] != odd


async def test_an_oversized_header_is_refused(site: Site) -> None:
    async with site.stranger.get(site.base + "/healthz", headers={"X-Big": "a" * 20000}) as response:
        assert response.status == 400


def test_a_short_token_is_refused_at_the_start(control: FakeControl) -> None:
    metrics = PrometheusMetrics(process=False)
    with pytest.raises(ConfigError):
        build_app(control, LiveHub(metrics, 1), "short", metrics, metrics.exposition)
