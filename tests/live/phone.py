"""A phone of a few lines for tests: registers with digest (RFC 3261, 8.1 and 22.4), answers or ignores OPTIONS."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from types import TracebackType
from typing import Self

ANSWER_S = 10.0


class Phone(asyncio.DatagramProtocol):
    """`async with Phone(...)`: a bound UDP port. `answering` False makes it silent, as a phone without power is."""

    def __init__(self, registrar: tuple[str, int], user: str, password: str) -> None:
        self._registrar = registrar
        self._user = user
        self._password = password
        self._call_id = secrets.token_hex(8)
        self._sequence = 0
        self._answers: asyncio.Queue[str] = asyncio.Queue(maxsize=32)
        self._transport: asyncio.DatagramTransport | None = None
        self.answering = True
        self.options_seen = 0
        self.port = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self.port = self._transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._transport is not None:
            self._transport.close()

    async def register(self, expires_s: int = 120) -> None:
        """Register, or unregister with 0. Raises AssertionError when the registrar refuses."""
        status, answer = await self._ask(expires_s, None)
        if status == 401:
            status, answer = await self._ask(expires_s, self._authorization(answer))
        assert status == 200, answer

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        text = data.decode("utf-8", "replace")
        if text.startswith("SIP/2.0"):
            self._answers.put_nowait(text)
        elif text.startswith("OPTIONS"):
            self.options_seen += 1
            if self.answering:
                self._send(_ok_to(text), address)

    async def _ask(self, expires_s: int, authorization: str | None) -> tuple[int, str]:
        self._sequence += 1
        host, port = self._registrar
        own = f"{self._user}@127.0.0.1:{self.port}"
        lines = [
            f"REGISTER sip:{host}:{port} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{secrets.token_hex(8)};rport",
            f"From: <sip:{self._user}@{host}>;tag={self._call_id}",
            f"To: <sip:{self._user}@{host}>",
            f"Call-ID: {self._call_id}",
            f"CSeq: {self._sequence} REGISTER",
            "Max-Forwards: 70",
            f"Contact: <sip:{own}>",
            f"Expires: {expires_s}",
            *([authorization] if authorization else []),
            "Content-Length: 0",
            "",
            "",
        ]
        self._send("\r\n".join(lines), self._registrar)
        async with asyncio.timeout(ANSWER_S):
            while True:
                answer = await self._answers.get()
                if f"CSeq: {self._sequence} REGISTER" in answer:
                    return int(answer.split(" ", 2)[1]), answer

    def _authorization(self, challenge: str) -> str:
        realm, nonce = (_quoted(challenge, name) for name in ("realm", "nonce"))
        uri, cnonce, count = f"sip:{self._registrar[0]}:{self._registrar[1]}", secrets.token_hex(8), "00000001"
        secret = _md5(f"{self._user}:{realm}:{self._password}")
        response = _md5(f"{secret}:{nonce}:{count}:{cnonce}:auth:{_md5(f'REGISTER:{uri}')}")
        return (
            f'Authorization: Digest username="{self._user}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
            f'response="{response}", algorithm=MD5, qop=auth, nc={count}, cnonce="{cnonce}"'
            + (f', opaque="{opaque}"' if (opaque := _quoted(challenge, "opaque")) else "")
        )

    def _send(self, text: str, address: tuple[str, int]) -> None:
        assert self._transport is not None
        self._transport.sendto(text.encode(), address)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _quoted(challenge: str, name: str) -> str:
    found = re.search(rf'{name}="([^"]*)"', challenge)
    return found[1] if found else ""


def _ok_to(request: str) -> str:
    kept = [line for line in request.split("\r\n") if re.match(r"(Via|From|To|Call-ID|CSeq):", line)]
    return "\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""])
