"""`vss leads`: the people to call."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.answer import FAILURE, OK, Answer, AsJson, EnvFile, give
from engine.cli.environment import Environment, read
from engine.cli.menu import group

if TYPE_CHECKING:
    from engine.adapters.postgres.csv_lines import ImportOptions
    from engine.adapters.postgres.importer import ImportReport

commands = group("Leads.")

SHOWN_MAX = 50
"""Bad lines shown to a person; --json has up to 10 000."""


@commands.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV with a header, one column of it named phone; - reads stdin.")],
    campaign: Annotated[int, typer.Option(help="The campaign's number.")],
    region: Annotated[str | None, typer.Option(help="Country of numbers without a code, such as US or DE.")] = None,
    zone: Annotated[str, typer.Option(help="Time zone of numbers that tell none.")] = "UTC",
    possible: Annotated[
        bool, typer.Option("--possible", help="Take numbers of a possible length, not only those of a known range.")
    ] = False,
    env_file: EnvFile = None,
    as_json: AsJson = False,
) -> None:
    """Import the good lines of a file and report each bad one with its number and reason.

    Exits 0 when something was imported, 1 when nothing was.
    """

    async def work() -> Answer:
        from engine.adapters.postgres.csv_lines import ImportOptions

        options = ImportOptions(
            default_region=region.upper() if region else None, default_zone=zone, only_valid=not possible
        )
        report = await _import(read(env_file), file, campaign, options)
        data = {"campaign": campaign, **asdict(report)}
        return Answer(data, _lines(report), OK if report.imported else FAILURE)

    give(as_json, work)


async def _import(environment: Environment, file: Path, campaign: int, options: ImportOptions) -> ImportReport:
    from engine.adapters.postgres.importer import STATEMENT_TIMEOUT_S, PostgresImporter
    from engine.adapters.postgres.pool import Database
    from engine.ids import CampaignId

    dsn = environment.dsn
    source = nullcontext(sys.stdin.buffer) if str(file) == "-" else file.open("rb")
    with source as lines:
        async with Database(dsn, connections_max=1, command_timeout_s=STATEMENT_TIMEOUT_S) as database:
            return await PostgresImporter(database).run(CampaignId(campaign), lines, options, file.name)


def _lines(report: ImportReport) -> list[str]:
    lines = [f"line {bad.line}: {bad.reason}: {bad.detail}" for bad in report.rejected[:SHOWN_MAX]]
    more = report.rejected_total - len(lines)
    if more > 0:
        lines.append(f"and {more} more (--json lists them)")
    excluded = f", {report.excluded} of them on the do-not-call list" if report.excluded else ""
    return [*lines, f"imported {report.imported}{excluded}; rejected {report.rejected_total}"]
