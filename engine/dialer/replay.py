"""Repeat a pacer's recording and say where it first decides otherwise (pure)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.errors import ConfigError

from .baselines import pacer_named
from .budget import SettledAnswer
from .observation import Observation
from .pacer import PacerConfig, PacingLimits
from .recording import EVENTS, FORMAT, POOL, ByRule, Paced, decision_line
from .shared import SharedPacers


class Damaged(ConfigError):
    """The recording cannot be read. The message begins with the number of the line."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first line that was not written again as it is."""

    line: int
    recorded: str
    repeated: str


@dataclass(slots=True)
class Repeated:
    """What came out; `header` is the first line without the state."""

    header: dict[str, Any] = field(default_factory=dict)
    lines: int = 0
    events: int = 0
    decisions: int = 0
    launched: int = 0
    began_at: float | None = None
    ended_at: float | None = None
    difference: Difference | None = None


def repeat(lines: Iterable[str]) -> Repeated:
    """Drive new pacers as recorded, until the end or the first difference.

    Raises Damaged ("line 7: ...") for a recording that cannot be read or that another version made.
    """
    found = Repeated()
    paced: Paced | None = None
    for number, text in enumerate(lines, 1):
        found.lines = number
        try:
            line = _read(text)
            if paced is None:
                paced = _begun(line, found)
            else:
                _step(paced, line, text, found)
        except (ConfigError, TypeError, KeyError, AttributeError, ValueError) as error:
            raise Damaged(f"line {number}: {_words(error)}") from error
        if found.difference is not None:
            return found
    if paced is None:
        raise Damaged("line 1: there is none, the file is empty")
    return found


def _read(text: str) -> dict[str, Any]:
    if not text.endswith("\n"):
        raise ConfigError("is cut short (no end of line); without it what comes before can be repeated")
    try:
        line = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"is no JSON ({error})") from None
    if not isinstance(line, dict):
        raise ConfigError("is no JSON object")
    return line


def _begun(line: dict[str, Any], found: Repeated) -> Paced:
    if "vss_pacing" not in line:
        raise ConfigError("is not the header of a pacing recording")
    if line["vss_pacing"] != FORMAT:
        raise ConfigError(f"has format {line['vss_pacing']!r}; this version reads {FORMAT}")
    found.header = {name: value for name, value in line.items() if name != "state"}
    if line["rule"] == POOL:
        return SharedPacers() if line["state"] is None else SharedPacers.restored(line["state"])
    return ByRule(pacer_named(line["rule"], PacerConfig(**line["config"]), line["seed"]))


def _step(paced: Paced, line: dict[str, Any], text: str, found: Repeated) -> None:
    match line:
        case {"event": str()}:
            found.events += 1
            campaign = line.pop("campaign", None)
            paced.observe(_event(line), campaign)
        case {"decide": int() | float() as now, "limits": dict() as limits}:
            _decide(paced, now, {key: PacingLimits(**given) for key, given in limits.items()}, text, found)
        case {"add": str() as campaign} if isinstance(paced, SharedPacers):
            facts = line["facts"]
            paced.add(
                campaign, PacerConfig(**line["config"]), line["weight"], line["seed"], policy=line["policy"],
                state=line["state"], facts=None if facts is None else [SettledAnswer(*fact) for fact in facts],
            )  # fmt: skip
        case {"remove": str() as campaign} if isinstance(paced, SharedPacers):
            paced.remove(campaign)
        case _:
            raise ConfigError("is no event, decision, or campaign that joins or leaves")


def _event(line: dict[str, Any]) -> Observation:
    kind = EVENTS.get(line.pop("event"))
    if kind is None:
        raise ConfigError(f"is an event of no known kind; there are {', '.join(EVENTS)}")
    if not isinstance(line.get("at"), int | float) or not all(
        isinstance(line[name], str) for name in ("call", "agent") if name in line
    ):
        raise ConfigError("is an event without its time, or with a name that is no text")
    event: Observation = kind(**line)
    return event


def _decide(paced: Paced, now: float, limits: Mapping[str, PacingLimits], text: str, found: Repeated) -> None:
    decisions = paced.decide(now, limits)
    found.decisions += 1
    found.launched += sum(decision.launch for decision in decisions.values())
    found.began_at = now if found.began_at is None else found.began_at
    found.ended_at = now
    again = decision_line(now, limits, decisions)
    if again != text:
        found.difference = Difference(found.lines, text.rstrip("\n"), again.rstrip("\n"))


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, ConfigError) else f"does not fit together ({error!r})"
