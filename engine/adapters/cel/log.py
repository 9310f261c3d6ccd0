"""What Asterisk wrote of its channels while nobody listened; asterisk/cel_custom.conf.j2 says what it writes.

Asterisk opens the file for every line, so a file that is renamed is begun anew: that is how it is kept small. A line is
written within milliseconds of its event, by another thread than the channel's.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

import msgspec
import structlog

from engine.call.fate import Fate, Fates
from engine.errors import Unavailable
from engine.ids import ChannelId
from engine.ports import Metrics

log = structlog.get_logger()

READ_MAX = 32 * 1024 * 1024
"""Bytes from the end that are looked at: 30,000 calls."""
KEPT_MAX = 64 * 1024 * 1024
"""A larger file is put aside; the one before it goes."""
LOOK_S = 600.0
EARLIER = ".1"


class _Extra(msgspec.Struct):
    hangupcause: int = 0
    hangupsource: str | None = None
    """The channel's own name where its far end hung up; else empty, or who did it."""


class _Line(msgspec.Struct):
    eventtype: str
    eventtime: float
    uniqueid: str
    channame: str = ""
    eventextra: str = ""


_line_of = msgspec.json.Decoder(_Line).decode
_extra_of = msgspec.json.Decoder(_Extra).decode


class CelLog:
    """ChannelLog over the file of an Asterisk on this machine."""

    def __init__(self, path: Path, metrics: Metrics) -> None:
        self._path = path
        self._metrics = metrics

    async def fates(self, channels: Collection[ChannelId]) -> Fates:
        """Read beside the loop. Raises Unavailable(`channel_log`)."""
        return await asyncio.to_thread(self._fates, frozenset(channels))

    async def keep_small(self) -> None:
        """Put a large file aside, now and then, until cancelled."""
        while True:
            await asyncio.to_thread(self._put_aside)
            await asyncio.sleep(LOOK_S)

    def _fates(self, channels: frozenset[ChannelId]) -> Fates:
        try:
            text = self._tail()
        except OSError as error:
            raise Unavailable("channel_log", str(error)) from error
        return fates_of(text.splitlines(), channels)

    def _tail(self) -> bytes:
        """The newest bytes, of the file before this one too where that is short; without half a line.

        A file that was put aside a moment ago (by an engine that starts, too) is not there until the next event.
        """
        earlier = self._path.with_name(self._path.name + EARLIER)
        try:
            newest, whole = _end_of(self._path, READ_MAX)
        except FileNotFoundError:
            return _end_of(earlier, READ_MAX)[0]
        if not whole:
            self._metrics.count("vss_bounds_reached_total", bound="channel_log_size")
            return newest
        return (_end_of(earlier, READ_MAX - len(newest))[0] if earlier.exists() else b"") + newest

    def _put_aside(self) -> None:
        try:
            if self._path.exists() and self._path.stat().st_size > KEPT_MAX:
                self._path.rename(self._path.with_name(self._path.name + EARLIER))
        except OSError as error:
            log.warning("channel_log_not_put_aside", path=str(self._path), reason=str(error))


class NoChannelLog:
    """ChannelLog where Asterisk's log is not on this machine: nothing is known."""

    async def fates(self, channels: Collection[ChannelId]) -> Fates:
        """Nothing."""
        return Fates()


def _end_of(path: Path, size_max: int) -> tuple[bytes, bool]:
    """At most so many bytes from the end, beginning with a whole line; and whether that is all of it."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - size_max))
        text = file.read(size_max)
    whole = size <= size_max
    return text if whole else text.partition(b"\n")[2], whole


def fates_of(lines: Iterable[bytes], channels: Collection[ChannelId]) -> Fates:
    """What lines say of these channels.

    A line that cannot be read (half of one is left where Asterisk was killed, and the next is written behind it) may
    have been a channel's only one, so that the log is complete only from the one after it.
    """
    of: dict[ChannelId, Fate] = {}
    complete_since: float | None = None
    complete_until: float | None = None
    damaged = False
    for text in lines:
        try:
            line = _line_of(text)
        except msgspec.MsgspecError:
            damaged = damaged or bool(text.strip())
            continue
        if complete_since is None or damaged:
            complete_since = line.eventtime
            damaged = False
        complete_until = max(complete_until or 0.0, line.eventtime)
        channel = ChannelId(line.uniqueid)
        if channel in channels:
            of[channel] = _after(of.get(channel, Fate(line.eventtime)), line)
    return Fates(of, complete_since, complete_until)


def _after(fate: Fate, line: _Line) -> Fate:
    match line.eventtype:
        case "ANSWER" if fate.answered_at is None:
            return replace(fate, answered_at=line.eventtime)
        case "BRIDGE_ENTER" if fate.bridged_at is None:
            return replace(fate, bridged_at=line.eventtime)
        case "HANGUP":
            try:
                extra = _extra_of(line.eventextra)
            except msgspec.MsgspecError:
                return fate
            left = None if extra.hangupsource is None else extra.hangupsource == line.channame
            return replace(fate, cause=extra.hangupcause, far_end_left=left)
        case "CHAN_END":
            return replace(fate, ended_at=line.eventtime)
        case _:
            return fate
