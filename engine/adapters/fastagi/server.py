"""The FastAGI server: answers the dialplan's question "who is this number, and where should it go".

One connection is one question: a header block, a look-up, a few SET VARIABLE commands, the end. The dialplan gives
the whole answer 5 s (TIMEOUT(absolute) in vss-inbound) and sends the call to its fallback when VSS_TARGET stays
empty, so a fault here never leaves a caller in silence. Commands go one by one: Asterisk polls the socket, and a
second command that it has already buffered would wait for the next byte (res_agi.c, run_agi).
"""

from __future__ import annotations

import asyncio
import re
import time
from types import TracebackType
from typing import Self

import structlog

from engine.adapters.fastagi.answer import (
    Reply,
    UnsafeVariable,
    Variable,
    for_route,
    for_unknown_number,
    reply_of,
    set_variable,
)
from engine.adapters.fastagi.request import LINE_MAX_B, AgiRequest, BadAgiInput, HeaderBlock
from engine.adapters.fastagi.routing import Away, CallerDirectory, RouteBook, Unknown
from engine.ports import Metrics, RouteDirectory

CONNECTIONS_MAX = 128
SESSION_S = 4.5
"""The whole conversation, below the dialplan's 5 s."""
HEADERS_S = 2.0
CALLER_S = 0.5
"""A caller's name is a courtesy: the call does not wait longer for it."""
REPLY_LINES_MAX = 20

_NUMBER = re.compile(r"\+?[0-9*#]{1,32}")
_log = structlog.get_logger(__name__)


class CallerGone(Exception):
    """The caller hung up in the middle of the conversation: nothing is left to answer."""


class FastAgiServer:
    """`async with FastAgiServer(...)`: listens on entering; on leaving, closes and ends every connection."""

    def __init__(
        self,
        host: str,
        port: int,
        routes: RouteDirectory,
        metrics: Metrics,
        *,
        callers: CallerDirectory | None = None,
        connections_max: int = CONNECTIONS_MAX,
        session_s: float = SESSION_S,
        headers_s: float = HEADERS_S,
        lookup_timeout_s: float = 2.0,
    ) -> None:
        self._host = host
        self._port = port
        self._book = RouteBook(routes, metrics, lookup_timeout_s=lookup_timeout_s)
        self._callers = callers
        self._metrics = metrics
        self._connections_max = connections_max
        self._session_s = session_s
        self._headers_s = headers_s
        self._server: asyncio.Server | None = None
        self._conversations: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port it listens on (the one given, or the one found for port 0)."""
        if self._server is None:
            return self._port
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def listening(self) -> bool:
        return self._server is not None and self._server.is_serving()

    @property
    def connections(self) -> int:
        return len(self._conversations)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accepted, self._host, self._port, limit=LINE_MAX_B)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for conversation in self._conversations:
            conversation.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._conversations) >= self._connections_max:
            self._metrics.count("vss_bounds_reached_total", bound="fastagi_connections")
            writer.transport.abort()
            return
        conversation = asyncio.create_task(self._converse(reader, writer))
        self._conversations.add(conversation)
        self._metrics.gauge("vss_queue_length", len(self._conversations), queue="fastagi")
        conversation.add_done_callback(self._ended)

    def _ended(self, conversation: asyncio.Task[None]) -> None:
        self._conversations.discard(conversation)
        self._metrics.gauge("vss_queue_length", len(self._conversations), queue="fastagi")

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One conversation, whatever happens in it; its result is counted, its socket is closed."""
        began = time.perf_counter()
        result = "shut_down"
        try:
            async with asyncio.timeout(self._session_s):
                result = await self._answer(reader, writer)
        except TimeoutError:
            result = "timeout"
        except CallerGone:
            result = "caller_gone"
        except BadAgiInput as error:
            result = "bad_input"
            _log.warning("not a FastAGI request", reason=str(error))
        except (OSError, asyncio.IncompleteReadError):
            result = "connection_lost"
        except Exception:
            result = "fault"
            _log.exception("fault while answering the dialplan")
        finally:
            self._metrics.count("vss_fastagi_requests_total", result=result)
            self._metrics.observe("vss_fastagi_seconds", time.perf_counter() - began)
            if result in {"routed", "routed_stale", "rejected", "away"}:
                writer.close()
            else:
                writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        async with asyncio.timeout(self._headers_s):
            request = await read_request(reader)
        if request.script != "route":
            raise BadAgiInput("unknown script")
        variables, result = await self._variables(request)
        for variable in variables:
            writer.write(set_variable(variable))
            await writer.drain()
            await read_reply(reader)
        return result

    async def _variables(self, request: AgiRequest) -> tuple[tuple[Variable, ...], str]:
        did = request.argument(0)
        if not _NUMBER.fullmatch(did):
            return for_unknown_number(), "rejected"
        found, caller_name = await asyncio.gather(self._book.look_up(did), self._caller_name(request))
        if isinstance(found, Away):
            return (), "away"
        if isinstance(found, Unknown):
            return for_unknown_number(), "rejected"
        try:
            return for_route(found.route, caller_name), "routed_stale" if found.stale else "routed"
        except UnsafeVariable as error:
            _log.error("unusable route", did=did, error=str(error))
            return (), "away"

    async def _caller_name(self, request: AgiRequest) -> str | None:
        number = request.argument(1) or request.caller_id
        if self._callers is None or not _NUMBER.fullmatch(number):
            return None
        try:
            async with asyncio.timeout(CALLER_S):
                return await self._callers.caller_name(number)
        except Exception as error:  # whatever it is, the call goes on without the name
            if isinstance(error, TimeoutError):
                self._metrics.count("vss_bounds_reached_total", bound="fastagi_caller")
            _log.warning("caller directory failed", error=repr(error))
            return None


async def read_request(reader: asyncio.StreamReader) -> AgiRequest:
    """Read the header block. Raises BadAgiInput, IncompleteReadError when the peer closes before its end."""
    block = HeaderBlock()
    while True:
        request = block.take(await _read_line(reader))
        if request is not None:
            return request


async def read_reply(reader: asyncio.StreamReader) -> None:
    """Read Asterisk's reply to one command. Raises CallerGone, and BadAgiInput when the command was refused."""
    for _ in range(REPLY_LINES_MAX):
        match reply_of(await _read_line(reader)):
            case Reply.OK:
                return
            case Reply.GONE:
                raise CallerGone
            case Reply.REFUSED:
                raise BadAgiInput("command refused")
            case Reply.MORE:
                continue
    raise BadAgiInput("reply without an end")


async def _read_line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError as error:
        raise BadAgiInput("line too long") from error
