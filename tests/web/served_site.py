"""What the web tests hold in their hands: a served edge, its fake Control and two clients."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp
from fake_control import FakeControl

from engine.adapters.telemetry import PrometheusMetrics
from engine.http.control import Control
from engine.http.live import LiveHub

TOKEN = "a-token-only-these-tests-know-0123456789"


@dataclass
class Site:
    """One served engine edge."""

    base: str
    control: FakeControl
    live: LiveHub
    metrics: PrometheusMetrics
    client: aiohttp.ClientSession
    """Sends the token."""
    stranger: aiohttp.ClientSession
    """Sends none."""

    def as_control(self) -> Control:
        """mypy's proof that the fake is a Control."""
        return self.control
