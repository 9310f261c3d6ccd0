"""Campaigns and their leads, as the dialer needs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import asyncpg
import msgspec

from engine.dialer.campaign import AnswerAction, Campaign, CampaignStatus, DialMode, check_change
from engine.dialer.lead import RecallRule
from engine.errors import NotFound
from engine.ids import AttemptId, CampaignId, LeadId, TrunkName
from engine.outcome.disposition import Outcome
from engine.ports import ClaimedLead

from .pool import Database
from .query import query


def campaign_of(row: asyncpg.Record) -> Campaign:
    """Build a Campaign from a row of `campaigns`."""
    recall = msgspec.json.decode(row["recall"], type=dict[str, dict[str, float]])
    return Campaign(
        id=CampaignId(row["campaign_id"]),
        name=row["name"],
        status=CampaignStatus(row["status"]),
        dial_mode=DialMode(row["dial_mode"]),
        answer_action=AnswerAction(row["answer_action"]),
        pool=row["pool"],
        trunk=TrunkName(row["trunk"]),
        caller_id=row["caller_id"],
        ring_timeout_s=row["ring_timeout_s"],
        answer_limit_s=row["answer_limit_s"],
        wrap_up_s=row["wrap_up_s"],
        talk_max_s=row["talk_max_s"],
        lines_max=row["lines_max"],
        message=tuple(row["message"]),
        record=row["record"],
        recall={
            Outcome(key): RecallRule(int(rule["attempts_max"]), float(rule["delay_s"])) for key, rule in recall.items()
        },
    )


class PostgresLeads:
    """LeadStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def campaigns(self) -> Sequence[Campaign]:
        """All campaigns that are not archived."""
        return [campaign_of(row) for row in await self._database.rows("campaigns")]

    async def set_status(self, campaign: CampaignId, status: CampaignStatus) -> Campaign:
        """Change a campaign's status; raises NotFound, and Rejected(`campaign_state`) for an impossible change."""
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(query("campaign_for_change"), campaign)
            if row is None:
                raise NotFound("campaign_not_found", f"there is no campaign {campaign}")
            current = campaign_of(row)
            check_change(current.status, status)
            await connection.execute(query("set_campaign_status"), campaign, status)
        return replace(current, status=status)

    async def claim(
        self,
        campaign: CampaignId,
        attempts: Sequence[AttemptId],
        trunk: TrunkName,
        epoch: int,
        now: float | None = None,
    ) -> Sequence[ClaimedLead]:
        """Claim at most len(attempts) leads of a running campaign; `now` (epoch seconds) defaults to the server's."""
        rows = await self._database.rows("claim_leads", campaign, attempts, trunk, epoch, now)
        return [
            ClaimedLead(
                AttemptId(str(row["attempt_id"])),
                LeadId(row["lead_id"]),
                campaign,
                row["phone_number"],
                row["attempts"],
            )
            for row in rows
        ]
