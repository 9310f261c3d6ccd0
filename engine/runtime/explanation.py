"""Why a campaign dials what it dials, and what it would need to dial more: for operators (no I/O)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Self

from engine.agent.machine import AgentState
from engine.agent.pool import Pool
from engine.dialer.campaign import Campaign, CampaignStatus
from engine.dialer.pacer import Explanation, PacingDecision
from engine.dialer.pacing import PacingView
from engine.ports import WindowCount

from .bounds import Bounds, Soundness

Input = float | int | str | bool | None


@dataclass(frozen=True, slots=True)
class Noted:
    """A decision as it is told. `binding` names the constraint that decided."""

    at: float | None
    launch: int
    cancel: int
    binding: str
    line: str


@dataclass(frozen=True, slots=True)
class CrewNow:
    """The agents of a pool at this moment."""

    idle: int
    busy: int
    away: int
    """Seated, but paused or without a registered phone."""

    @classmethod
    def of(cls, pool: Pool | None) -> Self:
        """None: nobody knows such a pool yet."""
        seated = [] if pool is None else [agent for agent in pool.agents.values() if agent.seated]
        idle = sum(agent.available for agent in seated)
        away = sum(agent.state in {AgentState.PAUSED, AgentState.READY} for agent in seated) - idle
        return cls(idle, len(seated) - idle - away, away)


@dataclass(frozen=True, slots=True)
class WindowTold:
    """One of the three windows of the account. `limit` is None where the law sets none for it."""

    answered: int
    abandoned: int
    ratio: float
    limit: float | None
    false_positives: float = 0.0
    """People taken for machines, an estimate; 0 where they do not count."""
    customer_gone: int = 0
    """People who hung up before the limit: in neither side of the ratio."""


@dataclass(frozen=True, slots=True)
class Definition:
    """How the ratio is counted."""

    name: str
    version: int


@dataclass(frozen=True, slots=True)
class Held:
    """What holds at the moment of asking, whatever was decided before."""

    soundness: Soundness
    closed: str | None
    """Why nothing is dialed at all, or None."""
    message_armed: bool
    definition: Definition
    windows: Mapping[str, WindowTold] | None


@dataclass(frozen=True, slots=True)
class Explained:
    """Everything an operator may ask of one campaign's pacing."""

    campaign: int
    status: str
    dial_mode: str
    line: str
    at: float | None
    """When it was decided (epoch seconds); None before the first decision."""
    launch: int
    cancel: int
    binding: str
    needs: tuple[str, ...]
    """What it would take to dial more, one thing each."""
    inputs: Mapping[str, Input]
    limits: Mapping[str, Input]
    theta: float | None
    message_armed: bool
    definition: Definition
    windows: Mapping[str, WindowTold] | None
    """`period`, `24h`, `1h`; None while the database is away."""
    recent: tuple[Noted, ...]
    """The newest decisions that differed from those before them, oldest first."""


def explain(
    campaign: Campaign,
    last: Noted | None,
    recent: Iterable[Noted],
    paced: PacingDecision | None,
    view: PacingView | None,
    bounds: Bounds | None,
    crew: CrewNow,
    held: Held,
) -> Explained:
    """Put together what is known of one campaign; `last` is its last decision, and `paced` the same in full."""
    noted = _in_force(campaign, last, held)
    why = None if paced is None else paced.why
    inputs: Mapping[str, Input] = {} if view is None else asdict(view)
    limits = {} if bounds is None else limits_of(replace(bounds, soundness=held.soundness))
    return Explained(
        campaign.id, campaign.status, campaign.dial_mode, noted.line, noted.at, noted.launch, noted.cancel,
        noted.binding, needs_of(campaign, noted.binding, why, bounds, crew),
        inputs if why is None else inputs_of(why), limits,
        None if why is None else why.theta, held.message_armed, held.definition, held.windows, tuple(recent),
    )  # fmt: skip


def _in_force(campaign: Campaign, last: Noted | None, held: Held) -> Noted:
    """What holds now: a campaign that is not running, or an engine that is closed, dials nothing."""
    at = last.at if last is not None else None
    if campaign.status is not CampaignStatus.RUNNING:
        return Noted(at, 0, 0, "status", f"launch 0: the campaign is {campaign.status}; bound by status")
    if held.closed is not None:
        sound = held.soundness
        binding = "telephony" if not sound.telephony_up else "stopping" if sound.ledger_writable else "ledger"
        return Noted(at, 0, 0, binding, f"launch 0: dialing is closed: {held.closed}; bound by {binding}")
    return last if last is not None else Noted(None, 0, 0, "undecided", "launch 0: nothing was decided yet")


def windows_told(campaign: Campaign, counts: Mapping[str, WindowCount]) -> dict[str, WindowTold]:
    """The windows of a campaign's account with the limits that hold for it."""
    legal, limit = campaign.pacing.legal, campaign.pacing.pacer_config().ratio_limit
    limits = {"period": limit, "24h": None if legal.limit_24h is None else min(limit, legal.limit_24h)}
    return {
        name: WindowTold(
            count.live, count.abandoned, count.ratio, limits.get(name), count.false_positives, count.customer_gone
        )
        for name, count in counts.items()
    }


