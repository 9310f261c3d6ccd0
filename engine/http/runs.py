"""Routes of runs: scripts on live calls."""

from __future__ import annotations

from .problem import ProblemError
from .route import CALL, Exchange, Routes
from .run_schemas import RunList, RunScript, RunShown
from .schemas import Empty

routes = Routes("runs")


@routes.add("GET", "/api/v1/runs", summary="Runs of scripts that go on, the oldest first", answer=RunList)
async def list_runs(x: Exchange) -> RunList:
    return RunList(items=[RunShown.model_validate(run) for run in await x.control.live_runs()])


@routes.add(
    "GET",
    f"/api/v1/calls/{CALL}/runs",
    summary="The runs of a call, in order, also after it",
    answer=RunList,
    problems=(404,),
)
async def runs_of_call(x: Exchange) -> RunList:
    return RunList(items=[RunShown.model_validate(run) for run in await x.control.runs(x.call)])


@routes.add(
    "POST",
    f"/api/v1/calls/{CALL}/run-script",
    summary="Hand a call that an agent is on, or that waits for one, to a script",
    body=RunScript,
    answer=RunShown,
    status=201,
    problems=(404, 409),
)
async def run_script(x: Exchange) -> RunShown:
    body = x.body_as(RunScript)
    if (body.script is None) == (body.slot is None):
        raise ProblemError(422, "invalid_body", "give one of script and slot")
    run = await x.control.run_script(x.call, body.script, body.slot, body.params, body.locale, body.then)
    return RunShown.model_validate(run)


@routes.add(
    "POST",
    f"/api/v1/calls/{CALL}/stop-script",
    summary="End the run that has a call; its caller is hung up, or goes back to the agent",
    body=Empty,
    answer=RunShown,
    problems=(404,),
)
async def stop_script(x: Exchange) -> RunShown:
    return RunShown.model_validate(await x.control.stop_run(x.call))
