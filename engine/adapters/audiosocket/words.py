"""What a bot asks of a stream, read from a text message (pure)."""

from __future__ import annotations

import json
from dataclasses import dataclass

NAME_MAX = 100
TEXT_MAX = 4096


class BadCommand(ValueError):
    """The message is none of the commands; the text says what to send instead."""


@dataclass(frozen=True, slots=True)
class Clear:
    """Forget what the caller has not heard: the caller interrupts."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Tell when the caller has heard everything that was sent before."""

    name: str


@dataclass(frozen=True, slots=True)
class End:
    """End the stream once the caller has heard what was sent."""


def command_of(text: str) -> Clear | Mark | End:
    """Read a command. Raises BadCommand."""
    if len(text) > TEXT_MAX:
        raise BadCommand(f"a command has at most {TEXT_MAX} characters")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise BadCommand("a text message must be a JSON object") from None
    if not isinstance(data, dict):
        raise BadCommand("a text message must be a JSON object")
    match data.get("command"):
        case "clear":
            return Clear()
        case "mark":
            name = data.get("name")
            if not isinstance(name, str) or not 0 < len(name) <= NAME_MAX:
                raise BadCommand(f"mark: name must be a text of 1 to {NAME_MAX} characters")
            return Mark(name)
        case "end":
            return End()
        case _:
            raise BadCommand("command must be clear, mark or end")
