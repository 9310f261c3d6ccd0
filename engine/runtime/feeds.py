"""Several live feeds behind one."""

from __future__ import annotations

from collections.abc import Sequence

from engine.ports import LiveFeed, LiveFrame


class Feeds:
    """Gives every frame to each of its feeds."""

    def __init__(self, feeds: Sequence[LiveFeed]) -> None:
        self._feeds = tuple(feeds)

    def publish(self, frame: LiveFrame) -> None:
        for feed in self._feeds:
            feed.publish(frame)
