"""Campaigns and their leads, as the dialer needs them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import asyncpg
import msgspec

from engine.dialer.campaign import AnswerAction, Campaign, CampaignStatus, DialMode, check_change
from engine.dialer.draft import CampaignDraft
from engine.dialer.lead import RecallRule
from engine.dialer.settings import PACING_FIELDS, PacingSettings
from engine.errors import NotFound, Rejected
from engine.ids import AttemptId, CampaignId, LeadId, Slot, TrunkName
from engine.outcome.disposition import Outcome
from engine.ports import HISTORY_MAX, Barrier, CampaignNumbers, ClaimedLead, EarlierAttempt, ShownLead

from .pool import CONFLICT_TRIES, CONFLICTS, Database
from .query import query
from .text import json_text, storable

EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
"""ISO weekdays, Monday first."""


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
        pacing=PacingSettings(**{name: row[name] for name in PACING_FIELDS}),
        identity_text=row["identity_text"],
        language=row["language"],
        opt_out_digit=row["opt_out_digit"],
    )


class PostgresLeads:
    """LeadStore on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, draft: CampaignDraft, *, weekdays: Sequence[int] = EVERY_DAY) -> Campaign:
        """Make a campaign in the state `draft`; without a caller id it takes the trunk's.

        A window that ends at the last microsecond of the day (`time.max`) includes midnight.
        Raises Rejected: `no_such_trunk`, `campaign_name_taken`, or `campaign_invalid` naming the rule it breaks.
        """
        recall = {
            key: {"attempts_max": rule.attempts_max, "delay_s": rule.delay_s} for key, rule in draft.recall.items()
        }
        try:
            row = await self._database.row(
                "create_campaign",
                storable(draft.name),
                draft.trunk,
                draft.caller_id,
                draft.dial_mode,
                draft.answer_action,
                draft.pool,
                draft.ring_timeout_s,
                draft.answer_limit_s,
                draft.wrap_up_s,
                draft.talk_max_s,
                draft.lines_max,
                [storable(media) for media in draft.message],
                draft.record,
                json_text(recall),
                draft.window_from,
                draft.window_to,
                weekdays,
                draft.pacing.require_consent,
                draft.pacing.jurisdiction,
                draft.pacing.abandon_limit,
                draft.pacing.fp_rate,
                draft.pacing.lines_per_agent,
                draft.pacing.lines_per_agent_max,
                draft.pacing.pool_weight,
                draft.pacing.small_team,
                draft.pacing.cancel,
                draft.pacing.preview_limit_s,
                storable(draft.identity_text),
                draft.language,
                draft.opt_out_digit,
            )
        except asyncpg.UniqueViolationError:
            raise Rejected("campaign_name_taken", f"there is a campaign named {draft.name} already") from None
        except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError) as error:
            raise Rejected("campaign_invalid", f"campaign {draft.name}: {error.args[0]}", 422) from None
        if row is None:
            raise Rejected("no_such_trunk", f"there is no trunk {draft.trunk}", 422)
        return campaign_of(row)

    async def numbers(self) -> Mapping[CampaignId, CampaignNumbers]:
        """The statistics of every campaign that is not archived."""
        return {
            CampaignId(row["campaign_id"]): CampaignNumbers(
                leads=msgspec.json.decode(row["leads"], type=dict[str, int]),
                attempts=row["attempts"],
                outcomes=msgspec.json.decode(row["outcomes"], type=dict[str, int]),
            )
            for row in await self._database.rows("campaign_numbers")
        }

    async def campaigns(self) -> Sequence[Campaign]:
        """All campaigns that are not archived."""
        return [campaign_of(row) for row in await self._database.rows("campaigns")]

    async def set_status(self, campaign: CampaignId, status: CampaignStatus) -> Campaign:
        """Change a campaign's status; raises NotFound, and Rejected(`campaign_state`) for an impossible change."""
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(query("campaign_for_change"), campaign)
            if row is None:
                raise NotFound("no_such_campaign", f"there is no campaign {campaign}")
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
        rows = await self._claimed(campaign, attempts, trunk, epoch, now)
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

    async def shown(self, attempt: AttemptId) -> ShownLead | None:
        """The lead of an attempt, and whether it may still be dialed; None for an attempt that does not exist."""
        row = await self._database.row("shown_lead", attempt)
        if row is None:
            return None
        earlier = await self._database.rows("earlier_attempts", row["lead_id"], attempt, HISTORY_MAX)
        return ShownLead(
            LeadId(row["lead_id"]),
            CampaignId(row["campaign_id"]),
            row["phone_number"],
            msgspec.json.decode(row["lead_data"]),
            tuple(_earlier(past) for past in earlier),
            Barrier(row["barrier"]) if row["barrier"] is not None else None,
        )

    async def _claimed(self, *arguments: object) -> Sequence[asyncpg.Record]:
        for _ in range(CONFLICT_TRIES - 1):
            try:
                return await self._database.rows("claim_leads", *arguments)
            except (asyncpg.UniqueViolationError, *CONFLICTS):
                # Somebody put a lead back whose attempt was opened in this very moment: nothing was claimed.
                await asyncio.sleep(0.01)
        return await self._database.rows("claim_leads", *arguments)


def _earlier(row: asyncpg.Record) -> EarlierAttempt:
    outcome = Outcome(row["outcome"]) if row["outcome"] is not None else None
    return EarlierAttempt(row["at"], outcome, Slot(row["slot_id"]) if row["slot_id"] is not None else None, row["note"])
