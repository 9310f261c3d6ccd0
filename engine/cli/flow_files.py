"""Files of scripts as the commands of `vss flow` take them: read, checked, made into programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from engine.errors import Rejected

if TYPE_CHECKING:
    from engine.flow.document import Document
    from engine.flow.model import Flow
    from engine.flow.run.program import Program


def yaml_of(path: Path) -> Any:
    """The one document of a YAML or JSON file, or its list of documents. Raises typer.BadParameter."""
    from engine.flow.json_text import read_json
    from engine.flow.yaml_text import read_yaml

    trees, problems = (read_json if path.suffix.lower() == ".json" else read_yaml)(text_of(path))
    if problems:
        first = problems[0]
        raise typer.BadParameter(f"{path}:{first.line}: {first.message}; {first.hint}", param_hint="FILE")
    return [tree.value for tree in trees]


def text_of(path: Path) -> str:
    """What a file holds. Raises typer.BadParameter."""
    from engine.flow.tree import TEXT_MAX

    try:
        with path.open("rb") as file:
            return file.read(4 * TEXT_MAX + 1).decode("utf-8-sig")
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}", param_hint="FILE") from None
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{path}: not UTF-8", param_hint="FILE") from None


def programs_of(paths: list[Path]) -> dict[str, Program]:
    """The scripts of some files that serve calls, by id, with the subflows among them.

    Raises Rejected(`script_unsound`): only sound scripts are run, on the virtual clock too.
    """
    from engine.flow.document import Syntax, load
    from engine.flow.gate import check
    from engine.flow.model import FlowKind
    from engine.flow.run.program import program

    documents: list[Document] = []
    for path in paths:
        loaded = load(text_of(path), Syntax.JSON if path.suffix.lower() == ".json" else Syntax.YAML)
        if loaded.problems:
            raise _unsound(path, len(loaded.problems))
        documents += loaded.documents
    problems = sum(len(found) for found in check(documents))
    if problems:
        raise _unsound(paths[0], problems)
    flows = [document.flow for document in documents]
    return {flow.id: program(flows, flow.id) for flow in flows if flow.kind is FlowKind.FLOW}


def _unsound(path: Path, problems: int) -> Rejected:
    return Rejected("script_unsound", f"{path} has {problems} problems; see vss flow check {path}", 422)


def only_one(programs: dict[str, Program], wanted: str | None, where: str) -> Program:
    """The script that is meant. Raises Rejected(`script_unknown`)."""
    if wanted is not None and wanted in programs:
        return programs[wanted]
    if wanted is None and len(programs) == 1:
        return next(iter(programs.values()))
    there = ", ".join(programs) or "no script of kind flow"
    said = "say which with flow: ID" if wanted is None else f"there is no {wanted}"
    raise Rejected("script_unknown", f"{where}: {said}; there is {there}", 422)


def flow_of(path: Path, wanted: str | None) -> Flow:
    """A script of a file that can be read, sound or not. Raises Rejected."""
    from engine.flow.document import Syntax, load

    loaded = load(text_of(path), Syntax.JSON if path.suffix.lower() == ".json" else Syntax.YAML)
    there = [flow for flow in loaded.flows if wanted in {None, flow.id} and flow.start in flow.nodes]
    if loaded.problems:
        raise _unsound(path, len(loaded.problems))
    if not there:
        raise Rejected("script_unknown", f"{path}: there is no script {wanted or 'whose start is there'}", 422)
    return there[0]
