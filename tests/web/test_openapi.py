"""The description says what the server does, and real answers fit it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from served_site import Site

from engine.http.app import all_routes
from engine.http.openapi import document

DOCUMENT = document(all_routes(), "0")


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, op) for path, item in DOCUMENT["paths"].items() for method, op in item.items()]


def test_every_reference_resolves() -> None:
    named = set(re.findall(r"#/components/schemas/(\w+)", str(DOCUMENT)))
    assert named <= set(DOCUMENT["components"]["schemas"])


def test_every_schema_is_a_json_schema() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_operations_have_unique_names_and_all_path_parameters() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names))
    for path, _, operation in operations():
        declared = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
        assert declared == set(re.findall(r"\{(\w+)\}", path))


def test_every_route_of_the_issue_is_described() -> None:
    paths = {f"{method.upper()} {path}" for path, method, _ in operations()}
    wanted = {
        "GET /healthz", "GET /readyz", "GET /api/v1/campaigns", "POST /api/v1/campaigns", "GET /api/v1/campaigns/{id}",
        "GET /api/v1/campaigns/{id}/stats", "GET /api/v1/calls", "POST /api/v1/calls", "DELETE /api/v1/calls/{id}",
        "GET /api/v1/agents", "GET /api/v1/live", "GET /", "GET /docs",
    }  # fmt: skip
    wanted |= {f"POST /api/v1/campaigns/{{id}}/{change}" for change in ("start", "pause", "stop")}
    wanted |= {
        f"POST /api/v1/agents/{{slot}}/{action}" for action in ("login", "ready", "pause", "resume", "done", "logout")
    }
    assert wanted <= paths


def test_private_operations_say_that_they_need_the_token() -> None:
    for path, _, operation in operations():
        assert ("security" in operation) == (not path.startswith("/api")), path
        assert ("401" in operation["responses"]) == path.startswith("/api"), path


@pytest.mark.parametrize(
    ("method", "path", "template", "body"),
    [
        ("get", "/readyz", "/readyz", None),
        ("get", "/api/v1/campaigns", "/api/v1/campaigns", None),
        ("get", "/api/v1/campaigns/1", "/api/v1/campaigns/{id}", None),
        ("get", "/api/v1/campaigns/1/stats", "/api/v1/campaigns/{id}/stats", None),
        ("get", "/api/v1/campaigns/9", "/api/v1/campaigns/{id}", None),
        ("post", "/api/v1/campaigns/1/start", "/api/v1/campaigns/{id}/start", None),
        ("post", "/api/v1/campaigns/1/pause", "/api/v1/campaigns/{id}/pause", None),
        ("post", "/api/v1/calls", "/api/v1/calls", {"slot": 7001, "number": "+74951234567"}),
        ("post", "/api/v1/calls", "/api/v1/calls", {"slot": 1}),
        ("get", "/api/v1/calls", "/api/v1/calls", None),
        ("get", "/api/v1/agents", "/api/v1/agents", None),
        ("post", "/api/v1/agents/7001/login", "/api/v1/agents/{slot}/login", {}),
        ("post", "/api/v1/agents/7002/login", "/api/v1/agents/{slot}/login", {}),
    ],
)
async def test_answers_fit_their_description(site: Site, method: str, path: str, template: str, body: Any) -> None:
    async with site.client.request(method, site.base + path, json=body) as response:
        described = DOCUMENT["paths"][template][method]["responses"][str(response.status)]["content"]
        schema = described[response.content_type]["schema"]
        whole = schema | {"components": DOCUMENT["components"]}
        jsonschema.validate(await response.json(content_type=None), whole)


def test_the_page_on_the_api_names_every_route() -> None:
    page = (Path(__file__).parents[2] / "docs/api.md").read_text()
    for path, _, operation in operations():
        if operation["tags"] != ["pages"]:
            known = path.rsplit("/", 1)
            assert path in page or (known[0] in page and f"`/{known[1]}`" in page), path
