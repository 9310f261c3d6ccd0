"""What the machines rely on in their values: they never change, and a changed copy differs in nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.revision import Struct, revised


class Thing(Struct, frozen=True):
    name: str
    size: int = 0
    parts: tuple[int, ...] = ()


@given(st.text(), st.integers(), st.fixed_dictionaries({}, optional={"name": st.text(), "size": st.integers()}))
def test_a_revised_copy_differs_in_what_was_named(name: str, size: int, changes: dict[str, object]) -> None:
    thing = Thing(name, size, (1, 2))
    copy = revised(thing, **changes)
    assert {"name": copy.name, "size": copy.size} == {"name": name, "size": size, **changes}
    assert copy.parts is thing.parts
    assert thing == Thing(name, size, (1, 2))


def test_nothing_changes_in_place() -> None:
    with pytest.raises(AttributeError):
        revised(Thing("a"), size=1).size = 2  # type: ignore[misc]


def test_a_field_that_there_is_not_is_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        revised(Thing("a"), colour="red")
