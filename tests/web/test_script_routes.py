"""Scripts over HTTP, from the check on write to the refusal to bind."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
from served_site import Site

from engine.fakes.scripts import FakeScripts
from engine.http.app import all_routes
from engine.http.openapi import document
from engine.runtime.scripts import ScriptDesk
from tests.gacs import framed

DOCUMENT = document(all_routes(), "0")


def body(part: str = "title: one") -> dict[str, Any]:
    return {"text": json.dumps(framed(part)), "syntax": "json"}


async def ask(site: Site, method: str, path: str, template: str, sent: Any = None) -> tuple[int, Any, str]:
    """Ask, and hold the answer to its description."""
    async with site.client.request(method, site.base + "/api/v1/scripts" + path, json=sent) as response:
        described = DOCUMENT["paths"]["/api/v1/scripts" + template][method.lower()]["responses"][str(response.status)]
        answer = await response.json(content_type=None)
        schema = described["content"][response.content_type]["schema"]
        jsonschema.validate(answer, schema | {"components": DOCUMENT["components"]})
        return response.status, answer, response.headers.get("Location", "")


async def test_sound_script_is_kept_listed_and_shown(site: Site) -> None:
    status, made, location = await ask(site, "POST", "", "", body())
    assert status == 201
    (version,) = made["items"]
    assert location == f"/api/v1/scripts/{version['hash']}"
    assert (await ask(site, "GET", "", ""))[1] == {"items": [version]}
    for named in (version["hash"], version["hash"][:8], f"{version['name']}@1", version["name"]):
        status, shown, _ = await ask(site, "GET", f"/{named}", "/{version}")
        assert (status, shown["version"]) == (200, version)
        assert shown["document"] == {"flow": framed("title: one")[0], "subflows": {}}


async def test_unsound_script_is_refused_with_all_problems(site: Site) -> None:
    wrong = body("start: helo\nnodes: {hello: {play: {prompt: hi}, then: over}}")
    status, problem, _ = await ask(site, "POST", "", "", wrong)
    assert (status, problem["code"]) == (422, "script_unsound")
    assert {one["code"] for one in problem["problems"]} == {"G0201", "G0203"}
    assert all(one["message"] and one["hint"] and one["line"] >= 1 for one in problem["problems"])
    assert (await ask(site, "GET", "", ""))[1] == {"items": []}


async def test_text_that_is_no_script_is_refused(site: Site) -> None:
    for text in ("{", "- 1", "\x00", "\u2028", "a: &b [*b]", "x" * 60_000):
        status, problem, _ = await ask(site, "POST", "", "", {"text": text})
        assert (status, problem["code"]) == (422, "script_unsound"), text[:20]
    assert (await ask(site, "POST", "", "", {"text": ""}))[0] == 422
    assert (await ask(site, "POST", "", "", {"text": "x", "syntax": "toml"}))[0] == 422
    assert (await ask(site, "POST", "", "", {"text": "x" * 70_000}))[0] == 413


async def test_other_content_under_a_taken_number_is_refused(site: Site) -> None:
    await ask(site, "POST", "", "", body())
    status, problem, _ = await ask(site, "POST", "", "", body("title: two"))
    assert (status, problem["code"]) == (409, "version_taken")


async def test_version_is_bound_to_what_it_is_made_for_only(site: Site, scripts: ScriptDesk) -> None:
    _, made, _ = await ask(site, "POST", "", "", body())
    path = f"/{made['items'][0]['hash']}/publish"
    for target, kind in (({"slot": 6001}, "slot"), ({"did": "+12025550100"}, "did")):
        status, bound, _ = await ask(site, "POST", path, "/{version}/publish", target)
        assert (status, bound["target"]["kind"]) == (200, kind)
        assert isinstance(scripts.store, FakeScripts)
        assert scripts.store.bound.pop().target.kind == kind
    status, problem, _ = await ask(site, "POST", path, "/{version}/publish", {"campaign": 1})
    assert (status, problem["code"]) == (422, "script_not_for")
    for wrong in ({}, {"slot": 7001}, {"slot": 6001, "did": "123"}, {"slot": 6001, "share": 0}, {"did": "sales"}):
        assert (await ask(site, "POST", path, "/{version}/publish", wrong))[0] == 422
    assert isinstance(scripts.store, FakeScripts)
    assert scripts.store.bound == []


async def test_version_is_retired_by_its_exact_name_and_stays_readable(site: Site) -> None:
    _, made, _ = await ask(site, "POST", "", "", body())
    (version,) = made["items"]
    template = "/{version}/retire"
    status, problem, _ = await ask(site, "POST", f"/{version['name']}/retire", template, {})
    assert (status, problem["code"]) == (409, "script_ambiguous")
    status, retired, _ = await ask(site, "POST", f"/{version['name']}@1/retire", template, {})
    assert (status, retired["retired_by"]) == (200, "api")
    assert (await ask(site, "GET", f"/{version['hash']}", "/{version}"))[1]["version"] == retired


async def test_unknown_version_is_not_found(site: Site) -> None:
    assert (await ask(site, "GET", "/nobody", "/{version}"))[0] == 404
    assert (await ask(site, "POST", "/nobody@1/retire", "/{version}/retire", {}))[0] == 404


async def test_scripts_are_unavailable_while_the_database_is_away(site: Site, scripts: ScriptDesk) -> None:
    assert isinstance(scripts.store, FakeScripts)
    scripts.store.away = True
    status, problem, _ = await ask(site, "POST", "", "", body())
    assert (status, problem["code"]) == (503, "unavailable")
    assert (await ask(site, "GET", "", ""))[0] == 503
