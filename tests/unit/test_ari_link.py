"""When a link believes that Asterisk is away: by a clock of the test's own."""

from __future__ import annotations

import asyncio
import json

import pytest

from engine.adapters.ari.generated import operations as ari
from engine.adapters.ari.link import Counters, Limits, Link
from engine.adapters.ari.reply import Done, Lost, Reply
from engine.errors import Unavailable


class Line:
    """A WebSocket that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, str]] = []
        self.unsent_bytes = 0

    def send_text(self, payload: bytes) -> None:
        self.sent.append(json.loads(payload))


class Bench:
    """A link on a kept line; `pass_s` lets time pass and looks."""

    def __init__(self) -> None:
        self.time = 100.0
        self.line = Line()
        self.replies: list[Reply] = []
        self.link = Link("vss", Limits(5.0, 15.0), Counters(), lambda event: None, lambda: self.time)
        self.link.attach(self.line)

    def pass_s(self, seconds: float) -> None:
        self.time += seconds
        self.link.check()

    def ask(self) -> None:
        self.link.send(ari.channels_hangup("c"), self.replies.append)

    def answer(self, request: int) -> None:
        frame = {"type": "RESTResponse", "request_id": self.line.sent[request]["request_id"], "status_code": 204}
        self.link.take(json.dumps(frame).encode())

    def event(self) -> None:
        self.link.take(b'{"type":"ChannelUserevent","eventname":"vss-alive"}')

    @property
    def probes(self) -> int:
        return sum(request["uri"].startswith("events/user/") for request in self.line.sent)


@pytest.fixture
async def bench() -> Bench:
    return Bench()


async def test_request_without_an_answer_ends_the_link_after_5_seconds(bench: Bench) -> None:
    bench.ask()
    bench.pass_s(2.25)
    bench.event()
    bench.pass_s(2.5)
    assert bench.link.alive
    bench.pass_s(0.25)
    assert not bench.link.alive
    assert await bench.link.ended() == "no answer within 5 s"
    await asyncio.sleep(0)  # replies come from the loop
    assert [type(reply) for reply in bench.replies] == [Lost]


async def test_oldest_unanswered_request_tells_how_old_news_may_be(bench: Bench) -> None:
    assert bench.link.waiting_s == 0.0
    bench.ask()
    bench.pass_s(1.5)
    bench.ask()
    bench.pass_s(1.0)
    assert bench.link.waiting_s == 2.5
    bench.answer(0)
    assert bench.link.waiting_s == 1.0
    bench.answer(1)
    assert bench.link.waiting_s == 0.0


async def test_overloaded_asterisk_that_still_answers_is_not_away(bench: Bench) -> None:
    for _ in range(4):
        bench.ask()
    for request in range(3):
        bench.pass_s(4.75)
        bench.event()
        bench.answer(request)
        assert bench.link.alive
    bench.pass_s(0.75)
    assert not bench.link.alive, "no single request waits longer than 15 s"
    assert [type(reply) for reply in bench.replies] == [Done, Done, Done]


async def test_line_without_events_is_asked_for_one_and_ends_after_5_seconds(bench: Bench) -> None:
    bench.pass_s(2.25)
    assert bench.probes == 0
    bench.pass_s(0.25)
    assert bench.probes == 1
    bench.answer(0)
    bench.pass_s(2.25)
    bench.answer(1)
    assert bench.link.alive
    bench.pass_s(0.25)
    assert not bench.link.alive
    assert "no event" in await bench.link.ended()


async def test_event_of_any_kind_proves_the_line(bench: Bench) -> None:
    for _ in range(10):
        bench.pass_s(2.0)
        bench.event()
    assert bench.link.alive
    assert bench.probes == 0


async def test_ended_link_takes_no_more_requests_and_its_first_reason_stays(bench: Bench) -> None:
    bench.link.end("first")
    bench.link.end("second")
    with pytest.raises(Unavailable, match="first"):
        bench.ask()
    assert await bench.link.ended() == "first"


async def test_line_that_asterisk_does_not_read_takes_no_more_requests(bench: Bench) -> None:
    bench.line.unsent_bytes = Limits().unsent_max_bytes + 1
    with pytest.raises(Unavailable):
        bench.ask()
    assert bench.line.sent == []
