"""One OPTIONS request over UDP (RFC 3261, 11): does anybody speak SIP at a trunk's address, and how far is it?

It comes from a port of its own, so a provider that knows us by address and port may refuse it; a refusal is an answer.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from dataclasses import dataclass

RETRANSMIT_S = (0.0, 0.5, 1.0, 2.0)
"""Sent again as RFC 3261, 17.1.2.1 has it (T1 0.5 s)."""
WAIT_S = 4.0


@dataclass(frozen=True, slots=True)
class SipAnswer:
    """The first status line that came back, and after how long."""

    status: int
    reason: str
    after_ms: float


async def resolve(host: str, port: int) -> str:
    """The IPv4 address of a host. Raises OSError (also when the name is unknown), TimeoutError."""
    async with asyncio.timeout(WAIT_S):
        found = await asyncio.get_running_loop().getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    return str(found[0][4][0])


async def ask(address: str, port: int, *, wait_s: float = WAIT_S) -> SipAnswer | None:
    """Send OPTIONS to an address and return what comes back, or None for silence or a closed port. Raises OSError."""
    loop = asyncio.get_running_loop()
    call_id = secrets.token_hex(12)
    answered: asyncio.Future[str] = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Ear(call_id, answered), remote_addr=(address, port), family=socket.AF_INET
    )
    began_at = loop.time()
    try:
        own_host, own_port = transport.get_extra_info("sockname")
        request = _options(f"{address}:{port}", f"{own_host}:{own_port}", call_id).encode()
        async with asyncio.timeout(wait_s):
            await _send_until(transport, request, answered)
            status, _, reason = (await answered).removeprefix("SIP/2.0 ").partition(" ")
    except (TimeoutError, ConnectionError):
        return None
    finally:
        answered.cancel()
        transport.close()
    return SipAnswer(int(status), reason, round((loop.time() - began_at) * 1000, 1))


async def _send_until(transport: asyncio.DatagramTransport, request: bytes, answered: asyncio.Future[str]) -> None:
    for pause_s in RETRANSMIT_S:
        await asyncio.wait({answered}, timeout=pause_s)
        if answered.done():
            return
        transport.sendto(request)


class _Ear(asyncio.DatagramProtocol):
    """Takes the first answer to our request; anything else is not for us."""

    def __init__(self, call_id: str, answered: asyncio.Future[str]) -> None:
        self._call_id = call_id
        self._answered = answered

    def datagram_received(self, data: bytes, addr: object) -> None:
        text = data.decode("utf-8", "replace")
        line = text.partition("\r\n")[0]
        known = line.startswith("SIP/2.0 ") and line[8:11].isdecimal() and self._call_id in text
        if known and not self._answered.done():
            self._answered.set_result(line[:200])

    def error_received(self, exc: Exception) -> None:
        if not self._answered.done():
            self._answered.set_exception(ConnectionRefusedError(str(exc)))


def _options(target: str, own: str, call_id: str) -> str:
    lines = (
        f"OPTIONS sip:{target} SIP/2.0",
        f"Via: SIP/2.0/UDP {own};branch=z9hG4bK{call_id};rport",
        "Max-Forwards: 70",
        f"From: <sip:vss@{own}>;tag={call_id[:8]}",
        f"To: <sip:{target}>",
        f"Call-ID: {call_id}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:vss@{own}>",
        "Accept: application/sdp",
        "Content-Length: 0",
    )
    return "\r\n".join(lines) + "\r\n\r\n"
