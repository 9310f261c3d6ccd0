"""A lead's data as the parameters of a script (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.flow.model import Flow
from engine.flow.tabular import tabular


def params_of(flow: Flow, data: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that the lead's data has, by name; empty text is no value."""
    return {
        name: tabular(declared.type, value)
        for name, declared in flow.params.items()
        if (value := data.get(name)) is not None and value != ""
    }
