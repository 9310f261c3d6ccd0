"""Commands of the core as ARI requests, and answers of ARI as failures of the core."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.adapters.ari.link import Limits
from engine.adapters.ari.music import AGAIN_AFTER_S
from engine.adapters.ari.socket import AriSettings
from engine.adapters.ari.telephony import AriTelephony, endpoint_name, request
from engine.call.commands import (
    Answer,
    Continue,
    CreateBridge,
    DestroyBridge,
    HangUp,
    Join,
    Originate,
    Play,
    SetVariable,
    StartMusic,
    StopMusic,
    StopPlay,
    TelephonyCommand,
)
from engine.call.events import CommandFailed, Failure
from engine.errors import Unavailable
from engine.ids import BridgeId, ChannelId, PlaybackId
from engine.runtime.steady import SteadyClock
from tests.eventually import until
from tests.unit.ari_server import AriServer, agree

C, B, P = ChannelId("c"), BridgeId("b"), PlaybackId("p")
DIAL = Originate(C, "PJSIP/+1200@carrier", "vss-customer", "s", "+1999", 20, (("A", "b"),))


@pytest.mark.parametrize(
    ("command", "method", "path", "query"),
    [
        (HangUp(C, 17), "DELETE", "channels/c", {"reason_code": "17"}),
        (Answer(C), "POST", "channels/c/answer", {}),
        (CreateBridge(B, "n"), "POST", "bridges/b", {"type": "mixing", "name": "n"}),
        (DestroyBridge(B), "DELETE", "bridges/b", {}),
        (Join(B, C), "POST", "bridges/b/addChannel", {"channel": "c"}),
        (StartMusic(C, "calm"), "POST", "channels/c/moh", {"mohClass": "calm"}),
        (StopMusic(C), "DELETE", "channels/c/moh", {}),
        (
            Play(C, P, ("sound:a", "sound:b"), "de"),
            "POST",
            "channels/c/play/p",
            {"media": "sound:a,sound:b", "lang": "de"},
        ),
        (StopPlay(P), "DELETE", "playbacks/p", {}),
        (SetVariable(C, "N", "v"), "POST", "channels/c/variable", {"variable": "N", "value": "v"}),
        (Continue(C), "POST", "channels/c/continue", {}),
    ],
)
def test_command_is_this_request(command: TelephonyCommand, method: str, path: str, query: dict[str, str]) -> None:
    asked = request(command, "vss")
    assert (asked.method, asked.path, dict(asked.query)) == (method, path, query)


def test_originate_goes_into_the_dialplan_and_never_straight_into_the_application() -> None:
    asked = request(DIAL, "vss")
    query = dict(asked.query)
    assert asked.path == "channels/c"
    assert query == {
        "endpoint": "PJSIP/+1200@carrier",
        "context": "vss-customer",
        "extension": "s",
        "priority": "1",
        "callerId": "+1999",
        "timeout": "20",
    }
    assert asked.body == {"variables": {"A": "b"}}


@pytest.mark.parametrize(
    ("dialed", "endpoint"),
    [
        ("PJSIP/+1200@carrier", "PJSIP/carrier"),
        ("PJSIP/7001", "PJSIP/7001"),
        ("PJSIP/carrier/sip:x@127.0.0.1:5060", "PJSIP/carrier"),
    ],
)
def test_endpoint_of_a_dial_string(dialed: str, endpoint: str) -> None:
    assert endpoint_name(dialed) == endpoint


class Desk:
    """A telephony connected to a scripted server, and what failed."""

    def __init__(self, server: AriServer, **limits: Any) -> None:
        self.failures: list[CommandFailed] = []
        settings = AriSettings(server.url, "u", "p", "vss", limits=Limits(**limits))
        self.telephony = AriTelephony(settings, SteadyClock(), trunks=["carrier"], random=lambda: 0.0)

    async def __aenter__(self) -> Desk:
        self._task = asyncio.create_task(self.telephony.run(lambda event: None))
        await until(lambda: self.telephony.connected)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def do(self, *commands: TelephonyCommand) -> None:
        for command in commands:
            self.telephony.perform(command, self.failures.append)


@pytest.fixture
async def server() -> AsyncIterator[AriServer]:
    async with AriServer() as opened:
        yield opened


@pytest.mark.parametrize(
    ("command", "status", "body", "failure"),
    [
        (HangUp(C), 404, "", Failure.GONE),
        (StartMusic(C), 412, "", Failure.GONE),
        (Join(B, C), 400, '{"message":"Channel not found"}', Failure.GONE),
        (Join(B, C), 422, "", Failure.GONE),
        (Join(B, C), 400, '{"message":"bad role"}', Failure.REFUSED),
        (Play(C, P, ("x",)), 422, "", Failure.REFUSED),
        (DIAL, 500, '{"error":"Allocation failed"}', Failure.REFUSED),
        (DIAL, 409, "", None),
        (CreateBridge(B, "n"), 409, "", None),
        (DestroyBridge(B), 409, "", Failure.GONE),
    ],
)
async def test_refusal_means_this(
    server: AriServer, command: TelephonyCommand, status: int, body: str, failure: Failure | None
) -> None:
    async with Desk(server) as desk:
        server.answer = lambda asked: (status, body)
        desk.do(command, SetVariable(C, "last", ""))
        await until(lambda: any(failed.command == SetVariable(C, "last", "") for failed in desk.failures))
    told = [failed.failure for failed in desk.failures if failed.command is command]
    assert told == ([] if failure is None else [failure])


async def test_command_without_a_socket_fails_later_from_the_loop(server: AriServer) -> None:
    desk = Desk(server)
    desk.do(HangUp(C))
    assert desk.failures == []
    await until(lambda: bool(desk.failures))
    assert desk.failures[0].failure is Failure.NOT_SENT


async def test_commands_on_their_way_when_the_socket_breaks_are_told_as_timed_out(server: AriServer) -> None:
    async with Desk(server) as desk:
        server.answer = lambda asked: None if server.connections == 1 else agree(asked)
        desk.do(DIAL)
        await until(lambda: bool(server.asked("POST", "channels/c")))
        await server.hang_up()
        await until(lambda: bool(desk.failures))
    assert [failed.failure for failed in desk.failures] == [Failure.TIMED_OUT]
    assert len(server.asked("POST", "channels/c")) == 1


async def test_first_dial_of_an_endpoint_subscribes_to_it_before_and_only_once(server: AriServer) -> None:
    seat = Originate(ChannelId("s"), "PJSIP/7001", "vss-agent", "s", "", 20)
    async with Desk(server) as desk:
        server.requests.clear()
        desk.do(seat, seat, DIAL)
        await until(lambda: len(server.requests) == 4)
        await server.hang_up()
        await until(lambda: server.connections == 2 and desk.telephony.connected)
    uris = [asked["uri"] for asked in server.requests]
    assert uris[:4] == ["applications/vss/subscription", "channels/s", "channels/s", "channels/c"]
    again = [asked["query_strings"][0]["value"] for asked in server.asked("POST", "applications/vss/subscription")][1:]
    assert sorted(again) == ["endpoint:PJSIP/7001", "endpoint:PJSIP/carrier"]


async def test_subscription_that_was_refused_is_asked_for_again(server: AriServer) -> None:
    seat = Originate(ChannelId("s"), "PJSIP/7001", "vss-agent", "s", "", 20)
    async with Desk(server) as desk:
        server.requests.clear()
        server.answer = lambda asked: (422, "") if "subscription" in asked["uri"] else (500, "")
        desk.do(seat)
        await until(lambda: bool(desk.failures))
        desk.do(seat)
        await until(lambda: len(desk.failures) == 2)
    assert len(server.asked("POST", "applications/vss/subscription")) == 2


async def test_busy_socket_still_hangs_up_when_it_dials_no_more(server: AriServer) -> None:
    async with Desk(server, requests_max=10) as desk:
        server.answer = lambda asked: None
        desk.do(*(HangUp(C) for _ in range(6)))
        desk.do(DIAL, HangUp(C))
        await until(lambda: bool(desk.failures))
        await until(lambda: len(server.asked("DELETE", "channels/c")) == 7)
        assert [(failed.command, failed.failure) for failed in desk.failures] == [(DIAL, Failure.NOT_SENT)]
        assert not server.asked("POST", "channels/c")


def stops(server: AriServer) -> int:
    return len(server.asked("DELETE", "channels/c/moh"))


async def test_stop_of_music_is_said_again_because_asterisk_may_lose_it(server: AriServer) -> None:
    async with Desk(server) as desk:
        server.answer = lambda asked: (404, "")
        desk.do(StopMusic(C))
        await until(lambda: stops(server) == 1 + len(AGAIN_AFTER_S))
        assert [failed.command for failed in desk.failures] == [StopMusic(C)]


@pytest.mark.parametrize("then", [StartMusic(C), Play(C, P, ("x",)), HangUp(C)], ids=lambda then: type(then).__name__)
async def test_stop_of_music_does_not_end_what_the_leg_hears_next(server: AriServer, then: TelephonyCommand) -> None:
    other = ChannelId("other")
    async with Desk(server) as desk:
        desk.do(StopMusic(C), then, StopMusic(other))
        await until(lambda: len(server.asked("DELETE", "channels/other/moh")) == 1 + len(AGAIN_AFTER_S))
        assert stops(server) == 1


async def test_takeover_ends_run_with_unavailable(server: AriServer) -> None:
    async with Desk(server) as desk:
        await server.send({"type": "ApplicationReplaced"})
        with pytest.raises(Unavailable):
            await asyncio.wait_for(asyncio.shield(desk._task), 5)
