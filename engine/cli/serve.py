"""`vss serve`: run the engine in the foreground."""

from __future__ import annotations


def serve() -> None:
    """Run the engine until SIGTERM; a second signal ends it at once."""
    from engine.app import run
    from engine.config import load

    run(load())
