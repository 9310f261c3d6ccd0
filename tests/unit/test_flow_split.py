"""Which version a call runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Rejected
from engine.flow.split import SHARES_MAX, Share, chosen, place, with_share

CALLS = [f"call-{number}" for number in range(4000)]
HALVES = (Share("new", 0.5), Share("old", 0.5))


def test_place_of_a_call_never_changes() -> None:
    assert place("0192f0c1-aaaa-7bbb-8ccc-0123456789ab", 1) == 0.49887993189750146


def test_same_call_runs_the_same_version_and_another_seed_splits_otherwise() -> None:
    first = [chosen(HALVES, call, 1) for call in CALLS]
    assert first == [chosen(HALVES, call, 1) for call in CALLS]
    assert first != [chosen(HALVES, call, 2) for call in CALLS]


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_version_has_its_share_of_the_calls(share: float) -> None:
    shares = with_share((Share("old", 1.0),), "new", share)
    count = sum(chosen(shares, call, 1) == "new" for call in CALLS)
    assert count / len(CALLS) == pytest.approx(share, abs=0.03)


def test_growing_share_takes_no_call_from_the_new_version() -> None:
    shares: tuple[Share, ...] = (Share("old", 1.0),)
    before: set[str] = set()
    for share in (0.05, 0.2, 0.5, 1.0):
        shares = with_share(shares, "new", share)
        now = {call for call in CALLS if chosen(shares, call, 1) == "new"}
        assert before <= now
        before = now
    assert before == set(CALLS)


def test_others_keep_their_proportion() -> None:
    assert with_share((Share("a", 0.75), Share("b", 0.25)), "c", 0.2) == (
        Share("c", 0.2), Share("a", 0.75 * 0.8), Share("b", 0.25 * 0.8),
    )  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(0.001, 1)), max_size=30), st.text(), st.integers())
def test_shares_always_sum_to_one_and_every_call_finds_a_version(
    steps: list[tuple[str, float]], call: str, seed: int
) -> None:
    shares: tuple[Share, ...] = (Share("a", 1.0),)
    for version, share in steps:
        if share < 1 and {one.version for one in shares} == {version}:
            continue
        shares = with_share(shares, version, share)
        assert sum(one.share for one in shares) == pytest.approx(1)
        assert all(0 < one.share <= 1 for one in shares)
        assert 0 <= place(call, seed) < 1
        assert chosen(shares, call, seed) in {one.version for one in shares}


@pytest.mark.parametrize("share", [0, -0.5, 1.0001, float("nan"), float("inf")])
def test_share_outside_its_range_is_refused(share: float) -> None:
    with pytest.raises(Rejected):
        with_share((Share("old", 1.0),), "new", share)


def test_part_of_the_calls_needs_somebody_for_the_rest() -> None:
    for shares in ((), (Share("new", 1.0),)):
        with pytest.raises(Rejected):
            with_share(shares, "new", 0.5)


def test_too_many_versions_of_one_target_are_refused() -> None:
    shares: tuple[Share, ...] = (Share("0", 1.0),)
    for number in range(1, SHARES_MAX):
        shares = with_share(shares, str(number), 0.5)
    with pytest.raises(Rejected):
        with_share(shares, "one more", 0.5)
