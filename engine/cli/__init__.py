"""The command line `vss`."""

from __future__ import annotations

import typer

from engine.cli.serve import serve

app = typer.Typer(no_args_is_help=True, add_completion=False)
app.command()(serve)


@app.callback()
def _root() -> None:
    """VSS engine: an open call-control engine for Asterisk."""


def main() -> None:
    app()
