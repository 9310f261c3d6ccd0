"""`vss flow`: GACS scripts: check and test them, the schema for editors, and published versions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.answer import FAILURE, OK, Answer, AsJson, give
from engine.cli.flow_draw import draw
from engine.cli.flow_lookup import commands as lookup
from engine.cli.flow_runs import run, runs, stop
from engine.cli.flow_test import rehearse
from engine.cli.flow_try import attempt
from engine.cli.flow_versions import bindings, diff, list_, publish, retire, show, unbind
from engine.cli.menu import group

if TYPE_CHECKING:
    from engine.flow.document import Loaded
    from engine.flow.problem import Problem
    from engine.flow.site import Site

commands = group("GACS scripts: check, test, try, draw; versions and what they are bound to; runs on live calls.")
commands.command()(draw)
commands.command("test")(rehearse)
commands.command("try")(attempt)
commands.command()(publish)
commands.command("list")(list_)
commands.command()(show)
commands.command()(diff)
commands.command()(retire)
commands.command()(bindings)
commands.command()(unbind)
commands.command()(run)
commands.command()(runs)
commands.command()(stop)
commands.add_typer(lookup, name="lookup")


@commands.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="YAML or .json; subflows may be among them.")],
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="HOST", help="The only hosts webhooks may name; repeatable. Default: not checked."),
    ] = None,
    dial_to: Annotated[
        list[str] | None,
        typer.Option(metavar="NUMBER", help="The only numbers, such as +7*; repeatable. Default: not checked."),
    ] = None,
    audio: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the recordings are. Default: not checked.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check scripts: all problems at once. Exits 0 when they are sound, 1 when not, 2 when a file cannot be read."""
    texts = {path: _text(path) for path in files}
    if audio is not None and not audio.is_dir():
        raise typer.BadParameter(f"{audio} is no directory", param_hint="--audio")

    def work() -> Answer:
        from engine.adapters.speech.library import recordings
        from engine.flow.site import Site

        hosts = None if allow_host is None else frozenset(host.lower() for host in allow_host)
        numbers = None if dial_to is None else tuple(dial_to)
        return _checked(texts, Site(hosts, numbers, None if audio is None else recordings(audio)))

    give(as_json, work)


@commands.command()
def schema(as_json: AsJson = False) -> None:
    """The JSON Schema of the language (docs/gacs.schema.json), for editors; it is JSON with and without --json."""

    def work() -> Answer:
        import json

        from engine.flow.schema import json_schema

        made = json_schema()
        return Answer(made, [json.dumps(made, ensure_ascii=False, indent=2)])

    give(as_json, work)


def _text(path: Path) -> str | None:
    """What a file holds; None: not UTF-8. Raises typer.BadParameter."""
    from engine.flow.tree import TEXT_MAX

    try:
        with path.open("rb") as file:
            content = file.read(4 * TEXT_MAX + 1)
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}", param_hint="FILE") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _checked(texts: dict[Path, str | None], site: Site) -> Answer:
    """All files are checked together, so that scripts find the subflows they call."""
    from engine.flow.document import Loaded, Syntax, load
    from engine.flow.gate import check as check_documents
    from engine.flow.problem import Problem
    from engine.flow.tree import UNREADABLE

    loaded: dict[Path, Loaded] = {}
    for path, text in texts.items():
        syntax = Syntax.JSON if path.suffix.lower() == ".json" else Syntax.YAML
        not_text = Problem(1, "", UNREADABLE, "the file is not UTF-8", "save it as UTF-8")
        loaded[path] = Loaded((), (not_text,)) if text is None else load(text, syntax)
    found = iter(check_documents([document for one in loaded.values() for document in one.documents], site))
    problems = {
        path: sorted((*one.problems, *(problem for _ in one.documents for problem in next(found))))
        for path, one in loaded.items()
    }
    count = sum(map(len, problems.values()))
    files = [_printed(path, loaded[path], problems[path]) for path in texts]
    data = {"sound": not count, "problems": count, "files": files}
    return Answer(data, list(_lines(loaded, problems)), FAILURE if count else OK)


def _printed(path: Path, loaded: Loaded, problems: list[Problem]) -> dict[str, Any]:
    documents = [
        {"id": flow.id, "version": flow.version, "kind": str(flow.kind), "nodes": len(flow.nodes)}
        for flow in loaded.flows
    ]
    return {"file": str(path), "documents": documents, "problems": [problem.printed() for problem in problems]}


def _lines(loaded: dict[Path, Loaded], problems: dict[Path, list[Problem]]) -> list[str]:
    lines: list[str] = []
    for path, found in problems.items():
        for problem in found:
            where = f" {problem.path}:" if problem.path else ""
            lines += (f"{path}:{problem.line}: {problem.code}{where} {problem.message}", f"    -> {problem.hint}")
        if not found:
            names = ", ".join(f"{flow.id} ({len(flow.nodes)} nodes)" for flow in loaded[path].flows)
            lines.append(f"{path}: sound: {names}")
    return lines
