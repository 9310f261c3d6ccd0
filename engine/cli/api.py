"""Asking the running engine over its HTTP API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from engine.cli.environment import Environment
from engine.errors import ConfigError, Rejected, Unavailable

if TYPE_CHECKING:
    from engine.client import ApiClient


@asynccontextmanager
async def engine_api(environment: Environment) -> AsyncIterator[ApiClient]:
    """A client. What fails inside is told by who must act: ConfigError for the token, Unavailable for the engine."""
    from engine.client import ApiClient

    try:
        async with ApiClient(environment.url, environment.need("VSS_API_TOKEN")) as api:
            yield api
    except Rejected as error:
        if error.status in {401, 403}:
            raise ConfigError(
                f"the engine at {environment.url} refuses the token: VSS_API_TOKEN must be the one it was started with"
            ) from None
        if error.status >= 500:
            raise Unavailable("engine", str(error)) from None
        raise
    except Unavailable as error:
        raise Unavailable("engine", f"{environment.url} does not answer; is `vss serve` running?") from error
