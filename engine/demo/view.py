"""What the demo shows while it runs: a live picture on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from rich.columns import Columns
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

PLAIN_EVERY_S = 5.0
COLOURS: Mapping[str, str] = {
    "ready": "green", "talking": "bold cyan", "wrapping": "yellow", "paused": "magenta", "reserved": "cyan",
    "calling": "blue", "offline": "bright_black",
}  # fmt: skip


class View(Protocol):
    """Shows the campaign as it is now."""

    def __enter__(self) -> View: ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, overview: Mapping[str, Any], agents: Sequence[Mapping[str, Any]], calls: Sequence[Any]) -> None: ...


def view_for(console: Console) -> View:
    """A live picture when `console` is a terminal, else plain lines."""
    return LiveView(console) if console.is_terminal else PlainView(console)


class PlainView:
    """One line every few seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown_at = 0.0

    def __enter__(self) -> PlainView:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, overview: Mapping[str, Any], agents: Sequence[Mapping[str, Any]], calls: Sequence[Any]) -> None:
        if time.monotonic() - self._shown_at < PLAIN_EVERY_S:
            return
        self._shown_at = time.monotonic()
        stats = overview["stats"]
        states = " ".join(f"{state}:{count}" for state, count in sorted(_count(agents).items()))
        self._console.print(
            f"  done {_done(stats)}/{_total(stats)}  dialing {stats['dialing']}  talking {stats['talking']}"
            f"  agents {states}  | {stats['pacing']}",
            highlight=False,
            soft_wrap=True,
        )


class LiveView:
    """Campaign, agents, calls and outcomes, redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> LiveView:
        self._live.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._live.__exit__(*error)

    def show(self, overview: Mapping[str, Any], agents: Sequence[Mapping[str, Any]], calls: Sequence[Any]) -> None:
        stats = overview["stats"]
        progress = ProgressBar(total=max(1, _total(stats)), completed=_done(stats), width=60)
        head = Table.grid(padding=(0, 2))
        head.add_row("leads", progress, f"{_done(stats)} of {_total(stats)}")
        head.add_row("pacing", Text(stats["pacing"] or "-"), "")
        outcomes = Table("outcome", "attempts", box=None, pad_edge=False)
        for outcome, count in sorted(stats["outcomes"].items(), key=lambda item: -item[1]):
            outcomes.add_row(outcome, str(count))
        self._live.update(
            Group(
                Panel(head, title="campaign", title_align="left"),
                Columns([Panel(outcomes, title="outcomes"), Panel(_seats(agents), title="agents")]),
                Panel(_calls(calls), title=f"calls ({len(calls)})", title_align="left"),
            )
        )


def _seats(agents: Sequence[Mapping[str, Any]]) -> Table:
    table = Table("slot", "state", "for", box=None, pad_edge=False)
    for agent in agents:
        state = Text(agent["state"], style=COLOURS.get(agent["state"], ""))
        table.add_row(str(agent["slot"]), state, f"{max(0.0, time.time() - agent['since']):.0f} s")
    return table


def _calls(calls: Sequence[Any]) -> Table:
    table = Table("number", "phase", "agent", "age", box=None, pad_edge=False)
    for call in calls[:10]:
        age = f"{max(0.0, time.time() - call['created_at']):.0f} s"
        table.add_row(call["number"], call["phase"], str(call["slot"] or ""), age)
    return table


def _count(agents: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for agent in agents:
        counts[agent["state"]] = counts.get(agent["state"], 0) + 1
    return counts


def _done(stats: Mapping[str, Any]) -> int:
    return int(stats["leads"].get("done", 0))


def _total(stats: Mapping[str, Any]) -> int:
    return sum(stats["leads"].values())
