"""Errors as problem+json (RFC 9457): a stable code, a sentence for a person, and nothing of our insides."""

from __future__ import annotations

import http
from collections.abc import Mapping

from aiohttp import web
from pydantic import ValidationError

from engine.errors import ConfigError, Rejected, ScriptError, Unavailable
from engine.flow.publication import Unsound

from .schemas import FieldProblem, Problem, ScriptProblem

RETRY_AFTER_S = 2
ERRORS_MAX = 20
"""A body with a thousand wrong fields is answered with the first of them."""

_CODES = {400: "bad_request", 401: "unauthorized", 404: "not_found", 405: "method_not_allowed", 411: "length_required",
          413: "body_too_large", 415: "unsupported_media_type", 417: "expectation_failed"}  # fmt: skip


class ProblemError(Exception):
    """A refusal of the edge itself, raised where it is noticed and answered by the outermost middleware."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: list[FieldProblem] | None = None,
        problems: list[ScriptProblem] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.problems = problems
        self.headers = dict(headers or {})


def problem_of(error: Exception) -> ProblemError:
    """Say what an exception means for the caller; anything unforeseen is `internal` and tells nothing."""
    match error:
        case ProblemError():
            return error
        case Unsound():
            found = [ScriptProblem.model_validate(problem) for problem in error.problems]
            return ProblemError(error.status, error.code, str(error), problems=found)
        case Rejected():
            status = error.status if 400 <= error.status < 500 else 409
            return ProblemError(status, error.code, str(error))
        case Unavailable():
            text = f"{error.part} is away; nothing was changed, try again"
            return ProblemError(503, "unavailable", text, headers={"Retry-After": str(RETRY_AFTER_S)})
        case ScriptError():
            return ProblemError(422, "script", str(error))
        case ValidationError():
            return invalid(error)
        case web.HTTPException():
            kept = {name: error.headers[name] for name in ("Allow", "Location") if name in error.headers}
            return ProblemError(error.status, _CODES.get(error.status, "refused"), error.reason, headers=kept)
        case TimeoutError():
            text = "the engine did not finish in time; look at the state before trying again"
            return ProblemError(504, "timeout", text, headers={"Retry-After": str(RETRY_AFTER_S)})
        case _:
            return ProblemError(500, "internal", "a fault of the engine; its log has the request id")


def invalid(error: ValidationError) -> ProblemError:
    """A body that could not be read (400) or whose fields are wrong (422), each named."""
    found = error.errors(include_url=False, include_context=False, include_input=False)[:ERRORS_MAX]
    if any(item["type"] == "json_invalid" for item in found):
        return ProblemError(400, "malformed_json", "the body is not JSON: " + found[0]["msg"].split(": ", 1)[-1])
    errors = [FieldProblem(field=field_name(item["loc"]), message=item["msg"]) for item in found]
    first = errors[0]
    return ProblemError(422, "invalid_body", f"{first.field}: {first.message}", errors=errors)


def refused(error: ConfigError) -> ProblemError:
    """A body whose fields do not go together: 422, naming the field, which stands in front of the error's text."""
    field, _, message = str(error).partition(": ")
    return ProblemError(422, "invalid_body", str(error), errors=[FieldProblem(field=field, message=message)])


def field_name(location: tuple[int | str, ...]) -> str:
    """`("recall", "busy", "delay_s")` as `recall.busy.delay_s`; names come from the caller, so they are cut."""
    return ".".join(str(part)[:60] for part in location)[:200] or "body"


def response(problem: ProblemError, request_id: str) -> web.Response:
    """The answer of a problem."""
    title = http.HTTPStatus(problem.status).phrase
    body = Problem(
        type=f"urn:vss:problem:{problem.code}",
        title=title,
        status=problem.status,
        detail=problem.detail,
        code=problem.code,
        request_id=request_id,
        errors=problem.errors,
        problems=problem.problems,
    )
    return web.Response(
        status=problem.status,
        body=body.model_dump_json(exclude_none=True).encode("utf-8", "replace"),
        content_type="application/problem+json",
        headers=problem.headers,
    )
