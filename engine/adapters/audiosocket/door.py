"""Where streams may go, and how we show who we are; the rules are those of webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import aiohttp


class Door(Protocol):
    """The way out to other systems."""

    def connector(self) -> aiohttp.BaseConnector:
        """Connects to addresses that are allowed only: a name is resolved once, and that is where it goes."""
        ...

    def headers(self, url: str, first: str) -> Mapping[str, str]:
        """Who we are, signed together with the first message. Raises Rejected for a URL that is not allowed."""
        ...


async def refuse_redirects(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """A middleware: another host than the one that the script names is none that was checked."""
    response = await handler(request)
    if 300 <= response.status < 400:
        response.close()
        raise aiohttp.ClientConnectionError(f"it sends us elsewhere ({response.status})")
    return response
