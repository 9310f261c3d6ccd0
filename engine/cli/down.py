"""`vss down`: end the private stacks of this checkout."""

from __future__ import annotations

from dataclasses import asdict

from engine.cli.answer import Answer, AsJson, give
from engine.cli.table import Table


def down(as_json: AsJson = False) -> None:
    """End every private stack (demo, test, bench) and what a killed one left behind; nothing else is touched."""
    give(as_json, _down)


def _down() -> Answer:
    from engine.stack import down as ending
    from engine.stack.home import state_home

    stopped = ending.down(state_home())
    rows = [(one.instance, one.process, one.pid, one.how) for one in stopped]
    shown = Table(("instance", "process", "pid", "how"), rows) if rows else "nothing was running"
    return Answer({"stopped": [asdict(one) for one in stopped]}, [shown])
