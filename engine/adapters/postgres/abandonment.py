"""Abandoned calls as the stored facts tell them, and the pacer's memory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import asyncpg

from engine.dialer.budget import SettledAnswer
from engine.errors import NotFound
from engine.ids import CampaignId
from engine.ports import SavedPacing, WindowCount

from .pool import Database

HISTORY_MAX = 200_000
"""Answers of one history; the newest ones count."""


class PostgresAbandonment:
    """AbandonmentLedger on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def windows(self, campaign: CampaignId, definition: str, now: float) -> Mapping[str, WindowCount]:
        """The windows `period`, `24h` and `1h` that end at `now`. Raises NotFound, Unavailable."""
        found = {
            row["name"]: WindowCount(
                row["since"],
                row["live"],
                row["abandoned"],
                row["false_positives"],
                row["customer_gone"],
                row["ratio"],
            )
            for row in await self._database.rows("abandonment_windows", campaign, definition, now)
        }
        if not found:
            raise NotFound("no_such_definition", f"there is no campaign {campaign}, or no definition {definition}")
        return found

    async def history(self, campaign: CampaignId, since: float) -> Sequence[SettledAnswer]:
        """Live answers settled after `since`, in order; the newest HISTORY_MAX at most. Raises Unavailable."""
        rows = await self._database.rows("settled_answers", campaign, since, HISTORY_MAX)
        return [SettledAnswer(row["at"], row["abandoned"]) for row in reversed(rows)]

    async def load_pacing(self, campaign: CampaignId) -> SavedPacing | None:
        """What was saved last. Raises Unavailable."""
        row = await self._database.row("load_pacing", campaign)
        return None if row is None else SavedPacing(row["at"], json.loads(row["state"]))

    async def save_pacing(self, campaign: CampaignId, saved: SavedPacing) -> None:
        """Keep it instead of an older one. Raises NotFound, Unavailable."""
        text = json.dumps(dict(saved.state), allow_nan=False, separators=(",", ":"))
        try:
            await self._database.value("save_pacing", campaign, saved.at, text)
        except asyncpg.ForeignKeyViolationError:
            raise NotFound("no_such_campaign", f"there is no campaign {campaign}") from None
