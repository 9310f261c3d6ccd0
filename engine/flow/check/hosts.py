"""Check 11: scripts talk only to hosts that they name and the site allows, and never in the clear (pure)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from ..nodes.outside import Stream, Webhook
from ..problem import Path, Problem
from .subject import Subject

UNNAMED, IN_CLEAR, PRIVATE, FORM, SITE, PORT = "G1101", "G1102", "G1103", "G1104", "G1105", "G1106"
_PRIVATE_NAMES = ("localhost", ".localhost", ".local", ".internal", ".lan", ".home.arpa", ".corp", ".intranet")


def problems(subject: Subject) -> Iterator[Problem]:
    """Every address that a script must not use."""
    if subject.unread("policies"):
        return
    for name, node in subject.nodes():
        match node.action:
            case Webhook(url=url):
                yield from _address(subject, ("nodes", name, "webhook", "url"), url, "https")
            case Stream(url=url):
                yield from _address(subject, ("nodes", name, "stream", "url"), url, "wss")
    yield from _of_site(subject)


def _address(subject: Subject, path: Path, url: str, scheme: str) -> Iterator[Problem]:
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        parts, host, port = SplitResult("", "", "", "", ""), "", None
    if not host or "@" in parts.netloc or parts.fragment or "\\" in url:
        message = "the address is not of the form scheme://host/path"
        yield subject.problem(FORM, path, message, "leave out users, passwords and #fragments")
        return
    allowed_unsafe = subject.site.webhook_hosts is not None and host in subject.site.webhook_hosts
    if parts.scheme != scheme and not (allowed_unsafe and f"{parts.scheme}s" == scheme):
        message = f"{parts.scheme} is not allowed here"
        yield subject.problem(IN_CLEAR, path, message, f"use {scheme}://")
    if port is not None and not 1 <= port <= 65535:
        yield subject.problem(PORT, path, f"there is no port {port}", "leave the port out")
    if not allowed_unsafe and _private(host):
        message = f"{host} is an address of the engine's own network"
        yield subject.problem(PRIVATE, path, message, "name a public host, or ask the operator to allow this one")
    if not matches(host, subject.flow.policies.webhook_hosts):
        message = f"{host} is not among policies.webhook_hosts"
        yield subject.problem(UNNAMED, path, message, f"add policies: {{webhook_hosts: [{host}]}}")


def _private(host: str) -> bool:
    """Private, loopback, link-local and metadata addresses and names; what a name resolves to is another matter."""
    try:
        return not ipaddress.ip_address(host.strip("[]")).is_global
    except ValueError:
        bare = host.lower()
        numeric = all(part.isdigit() or part.startswith("0x") for part in bare.split("."))
        return bare == "localhost" or bare.endswith(_PRIVATE_NAMES) or "." not in bare or numeric


def _of_site(subject: Subject) -> Iterator[Problem]:
    allowed = subject.site.webhook_hosts
    if allowed is None:
        return
    for at, host in enumerate(subject.flow.policies.webhook_hosts):
        if not matches(host, tuple(allowed)):
            message = f"this engine does not let scripts call {host}"
            hint = f"allowed are {', '.join(sorted(allowed)[:8]) or 'none'}; ask the operator"
            yield subject.problem(SITE, ("policies", "webhook_hosts", at), message, hint)


def matches(host: str, allowed: tuple[str, ...]) -> bool:
    """Whether a host is one of those allowed; `.example.org` means every host below example.org."""
    return any(host == one or (one.startswith(".") and host.endswith(one)) for one in allowed)
