"""PostgreSQL is cut off while real calls go on, and the engine is killed before it is back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from engine.stack.chaos_proxy import ChaosProxy
from tests.live.conftest import Site

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]

TALKS, TALKS_TOO, NEXT = "+12125550150", "+12135550150", "+12145550150"


@asynccontextmanager
async def behind_a_proxy(site: Site) -> AsyncIterator[tuple[ChaosProxy, dict[str, str]]]:
    """The engine's way to PostgreSQL leads over a proxy; the test's own does not."""
    postgres = site.world.stack.postgres
    port = urlsplit(postgres.tcp_dsn()).port
    assert port is not None
    async with ChaosProxy(("127.0.0.1", port)) as proxy:
        settings = {"VSS_POSTGRES_DSN": postgres.tcp_dsn("vss", proxy.port)}
        await site.kill_engine(**settings)
        try:
            yield proxy, settings
        finally:
            proxy.heal()
            await site.kill_engine()


async def part(site: Site, name: str) -> dict[str, Any]:
    found: dict[str, Any] = (await site.world.api.readiness())["parts"][name]
    return found


async def until_detail(site: Site, name: str, detail: str) -> None:
    for _ in range(300):
        if (await part(site, name))["detail"] == detail:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(await part(site, name))


async def test_calls_end_in_an_outage_and_the_next_engine_writes_their_outcomes(site: Site) -> None:
    async with behind_a_proxy(site) as (proxy, settings):
        assert (await part(site, "spool")) == {"ok": True, "needed": False, "detail": "empty"}
        await site.staff(7001, 7002)
        campaign = await site.campaign(TALKS, TALKS_TOO, NEXT)
        await site.until_calls(2)
        proxy.cut()
        await site.until_calls(0)
        await until_detail(site, "postgres", "2 outcomes wait on disk")
        assert not (await part(site, "dialing"))["ok"]
        assert len(await site.world.database.rows("open_attempts")) == 2

        starting = asyncio.create_task(site.kill_engine(**settings))
        await asyncio.sleep(2)
        proxy.heal()
        await starting
        rows = await site.outcomes(campaign, 2)
        assert {row["outcome"] for row in rows[:2]} == {"answered"}
        await until_detail(site, "spool", "empty")
        async with site.world.database.connection() as connection:
            told = await connection.fetch(
                "SELECT call_id, entry, count(*) FROM calls JOIN calls_journal USING (call_id),"
                " jsonb_array_elements(entries) AS e(entry) WHERE campaign_id = $1 GROUP BY call_id, entry",
                campaign,
            )
        assert {row["count"] for row in told} == {1}
        assert len({row["call_id"] for row in told}) == 2
