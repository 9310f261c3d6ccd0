"""Small pure rules over everything they can be asked: causes, capacity, and what becomes of a lead."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.dialer.lead import DEFAULT_RULES, LeadStatus, RecallRule, next_of
from engine.dialer.pacing import Limits, PacingView, Progressive, Steady
from engine.outcome.disposition import LIVE, NEVER_AGAIN, UNCOUNTED, Outcome
from engine.trunk.capacity import BURST_S, Capacity
from engine.trunk.cause import outcome_of

START = 1000.0


@given(st.integers(), st.none() | st.integers(), st.booleans())
def test_every_end_of_an_unanswered_leg_has_an_outcome_that_is_no_live_one(
    cause: int, sip_code: int | None, ringing_seen: bool
) -> None:
    outcome = outcome_of(cause, sip_code, ringing_seen=ringing_seen)
    assert outcome in Outcome
    assert outcome not in LIVE | UNCOUNTED | {Outcome.ENGINE_ERROR}
    if outcome in {Outcome.NO_ANSWER, Outcome.UNREACHABLE} and cause in {18, 19}:
        assert (outcome is Outcome.NO_ANSWER) == ringing_seen
    else:
        assert outcome is outcome_of(cause, sip_code, ringing_seen=not ringing_seen)


actions = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.floats(0.0, 5.0)),
        st.tuples(st.just("take"), st.integers(0, 40)),
        st.tuples(st.just("return"), st.integers(0, 40)),
        st.tuples(st.just("end"), st.integers(0, 40)),
    ),
    max_size=60,
)


@given(st.floats(0.1, 200.0), st.integers(0, 50), actions)
@settings(max_examples=300)
def test_trunk_never_carries_more_calls_per_second_or_channels_than_it_may(
    cps_max: float, channels_max: int, steps: list[tuple[str, float]]
) -> None:
    now, made, up = START, 0, 0
    capacity = Capacity(cps_max, channels_max)
    for action, amount in steps:
        capacity = capacity.refilled(now)
        match action:
            case "wait":
                now += amount
            case "take":
                count = min(int(amount), capacity.free)
                capacity, made, up = capacity.taken(count), made + count, up + count
            case "return":
                count = min(int(amount), up, made)
                capacity, made, up = capacity.returned(count), made - count, up - count
            case _:
                count = min(int(amount), up)
                capacity, up = capacity.released(count), up - count
        assert capacity.channels == up <= channels_max
        assert 0 <= capacity.free <= channels_max - up
        assert capacity.tokens >= -1e-6


@given(st.floats(0.1, 200.0), st.lists(st.tuples(st.floats(0.0, 2.0), st.integers(0, 100)), max_size=60))
def test_calls_started_in_any_stretch_of_time_stay_under_rate_and_burst(
    cps_max: float, rounds: list[tuple[float, int]]
) -> None:
    now = START
    capacity = Capacity(cps_max, 10_000)
    burst = max(1.0, cps_max * BURST_S)
    starts: list[tuple[float, int]] = []
    for pause_s, wanted in rounds:
        now += pause_s
        capacity = capacity.refilled(now)
        count = min(wanted, capacity.free)
        capacity = capacity.taken(count)
        starts.append((now, count))
    for first, (began, _) in enumerate(starts):
        made = 0
        for at, count in starts[first:]:
            made += count
            assert made <= cps_max * (at - began) + burst + 1e-3


rules = st.dictionaries(
    st.sampled_from(Outcome), st.builds(RecallRule, st.integers(1, 9), st.floats(0.0, 1e6)), max_size=len(Outcome)
)


@given(st.sampled_from(Outcome), st.integers(0, 20), rules)
def test_lead_is_dialed_again_only_as_often_as_its_rule_says_and_never_at_once_for_ever(
    outcome: Outcome, attempts: int, recall: dict[Outcome, RecallRule]
) -> None:
    following = next_of(outcome, attempts, recall, START)
    rule = recall.get(outcome, DEFAULT_RULES.get(outcome))
    assert (following.next_at is None) == (following.status is LeadStatus.DONE)
    if outcome in UNCOUNTED:
        assert following.next_at is not None
        assert following.next_at > START
    elif following.status is LeadStatus.WAITING:
        assert rule is not None
        assert outcome not in NEVER_AGAIN
        assert attempts < rule.attempts_max
        assert following.next_at == START + rule.delay_s
    else:
        assert rule is None or outcome in NEVER_AGAIN or attempts >= rule.attempts_max


counts = st.integers(0, 500)


@given(counts, counts, counts, counts, counts)
def test_pacers_stay_within_the_limits_and_progressive_within_its_idle_agents(
    idle: int, in_flight: int, waiting: int, trunk: int, lines: int
) -> None:
    view = PacingView(START, idle, in_flight, waiting, in_flight)
    limits = Limits(trunk, lines)
    decision = Progressive().decide(view, limits)
    assert 0 <= decision.launch <= min(trunk, lines)
    assert decision.launch + in_flight + waiting <= max(idle, in_flight + waiting)
    assert 0 <= Steady().decide(view, limits).launch <= min(trunk, lines)
