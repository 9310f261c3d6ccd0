"""Importing leads: the file is streamed through COPY into a staging table, then one statement makes leads of it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

import asyncpg

from engine.errors import NotFound, Rejected
from engine.ids import CampaignId

from .csv_lines import ImportOptions, LeadLine, RejectedLine, read_leads
from .pool import Database
from .query import query
from .text import json_text, storable

if TYPE_CHECKING:
    from .pool import Connection

CHUNK_LINES = 500
"""Lines parsed in one go, in a thread: about 50 ms of work."""
REJECTED_KEPT_MAX = 10_000
STATEMENT_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did. `excluded` of the imported leads are on the do-not-call list and will not be dialed.

    `rejected` is in order of lines and cut after 10 000; `rejected_total` counts them all.
    """

    batch: int
    imported: int
    excluded: int
    rejected: Sequence[RejectedLine]
    rejected_total: int


@dataclass(slots=True)
class _Rejections:
    known_zones: frozenset[str]
    kept: list[RejectedLine] = field(default_factory=list)
    total: int = 0

    def add(self, line: RejectedLine) -> None:
        self.total += 1
        if len(self.kept) < REJECTED_KEPT_MAX:
            self.kept.append(line)

    def good(self, lines: Sequence[LeadLine | RejectedLine]) -> list[LeadLine]:
        """Return the good lines and keep the others."""
        good: list[LeadLine] = []
        for line in lines:
            if isinstance(line, RejectedLine):
                self.add(line)
            elif self.known_zones.issuperset(line.zones):
                good.append(line)
            else:
                self.add(RejectedLine(line.line, "unknown_zone", f"{line.number}: the database lacks its time zone"))
        return good


class PostgresImporter:
    """Imports CSV files into campaigns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(
        self, campaign: CampaignId, file: BinaryIO, options: ImportOptions | None = None, file_name: str = ""
    ) -> ImportReport:
        """Import the good lines of a CSV file and report the others, in one transaction.

        Raises NotFound(`no_such_campaign`), Rejected(`import_header`, `import_too_large`, `no_such_zone`), Unavailable.
        """
        options = options or ImportOptions()
        async with self._database.transaction() as connection:
            batch = await self._begin(connection, campaign, file_name)
            zones = frozenset(row["name"] for row in await connection.fetch(query("time_zones")))
            if options.default_zone not in zones:
                raise Rejected("no_such_zone", f"there is no time zone {options.default_zone}", 422)
            rejections = _Rejections(zones)
            await _stage(connection, read_leads(file, options), rejections)
            return await _finish(connection, campaign, batch, rejections)

    async def _begin(self, connection: Connection, campaign: CampaignId, file_name: str) -> int:
        try:
            batch: int = await connection.fetchval(
                query("begin_import"), campaign, storable(file_name), timeout=STATEMENT_TIMEOUT_S
            )
        except asyncpg.ForeignKeyViolationError:
            raise NotFound("no_such_campaign", f"there is no campaign {campaign}") from None
        await connection.execute(query("create_import_lines"))
        return batch


async def _stage(connection: Connection, lines: Iterator[LeadLine | RejectedLine], rejections: _Rejections) -> None:
    while chunk := await asyncio.to_thread(_next_chunk, lines):
        await connection.copy_records_to_table(
            "import_lines",
            records=[
                (line.line, line.number, list(line.zones), json_text(line.data)) for line in rejections.good(chunk)
            ],
            timeout=STATEMENT_TIMEOUT_S,
        )


def _next_chunk(lines: Iterator[LeadLine | RejectedLine]) -> list[LeadLine | RejectedLine]:
    return list(itertools.islice(lines, CHUNK_LINES))


async def _finish(connection: Connection, campaign: CampaignId, batch: int, rejections: _Rejections) -> ImportReport:
    row = await connection.fetchrow(query("import_leads"), campaign, batch, timeout=STATEMENT_TIMEOUT_S)
    assert row is not None
    for line, number in zip(row["known_lines"], row["known_numbers"], strict=True):
        rejections.add(RejectedLine(line, "duplicate_in_campaign", f"{number} is a lead of this campaign already"))
    rejected = sorted(rejections.kept, key=lambda line: line.line)
    await connection.execute(
        query("finish_import"),
        batch,
        row["imported"],
        rejections.total,
        [line.line for line in rejected],
        [line.reason for line in rejected],
        timeout=STATEMENT_TIMEOUT_S,
    )
    return ImportReport(batch, row["imported"], row["excluded"], rejected, rejections.total)
