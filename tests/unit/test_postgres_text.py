"""Text from the wire, made fit for text and jsonb columns."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.adapters.postgres.text import json_text, storable


@pytest.mark.parametrize(("text", "kept"), [("a\0b", "ab"), ("Müller", "Müller"), ("x\ud800y", "x?y"), ("", "")])
def test_what_a_column_refuses_is_dropped(text: str, kept: str) -> None:
    assert storable(text) == kept


def test_nothing_stays_nothing() -> None:
    assert storable(None) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_value_becomes_json_without_nul_or_lone_surrogates(value: object) -> None:
    text = json_text(value)
    text.encode()
    assert "\\u0000" not in text
    json.loads(text)


def test_lone_surrogates_deep_inside_are_replaced() -> None:
    assert json.loads(json_text([(1.5, "n", {"k\ud800": ["v\udfff"]})])) == [[1.5, "n", {"k?": ["v?"]}]]
