"""Who gets in, and what every answer carries."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from fake_control import FakeControl
from served_site import TOKEN, Site

from engine.adapters.telemetry import PrometheusMetrics
from engine.errors import ConfigError
from engine.fakes.scripts import FakeScripts
from engine.http import app
from engine.http.live import LiveHub
from engine.http.route import plain_path
from engine.runtime.scripts import ScriptDesk

NO_SCRIPTS = ScriptDesk(FakeScripts())


def concrete(path: str) -> str:
    return plain_path(path).replace("{id}", "1").replace("{slot}", "7001").replace("{change}", "start")


PRIVATE = [(route.method, concrete(route.path)) for route in app.all_routes() if not route.public]
OPEN = {"/healthz", "/readyz", "/", "/docs"}


def test_only_health_and_pages_are_open() -> None:
    opened = {route.path for route in app.all_routes() if route.public}
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
        app.build_app(control, LiveHub(metrics, 1), NO_SCRIPTS, "short", metrics, metrics.exposition)


async def test_who_sends_no_whole_request_head_is_cut_off(
    control: FakeControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "HEADER_TIMEOUT_S", 0.1)
    metrics = PrometheusMetrics(process=False)
    served = app.build_app(control, LiveHub(metrics, 1), NO_SCRIPTS, TOKEN, metrics, metrics.exposition)
    async with app.serve(served, "127.0.0.1", 0) as port:
        for beginning in (b"", b"GET /healthz HT", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(beginning)
            assert await asyncio.wait_for(reader.read(), 5) == b""
            writer.close()


async def test_what_is_not_http_is_answered_400_without_our_insides(site: Site) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(site.base.rsplit(":", 1)[1]))
    writer.write(b"\x16\x03\x01 no http at all\r\n\r\n")
    raw = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert raw.startswith(b"HTTP/1.")
    assert b" 400 " in raw.split(b"\r\n")[0]
    assert b"Traceback" not in raw


async def test_an_address_that_is_taken_is_an_error_that_leaves_nothing_open(site: Site, control: FakeControl) -> None:
    metrics = PrometheusMetrics(process=False)
    served = app.build_app(control, LiveHub(metrics, 1), NO_SCRIPTS, TOKEN, metrics, metrics.exposition)
    with pytest.raises(OSError, match="in use"):
        async with app.serve(served, "127.0.0.1", int(site.base.rsplit(":", 1)[1])):
            pass


async def test_after_the_end_no_task_and_no_stream_is_left(control: FakeControl) -> None:
    before = len(asyncio.all_tasks())
    metrics = PrometheusMetrics(process=False)
    hub = LiveHub(metrics, 1)
    served = app.build_app(control, hub, NO_SCRIPTS, TOKEN, metrics, metrics.exposition)
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        async with app.serve(served, "127.0.0.1", 0) as port:
            streams = [await client.get(f"http://127.0.0.1:{port}/api/v1/live") for _ in range(5)]
            assert hub.clients == 5
        assert hub.clients == 0
        for stream in streams:
            stream.close()
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) <= before
