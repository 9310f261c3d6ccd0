"""Claims: leads are claimed in batches, and an attempt that may be open without being dialed always gets an outcome."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from engine.clock import Clock
from engine.dialer.campaign import Campaign
from engine.ids import AttemptId, attempt_id
from engine.ports import ClaimedLead, LeadStore

DOUBT_S = 30.0
"""A claim whose answer was lost may still be committed by a server that has not noticed; by now it has."""


@dataclass(slots=True)
class Claims:
    """Claims leads for one engine. `undialed` is told of each attempt that is, or may be, open and never dialed."""

    leads: LeadStore
    epoch: int
    clock: Clock
    random_bits: Callable[[], int]
    undialed: Callable[[AttemptId], None]
    _doubts: deque[tuple[float, list[AttemptId]]] = field(default_factory=deque)

    async def claim(self, campaign: Campaign, wanted: int) -> Sequence[ClaimedLead]:
        """Claim at most `wanted` leads. Raises Unavailable.

        When the answer is lost the attempts may be committed all the same. The ledger takes no notice of attempts that
        do not exist, so it is told of all of them: at once, and again when even a server that went on with the claim
        alone must have finished it.
        """
        now = self.clock.now()
        ids = [attempt_id(now, self.random_bits()) for _ in range(wanted)]
        try:
            return await self.leads.claim(campaign.id, ids, campaign.trunk, self.epoch)
        except BaseException:
            self._give_up(ids)
            self._doubts.append((self.clock.now() + DOUBT_S, ids))
            raise

    def settle(self) -> None:
        """Tell the ledger again of doubtful attempts whose time has come."""
        while self._doubts and self._doubts[0][0] <= self.clock.now():
            self._give_up(self._doubts.popleft()[1])

    def _give_up(self, ids: Sequence[AttemptId]) -> None:
        for attempt in ids:
            self.undialed(attempt)
