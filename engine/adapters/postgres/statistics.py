"""Statistics of campaigns: as the triggers keep them, and counted again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from engine.ids import CampaignId
from engine.outcome.disposition import LIVE

from .pool import Database


@dataclass(frozen=True, slots=True)
class CampaignStatistics:
    """Leads by status and attempts by outcome; what is zero is left out."""

    leads: Mapping[str, int]
    outcomes: Mapping[str, int]
    talk_s: float

    @property
    def live(self) -> int:
        """Attempts that a person answered."""
        return sum(self.outcomes.get(outcome, 0) for outcome in LIVE)

    @property
    def abandoned_ratio(self) -> float:
        """Abandoned of abandoned and answered: who hung up before either dilutes nothing; 0 when there were none."""
        abandoned = self.outcomes.get("abandoned", 0)
        return abandoned / (abandoned + self.outcomes.get("answered", 0)) if abandoned else 0.0


def _statistics_of(rows: Sequence[asyncpg.Record]) -> CampaignStatistics:
    return CampaignStatistics(
        leads={row["key"]: row["n"] for row in rows if row["kind"] == "lead"},
        outcomes={row["key"]: row["n"] for row in rows if row["kind"] == "outcome"},
        talk_s=sum(row["talk_ms"] for row in rows) / 1000,
    )


class PostgresStatistics:
    """Reading and compacting of statistics."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, campaign: CampaignId) -> CampaignStatistics:
        """A campaign's statistics as the triggers kept them."""
        return _statistics_of(await self._database.rows("campaign_statistics", campaign))

    async def recount(self, campaign: CampaignId) -> CampaignStatistics:
        """The same figures counted from leads and outcomes; reads them all."""
        return _statistics_of(await self._database.rows("campaign_recount", campaign))

    async def compact(self) -> int:
        """Fold deltas into the sums; returns how many. Call it every few seconds."""
        folded: int = await self._database.value("compact_campaign_stats")
        return folded
