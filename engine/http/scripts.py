"""Routes of scripts: versions by their content; binding them to what calls meet."""

from __future__ import annotations

import json

from engine.flow.publication import reference
from engine.ports import ScriptTarget, TargetKind

from .problem import ProblemError
from .route import Exchange, Routes
from .schemas import Empty
from .script_schemas import (
    BindingList,
    BindingShown,
    BindScript,
    NewScript,
    ScriptShown,
    UnbindScript,
    VersionList,
    VersionShown,
)

routes = Routes("scripts")

SCRIPT = "{version:[A-Za-z0-9._@-]{1,100}}"
AUTHOR = "api"
"""There is one token, so that nobody is known by name."""


@routes.add("GET", "/api/v1/scripts", summary="Versions of scripts, the newest first", answer=VersionList)
async def list_scripts(x: Exchange) -> VersionList:
    return VersionList(items=[VersionShown.model_validate(one) for one in await x.scripts.versions()])


@routes.add(
    "POST",
    "/api/v1/scripts",
    summary="Check a script and keep it as a version that never changes",
    body=NewScript,
    answer=VersionList,
    status=201,
    problems=(409,),
)
async def publish_script(x: Exchange) -> VersionList:
    body = x.body_as(NewScript)
    versions = await x.scripts.publish(body.text, body.syntax, AUTHOR)
    if len(versions) == 1:
        x.headers["Location"] = f"/api/v1/scripts/{versions[0].hash}"
    return VersionList(items=[VersionShown.model_validate(one) for one in versions])


@routes.add("GET", "/api/v1/scripts/bindings", summary="What every target runs now", answer=BindingList)
async def list_bindings(x: Exchange) -> BindingList:
    return BindingList(items=[BindingShown.model_validate(one) for one in await x.scripts.bindings()])


@routes.add(
    "POST",
    "/api/v1/scripts/unbind",
    summary="Let a slot, an inbound number or a campaign run no script from now on",
    body=UnbindScript,
    answer=BindingList,
    problems=(404,),
)
async def unbind_script(x: Exchange) -> BindingList:
    await x.scripts.unbind(_target(x.body_as(UnbindScript)), AUTHOR)
    return BindingList(items=[BindingShown.model_validate(one) for one in await x.scripts.bindings()])


@routes.add(
    "GET",
    f"/api/v1/scripts/{SCRIPT}",
    summary="One version with its document, by the beginning of its hash, name@version, or name",
    answer=ScriptShown,
    problems=(404, 409),
)
async def get_script(x: Exchange) -> ScriptShown:
    found = await x.scripts.find(x.script)
    return ScriptShown(version=VersionShown.model_validate(found.version), document=json.loads(found.document))


@routes.add(
    "POST",
    f"/api/v1/scripts/{SCRIPT}/publish",
    summary="Give a version a share of the calls of a slot, an inbound number or a campaign",
    body=BindScript,
    answer=BindingShown,
    problems=(404, 409),
)
async def bind_script(x: Exchange) -> BindingShown:
    body = x.body_as(BindScript)
    return BindingShown.model_validate(await x.scripts.bind(_exact(x), _target(body), body.share, AUTHOR))


@routes.add(
    "POST",
    f"/api/v1/scripts/{SCRIPT}/retire",
    summary="Let nothing be bound to a version any more; it stays readable",
    body=Empty,
    answer=VersionShown,
    problems=(404, 409),
)
async def retire_script(x: Exchange) -> VersionShown:
    return VersionShown.model_validate(await x.scripts.retire(_exact(x), AUTHOR))


def _target(body: UnbindScript) -> ScriptTarget:
    given = {TargetKind.SLOT: body.slot, TargetKind.DID: body.did, TargetKind.CAMPAIGN: body.campaign}
    targets = [ScriptTarget(kind, str(value)) for kind, value in given.items() if value is not None]
    if len(targets) != 1:
        raise ProblemError(422, "invalid_body", "give one of slot, did and campaign")
    return targets[0]


def _exact(x: Exchange) -> str:
    """A version as a change must name it: a bare name may mean another version a moment later."""
    meant = reference(x.script)
    if meant.hash_prefix is None and meant.number is None:
        text = f"{x.script} names no version: give the beginning of its hash (8 digits or more), or name@version"
        raise ProblemError(409, "script_ambiguous", text)
    return x.script
