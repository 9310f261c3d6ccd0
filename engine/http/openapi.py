"""OpenAPI 3.1 made from the routes and their models."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from .route import Route, plain_path
from .schemas import Problem

_MEANINGS = {
    400: "malformed request",
    401: "no token, or a wrong one",
    404: "no such thing",
    408: "the body came too slowly",
    409: "impossible as things stand; `code` says why",
    413: "body too large",
    415: "the body is not JSON",
    422: "a field is missing, unknown or wrong; `errors` names it",
    429: "too many streams, or the trunk is full",
    500: "a fault of the engine",
    503: "a part is away; see Retry-After",
    504: "the engine did not finish in time",
}
_REF = "#/components/schemas/{model}"


def document(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """The whole description."""
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(Problem, "serialization")]
    for route in routes:
        if route.body is not None:
            models.append((route.body, "validation"))
        if route.answer is not None:
            models.append((route.answer, "serialization"))
    refs, definitions = models_json_schema(list(dict.fromkeys(models)), ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        for path, operation in _operations(route, refs):
            paths.setdefault(path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "VSS engine",
            "version": version,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operations(route: Route, refs: Any) -> Iterable[tuple[str, dict[str, Any]]]:
    """One operation per path; a choice in a path (start|pause|stop) becomes a path each."""
    choice = re.search(r"\{(\w+):([a-z]+(?:\|[a-z]+)+)\}", route.path)
    words = choice.group(2).split("|") if choice else [""]
    for word in words:
        template = route.path.replace(choice.group(0), word) if choice else route.path
        yield plain_path(template), _operation(route, template, word, refs)


def _operation(route: Route, template: str, word: str, refs: Any) -> dict[str, Any]:
    name = "_".join(part for part in (getattr(route.handler, "__name__", route.tag), word) if part)
    operation: dict[str, Any] = {
        "operationId": name,
        "tags": [route.tag],
        "summary": route.summary,
        "parameters": [*_path_parameters(template), *_header_parameters(route)],
        "responses": _responses(route, refs),
    }
    if route.public:
        operation["security"] = []
    if route.body is not None:
        needed = any(field.is_required() for field in route.body.model_fields.values())
        content = {"application/json": {"schema": refs[route.body, "validation"]}}
        operation["requestBody"] = {"required": needed, "content": content}
    return operation


def _path_parameters(template: str) -> Iterable[dict[str, Any]]:
    for name, pattern in re.findall(r"\{(\w+):((?:[^{}]|\{[^{}]*\})*)\}", template):
        number = "A-Z" not in pattern
        schema = {"type": "integer", "minimum": 0} if number else {"type": "string", "pattern": f"^{pattern}$"}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _header_parameters(route: Route) -> Iterable[dict[str, Any]]:
    if route.once:
        schema: dict[str, Any] = {"type": "string", "pattern": "^[!-~]{1,100}$"}
        yield {"name": "Idempotency-Key", "in": "header", "required": False, "schema": schema}
    if route.streams:
        yield {"name": "Last-Event-ID", "in": "header", "required": False, "schema": {"type": "string"}}


def _responses(route: Route, refs: Any) -> dict[str, Any]:
    schema = refs[route.answer, "serialization"] if route.answer is not None else {"type": "string"}
    answers: dict[str, Any] = {
        str(route.status): {"description": "done", "content": {route.content_type: {"schema": schema}}}
    }
    statuses = {500, 503, 504} | set(route.problems) | {400}
    if not route.public:
        statuses.add(401)
    if route.body is not None:
        statuses |= {408, 413, 415, 422}
    problem = refs[Problem, "serialization"]
    for status in sorted(statuses):
        if status == 503 and 503 in route.problems and route.answer is not None:
            content = {"application/json": {"schema": schema}}
        else:
            content = {"application/problem+json": {"schema": problem}}
        answers[str(status)] = {"description": _MEANINGS[status], "content": content}
    return answers
