"""Routes of calls."""

from __future__ import annotations

from engine.ids import Slot, TrunkName

from .route import CALL, Exchange, Routes
from .schemas import CallList, CallShown, CallStarted, HangUpAccepted, StartCall

routes = Routes("calls")


@routes.add("GET", "/api/v1/calls", summary="Live calls", answer=CallList)
async def list_calls(x: Exchange) -> CallList:
    return CallList(items=[CallShown.model_validate(call) for call in x.control.calls()])


@routes.add(
    "POST",
    "/api/v1/calls",
    summary="Start a call from a seat to a number",
    body=StartCall,
    answer=CallStarted,
    status=201,
    problems=(404, 409),
    once=True,
)
async def start_call(x: Exchange) -> CallStarted:
    body = x.body_as(StartCall)
    trunk = TrunkName(body.trunk) if body.trunk is not None else None
    call = await x.control.start_call(Slot(body.slot), body.number, trunk)
    return CallStarted(id=call)


@routes.add(
    "DELETE",
    f"/api/v1/calls/{CALL}",
    summary="Hang up a call",
    answer=HangUpAccepted,
    status=202,
    problems=(404,),
)
async def hang_up(x: Exchange) -> HangUpAccepted:
    await x.control.hang_up(x.call)
    return HangUpAccepted(id=x.call)
