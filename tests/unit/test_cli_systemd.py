"""sd_notify: what systemd hears of the engine."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.cli.systemd import READY, STOPPING, notify


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        yield listening


def test_states_arrive_in_order(systemd: socket.socket) -> None:
    environment = {"NOTIFY_SOCKET": systemd.getsockname()}
    assert notify(f"{READY}\nSTATUS=serving", environment)
    assert notify(STOPPING, environment)
    assert [systemd.recv(100), systemd.recv(100)] == [b"READY=1\nSTATUS=serving", b"STOPPING=1"]


def test_abstract_socket_is_reached() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("")  # the kernel chooses an abstract name
        listening.settimeout(5)
        name = listening.getsockname()
        assert notify(READY, {"NOTIFY_SOCKET": "@" + name[1:].decode()})
        assert listening.recv(100) == b"READY=1"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "relative"}])
def test_without_systemd_nothing_is_sent(environment: dict[str, str]) -> None:
    assert not notify(READY, environment)


def test_systemd_that_does_not_listen_stops_nothing(tmp_path: Path) -> None:
    assert not notify(READY, {"NOTIFY_SOCKET": str(tmp_path / "nobody")})
