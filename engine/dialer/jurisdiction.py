"""What a country's law counts as abandoned and how much it allows: data (jurisdictions.json), not code (pure)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from engine.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """The rules of one regulator. Limits are fractions of the live answers, windows and times seconds."""

    name: str
    version: int
    law: str
    limit: float
    window_s: float
    limit_24h: float | None
    period: str
    """Over what the limit is measured: `campaign` (successive windows from its first start), or by the calendar of
    `zone`: `day`, `month`."""
    zone: str
    ring_min_s: float
    """A call that has rung for less may not be given up."""
    connect_limit_s: float
    """From where it is counted to an agent's voice."""
    counted_from: str
    """`greeting_end`: of the person's greeting, else when they were there, else the answer; `answer`."""
    add_false_positives: bool
    """People taken for machines and hung up on count as abandoned."""
    message_required: bool
    consent_required: bool


def names() -> tuple[str, ...]:
    """Every jurisdiction there is data for."""
    return tuple(_data()["jurisdictions"])


def data_version() -> int:
    """Of jurisdictions.json."""
    version: int = _data()["version"]
    return version


@cache
def jurisdiction(name: str) -> Jurisdiction:
    """The rules by name. Raises ConfigError for one that is not known."""
    found = _data()["jurisdictions"].get(name)
    if found is None:
        raise ConfigError(f"jurisdiction: {name!r} is not one of {', '.join(names())}")
    return Jurisdiction(name=name, version=_data()["version"], **found)


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(resources.files(__package__).joinpath("jurisdictions.json").read_text("utf-8"))
    return data
