"""A lead's data as the parameters of a script (pure): a table's text becomes what the script declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.flow.model import Flow
from engine.flow.values import Kind

_TRUE = frozenset({"true", "yes", "1", "да"})
_FALSE = frozenset({"false", "no", "0", "нет"})


def params_of(flow: Flow, data: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that the lead's data has, by name; empty text is no value. What does not fit is left as it is, so
    that the script's own check names it."""
    return {
        name: _read(declared.type, value)
        for name, declared in flow.params.items()
        if (value := data.get(name)) is not None and value != ""
    }


def _read(kind: Kind, value: Any) -> Any:
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
