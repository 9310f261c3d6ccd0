"""Writes Asterisk's configuration for compose.yml: addresses from the environment, trunks and seats from PostgreSQL.

Runs once before Asterisk starts, and again after `vss trunk add` (see compose.yml). Exits 4 when something is missing.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.adapters import asteriskconf
from engine.adapters.asteriskconf import AsteriskSite, SlotAccount, Trunk, UnsafeValue
from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.seats import PostgresSeats, Seat
from engine.adapters.postgres.trunks import PostgresTrunks, TrunkSettings
from engine.errors import ConfigError, VssError

LOOPBACK = "127.0.0.1"


def site(
    environment: Mapping[str, str], directory: Path, trunks: Sequence[TrunkSettings], seats: Sequence[Seat]
) -> AsteriskSite:
    """One Asterisk that shares the host's network with its engine. Raises ConfigError, UnsafeValue."""

    def need(name: str) -> str:
        value = environment.get(name, "")
        if not value:
            raise ConfigError(f"{name}: is missing (see .env.example, or run `vss init`)")
        return value

    return AsteriskSite(
        tree=None,
        directory=directory,
        sip_host=environment.get("VSS_SIP_HOST", LOOPBACK),
        sip_port=int(environment.get("VSS_SIP_PORT", "5060")),
        rtp_first_port=int(environment.get("VSS_RTP_FIRST_PORT", "10000")),
        rtp_last_port=int(environment.get("VSS_RTP_LAST_PORT", "10999")),
        http_host=LOOPBACK,
        http_port=8088,
        ami_port=int(environment.get("VSS_AMI_PORT", "5038")),
        ari_user=environment.get("VSS_ARI_USER", "vss"),
        ari_password=need("VSS_ARI_PASSWORD"),
        ami_user=environment.get("VSS_AMI_USER", "vss"),
        ami_password=need("VSS_AMI_PASSWORD"),
        fastagi_host=environment.get("VSS_FASTAGI_HOST", LOOPBACK),
        fastagi_port=int(environment.get("VSS_FASTAGI_PORT", "4573")),
        app_name=environment.get("VSS_ARI_APP", "vss"),
        slots=tuple(SlotAccount(str(seat.slot), seat.sip_secret) for seat in seats if seat.sip_secret),
        trunks=tuple(trunk_of(trunk) for trunk in trunks if trunk.enabled),
    )


def trunk_of(settings: TrunkSettings) -> Trunk:
    """A trunk as it is kept, as Asterisk's configuration knows it."""
    if settings.transport != "udp":
        raise ConfigError(f"trunk {settings.name}: the rendered Asterisk speaks UDP only, not {settings.transport}")
    return Trunk(
        name=settings.name,
        host=settings.host,
        port=settings.port,
        registration=settings.registration,
        auth="digest" if settings.auth == "digest" else "address",
        username=settings.username or "",
        password=settings.secret or "",
        codecs=settings.codecs,
        caller_id=settings.caller_id,
        external_address=settings.external_address,
        channels_max=settings.channels_max,
        cps_max=settings.cps_max,
        match=settings.match_addresses,
    )


async def kept(dsn: str) -> tuple[list[TrunkSettings], list[Seat]]:
    """Trunks and seats with their secrets. Raises Unavailable."""
    async with Database(dsn, connections_max=1) as database:
        keeper = PostgresTrunks(database)
        trunks = [await keeper.with_secret(trunk.name) for trunk in await keeper.list()]
        return trunks, list(await PostgresSeats(database).with_secrets())


def main(environment: Mapping[str, str]) -> int:
    """Render into VSS_ASTERISK_DIR (default /srv/asterisk)."""
    directory = Path(environment.get("VSS_ASTERISK_DIR", "/srv/asterisk"))
    try:
        dsn = environment.get("VSS_POSTGRES_DSN", "")
        trunks, seats = asyncio.run(kept(dsn)) if dsn else ([], [])
        asteriskconf.render(site(environment, directory, trunks, seats), directory / "etc")
    except (VssError, UnsafeValue, ValueError) as error:
        print(f"render: {error}", file=sys.stderr)
        return 4
    print(f"rendered {directory}/etc: {len(trunks)} trunks, {len(seats)} seats")
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
