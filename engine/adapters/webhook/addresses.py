"""Which hosts may be asked, and at which addresses: a name is resolved once, checked, and connected to as checked."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

RESOLVE_LIMIT_S = 5.0
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_METADATA = ipaddress.ip_address("fd00:ec2::254")

Resolve = Callable[[str, int, int], Coroutine[Any, Any, list[tuple[str, int]]]]
"""(host, port, family) -> addresses with their family."""


class Forbidden(OSError):
    """The host may not be asked, or leads to an address of our own network."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """The operator's list. Empty: every public host. `.example.org` means every host below example.org.

    A host that is named exactly may also be a private one, or asked in the clear: that is for development, and for
    systems inside. Link-local addresses, where clouds keep their metadata, are never asked.
    """

    names: frozenset[str] = frozenset()

    def permitted(self, host: str) -> bool:
        """Whether the host may be asked at all."""
        return not self.names or self.exactly(host) or any(
            one.startswith(".") and host.endswith(one) for one in self.names
        )  # fmt: skip

    def exactly(self, host: str) -> bool:
        """Whether the operator named this very host."""
        return host in self.names

    def check(self, host: str, address: str) -> None:
        """Raise Forbidden unless this address of the host may be connected to."""
        ip = _plain(ipaddress.ip_address(address))
        inside = ip.is_link_local or ip == _METADATA or ip.is_multicast or ip.is_unspecified
        if inside or (not ip.is_global and not self.exactly(host)):
            raise Forbidden(f"{host} leads to {address}, an address that scripts must not ask")


def _plain(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 one stands for: mapped, 6to4, Teredo, NAT64."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip.teredo is not None:
        return ip.teredo[1]
    return ipaddress.IPv4Address(ip.packed[12:]) if ip in _NAT64 else ip


async def system_resolve(host: str, port: int, family: int) -> list[tuple[str, int]]:
    """Ask the system's resolver."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(RESOLVE_LIMIT_S):
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
    return [(str(address[0]), kind) for kind, _, _, _, address in found]


class CheckedResolver(AbstractResolver):
    """aiohttp connects to what this returns, and to nothing else; TLS still verifies the name."""

    def __init__(self, hosts: Hosts, resolve: Resolve = system_resolve) -> None:
        self._hosts = hosts
        self._resolve = resolve

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a host that may be asked. Raises Forbidden when any of them may not, OSError, TimeoutError.

        One forbidden address among good ones is somebody's trick, so that none is used.
        """
        if not self._hosts.permitted(host):
            raise Forbidden(f"this engine does not let scripts ask {host}")
        found = await self._resolve(host, port, family)
        for address, _ in found:
            self._hosts.check(host, address)
        return [_result(host, port, address, kind) for address, kind in _distinct(found)]

    async def close(self) -> None:
        """Nothing is held."""


def _distinct(found: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return list(dict.fromkeys(found))


def _result(host: str, port: int, address: str, family: int) -> ResolveResult:
    return ResolveResult(
        hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST
    )  # fmt: skip
