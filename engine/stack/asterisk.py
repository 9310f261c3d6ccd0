"""A private Asterisk: rendered configuration, own directories, unprivileged when we are root."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp

from engine.adapters import asteriskconf
from engine.adapters.asteriskconf import AsteriskSite
from engine.stack import process
from engine.stack.home import ServiceUser
from engine.stack.programs import Program
from engine.stack.report import StackFailure, log_tail

READY_TIMEOUT_S = 60.0
STOP_GRACE_S = 15.0
CLI_TIMEOUT_S = 30.0
ADVICE = "See the log for the module or address it complains of; ./vss doctor checks the machine."


class Asterisk:
    """A running Asterisk; made by `start`. `site` is what it was rendered from."""

    def __init__(self, server: process.ManagedProcess, program: Program, site: AsteriskSite, user: ServiceUser) -> None:
        self.process = server
        self.site = site
        self._program = program
        self._user = user

    @property
    def ari_url(self) -> str:
        """Where ARI lies under (`/ari` comes after it)."""
        return f"http://{self.site.http_host}:{self.site.http_port}"

    @property
    def recordings(self) -> Path:
        """Where Asterisk keeps recordings."""
        return self.site.directory / "spool/recording"

    @property
    def messages(self) -> Path:
        """Asterisk's own log."""
        return self.site.directory / "log/messages.log"

    async def cli(self, command: str) -> str:
        """What a console command prints, for example `core show channels`; raises StackFailure if it cannot run."""
        child = await asyncio.create_subprocess_exec(
            *self._program.argv_prefix,
            "-C",
            str(_etc(self.site) / "asterisk.conf"),
            "-rx",
            command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self._program.environment(),
        )
        try:
            async with asyncio.timeout(CLI_TIMEOUT_S):
                output, _ = await child.communicate()
        except BaseException:
            if child.returncode is None:
                child.kill()
                await child.wait()
            raise
        if child.returncode != 0:
            raise self.process.failure(f"`{command}` failed: {output.decode(errors='replace').strip()}")
        return output.decode(errors="replace")

    async def update(self, site: AsteriskSite) -> None:
        """Renders again (other trunks, other slots) and reloads SIP; calls in progress go on."""
        _render(site, self._user)
        self.site = site
        await self.cli("module reload res_pjsip.so")
        await self.cli("module reload res_pjsip_outbound_registration.so")
        await self.cli("module reload res_pjsip_endpoint_identifier_ip.so")

    async def stop(self) -> None:
        """Ends it and its channels, and removes the control socket, which would refuse the next start."""
        await self.process.stop(STOP_GRACE_S)
        for name in ("asterisk.ctl", "asterisk.pid"):
            (self.site.directory / "run" / name).unlink(missing_ok=True)


async def start(program: Program, site: AsteriskSite, records: Path, user: ServiceUser, log: Path) -> Asterisk:
    """Renders the configuration, starts Asterisk and waits until it is booted and ARI answers."""
    for name in ("asterisk.ctl", "asterisk.pid"):
        (site.directory / "run" / name).unlink(missing_ok=True)
    _render(site, user)
    server = process.start(
        "asterisk",
        [*program.argv_prefix, "-f", "-C", str(_etc(site) / "asterisk.conf")],
        log=log,
        records=records,
        env={**program.environment(), "HOME": str(site.directory)},
        cwd=site.directory,
        user=user,
    )
    asterisk = Asterisk(server, program, site, user)
    try:
        await process.until(server, lambda: _answers(asterisk), READY_TIMEOUT_S, ADVICE)
        await asterisk.cli("core waitfullybooted")
    except StackFailure as error:
        await asterisk.stop()
        error.log = error.log or log_tail(asterisk.messages)
        raise
    except BaseException:
        await asterisk.stop()
        raise
    return asterisk


async def _answers(asterisk: Asterisk) -> bool:
    if not (asterisk.site.directory / "run/asterisk.ctl").exists():
        return False
    headers = {"Authorization": aiohttp.encode_basic_auth(asterisk.site.ari_user, asterisk.site.ari_password)}
    limit = aiohttp.ClientTimeout(total=2)
    try:
        async with (
            aiohttp.ClientSession(headers=headers, timeout=limit) as session,
            session.get(f"{asterisk.ari_url}/ari/asterisk/info") as answer,
        ):
            return answer.status == 200
    except (aiohttp.ClientError, OSError):
        return False


def _render(site: AsteriskSite, user: ServiceUser) -> None:
    try:
        asteriskconf.render(site, _etc(site))
    except asteriskconf.UnsafeValue as error:
        raise StackFailure("asterisk", str(error)) from error
    user.own_tree(site.directory)


def _etc(site: AsteriskSite) -> Path:
    return site.directory / "etc"