def inputs_of(why: Explanation) -> dict[str, Input]:
    """What a pacer decided on, by name; what its rule does not use is left out."""
    return {name: value for name, value in asdict(why).items() if value is not None and name not in {"at", "binding"}}


def limits_of(bounds: Bounds) -> dict[str, Input]:
    """The limits by name."""
    found: dict[str, Input] = asdict(bounds.soundness)
    return found | {name: value for name, value in asdict(bounds).items() if name != "soundness"}


def needs_of(
    campaign: Campaign, binding: str, why: Explanation | None, bounds: Bounds | None, crew: CrewNow
) -> tuple[str, ...]:
    """What must change for one more call to be dialed."""
    more = 1 if why is None or why.wanted is None or bounds is None else max(1, why.wanted - _room(binding, bounds))
    match binding:
        case "agents" | "theta":
            return (_agents(why, crew), *(_chance(why) if binding == "theta" else ()))
        case "trunk" | "channels":
            free = "" if bounds is None else f" (all {bounds.channels_max} are in use)"
            return (f"trunk: {_many(more, 'more channel')} of trunk {campaign.trunk}{free}",)
        case "lines" | "lines_max":
            return (f"lines_max: {_many(more, 'more line')} than the campaign's {campaign.lines_max}",)
        case "calls_per_second":
            rate = "" if bounds is None else f": {bounds.cps_max:g} a second is its limit"
            return (f"calls per second: {_many(more, 'more call')} over trunk {campaign.trunk}{rate}",)
        case "leads":
            return ("leads: more that are due, within their calling window",)
        case "budget":
            owed = 0 if why is None or why.answers_owed is None else why.answers_owed
            return (f"budget: {_many(owed, 'more live answer')} met by agents until theta is above its least",)
        case _:
            return (_plain(campaign, binding),)


def _plain(campaign: Campaign, binding: str) -> str:
    pacing = campaign.pacing
    texts = {
        "learning": "experience: more calls of this campaign that have ended; overdialing begins after 30, and 25 s",
        "small_team": "agents: more than 3 (or small_team switched off)",
        "lines_per_agent": f"lines_per_agent_max: more than {pacing.lines_per_agent_max:g} lines for each agent",
        "hard_stop_period": "period: more live answers met by agents, until the limit can be kept again",
        "hard_stop_24h": "24 h: more live answers met by agents, until the limit can be kept again",
        "stale_state": "news: Asterisk's events without delay (they are more than 2 s late)",
        "unshared_state": "Redis: cells agreeing on the trunk's calls per second",
        "no_message": "message: identity_text or message, so that nobody is left in silence",
        "share": "pool: its turn; another campaign of the pool is owed lines, or relies on an idle agent",
        "trunk_share": (
            f"trunk: its turn on trunk {campaign.trunk}; other campaigns took what was free,"
            f" each by its weight (pool_weight, {pacing.pool_weight:g} here)"
        ),
        "late": "engine: a quicker round; the decision was too old once it was this campaign's turn",
        "undecided": "time: the first decision, which the engine takes within seconds of the campaign's start",
        "failures": "far ends: an end of the unexplained jump of failed calls",
        "telephony": "Asterisk: a connection, and calls and agents level with it",
        "ledger": "PostgreSQL: outcomes that can be written, and the account that can be read",
        "status": "status: the campaign running",
        "stopping": "engine: one that is not stopping",
        "fault": "engine: its log says what is wrong",
    }
    limit = binding.replace("_", " ")
    return texts.get(binding, f"limit: {limit} holds this campaign back; the line of its decision tells the numbers")


def _agents(why: Explanation | None, crew: CrewNow) -> str:
    """Who could take another answer."""
    if not crew.idle + crew.busy:
        return f"agents: any who are ready ({crew.away} seated, but paused or without a phone)"
    if why is None or why.free_in_10_s is None:
        soon = ""
    elif why.free_in_10_s - crew.idle >= 1:
        soon = f", the next is free in about {10 / (why.free_in_10_s - crew.idle):.0f} s"
    else:
        soon = f", about {max(0.0, why.free_in_10_s - crew.idle):.1f} come free within 10 s"
    if crew.idle:
        return f"agents: every idle one ({crew.idle}) has a call on the way{soon}"
    return f"agents: all {crew.busy} are busy{soon}"


def _chance(why: Explanation | None) -> tuple[str, ...]:
    if why is None or why.chance is None or why.theta is None:
        return ()
    return (f"budget: one more call would end abandoned with {why.chance:.4f}; theta allows {why.theta:.4f}",)


def _room(binding: str, bounds: Bounds) -> int:
    """How many calls the binding limit lets through."""
    rooms = {
        "channels": bounds.channels_free,
        "lines_max": bounds.lines_free,
        "calls_per_second": bounds.tokens,
        "leads": bounds.leads,
    }
    return rooms.get(binding, 0)


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
