"""What `vss trunk test` sees and says: OPTIONS over a real socket, registrations, causes in plain words."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest

from engine.cli import sip_options
from engine.cli.trunk_call import TrunkCall, in_words
from engine.cli.trunk_check import Checked, registration_check
from engine.outcome.disposition import Outcome
from engine.stack.doctor import Check
from engine.trunk.cause import outcome_of


class _Provider(asyncio.DatagramProtocol):
    def __init__(self, answer: Callable[[str, int], list[str]]) -> None:
        self._answer = answer
        self.heard: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.append(data.decode())
        for text in self._answer(data.decode(), len(self.heard)):
            self._transport.sendto(text.encode(), addr)


@asynccontextmanager
async def provider(answer: Callable[[str, int], list[str]]) -> AsyncIterator[tuple[int, _Provider]]:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Provider(answer), local_addr=("127.0.0.1", 0)
    )
    try:
        yield transport.get_extra_info("sockname")[1], protocol
    finally:
        transport.close()


def reply(request: str, status: str) -> str:
    """An answer with the request's own headers, as RFC 3261, 8.2.6 has it."""
    kept = [line for line in request.split("\r\n") if line.split(":")[0] in {"Via", "From", "To", "Call-ID", "CSeq"}]
    return "\r\n".join([f"SIP/2.0 {status}", *kept, "", ""])


async def test_answer_of_any_kind_shows_that_sip_is_spoken() -> None:
    async with provider(lambda request, _: [reply(request, "403 Forbidden")]) as (port, heard):
        answer = await sip_options.ask("127.0.0.1", port)
    assert answer is not None
    assert (answer.status, answer.reason) == (403, "Forbidden")
    assert heard.heard[0].startswith(f"OPTIONS sip:127.0.0.1:{port} SIP/2.0\r\n")
    assert heard.heard[0].endswith("\r\n\r\n")


async def test_lost_request_is_sent_again() -> None:
    async with provider(lambda request, count: [reply(request, "200 OK")] if count > 1 else []) as (port, heard):
        answer = await sip_options.ask("127.0.0.1", port)
    assert answer is not None
    assert len(heard.heard) == 2
    assert heard.heard[0] == heard.heard[1]


async def test_strange_datagrams_are_not_taken_for_an_answer() -> None:
    strange = ["", "\xff\xfe", "HTTP/1.1 200 OK\r\n\r\n", "SIP/2.0 200 OK\r\nCall-ID: another\r\n\r\n", "SIP/2.0 abc x"]
    async with provider(lambda request, _: [*strange, request]) as (port, _):
        assert await sip_options.ask("127.0.0.1", port, wait_s=0.3) is None


async def test_closed_port_and_silence_are_no_answer() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        assert await sip_options.ask("127.0.0.1", port, wait_s=0.2) is None
    assert await sip_options.ask("127.0.0.1", port, wait_s=2.0) is None


async def test_unknown_name_is_an_error() -> None:
    with pytest.raises(socket.gaierror):
        await sip_options.resolve("no-such-host.invalid", 5060)


@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("sip_code", [None, 401, 404, 486, 599])
def test_every_outcome_has_words(outcome: Outcome, sip_code: int | None) -> None:
    assert in_words(outcome, 16, sip_code, ringing=False)


@pytest.mark.parametrize(
    ("cause", "sip_code", "ringing", "word"),
    [
        (17, 486, True, "busy (486)"),
        (21, 401, False, "refuses our user name or password"),
        (21, 403, False, "forbidden (403)"),
        (1, 404, False, "does not know this number"),
        (58, 488, False, "codec"),
        (34, 503, False, "no room"),
        (19, 480, True, "it rang and nobody answered"),
        (19, 480, False, "nothing came back"),
        (127, 607, False, "SIP 607"),
        (38, None, False, "cause 38"),
    ],
)
def test_causes_are_told_in_plain_words(cause: int, sip_code: int | None, ringing: bool, word: str) -> None:
    outcome = outcome_of(cause, sip_code, ringing_seen=ringing)
    assert word in in_words(outcome, cause, sip_code, ringing=ringing)


def call(outcome: Outcome, sip_code: int | None) -> TrunkCall:
    return TrunkCall("+1", outcome, 0, sip_code, False, 1.0, "")


def test_busy_person_proves_the_trunk_and_a_refusing_provider_does_not() -> None:
    assert call(Outcome.BUSY, 486).reached
    assert call(Outcome.DECLINED, 603).reached
    assert not call(Outcome.DECLINED, 403).reached
    assert not call(Outcome.UNREACHABLE, 480).reached


def test_call_that_went_through_outweighs_unanswered_options() -> None:
    silent = Check("options", False, "no answer")
    assert Checked("x", (silent,), call(Outcome.ANSWERED, None)).ok
    assert not Checked("x", (silent,), None).ok
    assert not Checked("x", (Check("options", True, ""),), call(Outcome.UNREACHABLE, None)).ok


@pytest.mark.parametrize(
    ("listed", "ok", "detail"),
    [
        ((), False, "does not know"),
        (({"ObjectName": "other-registration", "Status": "Registered"},), False, "does not know"),
        (({"ObjectName": "x-registration", "Status": "Registered", "NextReg": "284"},), True, "284 s"),
        (({"ObjectName": "x-registration", "Status": "Rejected"},), False, "rejected"),
        (({"ObjectName": "x-registration", "Status": "Unregistered"},), False, "unregistered"),
    ],
)
def test_registration_is_told_as_asterisk_sees_it(listed: tuple[dict[str, str], ...], ok: bool, detail: str) -> None:
    found = registration_check("x", listed)
    assert found.ok is ok
    assert detail in found.detail
    assert bool(found.advice) is not ok
