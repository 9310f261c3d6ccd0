"""The commands by name. Each is imported when it is called, so that `vss --help` costs no more than typer itself."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from engine.cli.answer import USAGE, print_usage_error


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command lives: `module:attribute`, a function or a Typer of its own; and its line in the help."""

    place: str
    line: str


ENTRIES: Mapping[str, Entry] = {
    "chaos": Entry("engine.cli.chaos:chaos", "Let faults strike live calls of real parts, and count who was lost."),
    "sim": Entry("engine.cli.sim:commands", "Live through days of a whole cell in virtual time: run."),
    "demo": Entry("engine.cli.demo:demo", "Set up everything privately and run a campaign on real calls."),
    "init": Entry("engine.cli.init:init", "Write a settings file (.env) with secrets of its own."),
    "serve": Entry("engine.cli.serve:serve", "Run the engine."),
    "status": Entry("engine.cli.status:status", "Is everything there? Parts, agents and campaigns of the engine."),
    "doctor": Entry("engine.cli.doctor:doctor", "Look at this machine and say what stands in the way."),
    "down": Entry("engine.cli.down:down", "End private stacks and what a killed one left behind."),
    "db": Entry("engine.cli.database:commands", "The database: migrate."),
    "campaign": Entry("engine.cli.campaign:commands", "Campaigns: create, list, start, pause, stop, stats."),
    "leads": Entry("engine.cli.leads:commands", "Leads: import."),
    "trunk": Entry("engine.cli.trunk:commands", "Ways to the telephone network: add, list, test."),
    "slot": Entry("engine.cli.slot:commands", "Numbered SIP seats (accounts for phones): add, list."),
    "route": Entry("engine.cli.route:commands", "Inbound numbers: add, list."),
    "replay": Entry("engine.cli.replay:replay", "A call's story from its journal; does the machine come to the same?"),
    "pacing": Entry("engine.cli.pacing:commands", "Pacing rules: explain, simulate, compare, replay."),
    "flow": Entry("engine.cli.flow:commands", "GACS scripts: check, test, try, draw; publish, list, show, retire."),
    "asterisk": Entry("engine.cli.asterisk:commands", "Asterisk's configuration: render."),
    "test": Entry("engine.cli.suite:commands", "Run the test suite."),
    "bench": Entry("engine.cli.bench:commands", "Measure the engine against a bare loop."),
}

_PLAIN: dict[str, Any] = {"add_completion": False, "rich_markup_mode": None, "pretty_exceptions_enable": False}


def group(line: str) -> typer.Typer:
    """A Typer for the subcommands of one word, such as `vss campaign`."""
    made = typer.Typer(no_args_is_help=True, help=line, **_PLAIN)
    # a callback keeps a group with a single subcommand a group
    made.callback()(lambda: None)
    return made


def passing(function: Any) -> typer.Typer:
    """A Typer of one command that hands on options it does not know itself."""
    made = typer.Typer(**_PLAIN)
    made.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(function)
    return made


class Menu(TyperGroup):
    """The top of the command line."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(ENTRIES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        entry = ENTRIES.get(cmd_name)
        return None if entry is None else _loaded(cmd_name, entry)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.line) for name, entry in ENTRIES.items()])


def _loaded(name: str, entry: Entry) -> Any:
    module, _, attribute = entry.place.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        function, found = found, typer.Typer(**_PLAIN)
        found.command(name)(function)
    return get_command(found)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns the exit code."""
    top = typer.Typer(cls=Menu, no_args_is_help=True, **_PLAIN)
    top.callback()(_root)
    try:
        code = get_command(top).main(args=list(arguments), prog_name="vss", standalone_mode=False)
    except typer.TyperException as error:
        print_usage_error(error, as_json="--json" in arguments)
        return USAGE
    except typer.Abort:
        return 130
    return code if isinstance(code, int) else 0


def _root() -> None:
    """VSS engine: an open call-control engine for Asterisk."""
