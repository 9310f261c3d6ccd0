"""What a call is that ended unheard: the log's word, and the same rules as for one that was heard."""

from __future__ import annotations

import pytest

from engine.call.events import LegEnded
from engine.call.fate import Fate, Fates, ended_unheard
from engine.call.machine import step
from engine.call.model import Call, Phase
from engine.outcome.disposition import Outcome
from engine.revision import revised
from tests.unit.test_call_machine import CUSTOMER, RINGS, dialed, run

NOW = 200.0
LIMIT_S = 2.0
"""The answer limit of these calls."""


def concluded(fate: Fate | None, call: Call | None = None) -> Call:
    """The call after its end."""
    call, end = ended_unheard(call or dialed(), fate, NOW)
    return step(call, end)[0]


@pytest.mark.parametrize(
    ("fate", "outcome", "by", "ended_at"),
    [
        (None, Outcome.UNKNOWN, None, NOW),
        # nobody answered: the cause says it, where it says anything
        (Fate(100.0, None, None, 110.0, 17, True), Outcome.BUSY, None, 110.0),
        (Fate(100.0, None, None, 110.0, 21, True), Outcome.DECLINED, None, 110.0),
        (Fate(100.0, None, None, 110.0, 1, True), Outcome.INVALID_NUMBER, None, 110.0),
        (Fate(100.0, None, None, 110.0, 34, True), Outcome.CONGESTION, None, 110.0),
        (Fate(100.0, None, None, 110.0, 58, True), Outcome.FAILED, None, 110.0),
        (Fate(100.0, None, None, 110.0, 16, False), Outcome.CANCELLED, None, 110.0),
        (Fate(100.0, None, None, 125.0, 19, False), Outcome.UNKNOWN, None, 125.0),
        (Fate(100.0, None, None, 125.0, 18, True), Outcome.UNKNOWN, None, 125.0),
        (Fate(100.0, None, None, 110.0, 0, None), Outcome.UNKNOWN, None, 110.0),
        (Fate(100.0), Outcome.UNKNOWN, None, NOW),
        # answered, and no agent was there
        (Fate(100.0, 105.0, None, 106.0, 0, True), Outcome.CUSTOMER_HANGUP, "customer", 106.0),
        (Fate(100.0, 105.0, None, 105.0 + LIMIT_S, 0, True), Outcome.ABANDONED, "customer", 107.0),
        (Fate(100.0, 105.0, None, 105.1, 16, False), Outcome.ABANDONED, "engine", 105.1),
        (Fate(100.0, 105.0, None, 115.0, 16, False), Outcome.ABANDONED, "engine", 115.0),
        # bridged
        (Fate(100.0, 105.0, 105.5, 150.0, 0, True), Outcome.ANSWERED, "customer", 150.0),
        (Fate(100.0, 105.0, 105.5, 150.0, 16, False), Outcome.ANSWERED, "engine", 150.0),
        (Fate(100.0, 105.0, 105.5), Outcome.ANSWERED, "customer", NOW),
    ],
)  # fmt: skip
def test_outcome_of_a_dialed_call(fate: Fate | None, outcome: Outcome, by: str | None, ended_at: float) -> None:
    call = concluded(fate)
    assert (call.phase, call.outcome, call.hangup_by, call.ended_at) == (Phase.ENDED, outcome, by, ended_at)
    if fate is not None:
        assert (call.answered_at, call.bridged_at, call.cause) == (fate.answered_at, fate.bridged_at, fate.cause)


def test_number_that_was_heard_ringing_gave_no_answer() -> None:
    ringing = run(dialed(), RINGS)[0]
    assert concluded(Fate(100.0, None, None, 125.0, 19, False), ringing).outcome is Outcome.NO_ANSWER


def test_what_was_decided_or_heard_before_stays() -> None:
    decided = revised(dialed(), phase=Phase.HANGING_UP, answered_at=104.0, outcome=Outcome.ANSWERED, hangup_by="agent")
    call = concluded(Fate(100.0, 105.0, None, 106.0, 16, False), decided)
    assert (call.outcome, call.hangup_by, call.answered_at) == (Outcome.ANSWERED, "agent", 104.0)


def test_what_a_script_settled_is_no_abandoned_call() -> None:
    settled = revised(dialed(), phase=Phase.SCRIPTED, scripted=True, settled=True, answered_at=105.0)
    assert concluded(Fate(100.0, 105.0, None, 106.0, 16, False), settled).outcome is Outcome.ANSWERED


def test_end_of_a_call_without_a_fate_says_that_nothing_is_known() -> None:
    assert ended_unheard(dialed(), None, NOW)[1] == LegEnded(CUSTOMER, 0, None, NOW)


def test_channel_was_never_made_only_where_the_log_has_what_came_before_and_after() -> None:
    fates = Fates({CUSTOMER: Fate(15.0)}, 10.0, 30.0)
    other = type(CUSTOMER)("other")
    assert fates.never_made(other, 12.0)
    assert not fates.never_made(CUSTOMER, 12.0)
    assert not fates.never_made(other, 10.5), "the log may have begun after it"
    assert not fates.never_made(other, 29.5), "the log may be a moment behind"
    assert not fates.never_made(other, 100.0), "nobody knows whether the log was still written then"
    assert not Fates().never_made(other, 12.0)
