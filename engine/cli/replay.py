"""`vss replay`: a call's story from its journal, and whether this version still makes the same of it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.answer import FAILURE, OK, USAGE, Answer, AsJson, EnvFile, give
from engine.cli.environment import Environment, read
from engine.cli.table import Table

if TYPE_CHECKING:
    from engine.call.commands import Command
    from engine.call.export import ExportedCall
    from engine.call.replay import Difference, Moment, Result

SUFFIX = ".jsonl"


def replay(
    call: Annotated[
        str | None, typer.Argument(metavar="CALL", help="The call's id, or a file that --export wrote (*.jsonl).")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="A file that --export wrote, whatever its name.")] = None,
    export: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write the journal there, without numbers of people.")
    ] = None,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Show a call as a timeline, run the call machine over its journal again, and compare the result.

    Exit code 0: the same result as recorded; 1: another one; 2: there is no such call, or its journal does not say how
    the call began, so that nothing can be compared.
    """
    if (call is None) == (file is None):
        raise typer.BadParameter("give a call or a file")
    if call is not None and call.endswith(SUFFIX):
        file = Path(call)
    if file is not None:
        found = _of_file(file)
        give(as_json, lambda: _answer(found, export))
    else:
        give(as_json, lambda: _of_database(read(env_file), str(call), export))


def _of_file(file: Path) -> ExportedCall:
    from engine.call.export import Damaged
    from engine.call.export import read as read_lines

    try:
        with file.open(encoding="utf-8", errors="backslashreplace") as lines:
            return read_lines(lines)
    except (Damaged, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise typer.BadParameter(f"{file}: {why}") from None


async def _of_database(environment: Environment, name: str, export: Path | None) -> Answer:
    from engine.adapters.postgres.calls import PostgresCalls
    from engine.adapters.postgres.pool import Database
    from engine.call.export import ExportedCall
    from engine.call.replay import Result
    from engine.ids import CallId

    async with Database(environment.dsn, connections_max=1) as database:
        found = await PostgresCalls(database).find(CallId(name))
    if found is None:
        raise typer.BadParameter(f"there is no call {name} (a call is stored when it was answered, or is over)")
    recorded = Result(found.phase, found.result, found.hangup_by, found.answered_at, found.bridged_at, found.ended_at)
    exported = ExportedCall(
        found.id, found.kind, found.campaign, found.trunk, found.slot, found.script, found.created_at, recorded,
        found.journal,
    )  # fmt: skip
    return _answer(exported, export)


def _answer(exported: ExportedCall, export: Path | None) -> Answer:
    from engine.call.export import lines
    from engine.call.replay import differences
    from engine.call.replay import replay as repeat

    if export is not None:
        with export.open("w", encoding="utf-8") as file:
            file.writelines(lines(exported))
    again = repeat(exported.call, exported.entries)
    found = () if again.result is None else differences(exported.recorded, again.result)
    same = None if again.result is None else not found
    data = {
        "call": exported.call, "kind": exported.kind, "campaign": exported.campaign, "trunk": exported.trunk,
        "slot": exported.slot, "script": exported.script, "story": exported.story, "began_at": exported.created_at,
        "same": same,
        "recorded": asdict(exported.recorded),
        "repeated": None if again.result is None else asdict(again.result),
        "differences": [asdict(one) for one in found],
        "remarks": list(again.remarks),
        "timeline": [_told(moment, exported.created_at) for moment in again.moments],
        "exported_to": None if export is None else str(export),
    }  # fmt: skip
    shown: list[str | Table] = [*_heading(exported), _table(again.moments, exported)]
    shown += again.remarks
    shown.append(_verdict(exported.recorded, same, found, exported.created_at))
    if export is not None:
        shown.append(f"written to {export}")
    return Answer(data, shown, {True: OK, False: FAILURE, None: USAGE}[same])


def _told(moment: Moment, began_at: float) -> dict[str, Any]:
    """One entry for scripts."""
    from engine.call.journal import plain_command, without_numbers

    at, name, fields = moment.entry
    return {
        "at": at, "after_s": round(at - began_at, 6), "event": name, "fields": without_numbers(name, fields),
        "phase": moment.phase, "asks": [plain_command(command) for command in moment.asks], "remark": moment.remark,
    }  # fmt: skip


def _heading(exported: ExportedCall) -> list[str]:
    from datetime import UTC, datetime

    began = datetime.fromtimestamp(exported.created_at, UTC).isoformat(sep=" ", timespec="milliseconds")
    of = {"campaign": exported.campaign, "trunk": exported.trunk, "slot": exported.slot, "script": exported.script[:12]}
    told = ", ".join([exported.kind, *(f"{name} {value}" for name, value in of.items() if value)])
    return [f"call {exported.call}: {told}; began {began}", *([exported.story] if exported.story else [])]


def _table(moments: tuple[Moment, ...], exported: ExportedCall) -> Table:
    from engine.call.journal import without_numbers

    rows = []
    for moment in moments:
        at, name, fields = moment.entry
        happened = _words(name, without_numbers(name, fields), exported.call)
        asks = "; ".join(_command(command, exported.call) for command in moment.asks)
        after = f"{at - exported.created_at:+.3f}"
        rows.append((after, happened, moment.phase or "?", asks))
    return Table(("seconds", "what happened", "phase after it", "what the machine asked for"), rows)


def _command(command: Command, call: str) -> str:
    from engine.call.journal import plain_command

    told = plain_command(command)
    return _words(told.pop("type"), told, call)


def _words(name: str, fields: dict[str, Any], call: str) -> str:
    """`Name field=value ...`, without what is empty or says the call's own name again."""
    if name in {"Began", "Adopted"}:
        return " ".join(filter(None, (name, fields.get("way"))))
    return " ".join((name, *_fields(fields, call)))


def _fields(fields: dict[str, Any], call: str) -> list[str]:
    told = {field: value for field, value in fields.items() if value not in (None, "", [], (), False, call)}
    return [f"{field}={_value(value, call)}" for field, value in told.items()]


def _value(value: object, call: str) -> str:
    match value:
        case dict():
            return f"({' '.join(_fields(value, call))})"
        case list() | tuple():
            return ",".join(str(one) for one in value)
        case str():
            return value.replace(call, "")
        case float():
            return f"{value:.6f}".rstrip("0").rstrip(".")
    return str(value)


def _verdict(recorded: Result, same: bool | None, found: tuple[Difference, ...], began_at: float) -> str:
    told = f"recorded: {recorded.phase}"
    if recorded.outcome:
        told += f", {recorded.outcome}"
    if recorded.hangup_by:
        told += f", ended by {recorded.hangup_by}"
    match same:
        case None:
            return told
        case True:
            return f"{told}; the machine comes to the same"
        case False:
            told += "; the machine comes to something else"
    return "\n".join([told, *(_differs(one, began_at) for one in found)])


def _differs(one: Difference, began_at: float) -> str:
    def value(it: str | float | None) -> str:
        return "none" if it is None else f"{it - began_at:+.6f} s" if isinstance(it, float | int) else it

    return f"  {one.field}: recorded {value(one.recorded)}, repeated {value(one.repeated)}"
