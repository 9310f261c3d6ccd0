"""Routes of agents: what a person at a seat can do, over HTTP as with the phone's feature codes."""

from __future__ import annotations

from .control import AgentView
from .route import SLOT, Exchange, Routes
from .schemas import AgentList, AgentShown, CallDone, Empty, PauseReason, PreviewShown, SkipReason

routes = Routes("agents")

_SEAT = f"/api/v1/agents/{SLOT}"


def shown(agent: AgentView) -> AgentShown:
    return AgentShown.model_validate(agent)


@routes.add("GET", "/api/v1/agents", summary="All seats and their agents", answer=AgentList)
async def list_agents(x: Exchange) -> AgentList:
    return AgentList(items=[shown(agent) for agent in x.control.agents()])


@routes.add(
    "POST",
    f"{_SEAT}/login",
    summary="Log in: the seat's phone is called once and stays connected",
    body=Empty,
    answer=AgentShown,
    problems=(404, 409),
)
async def login(x: Exchange) -> AgentShown:
    return shown(await x.control.login(x.slot))


@routes.add("POST", f"{_SEAT}/ready", summary="Take calls", body=Empty, answer=AgentShown, problems=(404, 409))
async def ready(x: Exchange) -> AgentShown:
    return shown(await x.control.ready(x.slot))


@routes.add(
    "POST",
    f"{_SEAT}/pause",
    summary="Take no calls, for a reason; during a call it begins after it",
    body=PauseReason,
    answer=AgentShown,
    problems=(404, 409),
)
async def pause(x: Exchange) -> AgentShown:
    return shown(await x.control.pause(x.slot, x.body_as(PauseReason).reason))


@routes.add("POST", f"{_SEAT}/resume", summary="End the pause", body=Empty, answer=AgentShown, problems=(404, 409))
async def resume(x: Exchange) -> AgentShown:
    return shown(await x.control.resume(x.slot))


@routes.add(
    "POST",
    f"{_SEAT}/done",
    summary="End wrap-up with a disposition",
    body=CallDone,
    answer=AgentShown,
    problems=(404, 409),
)
async def done(x: Exchange) -> AgentShown:
    body = x.body_as(CallDone)
    return shown(await x.control.done(x.slot, body.disposition, body.note))


@routes.add(
    "POST",
    f"{_SEAT}/logout",
    summary="Log out and release the phone",
    body=Empty,
    answer=AgentShown,
    problems=(404, 409),
)
async def logout(x: Exchange) -> AgentShown:
    return shown(await x.control.logout(x.slot))


@routes.add(
    "GET",
    f"{_SEAT}/preview",
    summary="The lead that the agent is shown: number, data, earlier attempts, seconds left to decide",
    answer=PreviewShown,
    problems=(404,),
)
async def preview(x: Exchange) -> PreviewShown:
    return PreviewShown.model_validate(await x.control.preview(x.slot))


@routes.add(
    "POST",
    f"{_SEAT}/preview/dial",
    summary="Dial the lead shown; who answers is connected at once",
    body=Empty,
    answer=AgentShown,
    problems=(404, 409, 429),
)
async def dial_preview(x: Exchange) -> AgentShown:
    return shown(await x.control.dial_preview(x.slot))


@routes.add(
    "POST",
    f"{_SEAT}/preview/skip",
    summary="Do not dial the lead shown, for a reason that is kept",
    body=SkipReason,
    answer=AgentShown,
    problems=(404,),
)
async def skip_preview(x: Exchange) -> AgentShown:
    return shown(await x.control.skip_preview(x.slot, x.body_as(SkipReason).reason))
