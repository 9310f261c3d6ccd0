"""The way out to other systems, of webhooks and streams: which addresses, over TLS, and how we show who we are."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from yarl import URL

from engine.errors import Rejected

from .addresses import CheckedResolver, Forbidden, Hosts, Resolve, system_resolve
from .signature import signature

_CLEAR = {"http", "ws"}
_SAFE = {"https", "wss"}


@dataclass(frozen=True, slots=True)
class Gate:
    """The operator's rules for what scripts may talk to."""

    secret: bytes | None
    """Signs; without one nothing goes out."""
    hosts: Hosts
    ca_file: Path | None = None
    """Certificates that are trusted besides the system's."""
    resolve: Resolve = system_resolve

    def connector(self, at_once_max: int = 100, per_host_max: int = 0) -> aiohttp.TCPConnector:
        """Connects to addresses that are allowed only: a name is resolved once, and that is where it goes."""
        context = ssl.create_default_context()
        if self.ca_file is not None:
            context.load_verify_locations(self.ca_file)
        return aiohttp.TCPConnector(
            resolver=CheckedResolver(self.hosts, self.resolve), ssl=context, use_dns_cache=False, limit=at_once_max,
            limit_per_host=per_host_max, keepalive_timeout=15.0,
        )  # fmt: skip

    def checked(self, text: str) -> URL:
        """The URL, if it may be asked. Raises Rejected(`webhook_forbidden`)."""
        if self.secret is None:
            raise _forbidden("VSS_WEBHOOK_SECRET is not set, and nothing goes out without a signature")
        try:
            url = URL(text)
            host = url.host or ""
            if url.scheme not in _SAFE and not (url.scheme in _CLEAR and self.hosts.exactly(host)):
                raise _forbidden(f"{host} may be asked over TLS only")
            if not host or url.user or url.password or not self.hosts.permitted(host):
                raise _forbidden(f"this engine does not let scripts ask {host or 'that address'}")
            if _is_address(host):
                self.hosts.check(host, host)
        except (ValueError, Forbidden) as error:
            raise _forbidden(str(error)) from None
        return url

    def signed(self, method: str, url: URL, body: bytes) -> str:
        """The signature header of a request that is sent now."""
        assert self.secret is not None, "checked() refused it"
        return signature(self.secret, int(time.time()), method, url.raw_path_qs, body)

    def headers(self, url: str, first: str) -> Mapping[str, str]:
        """Who we are, for a stream whose first message is `first`. Raises Rejected for a URL that is not allowed."""
        return {"X-VSS-Signature": self.signed("GET", self.checked(url), first.encode())}


def _forbidden(reason: str) -> Rejected:
    return Rejected("webhook_forbidden", reason, 422)


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()
