"""The live hub: coalescing, bounds, resume."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.adapters.telemetry import PrometheusMetrics
from engine.errors import Rejected
from engine.http import live
from engine.http.live import LiveHub
from engine.ports import LiveFrame


def hub(interval_s: float = 0.05) -> LiveHub:
    return LiveHub(PrometheusMetrics(strict=True, process=False), 100, interval_s=interval_s)


def events(raw: bytes) -> list[tuple[int, str, list[dict[str, Any]]]]:
    found = []
    for block in raw.decode().strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])["changes"]))
    return found


async def test_many_changes_of_one_key_become_one_frame_with_the_newest() -> None:
    feed = hub(interval_s=60)
    for number in range(1000):
        feed.publish(LiveFrame("agent", "7001", {"n": number}))
    feed.flush()
    assert events(feed.since(100)[1]) == [(101, "change", [{"kind": "agent", "key": "7001", "data": {"n": 999}}])]
    feed.close()


async def test_frames_come_at_most_once_per_interval() -> None:
    feed = hub(interval_s=0.1)
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() < began + 0.55:
        feed.publish(LiveFrame("call", "c", {"at": loop.time()}))
        await asyncio.sleep(0.002)
    took_s = loop.time() - began
    assert 1 <= feed.last_id - 100 <= took_s / 0.1 + 1
    feed.close()


async def test_an_empty_frame_takes_its_key_out_of_the_snapshot() -> None:
    feed = hub()
    feed.publish(LiveFrame("call", "c1", {"phase": "talking"}))
    feed.flush()
    feed.publish(LiveFrame("call", "c1", {}))
    feed.flush()
    assert events(feed.snapshot()) == [(102, "snapshot", [])]
    assert events(feed.since(101)[1])[0][2] == [{"kind": "call", "key": "c1", "data": {}}]


async def test_who_fell_behind_the_ring_gets_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "RING_FRAMES", 3)
    feed = hub()
    slow = feed.subscribe(None)
    assert events(await slow.read(1) or b"")[0][1] == "snapshot"
    for number in range(10):
        feed.publish(LiveFrame("call", f"c{number}", {"n": number}))
        feed.flush()
    [(last, event, changes)] = events(await slow.read(1) or b"")
    assert (last, event, len(changes)) == (110, "snapshot", 10)
    slow.close()


async def test_exactly_the_frames_in_the_ring_can_be_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "RING_FRAMES", 3)
    feed = hub()
    for number in range(10):
        feed.publish(LiveFrame("call", f"c{number}", {"n": number}))
        feed.flush()
    assert [event_id for event_id, _, _ in events(feed.since(107)[1])] == [108, 109, 110]
    assert [event for _, event, _ in events(feed.since(106)[1])] == ["snapshot"]


async def test_the_ring_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "RING_BYTES", 10_000)
    feed = hub()
    for _ in range(50):
        feed.publish(LiveFrame("call", "c", {"text": "x" * 1000}))
        feed.flush()
    assert feed._ring_bytes <= 10_000
    assert feed._ring_bytes == sum(len(entry.sse) for entry in feed._ring)


async def test_keys_are_bounded_and_reaching_the_bound_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "KEYS_MAX", 5)
    metrics = PrometheusMetrics(strict=True, process=False)
    feed = LiveHub(metrics, 1)
    for number in range(8):
        feed.publish(LiveFrame("call", f"c{number}", {"n": number}))
    feed.flush()
    feed.publish(LiveFrame("call", "new", {"n": 1}))
    feed.flush()
    assert len(events(feed.snapshot())[0][2]) == 5
    assert metrics.value("vss_bounds_reached_total", bound="live_pending") == 3
    assert metrics.value("vss_bounds_reached_total", bound="live_state") == 1


async def test_a_frame_that_is_not_json_costs_only_itself() -> None:
    feed = hub()
    loop: dict[str, Any] = {}
    loop["self"] = loop
    feed.publish(LiveFrame("call", "bad", loop))
    feed.publish(LiveFrame("call", "good", {"n": 1}))
    feed.flush()
    assert [change["key"] for change in events(feed.since(100)[1])[0][2]] == ["good"]


async def test_clients_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "CLIENTS_MAX", 1)
    feed = hub()
    first = feed.subscribe(None)
    with pytest.raises(Rejected) as refused:
        feed.subscribe(None)
    assert refused.value.status == 429
    first.close()
    first.close()
    feed.subscribe(None).close()
    assert feed.clients == 0


async def test_one_client_leaving_does_not_wake_or_break_the_others() -> None:
    feed = hub()
    one, two = feed.subscribe(100), feed.subscribe(100)
    waiting = asyncio.create_task(one.read(30))
    staying = asyncio.create_task(two.read(30))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    feed.publish(LiveFrame("call", "c", {"n": 1}))
    assert events(await staying or b"")[0][0] == 101
    one.close()
    two.close()


KEYS = st.sampled_from(["a", "b", "c", "d"])


@pytest.fixture(scope="module")
def short_ring() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(live, "RING_FRAMES", 2)
        yield


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.one_of(st.tuples(KEYS, st.integers(0, 5)), st.just("flush"), st.just("read"), st.just("cut")), max_size=40
    )
)
async def test_whatever_a_client_misses_it_ends_up_with_the_publishers_state(
    short_ring: None, steps: list[Any]
) -> None:
    """A client that reads at any time, is cut off and resumes, holds in the end what was published; ids only rise."""
    feed = LiveHub(PrometheusMetrics(process=False), 0, interval_s=60)
    client = feed.subscribe(None)
    truth: dict[str, dict[str, int]] = {}
    held: dict[str, dict[str, int]] = {}
    last_id = 0

    async def read() -> int:
        seen = last_id
        for event_id, event, changes in events(await client.read(0) or b'id: 0\nevent: none\ndata: {"changes":[]}'):
            if event == "snapshot":
                held.clear()
            assert event_id >= seen or event == "none"
            seen = max(seen, event_id)
            for change in changes:
                if change["data"]:
                    held[change["key"]] = change["data"]
                else:
                    held.pop(change["key"], None)
        return seen

    for step in [*steps, "flush", "read"]:
        if step == "flush":
            feed.flush()
        elif step == "read":
            last_id = await read()
        elif step == "cut":
            client.close()
            client = feed.subscribe(last_id or None)
        else:
            key, number = step
            data = {"n": number} if number else {}
            feed.publish(LiveFrame("call", key, data))
            if data:
                truth[key] = data
            else:
                truth.pop(key, None)
    assert held == truth
    client.close()
    feed.close()
