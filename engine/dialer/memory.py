"""What an object remembers, as JSON, and back: numbers exactly as they were (pure).

A class names what it remembers in `REMEMBERED`: numbers, None, arrays, and other objects with a memory. What follows
from the configuration or from other attributes does not belong there. A float survives JSON unchanged (Python writes
the shortest digits that read back as the same number).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from engine.errors import ConfigError


class Memory:
    """Can be written down and can recall it."""

    REMEMBERED: ClassVar[tuple[str, ...]] = ()

    def state(self) -> dict[str, Any]:
        """Everything remembered, by name without leading underscores, ready for JSON."""
        return {name.lstrip("_"): _plain(getattr(self, name)) for name in self.REMEMBERED}

    def recall(self, state: Mapping[str, Any]) -> None:
        """Take on what `state` gave. Raises ConfigError for one that is not of this shape; then do not use this."""
        for name in self.REMEMBERED:
            key = name.lstrip("_")
            here, value = getattr(self, name), part(state, key)
            if isinstance(here, Memory):
                here.recall(value)
            else:
                setattr(self, name, _like(here, value, key))


def part(state: Mapping[str, Any], name: str) -> Any:
    """One member of a state. Raises ConfigError where it is missing."""
    if not isinstance(state, Mapping) or name not in state:
        raise ConfigError(f"state: has no {name!r}; it is damaged or of another version")
    return state[name]


def rows(state: Mapping[str, Any], name: str, width: int) -> list[list[Any]]:
    """A list of rows of `width`. Raises ConfigError where it is none."""
    found = part(state, name)
    if not isinstance(found, list) or not all(isinstance(row, list) and len(row) == width for row in found):
        raise _odd(name)
    return found


def floats(value: Any, shape: tuple[int, ...], name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """An array of this shape. Raises ConfigError where it is none."""
    try:
        found = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise _odd(name) from None
    if found.shape != shape:
        raise _odd(name)
    return found


def _plain(value: Any) -> Any:
    match value:
        case Memory():
            return value.state()
        case np.ndarray():
            return value.tolist()
        case float() if not math.isfinite(value):
            return str(value)  # JSON has no infinity
    return value


def _like(here: Any, value: Any, name: str) -> Any:
    """`value` as the kind of thing that is there now."""
    if isinstance(here, np.ndarray):
        return floats(value, here.shape, name)
    if isinstance(value, str) and value in {"inf", "-inf"}:
        return float(value)
    if isinstance(here, bool) is not isinstance(value, bool) or not isinstance(value, int | float | None):
        raise _odd(name)
    return value


def _odd(name: str) -> ConfigError:
    return ConfigError(f"state: {name!r} is not as it should be; it is damaged or of another version")
