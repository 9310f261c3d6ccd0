"""Causes mean what Asterisk was measured to say, and there is no cause without a meaning."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.outcome.disposition import LIVE, Outcome
from engine.trunk.cause import outcome_of


@pytest.mark.parametrize(
    ("sip", "cause", "outcome"),
    [
        (486, 17, Outcome.BUSY),
        (600, 17, Outcome.BUSY),
        (404, 1, Outcome.INVALID_NUMBER),
        (410, 22, Outcome.INVALID_NUMBER),
        (484, 28, Outcome.INVALID_NUMBER),
        (403, 21, Outcome.DECLINED),
        (603, 21, Outcome.DECLINED),
        (488, 58, Outcome.FAILED),
        (500, 38, Outcome.CONGESTION),
        (502, 27, Outcome.CONGESTION),
        (503, 34, Outcome.CONGESTION),
        (504, 102, Outcome.CONGESTION),
        (607, 127, Outcome.FAILED),
        (None, 0, Outcome.UNKNOWN),
    ],
)
def test_measured_causes(sip: int | None, cause: int, outcome: Outcome) -> None:
    assert outcome_of(cause, sip, ringing_seen=True) is outcome


@pytest.mark.parametrize("cause", [18, 19])
def test_timeout_is_told_apart_by_ringing(cause: int) -> None:
    assert outcome_of(cause, 480, ringing_seen=True) is Outcome.NO_ANSWER
    assert outcome_of(cause, 480, ringing_seen=False) is Outcome.UNREACHABLE


@given(st.integers(), st.none() | st.integers(), st.booleans())
def test_every_end_has_a_meaning_and_none_is_a_live_answer(cause: int, sip: int | None, rang: bool) -> None:
    assert outcome_of(cause, sip, ringing_seen=rang) not in LIVE
