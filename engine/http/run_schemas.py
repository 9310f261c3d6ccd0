"""Bodies of the routes of runs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from .schemas import Accepted, Shown


class RunScript(Accepted):
    """Which script is to have the call: exactly one of script and slot."""

    script: str | None = Field(
        default=None, min_length=1, max_length=200, description="the beginning of a version's hash, name@version, name"
    )
    slot: int | None = Field(default=None, ge=6001, le=6999, description="what this automatic seat runs")
    params: dict[str, Any] = Field(default_factory=dict)
    locale: str | None = Field(default=None, max_length=35)
    then: Literal["hang_up", "agent"] = Field(
        default="hang_up", description="agent: who talks to the caller now waits, and gets them back"
    )


class RunShown(Shown):
    """A run; `script` is the version's hash, `results` are those that are not sensitive, times are epoch seconds."""

    run: str
    call: str
    script: str
    name: str
    state: str
    node: str
    started_at: float
    ended_at: float | None
    disposition: str | None
    reason: str | None
    results: dict[str, Any]
    tags: dict[str, Any]
    locale: str


class RunList(Shown):
    items: list[RunShown]
