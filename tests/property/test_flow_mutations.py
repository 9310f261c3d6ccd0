"""Whatever is done to a script, checking it ends with typed problems or with none: it never crashes."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.flow.document import Syntax, load
from engine.flow.gate import check_text
from engine.stack.home import CHECKOUT
from tests.gacs import SITE
from tests.gacs_mutation import SOUND, Change, Documents, changes, mutated, mutated_text

TEXTS = [path.read_text() for path in sorted((CHECKOUT / "examples/gacs").glob("*.yaml"))]
ONE_BY_ONE = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)
FIVE = st.lists(changes, min_size=5, max_size=5)
LONG_PART = 10_000
"""Times five changes, times four parts: 200,000 documents."""


def check_never_crashes(text: str, syntax: Syntax) -> None:
    problems = check_text(text, syntax, SITE)
    for problem in problems:
        assert re.fullmatch(r"G(0[1-9]|1[0-2])\d\d", problem.code)
        assert problem.line >= 1
        assert problem.message
        assert problem.hint
    if not problems:
        assert load(text, syntax).documents


@settings(ONE_BY_ONE, max_examples=100)
@given(documents=st.sampled_from(SOUND), several=FIVE)
def test_changed_documents_never_crash_the_checker(documents: Documents, several: list[list[Change]]) -> None:
    for todo in several:
        check_never_crashes(mutated(documents, todo), Syntax.JSON)


@settings(ONE_BY_ONE, max_examples=20)
@given(text=st.sampled_from(TEXTS), several=FIVE)
def test_changed_texts_never_crash_the_checker(text: str, several: list[list[Change]]) -> None:
    for todo in several:
        check_never_crashes(mutated_text(text, todo), Syntax.YAML)


@settings(ONE_BY_ONE, max_examples=20)
@given(documents=st.sampled_from(SOUND), several=FIVE)
def test_changed_json_never_crashes_the_checker(documents: Documents, several: list[list[Change]]) -> None:
    for todo in several:
        check_never_crashes(mutated_text(mutated(documents, todo[1:]), todo), Syntax.JSON)


@settings(ONE_BY_ONE, max_examples=200)
@given(text=st.text(max_size=200), syntax=st.sampled_from(Syntax))
def test_any_text_is_read_or_refused(text: str, syntax: Syntax) -> None:
    check_never_crashes(text, syntax)


@pytest.mark.long
@settings(ONE_BY_ONE, max_examples=60)
@given(text=st.sampled_from(TEXTS), several=FIVE)
def test_many_changed_texts_never_crash_the_checker(text: str, several: list[list[Change]]) -> None:
    for todo in several:
        check_never_crashes(mutated_text(text, todo), Syntax.YAML)


@pytest.mark.long
@settings(ONE_BY_ONE, max_examples=60)
@given(documents=st.sampled_from(SOUND), several=FIVE)
def test_much_changed_json_never_crashes_the_checker(documents: Documents, several: list[list[Change]]) -> None:
    for todo in several:
        check_never_crashes(mutated_text(mutated(documents, todo[1:]), todo), Syntax.JSON)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(4))
def test_two_hundred_thousand_changed_documents(part: int) -> None:
    @settings(ONE_BY_ONE, max_examples=LONG_PART)
    @given(documents=st.sampled_from(SOUND[part::4]), several=FIVE)
    def check(documents: Documents, several: list[list[Change]]) -> None:
        for todo in several:
            check_never_crashes(mutated(documents, todo), Syntax.JSON)

    check()
