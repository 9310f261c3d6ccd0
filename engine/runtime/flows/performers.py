"""Who carries out what scripts ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.agent.pool import Pool
from engine.ports import LiveFeed, Metrics, ScriptStore
from engine.run_ports import Ear, RunStore, Voices, Webhooks

from .asking import Asking
from .detecting import Detecting
from .keeping import Keeping
from .parties import Lines, Parties
from .performer import Performer
from .queueing import Queueing
from .rooms import Rooms
from .streaming import Streaming


@dataclass(frozen=True, slots=True)
class FlowPorts:
    """What scripts on calls need of the world."""

    scripts: ScriptStore
    runs: RunStore
    voices: Voices
    webhooks: Webhooks
    ear: Ear
    timezone: str = "UTC"
    """IANA name of the time that scripts tell."""


def performers(
    ports: FlowPorts, pools: Mapping[str, Pool], lines: Lines, feed: LiveFeed, metrics: Metrics
) -> Sequence[Performer]:
    """One for each kind of command."""
    return (
        Queueing(pools),
        Parties(lines, ports.voices, metrics),
        Rooms(),
        Keeping(ports.runs, feed, metrics),
        Asking(ports.webhooks),
        Streaming(ports.ear),
        Detecting(ports.ear, metrics),
    )
