"""`vss demo`: everything from nothing to a running campaign, and a reckoning."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.answer import FAILURE, OK, Answer, give, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from engine.demo.run import DemoOptions, DemoResult
    from engine.demo.world import World


def demo(
    leads: Annotated[int, typer.Option(min=1, max=3000, help="Leads to import and dial.")] = 120,
    agents: Annotated[int, typer.Option(min=1, max=60, help="Agents that SIPp plays.")] = 8,
    cps: Annotated[float, typer.Option(min=0.5, max=100, help="Calls per second at most.")] = 10.0,
    seed: Annotated[int, typer.Option(help="Order and behaviour of leads and agents.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep everything running until Ctrl-C.")] = False,
) -> None:
    """Set up a private Asterisk, PostgreSQL, Redis, SIPp and espeak-ng, run a real campaign, and check every count."""
    from engine.demo.run import DemoOptions

    show = _Show(as_json, keep)
    give(lambda: as_json and not show.shown, lambda: _demo(DemoOptions(leads, agents, cps, seed), show))


@dataclass(slots=True)
class _Show:
    """What the demo prints, and whether its one object is printed already."""

    as_json: bool
    keep: bool
    shown: bool = False

    def result(self, result: DemoResult) -> None:
        """The object or the table on stdout, disagreements on stderr."""
        if self.as_json:
            print_json(result.report)
        else:
            _print_summary(result.report, result.complaints)
        self.shown = True
        for complaint in result.complaints:
            print(f"  DISAGREES  {complaint}", file=sys.stderr)


async def _demo(options: DemoOptions, show: _Show) -> Answer:
    from rich.console import Console

    from engine.demo.run import demo_world, run_campaign
    from engine.stack.home import state_home
    from engine.stack.report import PlainReport

    console = Console(stderr=True, soft_wrap=True)
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    began_at = time.monotonic()
    try:
        async with demo_world(state_home(), options, PlainReport()) as world:
            result = await run_campaign(world, options, console, time.monotonic() - began_at)
            show.result(result)
            if show.keep:
                _print_addresses(console, world)
                await asyncio.Event().wait()
    except asyncio.CancelledError:
        console.print("stopped", style="yellow")
        raise KeyboardInterrupt from None
    return Answer(None, exit_code=FAILURE if result.complaints else OK)


def _print_summary(report: dict[str, Any], complaints: list[str]) -> None:
    """The table at the end, on stdout."""
    from rich.console import Console
    from rich.table import Table

    table = Table("outcome", "statistics", "recount", title="The campaign, as the triggers kept it and counted again")
    kept, recount = report["statistics"]["outcomes"], report["recount"]["outcomes"]
    for outcome in sorted(kept.keys() | recount.keys()):
        table.add_row(outcome, str(kept.get(outcome, 0)), str(recount.get(outcome, 0)))
    console = Console(soft_wrap=True, highlight=False)
    console.print(table)
    console.print("carrier (SIPp's own log):  " + "  ".join(f"{key} {n}" for key, n in report["carrier"].items()))
    bridge = report["bridge_ms"]
    console.print(f"200 OK to bridged with an agent:  p50 {bridge['p50']} ms, p99 {bridge['p99']} ms")
    console.print(f"talks with the other side's tone heard at both ends:  {report['audio_ok']}")
    console.print("left over:  " + "  ".join(f"{what} {n}" for what, n in report["leftovers"].items()))
    console.print(f"set up in {report['setup_s']} s, campaign in {report['run_s']} s")
    console.print("everybody agrees" if not complaints else f"{len(complaints)} disagreements", style="bold")


def _print_addresses(console: Console, world: World) -> None:
    """What a person needs to look in and to take part with a softphone."""
    site = world.stack.asterisk.site
    console.print(f"  live page   {world.stack.engine.url}/   token {world.stack.api_token}", highlight=False)
    console.print(
        f"  softphone   user {world.guest.number}   password {world.guest.password}   "
        f"server {site.sip_host}:{site.sip_port} (UDP)",
        highlight=False,
    )
    console.print("  dial *40 to log in, *43 ready, *44 after a call, *41 to log out;  Ctrl-C stops it all")
