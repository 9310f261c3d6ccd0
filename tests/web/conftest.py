"""A served application over a fake Control, and a client that has the token."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from fake_control import Agent, FakeControl, Overview, Stats, campaign
from served_site import TOKEN, Site

from engine.adapters.telemetry import PrometheusMetrics
from engine.fakes.scripts import FakeScripts
from engine.http.app import build_app, serve
from engine.http.live import LiveHub
from engine.runtime.scripts import ScriptDesk


@pytest.fixture
def control() -> FakeControl:
    fake = FakeControl()
    fake.overviews[1] = Overview(campaign(1, "Spring"), Stats({"new": 90, "done": 30}, 34, {"answered": 21, "busy": 9}))
    fake.seats[7001] = Agent(7001, "Anna", "sales", "offline", 1000.0)
    return fake


@pytest.fixture
def scripts() -> ScriptDesk:
    return ScriptDesk(FakeScripts())


@pytest.fixture
async def site(control: FakeControl, scripts: ScriptDesk) -> AsyncIterator[Site]:
    metrics = PrometheusMetrics(strict=True)
    live = LiveHub(metrics, first_id=1000, interval_s=0.05)
    app = build_app(control, live, scripts, TOKEN, metrics, metrics.exposition)
    async with (
        serve(app, "127.0.0.1", 0) as port,
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as client,
        aiohttp.ClientSession() as stranger,
    ):
        yield Site(f"http://127.0.0.1:{port}", control, live, metrics, client, stranger)
