"""What a command answers: data for scripts, lines for people, an exit code; and what its errors become.

With --json exactly one object goes to stdout, also when the command fails; everything else goes to stderr.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from engine.cli.table import Table, show

OK, FAILURE, USAGE, NOT_READY, CONFIGURATION, INTERRUPTED = 0, 1, 2, 3, 4, 130

AsJson = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout.")]
EnvFile = Annotated[
    str | None,
    typer.Option(
        "--env-file",
        envvar="VSS_DOTENV",
        help="Settings file; the process's environment wins. Default: .env where it exists; empty: none.",
    ),
]


@dataclass(frozen=True, slots=True)
class Answer:
    """`data` is the JSON object (docs/json has its schema; None: printed already), `shown` the same for a person."""

    data: Mapping[str, Any] | None
    shown: Sequence[str | Table] = ()
    exit_code: int = OK


@dataclass(frozen=True, slots=True)
class _Failure:
    """`code` is for scripts, `message` and `advice` are for people."""

    code: str
    message: str
    exit_code: int
    advice: str = ""

    def printed(self) -> dict[str, Any]:
        error = {"code": self.code, "message": self.message}
        return {"error": error | ({"advice": self.advice} if self.advice else {})}


Work = Callable[[], Answer | Coroutine[Any, Any, Answer]]


def give(as_json: bool | Callable[[], bool], work: Work) -> None:
    """Do the work, print what it answers or why it failed, and end the command with the right exit code.

    `as_json` may be a question, for a command that prints its object while it works and must not print another.
    """

    def wants_json() -> bool:
        return as_json if isinstance(as_json, bool) else as_json()

    try:
        answer = _done(work)
    except (BrokenPipeError, typer.BadParameter):  # the menu tells wrong usage, also what is found out late
        raise
    except (Exception, KeyboardInterrupt) as error:
        failure = _failure_of(error)
        print(f"vss: {failure.message}" + (f"\n  -> {failure.advice}" if failure.advice else ""), file=sys.stderr)
        if wants_json():
            print_json(failure.printed())
        raise typer.Exit(failure.exit_code) from None
    if not wants_json():
        show(answer.shown)
    elif answer.data is not None:
        print_json(answer.data)
    raise typer.Exit(answer.exit_code)


def print_usage_error(error: typer.TyperException, *, as_json: bool) -> None:
    """Say what is wrong with a command line (click's own words, and the object for scripts)."""
    shown = getattr(error, "show", None)
    if shown is not None:
        shown()
    else:
        print(f"vss: {error.format_message()}", file=sys.stderr)
    if as_json:
        print_json(_Failure("usage", error.format_message(), USAGE).printed())


def _done(work: Work) -> Answer:
    answer = work()
    if isinstance(answer, Answer):
        return answer
    import asyncio

    return asyncio.run(answer)


def print_json(data: Mapping[str, Any]) -> None:
    """The one object on stdout."""
    print(json.dumps(data, ensure_ascii=False), flush=True)


def _failure_of(error: BaseException) -> _Failure:
    """Who must act decides the exit code."""
    from engine.errors import ConfigError, Rejected, Unavailable, VssError
    from engine.stack.report import StackFailure

    match error:
        case KeyboardInterrupt():
            return _Failure("interrupted", "interrupted", INTERRUPTED)
        case ConfigError():
            return _Failure("configuration", str(error), CONFIGURATION)
        case Unavailable():
            return _Failure("unavailable", str(error), NOT_READY)
        case StackFailure():
            return _Failure("unavailable", str(error), NOT_READY, error.advice)
        case Rejected():
            return _Failure(error.code, str(error), FAILURE)
        case VssError():
            return _Failure("failed", str(error), FAILURE)
        case OSError() if error.filename is not None:
            return _Failure("file", f"{error.filename}: {error.strerror}", FAILURE)
    import traceback

    traceback.print_exception(error)
    return _Failure("internal", f"a fault of ours: {error!r}", FAILURE)
