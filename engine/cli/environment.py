"""The settings a command works with: the process's environment over the settings file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import ConfigError

if TYPE_CHECKING:
    from engine.config import Settings
    from engine.flow.site import Site

DEFAULT_FILE = ".env"


@dataclass(frozen=True, slots=True)
class Environment:
    """VSS_* values. A command asks for those it needs, so that `vss db migrate` works without an Asterisk."""

    values: Mapping[str, str]

    def get(self, name: str) -> str | None:
        """A value, or what the file named by <name>_FILE holds, or None. Raises ConfigError for an unreadable file."""
        path = self.values.get(f"{name}_FILE")
        if path:
            try:
                return Path(path).read_text().strip()
            except OSError as error:
                raise ConfigError(f"{name}_FILE: {path} cannot be read ({error.strerror})") from None
        return self.values.get(name) or None

    def need(self, name: str) -> str:
        """A value. Raises ConfigError when it is missing."""
        value = self.get(name)
        if value is None:
            raise ConfigError(f"{name}: is missing (see .env.example, or run `vss init`)")
        return value

    @property
    def dsn(self) -> str:
        """Where PostgreSQL is."""
        return self.need("VSS_POSTGRES_DSN")

    @property
    def url(self) -> str:
        """Where the engine answers: VSS_URL, or what its bind address says."""
        given = self.get("VSS_URL")
        if given is not None:
            return given
        host = self.get("VSS_HTTP_HOST") or "127.0.0.1"
        # an address to bind is not always one to connect to
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
        return f"http://{host}:{self.get('VSS_HTTP_PORT') or '8080'}"

    @property
    def site(self) -> Site:
        """What scripts may do here, for the check before they are published."""
        from engine.config import site_of

        return site_of(self.get("VSS_WEBHOOK_HOSTS") or "", self.get("VSS_DIAL_TO") or "")

    def settings(self) -> Settings:
        """All of the engine's settings. Raises ConfigError naming every wrong one."""
        from engine.config import load

        return load(self.values)


def read(env_file: str | None) -> Environment:
    """The environment over the file. None: .env where it exists; empty: no file. Raises ConfigError."""
    from engine.config import read_env_file

    path = Path(DEFAULT_FILE if env_file is None else env_file)
    wanted = path.is_file() if env_file is None else bool(env_file)
    values = read_env_file(path) if wanted else {}
    return Environment({**values, **os.environ})
