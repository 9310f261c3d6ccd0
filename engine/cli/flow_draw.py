"""`vss flow draw`: a script as a picture."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.answer import Answer, AsJson, give
from engine.cli.flow_files import flow_of


class Format(StrEnum):
    SVG = "svg"
    MERMAID = "mermaid"


def draw(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A script, YAML or .json.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Default: the output.")] = None,
    made_as: Annotated[Format, typer.Option("--format", help="The picture, or text for Mermaid.")] = Format.SVG,
    flow: Annotated[
        str | None, typer.Option(metavar="ID", help="Which script of the file. Default: the first.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw a script: SVG with a layout of its own, light or dark as the viewer is; or Mermaid."""

    def work() -> Answer:
        from engine.flow.picture.svg import mermaid, svg

        drawn = flow_of(file, flow)
        picture = svg(drawn) if made_as is Format.SVG else mermaid(drawn)
        if output is not None:
            output.write_text(picture, encoding="utf-8")
        data = {
            "script": drawn.id,
            "format": str(made_as),
            "nodes": len(drawn.nodes),
            "output": None if output is None else str(output),
            "picture": picture if output is None else None,
        }
        return Answer(data, [picture.rstrip("\n") if output is None else f"{output}: {drawn.id}"])

    give(as_json, work)
