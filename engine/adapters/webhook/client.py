"""The Webhooks port over aiohttp.

Everything is bounded: a try by its timeout (the wait for a place included), tries by the script's retries, an answer by
ANSWER_MAX_BYTES, a host by PER_HOST_MAX questions at once, so that a slow one never takes the places of the others.
There are no redirects, no cookies, no proxies of the environment. Bodies and query values are never logged: they may
hold what callers pressed.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp
import structlog
from yarl import URL

from engine import __version__
from engine.errors import Rejected
from engine.flow.duration import RETRY_PAUSE_S
from engine.flow.nodes.outside import Method
from engine.ports import Metrics
from engine.run_ports import WebhookAsked, WebhookRefused, WebhookTimeout, WebhookUnreadable

from .addresses import Forbidden
from .gate import Gate

log = structlog.get_logger(__name__)

ANSWER_MAX_BYTES = 256 << 10
QUESTION_MAX_BYTES = 256 << 10
READ_BYTES = 16 << 10
HEADERS_MAX_BYTES = 16 << 10
PER_HOST_MAX = 20
AT_ONCE_MAX = 400
HOSTS_MAX = 1000
AGAIN = frozenset({429, 502, 503, 504})
"""Answers that mean: not now."""


class _TryAgain(Exception):
    """This try failed in a way that the next one may not."""


@dataclass(slots=True)
class _Host:
    """One host's places."""

    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(PER_HOST_MAX))
    users: int = 0


class HttpWebhooks:
    """Implements `engine.run_ports.Webhooks`; `async with` opens and closes its connections."""

    def __init__(self, gate: Gate, metrics: Metrics) -> None:
        self._gate = gate
        self._metrics = metrics
        self._session: aiohttp.ClientSession | None = None
        self._places: dict[str, _Host] = {}
        self._asking = 0

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=self._gate.connector(AT_ONCE_MAX, PER_HOST_MAX),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            max_field_size=HEADERS_MAX_BYTES,
            max_line_size=HEADERS_MAX_BYTES,
            headers={"User-Agent": f"vss-engine/{__version__}", "Accept": "application/json"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def ask(self, asked: WebhookAsked) -> Mapping[str, Any]:
        """Ask, again where that may help. Raises WebhookTimeout, WebhookRefused, WebhookUnreadable."""
        began = time.monotonic()
        result = "failed"
        try:
            answer = await self._ask(asked)
            result = "done"
            return answer
        except WebhookTimeout:
            result = "timeout"
            raise
        except WebhookUnreadable:
            result = "unreadable"
            raise
        except WebhookRefused:
            result = "refused"
            raise
        finally:
            self._metrics.count("vss_webhooks_total", result=result)
            self._metrics.observe("vss_webhook_seconds", time.monotonic() - began)

    async def _ask(self, asked: WebhookAsked) -> Mapping[str, Any]:
        try:
            url = self._gate.checked(asked.url)
        except Rejected as error:
            raise WebhookRefused(str(error)) from None
        body = _body(asked)
        for left in reversed(range(asked.retries + 1)):
            try:
                async with asyncio.timeout(asked.timeout_s):
                    return await self._try(asked, url, body)
            except TimeoutError:
                failure: Exception = WebhookTimeout(f"{url.host} did not answer within {asked.timeout_s:g} s")
            except _TryAgain as again:
                failure = WebhookRefused(str(again))
            if left:
                self._metrics.count("vss_webhook_retries_total")
                await asyncio.sleep(RETRY_PAUSE_S)
        raise failure

    async def _try(self, asked: WebhookAsked, url: URL, body: bytes) -> Mapping[str, Any]:
        host = self._host(url.host or "")
        if self._asking >= AT_ONCE_MAX:
            self._metrics.count("vss_bounds_reached_total", bound="webhooks")
            raise _TryAgain("too many questions are asked at once")
        host.users += 1
        self._asking += 1
        try:
            if host.places.locked():
                self._metrics.count("vss_bounds_reached_total", bound="webhook_host")
            async with host.places:
                return await self._exchange(asked, url, body)
        finally:
            host.users -= 1
            self._asking -= 1

    def _host(self, name: str) -> _Host:
        if len(self._places) > HOSTS_MAX:
            self._places = {known: host for known, host in self._places.items() if host.users}
        return self._places.setdefault(name, _Host())

    async def _exchange(self, asked: WebhookAsked, url: URL, body: bytes) -> Mapping[str, Any]:
        assert self._session is not None
        query = {name: _query_value(value) for name, value in asked.query.items() if value is not None}
        full = url.update_query(query) if query else url
        headers = {
            **asked.headers,
            "Idempotency-Key": asked.key,
            "X-VSS-Call": asked.call,
            "X-VSS-Script": asked.script,
            "X-VSS-Signature": self._gate.signed(asked.method, full, body),
        }
        if body:
            headers["Content-Type"] = "application/json"
        try:
            async with self._session.request(
                asked.method, full, data=body or None, headers=headers, allow_redirects=False
            ) as response:
                return await _read(response)
        except (Forbidden, aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as error:
            raise WebhookRefused(f"{url.host}: {_reason(error)}") from None
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, Forbidden):
                raise WebhookRefused(str(error.os_error)) from None
            raise _TryAgain(f"{url.host}: {_reason(error)}") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _TryAgain(f"{url.host}: {_reason(error)}") from None


def _body(asked: WebhookAsked) -> bytes:
    if asked.method is Method.GET:
        return b""
    body = json.dumps(dict(asked.body), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    if len(body) > QUESTION_MAX_BYTES:
        raise WebhookRefused(f"the question has {len(body)} bytes, at most {QUESTION_MAX_BYTES}")
    return body


async def _read(response: aiohttp.ClientResponse) -> Mapping[str, Any]:
    """The JSON object of an answer; never more of it than ANSWER_MAX_BYTES."""
    if response.status in AGAIN:
        raise _TryAgain(f"it answered {response.status}")
    if not 200 <= response.status < 300:
        raise WebhookRefused(f"it answered {response.status}")
    whole = bytearray()
    async for chunk in response.content.iter_chunked(READ_BYTES):
        whole += chunk
        if len(whole) > ANSWER_MAX_BYTES:
            response.close()
            raise WebhookUnreadable(f"the answer is longer than {ANSWER_MAX_BYTES} bytes")
    if not whole.strip():
        return {}
    if not response.content_type.endswith("json"):
        raise WebhookUnreadable(f"the answer is {response.content_type}, not JSON")
    try:
        found = json.loads(whole)
    except (ValueError, RecursionError):
        raise WebhookUnreadable("the answer is no JSON") from None
    if not isinstance(found, dict):
        raise WebhookUnreadable("the answer is no JSON object")
    return found


def _query_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _reason(error: BaseException) -> str:
    """What went wrong, without the address with its query."""
    return type(error).__name__
