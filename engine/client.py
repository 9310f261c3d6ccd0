"""A small client of the engine's HTTP API: what the command line and the demo use."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import aiohttp

from engine.errors import Rejected, Unavailable

TIMEOUT_S = 20.0


class ApiClient:
    """Calls the API with a bearer token. Raises Rejected for a problem it reports, Unavailable when it is not there."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self._token}"}, timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str) -> Any:
        """GET a resource below /api/v1, or an absolute path."""
        return await self._call("GET", path, None)

    async def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """POST to a resource below /api/v1."""
        return await self._call("POST", path, body or {})

    async def delete(self, path: str) -> Any:
        """DELETE a resource below /api/v1."""
        return await self._call("DELETE", path, None)

    async def readiness(self) -> dict[str, Any]:
        """The answer of /readyz, ready or not."""
        assert self._session is not None
        try:
            async with self._session.get(f"{self.url}/readyz") as answer:
                found: dict[str, Any] = await answer.json()
                return found
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable("engine", f"{self.url} does not answer: {error}") from error

    async def _call(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        assert self._session is not None
        try:
            async with self._session.request(method, f"{self.url}/api/v1{path}", json=body) as answer:
                content = await answer.json() if answer.content_length != 0 else None
                if answer.status < 400:
                    return content
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable("engine", f"{self.url} does not answer: {error}") from error
        problem = content if isinstance(content, dict) else {}
        detail = str(problem.get("detail") or problem.get("title") or answer.status)
        fields = "; ".join(f"{item['field']}: {item['message']}" for item in problem.get("errors") or ())
        raise Rejected(str(problem.get("code", "http")), f"{detail} {fields}".strip(), answer.status)
