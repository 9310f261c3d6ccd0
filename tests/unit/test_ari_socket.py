"""The ARI socket: begins with a snapshot, bounds everything it waits for, comes back by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from engine.adapters.ari import wire
from engine.adapters.ari.generated import models
from engine.adapters.ari.generated import operations as ari
from engine.adapters.ari.link import Limits
from engine.adapters.ari.reply import Done, Gone, Lost, Refused, Reply
from engine.adapters.ari.socket import AriSettings, AriSocket, ReplacedByAnother
from engine.errors import Unavailable
from tests.eventually import until
from tests.unit.ari_server import AriServer, agree


class Story:
    """A listener that writes down what it hears."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def restored(self, channels: list[models.Channel], bridges: list[models.Bridge]) -> None:
        self.told.append(("restored", len(channels), len(bridges)))

    def received(self, event: wire.Event) -> None:
        self.told.append(event)

    def lost(self, reason: str) -> None:
        self.told.append(("lost", reason))

    def times(self, word: str) -> int:
        return len([told for told in self.told if isinstance(told, tuple) and told[0] == word])


class Naps:
    """A sleep that takes no time and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked_s: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked_s.append(seconds)
        await asyncio.sleep(0)


def digit(channel: str, key: str) -> dict[str, Any]:
    return {"type": "ChannelDtmfReceived", "channel": {"id": channel}, "digit": key, "timestamp": "t"}


def settings(server: AriServer, **changes: Any) -> AriSettings:
    return replace(AriSettings(server.url, "user", "secret", "vss"), **changes)


@asynccontextmanager
async def running(socket: AriSocket, story: Story) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(socket.run(story))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def server() -> AsyncIterator[AriServer]:
    async with AriServer() as opened:
        yield opened


def socket_to(server: AriServer, *, sleep: Callable[[float], Any] | None = None, **changes: Any) -> AriSocket:
    return AriSocket(
        settings(server, **changes), ["PJSIP/carrier"], random=lambda: 1.0, sleep=sleep if sleep is not None else Naps()
    )


async def test_connection_begins_with_filter_subscription_and_snapshot(server: AriServer) -> None:
    socket, story = socket_to(server), Story()
    async with running(socket, story):
        await until(lambda: socket.connected)
    asked = [(request["method"], request["uri"]) for request in server.requests]
    assert asked[0] == ("PUT", "applications/vss/eventFilter")
    assert asked[1] == ("POST", "applications/vss/subscription")
    assert set(asked[2:]) == {("GET", "channels"), ("GET", "bridges")}
    assert '"RESTResponse"' in server.requests[0]["message_body"]
    assert server.requests[1]["query_strings"] == [{"name": "eventSource", "value": "endpoint:PJSIP/carrier"}]
    assert server.authorization == "Basic dXNlcjpzZWNyZXQ="


async def test_events_before_the_snapshot_are_told_after_it_and_in_order(server: AriServer) -> None:
    held: list[dict[str, Any]] = []

    def slow(request: dict[str, Any]) -> tuple[int, str] | None:
        if request["uri"] == "bridges" and not held:
            held.append(request)
            return None
        return agree(request)

    server.answer = slow
    socket, story = socket_to(server), Story()
    async with running(socket, story):
        await until(lambda: bool(held))
        for key in "123":
            await server.send(digit("c", key))
        with pytest.raises(Unavailable):
            socket.send(ari.bridges_list(), print)
        assert story.told == []
        assert not socket.connected
        answer = {"type": "RESTResponse", "request_id": held[0]["request_id"], "status_code": 200}
        await server.send({**answer, "message_body": "[]"})
        await server.send(digit("c", "4"))
        await until(lambda: len(story.told) == 5)
    assert story.told[0] == ("restored", 0, 0)
    assert [event.digit for event in story.told[1:]] == ["1", "2", "3", "4"]


async def test_more_events_than_the_buffer_holds_start_the_connection_over(server: AriServer) -> None:
    server.answer = lambda request: None if request["uri"] == "bridges" and server.connections == 1 else agree(request)
    socket, story = socket_to(server, buffer_max=10), Story()
    async with running(socket, story):
        await until(lambda: bool(server.asked("GET", "bridges")))
        for _ in range(11):
            await server.send(digit("c", "1"))
        await until(lambda: socket.connected)
    assert server.connections == 2
    assert story.told == [("restored", 0, 0)]


async def test_lost_connection_comes_back_with_a_snapshot(server: AriServer) -> None:
    socket, story = socket_to(server), Story()
    async with running(socket, story):
        await until(lambda: socket.connected)
        await server.hang_up()
        await until(lambda: story.times("restored") == 2)
        assert socket.connected
    assert [told[0] for told in story.told] == ["restored", "lost", "restored"]
    assert socket.counters.losses == 1


async def test_waits_between_attempts_double_up_to_a_limit_with_full_jitter(server: AriServer) -> None:
    naps = Naps()
    draws = iter([0.5, 1.0, 0.25, 1.0, 1.0, 1.0])
    socket = AriSocket(
        AriSettings("http://127.0.0.1:1/ari", "u", "p", "vss", backoff_base_s=0.1, backoff_max_s=1.0),
        [],
        random=lambda: next(draws),
        sleep=naps,
    )
    task = asyncio.create_task(socket.run(Story()))
    await until(lambda: len(naps.asked_s) == 6)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert naps.asked_s == pytest.approx([0.1, 0.4, 0.2, 1.0, 1.0, 1.0])


async def test_takeover_by_another_client_is_fatal(server: AriServer) -> None:
    socket, story = socket_to(server), Story()
    async with running(socket, story) as task:
        await until(lambda: socket.connected)
        await server.send({"type": "ApplicationReplaced", "application": "vss"})
        with pytest.raises(ReplacedByAnother):
            await asyncio.wait_for(asyncio.shield(task), 5)
    assert not socket.connected
    assert server.connections == 1
    assert story.times("lost") == 1


async def test_takeover_by_a_late_connection_of_our_own_is_not(server: AriServer) -> None:
    """After a handshake that timed out Asterisk may serve that one last."""
    server.stalled = True
    socket, story = socket_to(server, connect_timeout_s=0.05, ghosts_s=0.5), Story()
    async with running(socket, story) as task:
        await until(lambda: server.connections >= 2)
        server.stalled = False
        await until(lambda: socket.connected)
        await server.send({"type": "ApplicationReplaced", "application": "vss"})
        await until(lambda: story.times("restored") == 2)
        await asyncio.sleep(0.5)
        await server.send({"type": "ApplicationReplaced", "application": "vss"})
        with pytest.raises(ReplacedByAnother):
            await asyncio.wait_for(asyncio.shield(task), 5)


@pytest.mark.parametrize("refused", ["applications/vss/eventFilter", "channels"])
async def test_connection_that_cannot_be_restored_is_tried_again(server: AriServer, refused: str) -> None:
    def first_time_refuses(request: dict[str, Any]) -> tuple[int, str] | None:
        return (500, "") if request["uri"] == refused and server.connections == 1 else agree(request)

    server.answer = first_time_refuses
    socket, story = socket_to(server), Story()
    async with running(socket, story):
        await until(lambda: socket.connected)
    assert server.connections == 2
    assert story.told == [("restored", 0, 0)]


async def test_snapshot_that_cannot_be_read_is_tried_again(server: AriServer) -> None:
    server.answer = lambda request: (
        (200, '[{"no": "id"}]') if request["uri"] == "channels" and server.connections == 1 else agree(request)
    )
    socket, story = socket_to(server), Story()
    async with running(socket, story):
        await until(lambda: socket.connected)
    assert server.connections == 2


async def test_trunk_that_asterisk_does_not_know_does_not_keep_the_socket_away(server: AriServer) -> None:
    server.answer = lambda request: (422, "") if "subscription" in request["uri"] else agree(request)
    socket, story = socket_to(server), Story()
    async with running(socket, story):
        await until(lambda: socket.connected)
    assert server.connections == 1


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, '{"a":1}', Done(200, '{"a":1}')),
        (204, "", Done(204, "")),
        (404, '{"message":"Channel not found"}', Gone(404, "Channel not found")),
        (409, '{"message":"not in Stasis"}', Gone(409, "not in Stasis")),
        (412, "", Gone(412, "")),
        (500, '{"error":"Allocation failed"}', Refused(500, "Allocation failed")),
        (400, "no json", Refused(400, "")),
    ],
)
async def test_every_answer_is_a_value(server: AriServer, status: int, body: str, expected: Reply) -> None:
    socket, story = socket_to(server), Story()
    async with running(socket, story):
        await until(lambda: socket.connected)
        server.answer = lambda request: (status, body)
        assert await socket.call(ari.channels_hangup("c")) == expected


async def test_requests_without_an_answer_are_lost_and_the_link_ends(server: AriServer) -> None:
    socket, story = socket_to(server, limits=Limits(away_after_s=0.2)), Story()
    async with running(socket, story):
        await until(lambda: socket.connected)
        server.answer = lambda request: None if server.connections == 1 else agree(request)
        replies: list[Reply] = []
        for _ in range(3):
            socket.send(ari.channels_hangup("c"), replies.append)
        await until(lambda: len(replies) == 3)
        await until(lambda: server.connections == 2)
    assert all(isinstance(reply, Lost) for reply in replies)
    assert socket.counters.requests_lost >= 3
    assert story.times("lost") == 1


async def test_quiet_line_proves_itself_with_an_event_of_its_own(server: AriServer) -> None:
    socket, story = socket_to(server, limits=Limits(away_after_s=0.2)), Story()
    async with running(socket, story):
        await until(lambda: socket.connected)
        await asyncio.sleep(0.6)
        assert socket.connected
    assert server.connections == 1
    assert story.times("lost") == 0


async def test_socket_that_answers_but_hears_no_events_is_given_up(server: AriServer) -> None:
    socket, story = socket_to(server, limits=Limits(away_after_s=0.2)), Story()
    async with running(socket, story):
        await until(lambda: socket.connected)
        server.deaf = True
        await until(lambda: story.times("lost") == 1)
        await until(lambda: server.connections == 3)
        assert not socket.connected
        server.deaf = False
        await until(lambda: socket.connected)
    lost = next(told for told in story.told if told[0] == "lost")
    assert "no event" in lost[1]


async def test_more_requests_than_allowed_are_refused_loudly(server: AriServer) -> None:
    socket, story = socket_to(server, limits=Limits(requests_max=5)), Story()
    async with running(socket, story):
        await until(lambda: socket.connected)
        server.answer = lambda request: None
        for _ in range(5):
            socket.send(ari.bridges_list(), lambda reply: None)
        assert socket.load == 1.0
        with pytest.raises(Unavailable):
            socket.send(ari.bridges_list(), lambda reply: None)
    assert socket.counters.requests_rejected == 1


async def test_fault_in_the_handling_of_one_event_does_not_stop_the_others(server: AriServer) -> None:
    class Faulty(Story):
        def received(self, event: wire.Event) -> None:
            super().received(event)
            raise RuntimeError("a bug")

    socket, story = socket_to(server), Faulty()
    async with running(socket, story):
        await until(lambda: socket.connected)
        await server.send(digit("c", "1"))
        await server.send(digit("c", "2"))
        await until(lambda: len(story.told) == 3)
        assert socket.connected
    assert socket.counters.events_failed == 2


async def test_unknown_events_and_garbage_pass_by(server: AriServer) -> None:
    socket, story = socket_to(server), Story()
    async with running(socket, story):
        await until(lambda: socket.connected)
        await server.send({"type": "SomethingOfAsterisk30", "x": [1]})
        await server.send({"type": "StasisStart", "channel": 7})
        await server.send({"type": "RESTResponse", "request_id": "never asked", "status_code": 200})
        await server.send(digit("c", "1"))
        await until(lambda: len(story.told) == 2)
    assert socket.counters.events_unknown == 2


async def test_cancelled_socket_closes_its_connection_and_loses_no_caller(server: AriServer) -> None:
    socket, story = socket_to(server), Story()
    replies: list[Reply] = []
    async with running(socket, story):
        await until(lambda: socket.connected)
        server.answer = lambda request: None
        socket.send(ari.bridges_list(), replies.append)
    await until(lambda: len(replies) == 1)
    assert isinstance(replies[0], Lost)
    with pytest.raises(Unavailable):
        socket.send(ari.bridges_list(), replies.append)
