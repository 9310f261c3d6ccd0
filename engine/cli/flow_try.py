"""`vss flow try`: a phone in the terminal: read what the caller hears, type what is pressed, see the node."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.answer import OK, Answer, AsJson, give
from engine.cli.flow_files import only_one, programs_of
from engine.errors import Rejected

if TYPE_CHECKING:
    from engine.flow.rehearsal.performance import Performance
    from engine.flow.run.commands import RunCommand

HELP = """Type what happens, then Enter:
  12#        press keys                       (nothing)  let time pass: prompts end, timeouts run out
  h          hang up                          r          the engine is restarted here
  a          whoever is waited for is there: an agent, who is dialed, the answer of a webhook (with a sample)
  n          ... is not: nobody, not found, an error
  q          leave                            ?          this help"""


def attempt(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="The script, and the subflows it calls.")],
    flow: Annotated[str | None, typer.Option(metavar="ID", help="Which script, where there are several.")] = None,
    params: Annotated[str, typer.Option(metavar="JSON", help="Its parameters; default: samples of their types.")] = "",
    locale: Annotated[str | None, typer.Option(help="Such as en-GB; default: the script's own.")] = None,
    as_json: AsJson = False,
) -> None:
    """Try a script with the keyboard as the phone; lines may be piped in. With --json one object at the end."""

    def work() -> Answer:
        performance = _called(only_one(programs_of(files), flow, str(files[0])), params, locale)
        shown = sys.stderr if as_json else sys.stdout
        _talk(performance, shown)
        run = performance.run
        data = {
            "over": run.over,
            "node": run.node,
            "nodes": performance.nodes,
            "said": performance.words,
            "disposition": run.disposition,
            "ended": run.ended,
        }
        return Answer(data, (), OK)

    give(as_json, work)


def _called(program: Any, params: str, locale: str | None) -> Performance:
    """The call at its beginning. Raises Rejected(`params_wrong`)."""
    from engine.flow.rehearsal.performance import opened
    from engine.flow.rehearsal.scenario import Test
    from engine.flow.rehearsal.world import sample
    from engine.flow.values import WrongValue

    try:
        given = json.loads(params) if params else {name: sample(one) for name, one in program.flow.params.items()}
        if not isinstance(given, dict):
            raise WrongValue("expected an object")
        call = {"caller": "+74951234567", "called": "+74950000000"}
        return opened(program, Test("try", None, given, locale, None, call))
    except (WrongValue, json.JSONDecodeError) as wrong:
        raise Rejected("params_wrong", f"--params: {wrong}", 422) from None


def _talk(performance: Performance, shown: Any) -> None:
    seen = 0
    print(HELP, file=shown)
    while True:
        for line in _lines(performance.commands[seen:]):
            print(line, file=shown)
        seen = len(performance.commands)
        run = performance.run
        if run.wait is None:
            print(f"-- the run is over: {run.disposition} ({run.ended}), {run.spent_s:.0f} s", file=shown)
            return
        print(f"[{run.node}: {run.wait.kind}] ", end="", file=shown, flush=True)
        typed = sys.stdin.readline()
        if not typed or typed.strip() == "q":
            print("-- left", file=shown)
            return
        _typed(performance, typed.strip(), shown)


def _typed(performance: Performance, typed: str, shown: Any) -> None:
    from engine.flow.rehearsal.world import possible
    from engine.flow.run.events import Digit, HungUp, Reply, Restarted

    run = performance.run
    at = run.mark_at + 1
    match typed:
        case "":
            performance.usually()
        case "?":
            print(HELP, file=shown)
        case "h":
            performance.meet(HungUp(at=at))
        case "r":
            performance.meet(Restarted(at=at))
        case "a" | "n":
            replies = [event for events in possible(performance.program, run) for event in events[:1]]
            wanted = [event for event in replies if isinstance(event, Reply)]
            if not wanted:
                print("-- nobody is waited for here", file=shown)
            else:
                performance.meet(wanted[0] if typed == "a" else wanted[1 if len(wanted) > 1 else 0])
        case _ if set(typed) <= set("0123456789*#"):
            for offset, key in enumerate(typed):
                if not performance.run.over:
                    performance.meet(Digit(at=at + offset * 0.3, key=key))
        case _:
            print(f"-- {typed[:20]!r} is no key and no command; ? helps", file=shown)


def _lines(commands: list[RunCommand]) -> Iterator[str]:
    """What the caller hears, and what else is done."""
    from engine.flow.run.commands import Cancel, Say, Words

    for command in commands:
        if isinstance(command, Say):
            words = " ".join(sound.text if isinstance(sound, Words) else str(sound) for sound in command.sounds)
            yield f"  > {words}"
        elif not isinstance(command, Cancel):
            told = ", ".join(
                f"{name}={getattr(command, name)}"
                for name in (
                    "name",
                    "pool",
                    "to",
                    "room",
                    "url",
                    "source",
                    "code",
                    "number",
                    "event",
                    "values",
                    "reason",
                )
                if getattr(command, name, None) is not None
            )
            yield f"  * {type(command).__name__}" + (f" {told}" if told else "")
