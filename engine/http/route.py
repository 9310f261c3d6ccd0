"""Routes as data: one decorator states method, path, bodies and who may call; the server and OpenAPI read the same."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from aiohttp import web
from pydantic import BaseModel

from engine.ids import CallId, CampaignId, Slot
from engine.ports import Metrics
from engine.runtime.scripts import ScriptDesk

from .control import Control
from .live import LiveHub

Body = TypeVar("Body", bound=BaseModel)

CAMPAIGN = "{id:[0-9]{1,15}}"
CALL = "{id:[A-Za-z0-9._-]{1,64}}"
SLOT = "{slot:[6-9][0-9]{3}}"


@dataclass(slots=True)
class Exchange:
    """One request on its way through a handler."""

    request: web.Request
    control: Control
    live: LiveHub
    scripts: ScriptDesk
    metrics: Metrics
    request_id: str
    body: BaseModel | None = None
    headers: dict[str, str] = field(default_factory=dict)
    """Extra headers of the answer."""

    def body_as(self, model: type[Body]) -> Body:
        """The validated body; the route declared its model."""
        assert isinstance(self.body, model)
        return self.body

    @property
    def campaign(self) -> CampaignId:
        return CampaignId(int(self.request.match_info["id"]))

    @property
    def call(self) -> CallId:
        return CallId(self.request.match_info["id"])

    @property
    def script(self) -> str:
        """What the path names a version by."""
        return self.request.match_info["version"]

    @property
    def slot(self) -> Slot:
        return Slot(int(self.request.match_info["slot"]))


Handler = Callable[[Exchange], Awaitable[BaseModel | web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One route. `problems` are the statuses it may answer besides those every route has."""

    method: str
    path: str
    handler: Handler
    tag: str
    summary: str
    answer: type[BaseModel] | None
    body: type[BaseModel] | None = None
    status: int = 200
    problems: tuple[int, ...] = ()
    public: bool = False
    streams: bool = False
    """Lives longer than the time limit of a request."""
    once: bool = False
    """Takes an Idempotency-Key: repeating it must not do the thing twice."""
    content_type: str = "application/json"
    template: str = ""
    """The path without its patterns, as metrics and logs name it; made once, because it is needed per request."""


def plain_path(path: str) -> str:
    """A route's path without the patterns: /api/v1/calls/{id}."""
    return re.sub(r"\{(\w+):[^/]*\}", r"{\1}", path)


class Routes:
    """The routes of one subject."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.all: list[Route] = []

    def add(
        self,
        method: str,
        path: str,
        *,
        summary: str,
        answer: type[BaseModel] | None = None,
        body: type[BaseModel] | None = None,
        status: int = 200,
        problems: tuple[int, ...] = (),
        public: bool = False,
        streams: bool = False,
        once: bool = False,
        content_type: str = "application/json",
    ) -> Callable[[Handler], Handler]:
        """Register the decorated handler."""

        def register(handler: Handler) -> Handler:
            self.all.append(
                Route(
                    method=method,
                    path=path,
                    handler=handler,
                    tag=self.tag,
                    summary=summary,
                    answer=answer,
                    body=body,
                    status=status,
                    problems=problems,
                    public=public,
                    streams=streams,
                    once=once,
                    content_type=content_type,
                    template=plain_path(path),
                )
            )
            return handler

        return register
