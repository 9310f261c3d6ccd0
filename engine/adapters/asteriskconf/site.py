"""What one Asterisk of ours is made of: its places, addresses, accounts and trunks. Checked when it is made."""

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from engine.adapters.asteriskconf.escape import UnsafeValue

CODECS = frozenset({"ulaw", "alaw", "g722", "gsm", "opus", "g729", "slin16"})
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_NUMBER = re.compile(r"\+?[0-9*#]{2,32}")
_SLOT = re.compile(r"[0-9]{2,10}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_PATH = re.compile(r"/[A-Za-z0-9_./+@~-]*")

# names that dialplan or pjsip.conf already use for something else
_RESERVED_NAMES = frozenset({"global", "system", "general", "transport-udp", "edge", "slot", "slot-auth", "slot-aor"})


@dataclass(frozen=True, slots=True)
class SlotAccount:
    """The SIP account of a slot: its number is the user name."""

    number: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        _require(_SLOT, self.number, "a slot's number")
        if not self.password:
            raise UnsafeValue(f"slot {self.number} has no password")


@dataclass(frozen=True, slots=True)
class Trunk:
    """A way to the telephone network.

    `channels_max` and `cps_max` are enforced by the engine (trunk capacity), not by Asterisk.
    `external_address` is the public address of this machine when it sits behind NAT; all trunks share one, because
    PJSIP keeps it on the transport. `match` adds addresses that the provider's calls may come from.
    """

    name: str
    host: str
    port: int = 5060
    registration: bool = False
    auth: Literal["address", "digest"] = "address"
    username: str = ""
    password: str = field(default="", repr=False)
    codecs: tuple[str, ...] = ("ulaw", "alaw")
    caller_id: str = ""
    external_address: str | None = None
    channels_max: int = 30
    cps_max: float = 10.0
    match: tuple[str, ...] = ()
    qualify_interval_s: int = 0

    def __post_init__(self) -> None:
        _require(_NAME, self.name, "a trunk's name (a-z, 0-9, _ and -)")
        if self.name in _RESERVED_NAMES or self.name.endswith(("-auth", "-registration", "-identify")):
            raise UnsafeValue(f"the trunk name {self.name} is reserved")
        _require_host(self.host, "a trunk's host")
        _require_port(self.port, "a trunk's port")
        unknown = set(self.codecs) - CODECS
        if unknown or not self.codecs:
            raise UnsafeValue(f"unknown or no codecs: {sorted(unknown)}; known are {sorted(CODECS)}")
        if self.auth not in {"address", "digest"}:
            raise UnsafeValue("a trunk's auth is 'address' or 'digest'")
        if (self.auth == "digest" or self.registration) and not (self.username and self.password):
            raise UnsafeValue(f"trunk {self.name} needs a user name and a password for digest or registration")
        if self.caller_id:
            _require(_NUMBER, self.caller_id, "a trunk's caller id")
        if self.external_address is not None:
            _require_host(self.external_address, "a trunk's external address")
        for source in self.match:
            _require_network(source)
        if self.channels_max < 1 or self.cps_max <= 0 or self.qualify_interval_s < 0:
            raise UnsafeValue("channels, calls per second and qualify interval must be positive")

    @property
    def uses_credentials(self) -> bool:
        """Whether PJSIP needs an auth section to answer challenges of this trunk."""
        return self.auth == "digest" or self.registration

    @property
    def identified_by(self) -> tuple[str, ...]:
        """Where inbound calls of this trunk come from. On loopback an address says nothing, so the port joins it."""
        own = f"{self.host}:{self.port}" if _is_loopback(self.host) else self.host
        return (own, *self.match)


@dataclass(frozen=True, slots=True)
class AsteriskSite:
    """One Asterisk: `tree` is the extracted Debian tree (None: the system's own), `directory` its private place.

    Below `directory` lie run/ (control socket, pid), db/, log/, spool/ and sounds/.
    `fallback` is whom a caller reaches by pressing 0 while the engine is away: (number, trunk name), or None.
    `edge` is the address of the SIP proxy (kamailio/) that phones register through and trunks are called through.
    """

    tree: Path | None
    directory: Path
    sip_host: str
    sip_port: int
    rtp_first_port: int
    rtp_last_port: int
    http_host: str
    http_port: int
    ami_port: int
    ari_user: str
    ari_password: str = field(repr=False)
    ami_user: str
    ami_password: str = field(repr=False)
    fastagi_host: str
    fastagi_port: int
    app_name: str = "vss"
    slots: tuple[SlotAccount, ...] = ()
    trunks: tuple[Trunk, ...] = ()
    fallback: tuple[str, str] | None = None
    callback_number: str = ""
    prometheus: bool = True
    edge: tuple[str, int] | None = None

    def __post_init__(self) -> None:
        for path in (self.directory, *((self.tree,) if self.tree else ())):
            _require(_PATH, str(path), "a path given to Asterisk (absolute, without blanks)")
        for host in (self.sip_host, self.http_host, self.fastagi_host):
            _require_host(host, "a bind address")
        for port in (self.sip_port, self.http_port, self.ami_port, self.fastagi_port):
            _require_port(port, "a port")
        if not 1024 <= self.rtp_first_port < self.rtp_last_port <= 65535:
            raise UnsafeValue("the RTP ports must be a range between 1024 and 65535")
        for name in (self.app_name, self.ari_user, self.ami_user):
            _require(_NAME, name, "the application's and users' names")
        if not self.ari_password or not self.ami_password:
            raise UnsafeValue("ARI and AMI need passwords; `vss init` writes them")
        _require_unique([slot.number for slot in self.slots], "slot")
        _require_unique([trunk.name for trunk in self.trunks], "trunk")
        if self.callback_number:
            _require(_NUMBER, self.callback_number, "the callback number")
        if self.fallback is not None:
            _require(_NUMBER, self.fallback[0], "the fallback's number")
            _require(_NAME, self.fallback[1], "the fallback's trunk")
        if self.edge is not None:
            _require_host(self.edge[0], "the edge's address")
            _require_port(self.edge[1], "the edge's port")
        if len({trunk.external_address for trunk in self.trunks if trunk.external_address}) > 1:
            raise UnsafeValue("trunks name different external addresses; one Asterisk has one")

    @property
    def external_address(self) -> str | None:
        """The public address of this machine, if a trunk needs it announced."""
        return next((trunk.external_address for trunk in self.trunks if trunk.external_address), None)

    @property
    def modules_directory(self) -> Path | None:
        """Where the tree keeps Asterisk's modules (the architecture is part of Debian's path); None: compiled in."""
        if self.tree is None:
            return None
        found = sorted(self.tree.glob("usr/lib/*/asterisk/modules"))
        if not found:
            raise UnsafeValue(f"no Asterisk modules below {self.tree}")
        return found[0]

    @property
    def data_directory(self) -> Path:
        """Where sounds and music lie."""
        return (self.tree or Path("/")) / "usr/share/asterisk"

    @property
    def identity_sound(self) -> Path:
        """The identity message without its extension; the file beside it may be .wav, .gsm, .ulaw or .sln."""
        return self.directory / "sounds" / "identity"


def _require(pattern: re.Pattern[str], value: str, what: str) -> None:
    if not pattern.fullmatch(value):
        raise UnsafeValue(f"{what} is not acceptable")


def _require_port(port: int, what: str) -> None:
    if not 1 <= port <= 65535:
        raise UnsafeValue(f"{what} must be between 1 and 65535")


def _require_host(host: str, what: str) -> None:
    _require(_HOST, host, what)


def _require_network(source: str) -> None:
    address, _, port = source.partition(":")
    try:
        ipaddress.ip_network(address, strict=False)
    except ValueError as error:
        raise UnsafeValue("a match address is not an IPv4 address or network") from error
    if port and not port.isdigit():
        raise UnsafeValue("a match address has a bad port")


def _require_unique(names: list[str], what: str) -> None:
    if len(names) != len(set(names)):
        raise UnsafeValue(f"the same {what} twice")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
