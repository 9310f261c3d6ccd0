"""The reckoning: the triggers' statistics, a recount of the outcomes, and the carrier's own log must say the same."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.stack.carrier import CarrierCall, count_finals
from engine.stack.sound import Sound
from engine.stack.tones import Heard

MEANS: Mapping[str, frozenset[str]] = {
    "200": frozenset({"answered", "abandoned", "customer_hangup"}),
    "404": frozenset({"invalid_number"}),
    "486": frozenset({"busy"}),
    "487": frozenset({"no_answer", "cancelled"}),
    "503": frozenset({"congestion"}),
    "603": frozenset({"declined"}),
    "none": frozenset({"unreachable"}),
}
"""Which outcomes each final status of the carrier can have; 487 ends what rang out."""
UNDIALED = "not_dialed"
AUDIBLE_S = 1.0
"""Shorter talks are not judged: a tone needs some frames to be told."""


@dataclass(frozen=True, slots=True)
class DialedAttempt:
    """One attempt as the database has it; times are epoch seconds."""

    number: str
    outcome: str
    claimed_at: float
    bridged_at: float | None
    ended_at: float
    slot: str | None


@dataclass(frozen=True, slots=True)
class Accounts:
    """What the parties say of one campaign: by lead status and by outcome."""

    statistics: Mapping[str, Mapping[str, int]]
    recount: Mapping[str, Mapping[str, int]]
    attempts: Sequence[DialedAttempt]
    carrier: Sequence[CarrierCall]


@dataclass(frozen=True, slots=True)
class Pair:
    """An attempt and the carrier's call that it made."""

    attempt: DialedAttempt
    call: CarrierCall


def counters(calls: Sequence[CarrierCall]) -> dict[str, int]:
    """The carrier's counters: INVITEs, and calls by the final status it sent."""
    return {"invites": len(calls), **count_finals(calls)}


def disagreements(accounts: Accounts) -> list[str]:
    """Everything on which the parties differ, in words; empty when they agree."""
    found = [
        f"{kind}: the statistics say {dict(accounts.statistics[kind])}, a recount {dict(accounts.recount[kind])}"
        for kind in ("leads", "outcomes")
        if accounts.statistics[kind] != accounts.recount[kind]
    ]
    dialed = Counter(attempt.outcome for attempt in accounts.attempts)
    if dict(dialed) != dict(accounts.recount["outcomes"]):
        found.append(f"attempts: {dict(dialed)}, outcomes: {dict(accounts.recount['outcomes'])}")
    finals = counters(accounts.carrier)
    for final in sorted(MEANS.keys() | (finals.keys() - {"invites"})):
        expected = sum(dialed[outcome] for outcome in MEANS.get(final, frozenset()))
        if finals.get(final, 0) != expected:
            found.append(f"the carrier sent {final} {finals.get(final, 0)} times, the outcomes say {expected}")
    found += _by_number(accounts)
    return found


def _by_number(accounts: Accounts) -> list[str]:
    invites = Counter(call.number for call in accounts.carrier)
    attempts = Counter(attempt.number for attempt in accounts.attempts if attempt.outcome != UNDIALED)
    return [
        f"{number}: {invites[number]} INVITEs, {attempts[number]} attempts"
        for number in sorted(invites.keys() | attempts.keys())
        if invites[number] != attempts[number]
    ]


def pairs(attempts: Sequence[DialedAttempt], calls: Sequence[CarrierCall]) -> list[Pair]:
    """Match attempts to the carrier's calls: the nth attempt of a number made its nth call."""
    by_number: dict[str, list[CarrierCall]] = defaultdict(list)
    for call in sorted(calls, key=lambda call: call.invited_ms):
        by_number[call.number].append(call)
    found = []
    for attempt in sorted(attempts, key=lambda attempt: attempt.claimed_at):
        if attempt.outcome != UNDIALED and by_number[attempt.number]:
            found.append(Pair(attempt, by_number[attempt.number].pop(0)))
    return found


def bridge_times_ms(matched: Sequence[Pair]) -> list[float]:
    """From the carrier's 200 OK to both legs in one bridge, sorted."""
    return sorted(
        pair.attempt.bridged_at * 1000 - pair.call.answered_ms
        for pair in matched
        if pair.attempt.bridged_at is not None and pair.call.answered_ms is not None
    )


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile of sorted values, or None without any."""
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 2)


def audio(matched: Sequence[Pair], at_customers: Sequence[Heard], at_agents: Sequence[Heard]) -> tuple[int, list[Pair]]:
    """How many talks had the other side's tone at both ends, and the talks that should have had it and had not."""
    customers = {heard.call_id: heard for heard in at_customers}
    heard_both, deaf = 0, []
    for pair in matched:
        begin, end = pair.attempt.bridged_at, pair.attempt.ended_at
        if begin is None or end - begin < AUDIBLE_S:
            continue
        window = (begin * 1000, end * 1000)
        customer = customers.get(pair.call.call_id)
        there = customer is not None and customer.first_ms(Sound.TONE, *window) is not None
        here = any(
            heard.number == pair.attempt.slot and heard.first_ms(Sound.TONE, *window) is not None for heard in at_agents
        )
        if there and here:
            heard_both += 1
        else:
            deaf.append(pair)
    return heard_both, deaf
