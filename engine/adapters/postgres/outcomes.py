"""Outcomes as append-only facts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from engine.ids import AttemptId, CampaignId, LeadId
from engine.outcome.disposition import Outcome
from engine.ports import ClaimedLead, OutcomeFact

from .pool import Database
from .text import storable

NOTE_MAX = 500
"""Characters of a note; what is longer is cut."""


class PostgresOutcomes:
    """OutcomeLedger on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, facts: Sequence[OutcomeFact]) -> int:
        """Write outcomes in one transaction; idempotent by attempt. Returns how many were new. Raises Unavailable."""
        if not facts:
            return 0
        recorded: int = await self._database.value_despite_conflicts(
            "record_outcomes",
            [fact.attempt for fact in facts],
            [fact.outcome for fact in facts],
            [fact.cause for fact in facts],
            [fact.sip_code for fact in facts],
            [fact.ringing_at for fact in facts],
            [fact.answered_at for fact in facts],
            [fact.bridged_at for fact in facts],
            [fact.ended_at for fact in facts],
            [fact.hangup_by for fact in facts],
            [fact.slot for fact in facts],
            [fact.lead_next.status for fact in facts],
            [fact.lead_next.next_at for fact in facts],
            _sparse([fact.live_at for fact in facts]),
            _sparse([fact.greeting_end_at for fact in facts]),
            _sparse([fact.machine for fact in facts]),
            _sparse([fact.message_at for fact in facts]),
            _sparse([fact.opted_out_at for fact in facts]),
            _sparse([None if fact.note is None else storable(fact.note)[:NOTE_MAX] for fact in facts]),
        )
        return recorded

    async def open_attempts(self) -> Sequence[ClaimedLead]:
        """Attempts without an outcome, oldest first; the number is empty when the lead was deleted meanwhile."""
        return [
            ClaimedLead(
                AttemptId(str(row["attempt_id"])),
                LeadId(row["lead_id"]),
                CampaignId(row["campaign_id"]),
                row["phone_number"],
                row["attempts"],
            )
            for row in await self._database.rows("open_attempts")
        ]

    async def recorded(self, attempts: Collection[AttemptId]) -> Mapping[AttemptId, Outcome]:
        """The outcomes of these attempts, of those that have one. Raises Unavailable."""
        rows = await self._database.rows("recorded_outcomes", list(attempts)) if attempts else ()
        return {AttemptId(str(row["attempt_id"])): Outcome(row["outcome"]) for row in rows}


def _sparse(values: Sequence[object]) -> Sequence[object] | None:
    """Most batches know nothing of most of these: no array costs less than one of NULLs."""
    return None if all(value is None for value in values) else values
