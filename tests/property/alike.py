"""Compare two objects attribute by attribute, to the last bit; says where they differ."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from enum import Enum
from typing import Any

import numpy as np


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """Paths at which `one` and `other` are not the same; every attribute counts, slots and arrays too."""
    if type(one) is not type(other):
        yield f"{path}: {one!r} and {other!r}"
    elif isinstance(one, np.ndarray):
        if one.shape != other.shape or one.tobytes() != other.tobytes():
            yield f"{path}: arrays differ"
    elif one is None or isinstance(one, bool | int | float | str | Enum | set | frozenset):
        if one != other:
            yield f"{path}: {one!r} and {other!r}"
    elif isinstance(one, dict):
        if one.keys() != other.keys():
            yield f"{path}: keys {sorted(map(str, one.keys() ^ other.keys()))}"
        for key in one.keys() & other.keys():
            yield from differences(one[key], other[key], f"{path}[{key}]")
    elif isinstance(one, list | tuple | deque):
        if len(one) != len(other):
            yield f"{path}: {len(one)} and {len(other)} members"
        for number, (here, there) in enumerate(zip(one, other, strict=False)):
            yield from differences(here, there, f"{path}[{number}]")
    else:
        known = _attributes(one)
        if not known:
            raise TypeError(f"{path}: cannot look into {one!r}")
        yield from differences(known, _attributes(other), path)


def _attributes(thing: Any) -> dict[str, Any]:
    slots = {name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())}
    return {name: getattr(thing, name) for name in (slots | getattr(thing, "__dict__", {}).keys()) - {"__weakref__"}}
