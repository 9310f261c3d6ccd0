"""Trunks: their limits for the engine, and their whole settings for rendering Asterisk's configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from engine.errors import NotFound, Rejected
from engine.ids import TrunkName
from engine.ports import TrunkRecord

from .pool import Database


@dataclass(frozen=True, slots=True)
class TrunkSettings:
    """Everything a trunk is. `auth`: `address` or `digest`; `match_addresses`: where its calls come from."""

    name: TrunkName
    host: str
    caller_id: str
    port: int = 5060
    transport: str = "udp"
    registration: bool = False
    expires_s: int = 300
    auth: str = "address"
    username: str | None = None
    secret: str | None = None
    """In clear, as SIP digest needs it; None in lists."""
    realm: str | None = None
    match_addresses: tuple[str, ...] = ()
    codecs: tuple[str, ...] = ("ulaw", "alaw")
    external_address: str | None = None
    channels_max: int = 30
    cps_max: float = 5.0
    test: bool = False
    enabled: bool = True


def _settings_of(row: asyncpg.Record, secret: str | None) -> TrunkSettings:
    return TrunkSettings(
        name=TrunkName(row["name"]),
        host=row["host"],
        caller_id=row["caller_id"],
        port=row["port"],
        transport=row["transport"],
        registration=row["registration"],
        expires_s=row["expires_s"],
        auth=row["auth"],
        username=row["username"],
        secret=secret,
        realm=row["realm"],
        match_addresses=tuple(str(address) for address in row["match_addresses"]),
        codecs=tuple(row["codecs"]),
        external_address=row["external_address"],
        channels_max=row["channels_max"],
        cps_max=row["cps_max"],
        test=row["test"],
        enabled=row["enabled"],
    )


class PostgresTrunks:
    """TrunkDirectory on PostgreSQL, and the keeping of trunks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def trunks(self) -> Sequence[TrunkRecord]:
        """Limits of the enabled trunks. Raises Unavailable."""
        return [
            TrunkRecord(TrunkName(row["name"]), row["channels_max"], row["cps_max"], row["caller_id"], row["test"])
            for row in await self._database.rows("trunks")
            if row["enabled"]
        ]

    async def list(self) -> Sequence[TrunkSettings]:
        """All trunks by name, without their secrets."""
        return [_settings_of(row, None) for row in await self._database.rows("trunks")]

    async def with_secret(self, name: TrunkName) -> TrunkSettings:
        """One trunk with its secret, for rendering Asterisk's configuration only. Raises NotFound."""
        row = await self._database.row("trunk_with_secret", name)
        if row is None:
            raise NotFound("trunk_not_found", f"there is no trunk {name}")
        return _settings_of(row, row["secret"])

    async def put(self, trunk: TrunkSettings) -> bool:
        """Add a trunk or change it; a change without a secret keeps the old one. Returns whether it is new.

        Raises Rejected(`trunk_invalid`) naming the rule that it breaks.
        """
        try:
            created: bool = await self._database.value(
                "put_trunk",
                trunk.name,
                trunk.host,
                trunk.port,
                trunk.transport,
                trunk.registration,
                trunk.expires_s,
                trunk.auth,
                trunk.username,
                trunk.secret,
                trunk.realm,
                trunk.match_addresses,
                trunk.codecs,
                trunk.caller_id,
                trunk.external_address,
                trunk.channels_max,
                trunk.cps_max,
                trunk.test,
                trunk.enabled,
            )
        except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError) as error:
            # The server's message names the rule; its detail would repeat the row, secret included.
            raise Rejected("trunk_invalid", f"trunk {trunk.name}: {error.args[0]}", 422) from None
        return created
