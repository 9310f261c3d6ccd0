"""Where PostgreSQL may be: one address, or several of which one is the primary at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from engine.errors import ConfigError

Address = tuple[str, int | None]
_NEXT = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InternalClientError,
)
"""Gone, silent, going down, coming up, or not the one that is wanted."""


class Addresses:
    """Connects to the first address that serves, beginning with the one that did the last time.

    asyncpg itself tries all of them within one time limit, so a machine that is gone and says nothing would use it up.
    Here each has its share. Which ones serve is said by `target_session_attrs` in the address, as in libpq.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._addresses = addresses_of(dsn)
        self._serving = 0

    async def connect(
        self, dsn: str | None = None, *, timeout: float = 60.0, **options: Any
    ) -> asyncpg.Connection[asyncpg.Record]:
        """Connect within `timeout` seconds, as asyncpg.connect does; raises what the last of the addresses said.

        asyncpg's pool says the address, which is ours.
        """
        options["dsn"] = dsn or self._dsn
        count = len(self._addresses)
        if count < 2:
            return await _connect(timeout=timeout, **options)
        order = [(self._serving + step) % count for step in range(count)]
        for place in order:
            host, port = self._addresses[place]
            try:
                connection = await _connect(host=host, port=port, timeout=timeout / count, **options)
            except _NEXT:
                if place == order[-1]:
                    raise
                continue
            self._serving = place
            return connection
        raise AssertionError("the last address returned or raised")


async def _connect(**options: Any) -> asyncpg.Connection[asyncpg.Record]:
    connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(**options)
    return connection


def addresses_of(dsn: str) -> Sequence[Address]:
    """The addresses of `postgresql://user:password@a:5432,b:5433/database`; none where libpq's defaults hold.

    Raises ConfigError for a port that is no number.
    """
    parts = urlsplit(dsn)
    options = parse_qs(parts.query)
    places = parts.netloc.rpartition("@")[2] or ",".join(options.get("host", []))
    ports = ",".join(options.get("port", [])).split(",")
    found: list[Address] = []
    for number, place in enumerate(places.split(",") if places else []):
        host, port = _split(place)
        port = port or (ports[number] if number < len(ports) else ports[-1])
        if port and not port.isdigit():
            raise ConfigError(f"postgres: the port {port!r} is no number")
        found.append((unquote(host), int(port) if port else None))
    return found


def _split(place: str) -> tuple[str, str]:
    """Host and port; the port is empty where there is none."""
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        return host, rest.removeprefix(":")
    host, _, port = place.partition(":")
    return host, port
