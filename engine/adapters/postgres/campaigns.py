"""Campaigns, leads and numbers as people keep them: look up, list, delete, forbid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec

from engine.dialer.campaign import Campaign
from engine.errors import NotFound, Rejected
from engine.ids import CampaignId, LeadId

from .leads import campaign_of
from .pool import Database
from .text import storable

PAGE_MAX = 1000
"""Rows of one page of leads or attempts."""


@dataclass(frozen=True, slots=True)
class LeadView:
    """A lead as people see it; number and data are empty once it is deleted."""

    id: LeadId
    campaign: CampaignId
    number: str
    status: str
    attempts: int
    result: str | None
    next_at: float
    data: Mapping[str, Any]


class PostgresCampaigns:
    """The keeping of campaigns and leads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, campaign: CampaignId) -> Campaign:
        """One campaign. Raises NotFound(`campaign_not_found`)."""
        row = await self._database.row("campaign", campaign)
        if row is None:
            raise NotFound("no_such_campaign", f"there is no campaign {campaign}")
        return campaign_of(row)

    async def list(self) -> Sequence[Campaign]:
        """All campaigns that are not archived."""
        return [campaign_of(row) for row in await self._database.rows("campaigns")]

    async def leads(self, campaign: CampaignId, *, after: int = 0, limit: int = 100) -> Sequence[LeadView]:
        """A page of a campaign's leads in order of id, from the one after `after` on; at most PAGE_MAX."""
        return [
            LeadView(
                LeadId(row["lead_id"]),
                CampaignId(row["campaign_id_ref"]),
                row["phone_number"] or "",
                row["status"],
                row["attempts"],
                row["result"],
                row["next_at"].timestamp(),
                msgspec.json.decode(row["lead_data"]),
            )
            for row in await self._database.rows("leads", campaign, after, min(limit, PAGE_MAX))
        ]

    async def attempts(self, campaign: CampaignId, *, limit: int = 100) -> Sequence[Mapping[str, Any]]:
        """A campaign's newest attempts with their outcomes (None while open), newest first; at most PAGE_MAX."""
        return [dict(row) for row in await self._database.rows("attempts", campaign, min(limit, PAGE_MAX))]

    async def delete_leads(self, leads: Sequence[LeadId]) -> int:
        """Anonymise leads, also while they ring; returns how many were not deleted before."""
        deleted: int = await self._database.value_despite_conflicts("anonymise_leads", leads)
        return deleted

    async def add_do_not_call(self, numbers: Sequence[str], reason: str) -> int:
        """Never dial these E.164 numbers again, in any campaign; returns how many were new. Raises Rejected."""
        try:
            added: int = await self._database.value_despite_conflicts(
                "add_do_not_call", sorted(set(numbers)), storable(reason)
            )
        except asyncpg.CheckViolationError:
            raise Rejected("number_invalid", "a number is not E.164 (+ and 5 to 15 digits)", 422) from None
        return added

    async def add_consent(self, number: str, evidence: str, given_at: float, campaign: CampaignId | None) -> None:
        """Note a person's consent to be called, for one campaign or (None) for all. Raises Rejected."""
        try:
            await self._database.value("add_consent", number, campaign, storable(evidence), given_at)
        except asyncpg.IntegrityConstraintViolationError as error:
            raise Rejected("consent_invalid", f"{error.args[0]}", 422) from None
