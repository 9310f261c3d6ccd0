"""Blocks of ports: free, disjoint, the same again, and below the kernel's own choice."""

import itertools
import json
import socket
from pathlib import Path

import pytest

from engine.stack import ports
from engine.stack.ports import BASES, BLOCK_SIZE, LOOPBACK, Ports, take_block
from engine.stack.report import StackFailure


def test_ranges_of_the_layout_do_not_overlap_and_stay_inside_the_block() -> None:
    layout = Ports(BASES[0])
    singles = [layout.http, layout.ari, layout.ami, layout.fastagi, layout.postgres, layout.sip, layout.audiosocket]
    used = [*singles, *layout.spare, *layout.sipp, *layout.sipp_media, *layout.rtp]
    assert len(used) == len(set(used))
    assert min(used) == layout.base
    assert max(used) == layout.base + BLOCK_SIZE - 1


def test_blocks_do_not_overlap_and_stay_below_the_ephemeral_ports() -> None:
    ordered = sorted(BASES)
    assert all(second - first >= BLOCK_SIZE for first, second in itertools.pairwise(ordered))
    assert ordered[-1] + BLOCK_SIZE <= 32768


def test_two_owners_get_different_blocks_and_the_closed_one_is_free_again(tmp_path: Path) -> None:
    first = take_block(tmp_path / "one.json")
    second = take_block(tmp_path / "two.json")
    try:
        assert first.ports.base != second.ports.base
    finally:
        first.close()
        second.close()
    again = take_block(tmp_path / "one.json")
    again.close()
    assert again.ports == first.ports


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_block_with_one_busy_port_is_passed_over(tmp_path: Path, kind: socket.SocketKind) -> None:
    probe = take_block(tmp_path / "probe.json")
    probe.close()
    with socket.socket(socket.AF_INET, kind) as busy:
        busy.bind((LOOPBACK, probe.ports.sip))
        if kind is socket.SOCK_STREAM:
            busy.listen()
        taken = take_block(tmp_path / "probe.json")
        taken.close()
    assert taken.ports.base != probe.ports.base


def test_recorded_block_is_preferred(tmp_path: Path) -> None:
    probe = take_block(tmp_path / "probe.json")
    other = take_block(tmp_path / "other.json")
    probe.close()
    other.close()
    again = take_block(tmp_path / "other.json")
    again.close()
    assert again.ports == other.ports


@pytest.mark.parametrize("content", ["", "{", "[]", '{"base": "x"}', '{"base": 1}', '{"base": null}'])
def test_damaged_record_is_replaced(tmp_path: Path, content: str) -> None:
    record = tmp_path / "ports.json"
    record.write_text(content)
    block = take_block(record)
    block.close()
    assert json.loads(record.read_text())["base"] == block.ports.base


def test_no_free_block_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "BASES", ())
    with pytest.raises(StackFailure) as failure:
        take_block(tmp_path / "ports.json")
    assert "vss down" in failure.value.advice
