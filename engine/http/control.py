"""What the HTTP edge needs of the runtime: the use cases it calls and the shapes it shows, as protocols.

The runtime returns its own plain objects; they only need these attributes, so that it imports nothing from here.
Use cases raise Rejected, NotFound or Unavailable (engine.errors); the edge turns them into problem+json.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from engine.dialer.campaign import Campaign
from engine.dialer.draft import CampaignDraft
from engine.ids import CallId, CampaignId, Slot, TrunkName

CampaignChange = Literal["start", "pause", "stop"]


class CampaignStats(Protocol):
    """A campaign in numbers: `leads`, `attempts` and `outcomes` as the triggers keep them, the rest as it is now."""

    @property
    def leads(self) -> Mapping[str, int]:
        """Leads by status (new, dialing, waiting, done, excluded, deleted)."""
        ...

    @property
    def attempts(self) -> int:
        """Attempts begun, open ones included."""
        ...

    @property
    def outcomes(self) -> Mapping[str, int]:
        """Attempts by outcome; one per attempt that ended."""
        ...

    @property
    def dialing(self) -> int:
        """Attempts claimed, dialing or ringing now."""
        ...

    @property
    def waiting(self) -> int:
        """People who answered and wait for an agent now."""
        ...

    @property
    def talking(self) -> int:
        """Calls bridged to an agent now."""
        ...

    @property
    def pacing(self) -> str:
        """The pacer's last decision as one line for a person; empty when it is not dialing."""
        ...


class CampaignOverview(Protocol):
    """A campaign's settings with its numbers."""

    @property
    def campaign(self) -> Campaign: ...

    @property
    def stats(self) -> CampaignStats: ...


class WindowView(Protocol):
    """One of the windows of a campaign's account."""

    @property
    def answered(self) -> int: ...
    @property
    def abandoned(self) -> int: ...
    @property
    def ratio(self) -> float: ...
    @property
    def limit(self) -> float | None: ...


class DecisionView(Protocol):
    """A decision of a pacer."""

    @property
    def at(self) -> float | None: ...
    @property
    def launch(self) -> int: ...
    @property
    def cancel(self) -> int: ...
    @property
    def binding(self) -> str: ...
    @property
    def line(self) -> str: ...


class PacingView(DecisionView, Protocol):
    """Why a campaign dials what it dials, and what it would need to dial more."""

    @property
    def campaign(self) -> int: ...
    @property
    def needs(self) -> Sequence[str]: ...
    @property
    def inputs(self) -> Mapping[str, float | int | str | bool | None]: ...
    @property
    def windows(self) -> Mapping[str, WindowView] | None: ...
    @property
    def recent(self) -> Sequence[DecisionView]: ...


class CallView(Protocol):
    """A live call. Times are epoch seconds, None while the thing has not happened."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def phase(self) -> str: ...
    @property
    def campaign(self) -> int | None: ...
    @property
    def number(self) -> str: ...
    @property
    def trunk(self) -> str | None: ...
    @property
    def slot(self) -> int | None: ...
    @property
    def created_at(self) -> float: ...
    @property
    def answered_at(self) -> float | None: ...
    @property
    def bridged_at(self) -> float | None: ...


class AgentView(Protocol):
    """A seat and who sits there. `since` is when the state began (epoch seconds)."""

    @property
    def slot(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def pool(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def since(self) -> float: ...
    @property
    def call(self) -> str | None: ...
    @property
    def registered(self) -> bool: ...


class PartHealth(Protocol):
    """Whether a part is there. `detail` is one line for an operator and never carries a secret or an address."""

    @property
    def ok(self) -> bool: ...
    @property
    def needed(self) -> bool:
        """False for parts without which calls and dialing still go on, with less."""
        ...

    @property
    def detail(self) -> str: ...


class Control(Protocol):
    """The use cases. Each finishes or raises within seconds; the edge gives up after 15 s."""

    async def campaigns(self) -> Sequence[CampaignOverview]: ...

    async def campaign(self, campaign: CampaignId) -> CampaignOverview: ...

    async def create_campaign(self, draft: CampaignDraft) -> CampaignOverview: ...

    async def pacing(self, campaign: CampaignId) -> PacingView: ...

    async def change_campaign(self, campaign: CampaignId, change: CampaignChange) -> CampaignOverview: ...

    def calls(self) -> Sequence[CallView]: ...

    async def start_call(self, slot: Slot, number: str, trunk: TrunkName | None) -> CallId: ...

    async def hang_up(self, call: CallId) -> None: ...

    def agents(self) -> Sequence[AgentView]: ...

    async def login(self, slot: Slot) -> AgentView: ...

    async def ready(self, slot: Slot) -> AgentView: ...

    async def pause(self, slot: Slot, reason: str) -> AgentView: ...

    async def resume(self, slot: Slot) -> AgentView: ...

    async def done(self, slot: Slot, disposition: str, note: str) -> AgentView: ...

    async def logout(self, slot: Slot) -> AgentView: ...

    def readiness(self) -> Mapping[str, PartHealth]: ...
