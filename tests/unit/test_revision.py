"""Changed copies: as `dataclasses.replace` makes them."""

from dataclasses import FrozenInstanceError, dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.revision import reviser


@dataclass(frozen=True, slots=True)
class Thing:
    name: str
    size: int = 0
    parts: tuple[int, ...] = ()


revised = reviser(Thing)


@given(st.text(), st.integers(), st.fixed_dictionaries({}, optional={"name": st.text(), "size": st.integers()}))
def test_a_revised_copy_equals_a_replaced_one(name: str, size: int, changes: dict[str, object]) -> None:
    thing = Thing(name, size, (1, 2))
    assert revised(thing, **changes) == replace(thing, **changes)  # type: ignore[arg-type]
    assert thing == Thing(name, size, (1, 2))


def test_a_revised_copy_is_frozen_too() -> None:
    with pytest.raises(FrozenInstanceError):
        revised(Thing("a"), size=1).size = 2  # type: ignore[misc]


def test_a_field_that_is_none_is_refused() -> None:
    with pytest.raises(TypeError, match="no field 'colour'"):
        revised(Thing("a"), colour="red")


def test_a_class_that_checks_itself_is_refused() -> None:
    @dataclass(frozen=True, slots=True)
    class Checked:
        name: str
        size: int

        def __post_init__(self) -> None: ...

    with pytest.raises(TypeError, match="checks itself"):
        reviser(Checked)
