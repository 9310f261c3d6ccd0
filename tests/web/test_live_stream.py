"""The live stream over HTTP: snapshot, changes, resume, slow clients, the end."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from served_site import Site

from engine.http import stream
from engine.ports import LiveFrame


async def next_event(response: aiohttp.ClientResponse) -> tuple[str, int, list[dict[str, Any]]]:
    """The next event that is neither `retry` nor a comment."""
    async with asyncio.timeout(5):
        while True:
            block = (await response.content.readuntil(b"\n\n")).decode()
            fields = dict(line.split(": ", 1) for line in block.strip().split("\n") if not line.startswith(":"))
            if "data" in fields:
                return fields["event"], int(fields["id"]), json.loads(fields["data"])["changes"]


async def test_a_client_gets_a_snapshot_and_then_changes_with_rising_ids(site: Site) -> None:
    site.live.publish(LiveFrame("agent", "7001", {"state": "ready"}))
    site.live.flush()
    async with site.client.get(site.base + "/api/v1/live") as response:
        assert response.content_type == "text/event-stream"
        event, first, changes = await next_event(response)
        assert (event, changes) == ("snapshot", [{"kind": "agent", "key": "7001", "data": {"state": "ready"}}])
        site.live.publish(LiveFrame("call", "c1", {"phase": "ringing"}))
        event, second, changes = await next_event(response)
        assert (event, second, changes[0]["key"]) == ("change", first + 1, "c1")


async def test_a_client_that_comes_back_gets_exactly_what_it_missed(site: Site) -> None:
    for number in range(5):
        site.live.publish(LiveFrame("call", f"c{number}", {"phase": "ringing"}))
        site.live.flush()
    headers = {"Last-Event-ID": str(site.live.last_id - 2)}
    async with site.client.get(site.base + "/api/v1/live", headers=headers) as response:
        got = [await next_event(response), await next_event(response)]
    assert [(event, changes[0]["key"]) for event, _, changes in got] == [("change", "c3"), ("change", "c4")]


@pytest.mark.parametrize("last", ["1", "99999999999999", "abc", "-5"])
async def test_an_id_nobody_knows_gets_a_snapshot(site: Site, last: str) -> None:
    site.live.publish(LiveFrame("call", "c1", {"phase": "ringing"}))
    site.live.flush()
    async with site.client.get(site.base + "/api/v1/live", headers={"Last-Event-ID": last}) as response:
        assert (await next_event(response))[0] == "snapshot"


async def test_silence_is_filled_with_heartbeats(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.02)
    async with site.client.get(site.base + "/api/v1/live") as response:
        await next_event(response)
        async with asyncio.timeout(5):
            assert await response.content.readuntil(b"\n\n") == b": beat\n\n"


async def test_a_client_that_left_is_forgotten(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_S", 0.02)
    async with site.client.get(site.base + "/api/v1/live") as response:
        await next_event(response)
        assert site.live.clients == 1
        response.close()
    async with asyncio.timeout(5):
        while site.live.clients:
            site.live.publish(LiveFrame("call", "c1", {"phase": "ringing"}))
            await asyncio.sleep(0.01)


async def test_the_end_of_the_feed_ends_the_stream(site: Site) -> None:
    async with site.client.get(site.base + "/api/v1/live") as response:
        await next_event(response)
        site.live.close()
        async with asyncio.timeout(5):
            assert await response.content.read() == b""


async def test_a_client_that_reads_nothing_is_cut_off(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "WRITE_TIMEOUT_S", 0.2)
    async with site.client.get(site.base + "/api/v1/live") as response:
        await next_event(response)
        async with asyncio.timeout(20):
            while site.live.clients:
                site.live.publish(LiveFrame("call", "big", {"text": "x" * 1_000_000}))
                site.live.flush()
                await asyncio.sleep(0.01)
    assert site.metrics.value("vss_bounds_reached_total", bound="live_write") == 1
