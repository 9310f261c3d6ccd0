"""Asterisk's channel event log: what is read, whatever is in the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.adapters.cel import CelLog, NoChannelLog
from engine.adapters.cel import log as module
from engine.adapters.cel.log import fates_of
from engine.call.fate import Fate, Fates
from engine.errors import Unavailable
from engine.fakes.metrics import FakeMetrics
from engine.ids import ChannelId

A, B, C = ChannelId("a"), ChannelId("b"), ChannelId("c")


def line(kind: str, at: float, channel: ChannelId = A, **extra: Any) -> bytes:
    told = {"eventtype": kind, "eventtime": at, "uniqueid": channel, "linkedid": channel, "channame": "PJSIP/x-1",
            "eventextra": json.dumps(extra) if extra else ""}  # fmt: skip
    return json.dumps(told).encode()


TALKED = [
    line("CHAN_START", 10.0), line("ANSWER", 12.5), line("CHAN_START", 12.6, B), line("BRIDGE_ENTER", 13.0),
    line("BRIDGE_EXIT", 20.0), line("BRIDGE_ENTER", 21.0), line("HANGUP", 30.0, hangupcause=16, hangupsource=""),
    line("CHAN_END", 30.25),
]  # fmt: skip
FATE = Fate(10.0, 12.5, 13.0, 30.25, 16, far_end_left=False)


def test_fate_of_a_channel_is_its_first_answer_first_bridge_and_end() -> None:
    assert fates_of(TALKED, {A, B}) == Fates({A: FATE, B: Fate(12.6)}, 10.0, 30.25)
    assert fates_of(TALKED, set()) == Fates({}, 10.0, 30.25)


@pytest.mark.parametrize("damage", [b"", b"{", b"null", b"\xff\xfe", b'{"eventtype":"ANSWER"}', b"[1]", TALKED[1][:-5]])
def test_line_that_cannot_be_read_is_no_line(damage: bytes) -> None:
    for place in range(len(TALKED) + 1):
        lines = [*TALKED[:place], damage, *TALKED[place:]]
        assert fates_of(lines, {A}).of == {A: FATE}


def test_extra_that_cannot_be_read_is_an_unknown_cause() -> None:
    odd = json.dumps({"eventtype": "HANGUP", "eventtime": 1.0, "uniqueid": "a", "eventextra": "?"}).encode()
    assert fates_of([odd], {A}).of == {A: Fate(1.0)}


@pytest.mark.parametrize(
    ("extra", "left"),
    [
        ({"hangupcause": 0, "hangupsource": "PJSIP/x-1"}, True),
        ({"hangupcause": 16, "hangupsource": ""}, False),
        ({"hangupcause": 16, "hangupsource": "dialplan/builtin"}, False),
        ({"hangupcause": 16, "hangupsource": "PJSIP/other-2"}, False),
        ({"hangupcause": 16}, None),
    ],
)
def test_who_hung_up_is_told_by_the_source_of_the_hang_up(extra: dict[str, Any], left: bool | None) -> None:
    assert fates_of([line("HANGUP", 1.0, **extra)], {A}).of[A].far_end_left is left


def test_damaged_line_may_have_been_a_channels_only_one() -> None:
    """Asterisk was killed while it wrote, and its next line stands behind that half."""
    lost = line("CHAN_START", 20.0, C)[:-9] + line("CHAN_START", 35.0)
    fates = fates_of([*TALKED, lost, line("CHAN_END", 40.0), line("CHAN_START", 60.0)], {C})
    assert (fates.complete_since, fates.complete_until) == (40.0, 60.0)
    assert not fates.never_made(C, 20.0)
    assert fates.never_made(C, 45.0)
    half = fates_of([*TALKED, line("CHAN_START", 31.0, C)[:-9]], {C})
    assert half.never_made(C, 20.0), "half of the newest line hides nothing older"
    assert not half.never_made(C, 31.0)


async def test_file_is_read_with_the_one_before_it(tmp_path: Path) -> None:
    path = tmp_path / "cel.json"
    log = CelLog(path, FakeMetrics())
    with pytest.raises(Unavailable):
        await log.fates([A])
    path.with_name("cel.json.1").write_bytes(b"\n".join(TALKED[:4]) + b"\n")
    path.write_bytes(b"\n".join(TALKED[4:]) + b"\n")
    assert await log.fates([A]) == Fates({A: FATE}, 10.0, 30.25)


async def test_file_that_was_put_aside_a_moment_ago_is_still_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that starts puts a large file aside just when it has to know what became of calls."""
    path = tmp_path / "cel.json"
    path.write_bytes(b"\n".join(TALKED) + b"\n")
    log = CelLog(path, FakeMetrics())
    monkeypatch.setattr(module, "KEPT_MAX", 99)
    log._put_aside()
    assert await log.fates([A]) == Fates({A: FATE}, 10.0, 30.25)


async def test_only_the_newest_part_of_a_large_file_is_read_and_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, metrics = tmp_path / "cel.json", FakeMetrics()
    path.write_bytes(b"\n".join(TALKED) + b"\n")
    monkeypatch.setattr(module, "READ_MAX", len(TALKED[-1]) + len(TALKED[-2]) + 20)
    assert await CelLog(path, metrics).fates([A]) == Fates(
        {A: Fate(30.0, ended_at=30.25, cause=16, far_end_left=False)}, 30.0, 30.25
    )
    assert metrics.of("vss_bounds_reached_total", bound="channel_log_size") == 1


async def test_large_file_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cel.json"
    path.write_bytes(b"x" * 100)
    log = CelLog(path, FakeMetrics())
    log._put_aside()
    assert path.exists()
    monkeypatch.setattr(module, "KEPT_MAX", 99)
    log._put_aside()
    log._put_aside()
    assert not path.exists()
    assert path.with_name("cel.json.1").read_bytes() == b"x" * 100


async def test_no_log_knows_nothing() -> None:
    assert not (await NoChannelLog().fates([A])).never_made(A, 1e12)
