"""The Asterisk that we render: made of the settings and what the database keeps; writing it and making it read anew."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from engine.adapters.asteriskconf import AsteriskSite, SlotAccount, Trunk, UnsafeValue, render, render_slots
from engine.adapters.asteriskconf import render_trunks as render_trunk_files
from engine.errors import ConfigError, Rejected, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engine.adapters.postgres.pool import Database
    from engine.adapters.postgres.seats import Seat
    from engine.adapters.postgres.trunks import TrunkSettings
    from engine.config import Settings

TRUNK_MODULES = ("res_pjsip.so", "res_pjsip_outbound_registration.so", "res_pjsip_endpoint_identifier_ip.so")
SLOT_MODULES = ("res_pjsip.so",)


@dataclass(frozen=True, slots=True)
class Reload:
    """Whether Asterisk's files were written and read anew; `detail` says in words what happened or what to do."""

    rendered: bool
    detail: str


def trunk_of(kept: TrunkSettings) -> Trunk:
    """A trunk as Asterisk's configuration knows it. Raises Rejected(`trunk_invalid`)."""
    if kept.transport != "udp":
        raise Rejected("trunk_invalid", f"trunk {kept.name}: only UDP is rendered, not {kept.transport}", 422)
    try:
        return Trunk(
            name=kept.name,
            host=kept.host,
            port=kept.port,
            registration=kept.registration,
            auth="digest" if kept.auth == "digest" else "address",
            username=kept.username or "",
            password=kept.secret or "",
            codecs=tuple(kept.codecs),
            caller_id=kept.caller_id,
            external_address=kept.external_address,
            channels_max=kept.channels_max,
            cps_max=kept.cps_max,
            match=tuple(kept.match_addresses),
        )
    except UnsafeValue as error:
        raise Rejected("trunk_invalid", f"trunk {kept.name}: {error}", 422) from None


async def kept_trunks(database: Database) -> list[TrunkSettings]:
    """The enabled trunks with their secrets."""
    from engine.adapters.postgres.trunks import PostgresTrunks

    keeper = PostgresTrunks(database)
    return [await keeper.with_secret(trunk.name) for trunk in await keeper.list() if trunk.enabled]


def site_of(
    settings: Settings,
    directory: Path,
    trunks: Sequence[TrunkSettings],
    seats: Sequence[Seat],
    *,
    callback: str = "",
    fallback: tuple[str, str] | None = None,
) -> AsteriskSite:
    """One Asterisk beside its engine. Raises ConfigError for a setting, Rejected for a trunk or slot."""
    if settings.ami_password is None:
        raise ConfigError("VSS_AMI_PASSWORD: is missing; the rendered Asterisk lets only its engine in")
    ari = urlsplit(settings.ari_url)
    with _naming_settings():
        return AsteriskSite(
            tree=None,
            directory=directory,
            sip_host=settings.sip_host,
            sip_port=settings.sip_port,
            rtp_first_port=settings.rtp_first_port,
            rtp_last_port=settings.rtp_last_port,
            http_host=ari.hostname or "127.0.0.1",
            http_port=ari.port or 8088,
            ami_port=settings.ami_port,
            ari_user=settings.ari_user,
            ari_password=settings.ari_password.get_secret_value(),
            ami_user=settings.ami_user,
            ami_password=settings.ami_password.get_secret_value(),
            fastagi_host=settings.fastagi_host,
            fastagi_port=settings.fastagi_port,
            app_name=settings.ari_app,
            slots=tuple(SlotAccount(str(seat.slot), seat.sip_secret) for seat in seats if seat.sip_secret),
            trunks=tuple(trunk_of(trunk) for trunk in trunks),
            callback_number=callback,
            fallback=fallback,
            edge=_edge(settings.edge),
        )


def _edge(address: str) -> tuple[str, int] | None:
    host, _, port = address.rpartition(":")
    return (host, int(port)) if host else None


def write_all(site: AsteriskSite) -> Path:
    """Write the whole configuration into etc/ below the site's directory, which is returned."""
    etc = site.directory / "etc"
    site.directory.mkdir(parents=True, exist_ok=True)
    with _naming_settings():
        render(site, etc)
    _give_to_owner(site.directory, *site.directory.rglob("*"))
    return etc


async def rewrite_trunks(settings: Settings, database: Database) -> Reload:
    """Render the trunks' files and make Asterisk read them, if its place is configured."""
    return await _rewrite(settings, await kept_trunks(database), [], TRUNK_MODULES)


async def rewrite_slots(settings: Settings, database: Database) -> Reload:
    """Render the slots' file and make Asterisk read it, if its place is configured."""
    from engine.adapters.postgres.seats import PostgresSeats

    return await _rewrite(settings, [], await PostgresSeats(database).with_secrets(), SLOT_MODULES)


async def _rewrite(
    settings: Settings, trunks: Sequence[TrunkSettings], seats: Sequence[Seat], modules: Sequence[str]
) -> Reload:
    directory = settings.asterisk_dir
    if directory is None:
        return Reload(False, "VSS_ASTERISK_DIR is not set: render Asterisk's configuration (vss asterisk render DIR)")
    etc = directory / "etc"
    if not (etc / "pjsip.conf").is_file():
        return Reload(False, f"there is no configuration in {etc} yet: vss asterisk render {directory}")
    site = site_of(settings, directory, trunks, seats)
    write = render_trunk_files if modules is TRUNK_MODULES else render_slots
    with _naming_settings():
        write(site, etc)
    _give_to_owner(directory, *etc.iterdir())
    try:
        await reload(settings, modules)
    except Unavailable as error:
        return Reload(False, f"written; Asterisk did not read it ({error}) and will when it starts again")
    return Reload(True, f"Asterisk has read {etc} anew")


async def reload(settings: Settings, modules: Sequence[str]) -> None:
    """Make Asterisk read the configuration of these modules again, over AMI. Raises Unavailable."""
    from engine.adapters.ami.session import AmiSession

    if settings.ami_host is None or settings.ami_password is None:
        raise Unavailable("ami", "VSS_AMI_HOST is not set")
    password = settings.ami_password.get_secret_value()
    async with AmiSession(
        settings.ami_host, settings.ami_port, settings.ami_user, password, lambda event: None
    ) as session:
        for module in modules:
            await session.perform("Reload", {"Module": module})


@contextmanager
def _naming_settings() -> Iterator[None]:
    """What cannot be written safely came from a setting or from the database: the operator must act."""
    try:
        yield
    except UnsafeValue as error:
        raise ConfigError(f"Asterisk's configuration: {error}") from None


def _give_to_owner(directory: Path, *paths: Path) -> None:
    """As root: what we wrote belongs to the directory's owner, whom Asterisk runs as."""
    if os.geteuid() == 0:
        owner = directory.stat()
        for path in paths:
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
