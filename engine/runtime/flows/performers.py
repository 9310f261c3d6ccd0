"""Who carries out what scripts ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.clock import Clock
from engine.ports import Metrics, ScriptStore
from engine.run_ports import Ear, RunStore, Voices, Webhooks

from .detecting import Detecting
from .performer import Performer
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


def performers(ports: FlowPorts, clock: Clock, metrics: Metrics) -> Sequence[Performer]:
    """One for each kind of command."""
    return (Streaming(ports.ear), Detecting(ports.ear, metrics))
