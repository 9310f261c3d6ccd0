"""Items as lines of JSON: the name of the kind, and its fields."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from engine.adapters.postgres.text import json_text

T = TypeVar("T")


class Codec(Generic[T]):
    """Encodes dataclasses of a few kinds. Fields that a later version added or dropped do no harm."""

    def __init__(self, *kinds: type[T]) -> None:
        self._kinds: dict[str, type[T]] = {kind.__name__: kind for kind in kinds}

    def encode(self, item: T) -> bytes:
        """One line, without its end. Raises ValueError for what is not plain data."""
        name = type(item).__name__
        if name not in self._kinds:
            raise ValueError(f"a spool of {sorted(self._kinds)} keeps no {name}")
        try:
            return json_text([name, msgspec.to_builtins(item)]).encode()
        except TypeError as error:
            raise ValueError(f"{name}: {error}") from error

    def decode(self, line: bytes) -> T:
        """Raises ValueError."""
        try:
            name, fields = msgspec.json.decode(line, type=tuple[str, Any])
            return msgspec.convert(fields, self._kinds[name])
        except (msgspec.MsgspecError, KeyError) as error:
            raise ValueError(f"no record of {sorted(self._kinds)}: {error}") from error
