"""The demo's reckoning notices every way in which the parties can differ."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.demo.leads import BEHAVIOURS, numbers
from engine.demo.reckoning import (
    Accounts,
    DialedAttempt,
    audio,
    bridge_times_ms,
    counters,
    disagreements,
    pairs,
    percentile,
)
from engine.stack.carrier import CarrierCall
from engine.stack.sound import Sound
from engine.stack.tones import Heard, Segment


def call(serial: int, number: str, final: int | None, *, answered_ms: float | None = None) -> CarrierCall:
    return CarrierCall(
        serial, f"id-{serial}", number, 20000 + serial, serial * 1000.0, None, answered_ms, 9000.0, final, "caller"
    )


def attempt(number: str, outcome: str, claimed_at: float, bridged_at: float | None = None) -> DialedAttempt:
    return DialedAttempt(number, outcome, claimed_at, bridged_at, 9.0, "7001")


CALLS = [call(1, "+10", 200, answered_ms=1500.0), call(2, "+12", 486), call(3, "+12", 486), call(4, "+19", None)]
ATTEMPTS = [
    attempt("+10", "answered", 1.0, bridged_at=1.505),
    attempt("+12", "busy", 2.0),
    attempt("+12", "busy", 3.0),
    attempt("+19", "unreachable", 4.0),
]
KEPT = {"leads": {"done": 3}, "outcomes": {"answered": 1, "busy": 2, "unreachable": 1}}
TRUE = Accounts(KEPT, KEPT, ATTEMPTS, CALLS)


def test_parties_that_say_the_same_agree() -> None:
    assert disagreements(TRUE) == []


@pytest.mark.parametrize(
    "changed",
    [
        replace(TRUE, statistics={**KEPT, "outcomes": {"answered": 1, "busy": 3, "unreachable": 1}}),
        replace(TRUE, recount={**KEPT, "leads": {"done": 2, "waiting": 1}}),
        replace(TRUE, carrier=[*CALLS[:1], replace(CALLS[1], final=603), *CALLS[2:]]),
        replace(TRUE, carrier=CALLS[:-1]),
        replace(TRUE, carrier=[*CALLS, call(5, "+12", 486)]),
        replace(TRUE, carrier=[replace(CALLS[0], number="+13"), *CALLS[1:]]),
        replace(TRUE, carrier=[*CALLS[:1], replace(CALLS[1], ended_ms=None), *CALLS[2:]]),
        replace(TRUE, attempts=[*ATTEMPTS, attempt("+12", "busy", 5.0)]),
        replace(TRUE, attempts=[replace(ATTEMPTS[0], outcome="no_answer"), *ATTEMPTS[1:]]),
    ],
)
def test_whatever_one_party_says_differently_is_found(changed: Accounts) -> None:
    assert disagreements(changed)


def test_claim_that_was_never_dialed_needs_no_invite() -> None:
    kept = {**KEPT, "outcomes": {**KEPT["outcomes"], "not_dialed": 1}}
    assert disagreements(Accounts(kept, kept, [*ATTEMPTS, attempt("+12", "not_dialed", 5.0)], CALLS)) == []


def test_counters_are_the_carriers_own() -> None:
    assert counters(CALLS) == {"invites": 4, "200": 1, "486": 2, "none": 1}


def test_bridge_time_begins_at_the_200() -> None:
    assert bridge_times_ms(pairs(ATTEMPTS, CALLS)) == [pytest.approx(5.0)]
    assert percentile([1.0, 2.0, 3.0], 0.99) == 3.0
    assert percentile([], 0.5) is None
    assert percentile([float(n) for n in range(1, 101)], 0.99) == 99.0
    assert percentile([1.0, 2.0], 0.5) == 1.0


def test_tone_must_be_heard_at_both_ends_while_they_talk() -> None:
    matched = pairs(ATTEMPTS, CALLS)
    tone = (Segment(Sound.TONE, 1600.0, 8000.0),)
    customer = Heard("id-1", "+10", 20001, 1000.0, None, tone)
    agent = Heard("seat", "7001", 20100, 0.0, None, tone)
    assert audio(matched, [customer], [agent]) == (1, [])
    early = replace(agent, segments=(Segment(Sound.TONE, 100.0, 900.0),))
    for customers, agents in (
        ([], [agent]),
        ([customer], []),
        ([customer], [early]),
        ([customer], [replace(agent, number="7002")]),
    ):
        assert audio(matched, customers, agents) == (0, matched[:1])


def test_leads_are_different_repeatable_and_cover_every_behaviour() -> None:
    assert numbers(120, 7) == numbers(120, 7) != numbers(120, 8)
    assert len(set(numbers(3000, 1))) == 3000
    assert {number[-1] for number in numbers(10, 3)} == set(BEHAVIOURS)
