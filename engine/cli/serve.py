"""`vss serve`: run the engine in the foreground."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.answer import INTERRUPTED, OK, Answer, AsJson, EnvFile, give, print_json
from engine.cli.environment import read
from engine.cli.systemd import READY, STOPPING, notify
from engine.errors import ConfigError

if TYPE_CHECKING:
    from engine.config import Settings

CANNOT_LISTEN = frozenset({errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES})


def serve(
    env_file: EnvFile = None,
    standby: Annotated[
        bool, typer.Option("--standby", help="Wait until the cell's engine is gone, and take its calls over then.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the engine until SIGTERM or Ctrl-C, which hand its calls over; a second one ends it at once.

    With --json the object is printed once the API answers, so that a script knows that it may begin.
    """
    service = _Service(as_json, standby)
    give(lambda: as_json and not service.told, lambda: service.run(read(env_file).settings()))


class _Service:
    """One run of the engine and who is told how it is doing."""

    def __init__(self, as_json: bool, standby: bool) -> None:
        self._as_json = as_json
        self._standby = standby
        self._exit_code = OK
        self.told = False

    def run(self, settings: Settings) -> Answer:
        from engine.app import run

        def tell(state: str) -> None:
            self._tell(state, settings)

        try:
            run(settings, tell, standby=self._standby)
        except OSError as error:
            if isinstance(error, socket.gaierror) or error.errno in CANNOT_LISTEN:
                raise ConfigError(
                    f"cannot listen: {error.strerror} (see VSS_HTTP_PORT, VSS_FASTAGI_PORT, VSS_AUDIOSOCKET_PORT)"
                ) from None
            raise
        return Answer(None, exit_code=self._exit_code)

    def _tell(self, state: str, settings: Settings) -> None:
        if state == "standby":
            notify(f"{READY}\nSTATUS=standing by for cell {settings.cell}")
            return
        if state == "serving":
            url = f"http://{settings.http_host}:{settings.http_port}"
            notify(f"{READY}\nSTATUS=serving {url}")
            if self._as_json:
                print_json({"url": url, "pid": os.getpid(), "cell": settings.cell})
            self.told = True
            return
        notify(STOPPING)
        if state == "interrupted":
            self._exit_code = INTERRUPTED
