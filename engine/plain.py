"""Typed values as plain data (what JSON can say), and back (msgspec's)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


class Malformed(ValueError):
    """Plain data that does not say such a value; the text names the place."""


plain: Callable[[object], Any] = msgspec.to_builtins
"""Structs and dataclasses as dicts, tuples as lists, enums as their values."""


def typed(data: object, kind: type[T]) -> T:
    """The value that plain data says; fields that the kind does not have are passed over. Raises Malformed."""
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise Malformed(str(error)) from None


def defaults_of(kind: type[Any]) -> dict[str, object]:
    """What each field of a struct or a dataclass is unless it is given; fields that must be given have `...`."""
    if issubclass(kind, msgspec.Struct):
        given = {field.name: field.default for field in msgspec.structs.fields(kind)}
    else:
        given = {field.name: field.default for field in dataclasses.fields(kind)}
    return {name: ... if value in (msgspec.NODEFAULT, dataclasses.MISSING) else value for name, value in given.items()}
