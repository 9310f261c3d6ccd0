"""Who carries out what scripts ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.agent.pool import Pool
from engine.flow.run.program import Program, program_of
from engine.ports import LiveFeed, Metrics, ScriptStore
from engine.run_ports import Ear, RunStore, Voices, Webhooks

from .asking import Asking
from .detecting import Detecting
from .keeping import Keeping
from .parties import Lines, Parties
from .performer import Performer
from .queueing import Queueing
from .recording import Finished, Recording
from .rooms import Rooms
from .speaking import Speaking
from .streaming import Streaming


async def read_in_thread(document: str) -> Program:
    """A large script takes a second to read. Raises ValueError."""
    return await asyncio.to_thread(program_of, document)


@dataclass(frozen=True, slots=True)
class FlowPorts:
    """What scripts on calls need of the world."""

    scripts: ScriptStore
    runs: RunStore
    voices: Voices
    webhooks: Webhooks
    ear: Ear
    recordings: Path | None = None
    """Where Asterisk puts what scripts record."""
    read: Callable[[str], Awaitable[Program]] = read_in_thread
    """Makes a program of a version's canonical form, while calls go on."""
    timezone: str = "UTC"
    """IANA name of the time that scripts tell."""


def performers(
    ports: FlowPorts,
    pools: Mapping[str, Pool],
    lines: Lines,
    feed: LiveFeed,
    recorded: Finished,
    metrics: Metrics,
) -> Sequence[Performer]:
    """One for each kind of command."""
    return (
        Speaking(ports.voices, metrics),
        Queueing(pools),
        Parties(lines, ports.voices, metrics),
        Rooms(),
        Keeping(ports.runs, feed, metrics),
        Asking(ports.webhooks),
        Recording(ports.recordings, recorded, metrics),
        Streaming(ports.ear),
        Detecting(ports.ear, metrics),
    )
