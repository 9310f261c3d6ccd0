"""A private block of loopback ports for one instance.

The owner holds the block's sentinel port (TCP and UDP) as long as it lives, so two stacks never share a block, and the
kernel frees it when the owner dies. The ports that servers will listen on are probed; the RTP ranges are not (Asterisk
and SIPp skip a busy RTP port by themselves). All blocks lie below Linux's ephemeral ports (32768).
"""

from __future__ import annotations

import json
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.stack.report import StackFailure

BLOCK_SIZE = 3000
BASES = (22000, 25000, 28000, 19000, 16000, 13000, 10000)
LOOPBACK = "127.0.0.1"
_PROBED = 100
_SENTINEL = 9


@dataclass(frozen=True, slots=True)
class Ports:
    """The block's layout, all on 127.0.0.1; only `base` varies."""

    base: int

    @property
    def http(self) -> int:
        """The engine's HTTP API."""
        return self.base

    @property
    def ari(self) -> int:
        """Asterisk's HTTP server."""
        return self.base + 1

    @property
    def ami(self) -> int:
        return self.base + 2

    @property
    def fastagi(self) -> int:
        return self.base + 3

    @property
    def postgres(self) -> int:
        """PostgreSQL's port: the name of its socket, and TCP where asked for."""
        return self.base + 4

    @property
    def sip(self) -> int:
        """Asterisk's SIP port (UDP)."""
        return self.base + 5

    @property
    def audiosocket(self) -> int:
        """Where Asterisk brings the sound of calls."""
        return self.base + 6

    @property
    def spare(self) -> range:
        """For tests: fault-injecting proxies and the like."""
        return range(self.base + 7, self.base + _SENTINEL)

    @property
    def sipp(self) -> range:
        """SIP and control ports for SIPp processes."""
        return range(self.base + 10, self.base + _PROBED)

    @property
    def sipp_media(self) -> range:
        """RTP ports for SIPp processes (900, so 450 calls)."""
        return range(self.base + _PROBED, self.base + 1000)

    @property
    def rtp(self) -> range:
        """Asterisk's RTP ports (2000, so 1000 legs)."""
        return range(self.base + 1000, self.base + BLOCK_SIZE)


class PortBlock:
    """A block that is ours until `close`."""

    def __init__(self, ports: Ports, sentinels: list[socket.socket]) -> None:
        self.ports = ports
        self._sentinels = sentinels

    def close(self) -> None:
        """Gives the block back."""
        for sentinel in self._sentinels:
            sentinel.close()


def take_block(record: Path) -> PortBlock:
    """Takes a free block, the one in `record` first so that addresses stay the same, and writes it there.

    Raises StackFailure when every block has a busy port.
    """
    for base in dict.fromkeys((*_recorded(record), *BASES)):
        block = _take(Ports(base))
        if block:
            record.write_text(json.dumps(_described(block.ports), indent=1) + "\n")
            return block
    raise _none_free()


def free_base() -> int:
    """Where a free block starts, without keeping it. Raises StackFailure when there is none."""
    for base in BASES:
        block = _take(Ports(base))
        if block:
            block.close()
            return base
    raise _none_free()


def _none_free() -> StackFailure:
    return StackFailure(
        "ports",
        f"no block of free loopback ports among {', '.join(map(str, sorted(BASES)))} (+{BLOCK_SIZE})",
        advice="Run ./vss down to end forgotten instances, or see with `ss -lntup` who listens there.",
    )


def _take(ports: Ports) -> PortBlock | None:
    sentinels: list[socket.socket] = []
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            sentinels.append(_bound(ports.base + _SENTINEL, kind))
        for offset in range(_PROBED):
            if offset != _SENTINEL:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    _bound(ports.base + offset, kind).close()
    except OSError:
        for sentinel in sentinels:
            sentinel.close()
        return None
    return PortBlock(ports, sentinels)


def _bound(port: int, kind: socket.SocketKind) -> socket.socket:
    bound = socket.socket(socket.AF_INET, kind)
    try:
        if kind is socket.SOCK_STREAM:
            # servers set it too: a connection in TIME_WAIT must not count as busy
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((LOOPBACK, port))
        if kind is socket.SOCK_STREAM:
            bound.listen(1)
    except OSError:
        bound.close()
        raise
    return bound


def _recorded(record: Path) -> tuple[int, ...]:
    try:
        base = int(json.loads(record.read_text())["base"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    return (base,) if base in BASES else ()


def _described(ports: Ports) -> dict[str, object]:
    ranges = {
        name: [getattr(ports, name).start, getattr(ports, name).stop - 1]
        for name in ("spare", "sipp", "sipp_media", "rtp")
    }
    names = ("http", "ari", "ami", "fastagi", "postgres", "sip", "audiosocket")
    singles = {name: getattr(ports, name) for name in names}
    return {**asdict(ports), **singles, **ranges}
