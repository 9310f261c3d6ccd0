"""Importing CSV into a campaign: the good lines become leads, the others are reported."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from engine.adapters.postgres.campaigns import PostgresCampaigns
from engine.adapters.postgres.csv_lines import ImportOptions
from engine.adapters.postgres.importer import ImportReport, PostgresImporter
from engine.adapters.postgres.pool import Database
from engine.errors import NotFound, Rejected
from engine.ids import CampaignId
from tests.schema.ground import add_campaigns, claim, connected, differences

if TYPE_CHECKING:
    from tests.schema.ground import Connection

pytestmark = pytest.mark.pg


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[Database]:
    async with Database(postgres_dsn) as database:
        yield database


@pytest.fixture
async def connection(postgres_dsn: str) -> AsyncIterator[Connection]:
    async with connected(postgres_dsn) as connection:
        yield connection


@pytest.fixture
async def campaign(connection: Connection) -> CampaignId:
    return CampaignId((await add_campaigns(connection))[0])


async def run(
    database: Database, campaign: CampaignId, text: str, options: ImportOptions | None = None
) -> ImportReport:
    return await PostgresImporter(database).run(campaign, io.BytesIO(text.encode()), options, "leads.csv")


async def test_good_lines_become_leads_and_bad_ones_are_reported(
    database: Database, connection: Connection, campaign: CampaignId
) -> None:
    report = await run(database, campaign, "phone,name\n+12025550101,Ann\nnonsense,Bob\n+12025550103,Cléo\n\n")
    assert (report.imported, report.excluded, report.rejected_total) == (2, 0, 2)
    assert [(line.line, line.reason) for line in report.rejected] == [(3, "bad_number"), (5, "empty")]
    leads = await PostgresCampaigns(database).leads(campaign)
    assert [(lead.number, lead.status, lead.data) for lead in leads] == [
        ("+12025550101", "new", {"name": "Ann"}),
        ("+12025550103", "new", {"name": "Cléo"}),
    ]
    assert await connection.fetchval("SELECT zones FROM autodialer_leads LIMIT 1") == ["America/New_York"]
    kept = await connection.fetch(
        "SELECT line, reason FROM import_errors WHERE batch_id = $1 ORDER BY line", report.batch
    )
    assert [tuple(row) for row in kept] == [(3, "bad_number"), (5, "empty")]
    assert await differences(connection) == []


async def test_leads_are_dialed_in_the_order_of_the_file(
    database: Database, connection: Connection, campaign: CampaignId
) -> None:
    await run(database, campaign, "phone\n+12025550109\n+12025550101\n+12025550105\n")
    first = [(await claim(connection, campaign))[0]["phone_number"] for _ in range(3)]
    assert first == ["+12025550109", "+12025550101", "+12025550105"]


async def test_second_import_of_a_file_rejects_every_line_as_known(database: Database, campaign: CampaignId) -> None:
    text = "phone\n+12025550101\n+12025550102\n"
    await run(database, campaign, text)
    report = await run(database, campaign, text + "+12025550103\n")
    assert report.imported == 1
    assert [(line.line, line.reason) for line in report.rejected] == [
        (2, "duplicate_in_campaign"),
        (3, "duplicate_in_campaign"),
    ]


async def test_number_on_the_do_not_call_list_is_imported_but_excluded(
    database: Database, connection: Connection, campaign: CampaignId
) -> None:
    await PostgresCampaigns(database).add_do_not_call(["+12025550101"], "asked for it")
    report = await run(database, campaign, "phone\n+12025550101\n+12025550102\n")
    assert (report.imported, report.excluded) == (2, 1)
    assert [row["phone_number"] for row in await claim(connection, campaign, 5)] == ["+12025550102"]


async def test_refused_file_leaves_nothing(database: Database, connection: Connection, campaign: CampaignId) -> None:
    rows = "".join(f"+1202555{n:04}\n" for n in range(1000, 1600))
    with pytest.raises(Rejected):
        await run(database, campaign, "phone\n" + rows, ImportOptions(rows_max=550))
    assert await connection.fetchval("SELECT count(*) FROM autodialer_leads") == 0
    assert await connection.fetchval("SELECT count(*) FROM import_batches") == 0


async def test_unknown_campaign_and_unknown_zone_are_refused(database: Database, campaign: CampaignId) -> None:
    with pytest.raises(NotFound):
        await run(database, CampaignId(999_999), "phone\n+12025550101\n")
    with pytest.raises(Rejected) as caught:
        await run(database, campaign, "phone\n", ImportOptions(default_zone="Mars/Olympus"))
    assert caught.value.code == "no_such_zone"


async def test_zone_the_server_lacks_rejects_its_line_only(
    database: Database, campaign: CampaignId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "engine.adapters.postgres.csv_lines.timezone.time_zones_for_number",
        lambda number: ("Mars/Olympus",) if number.national_number == 2025550102 else ("UTC",),
    )
    report = await run(database, campaign, "phone\n+12025550101\n+12025550102\n")
    assert report.imported == 1
    assert [(line.line, line.reason) for line in report.rejected] == [(3, "unknown_zone")]


async def test_imports_of_the_same_numbers_at_once_import_each_once(
    database: Database, connection: Connection, campaign: CampaignId
) -> None:
    numbers = [f"+1202555{n:04}\n" for n in range(1000, 1300)]
    forwards, backwards = "phone\n" + "".join(numbers), "phone\n" + "".join(reversed(numbers))
    reports = await asyncio.gather(*(run(database, campaign, text) for text in (forwards, backwards) * 2))
    assert sum(report.imported for report in reports) == 300
    assert await differences(connection) == []
