"""Asterisk's channel event log in memory, filled by the fake Asterisk."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from engine.call.fate import Fate, Fates
from engine.errors import Unavailable
from engine.ids import ChannelId


@dataclass(slots=True)
class FakeChannelLog:
    """A ChannelLog that has every channel from `complete_since` to `complete_until`; `away`: it raises Unavailable."""

    of: dict[ChannelId, Fate] = field(default_factory=dict)
    complete_since: float | None = None
    complete_until: float | None = None
    away: bool = False

    async def fates(self, channels: Collection[ChannelId]) -> Fates:
        if self.away:
            raise Unavailable("channel_log", "the fake log is away")
        of = {name: fate for name, fate in self.of.items() if name in channels}
        return Fates(of, self.complete_since, self.complete_until)
