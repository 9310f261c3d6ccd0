"""Bodies of the routes of scripts."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from engine.flow.document import Syntax

from .schemas import Accepted, Shown

Did = Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{3,15}$")]


class NewScript(Accepted):
    """A script as it was written, with the subflows it calls; each flow of the text becomes a version."""

    text: str = Field(min_length=1, description="YAML (documents parted by ---) or JSON (a document or a list)")
    syntax: Syntax = Field(default=Syntax.YAML, strict=False)


class UnbindScript(Accepted):
    """A target: exactly one of slot, did and campaign."""

    slot: int | None = Field(default=None, ge=6001, le=6999)
    did: Did | None = None
    campaign: int | None = Field(default=None, ge=1)


class BindScript(UnbindScript):
    """What is to run a version: exactly one of slot, did and campaign."""

    share: float = Field(default=1.0, gt=0, le=1, description="the part of the calls that it gets there")


class VersionShown(Shown):
    """A published version; `hash` (SHA-256 of its canonical form) is its identity, times are epoch seconds."""

    hash: str
    name: str
    number: int
    title: str
    nodes: int
    published_at: float
    published_by: str
    retired_at: float | None
    retired_by: str | None


class VersionList(Shown):
    items: list[VersionShown]


class ScriptShown(Shown):
    """A version with its document: `flow`, and `subflows` by id."""

    version: VersionShown
    document: dict[str, Any]


class TargetShown(Shown):
    kind: str
    name: str


class ShareShown(Shown):
    version: str
    share: float


class BindingShown(Shown):
    """What a target runs from `at` (epoch seconds) on."""

    target: TargetShown
    shares: list[ShareShown]
    seed: int
    at: float
    by: str


class BindingList(Shown):
    items: list[BindingShown]
