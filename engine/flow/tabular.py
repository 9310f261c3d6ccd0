"""Text of tables (leads, lookups) as the values that a script declares (pure): a table has nothing but text."""

from __future__ import annotations

from typing import Any

from .values import Kind

_TRUE = frozenset({"true", "yes", "1", "да"})
_FALSE = frozenset({"false", "no", "0", "нет"})


def tabular(kind: Kind, value: Any) -> Any:
    """What `value_of` takes for a value of this kind; what does not fit is left as it is, for that to refuse it."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    match kind:
        case Kind.INT if text.lstrip("+-").isdigit():
            return int(text)
        case Kind.BOOL if text.lower() in _TRUE | _FALSE:
            return text.lower() in _TRUE
        case Kind.MONEY if len(words := text.split()) == 2:
            return {"amount": words[0], "currency": words[1]}
        case Kind.LIST:
            return [item.strip() for item in text.split(",") if item.strip()]
    return text
