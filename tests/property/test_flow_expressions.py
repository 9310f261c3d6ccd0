"""What the types promise, values keep: an expression of a type has a value of that type, or a fault, and never null."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.flow.evaluation import evaluate
from engine.flow.expression import SyntaxFault, parse
from engine.flow.functions import DEPENDENT, FUNCTIONS, Fault
from engine.flow.inference import TypeFault, infer
from engine.flow.inferred import Inferred, of_kind
from engine.flow.template import parse_template
from engine.flow.values import INT_MAX, STRING_LIMIT, Kind, Money, TypeSpec, decimal_in_bounds

CLASSES: dict[Kind, type | tuple[type, ...]] = {
    Kind.BOOL: bool, Kind.INT: int, Kind.DECIMAL: (Decimal, int), Kind.MONEY: Money, Kind.STRING: str,
    Kind.DIGITS: str, Kind.PHONE: str, Kind.ENUM: str, Kind.DATE: date, Kind.DATETIME: datetime,
    Kind.DURATION: timedelta, Kind.LIST: tuple,
}  # fmt: skip
TYPES = {
    "b": of_kind(Kind.BOOL),
    "i": of_kind(Kind.INT),
    "d": of_kind(Kind.DECIMAL),
    "m": Inferred(TypeSpec(type=Kind.MONEY, currency="RUB")),
    "s": of_kind(Kind.STRING),
    "g": of_kind(Kind.DIGITS),
    "t": of_kind(Kind.DATE),
    "z": of_kind(Kind.DATETIME),
    "u": of_kind(Kind.DURATION),
    "l": Inferred(TypeSpec(type=Kind.LIST, of=TypeSpec(type=Kind.INT))),
    "n": of_kind(Kind.INT, nullable=True),
}
decimals = st.decimals(-(10**17), 10**17, places=9, allow_nan=False, allow_infinity=False)
values = st.fixed_dictionaries(
    {
        "b": st.booleans(),
        "i": st.integers(-INT_MAX, INT_MAX) | st.integers(-3, 3),
        "d": decimals | st.just(Decimal(0)),
        "m": st.builds(Money, decimals, st.just("RUB")),
        "s": st.text(max_size=40) | st.just("x" * STRING_LIMIT),
        "g": st.text("0123456789*#", max_size=32),
        "t": st.dates(),
        "z": st.datetimes(timezones=st.just(UTC)),
        "u": st.timedeltas(timedelta(days=-36500), timedelta(days=36500)),
        "l": st.lists(st.integers(-9, 9), max_size=5).map(tuple),
        "n": st.none() | st.integers(-9, 9),
        "call": st.just({"now": datetime(2026, 1, 31, 12, tzinfo=UTC)}),
    }
)
atoms = st.sampled_from([*TYPES, "0", "1", "7", "1.5", "0.000000001", "'a'", "'12'", "true", "null", "[1, i]", "''"])
names = st.sampled_from([*FUNCTIONS, *DEPENDENT])
signs = st.sampled_from(["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "and", "or", "in"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, signs, inner),
        st.builds("{}({})".format, names, inner),
        st.builds("{}({}, {})".format, names, inner, inner),
        st.builds("{}({}, {}, {})".format, names, inner, inner, inner),
        st.builds("(not {})".format, inner),
        st.builds("-{}".format, inner),
    )


texts = st.recursive(atoms, _grown, max_leaves=8)
GRAMMAR = {
    "I": "i;0;1;7;{I} + {I};{I} - {I};{I} * {I};{I} % {I};length({S});floor({D});ceil({D});count(l);hour({Z});"
    "weekday({T});default(n, {I});default(at(l, {I}), {I});default(int({S}), {I});if({B}, {I}, {I});"
    "min({I}, {I});if(n == null, {I}, n)",
    "D": "d;1.5;0.000000001;{I} / {I};{D} + {D};{D} - {I};{D} * {D};{D} / {D};round({D}, 2);round({D}, {I});"
    "abs({D});amount({M});{M} / {M};-{D};max({D}, {I})",
    "B": "b;true;{I} < {I};{D} >= {I};{S} == {S};{S} < {S};{M} > {M};{T} <= {T};{Z} != {Z};{U} < {U};not {B};"
    "{B} and {B};{B} or {B};{I} in l;{I} not in [{I}, 1];n == null;n != null and n > {I};"
    "starts_with({S}, {S});{S} in {S}",
    "S": "s;g;'a';'';{S} + {S};upper({S});slice({S}, {I}, {I});last({S}, {I});text({I});text({D});mask({S});"
    "trim({S});if({B}, {S}, {S});default(digits({S}), {S})",
    "M": "m;{M} + {M};{M} - {M};{M} * {I};{M} * {D};{M} / {D};{D} * {M};money({D}, 'RUB');money({I}, 'RUB');"
    "max({M}, {M})",
    "T": "t;{T} + {U};{T} - {U};day({Z});default(date({S}), {T});min({T}, {T})",
    "Z": "z;call.now;{Z} + {U};{Z} - {U};if({B}, {Z}, {Z})",
    "U": "u;days({I});minutes({I});{U} + {U};{U} - {U};{Z} - {Z};{T} - {T};{U} * {I};-{U}",
}


@st.composite
def typed_texts(draw: st.DrawFn) -> str:
    """An expression whose types fit."""

    def made(kind: str, depth: int) -> str:
        choices = GRAMMAR[kind].split(";")
        chosen = draw(st.sampled_from(choices if depth else choices[:1]))
        inner = re.sub(r"\{(\w)\}", lambda match: made(match[1], depth - 1), chosen)
        return f"({inner})" if inner != chosen else inner

    return made(draw(st.sampled_from(sorted(GRAMMAR))), 4)


QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)


@settings(QUICK, max_examples=400)
@given(text=texts | typed_texts(), scope=values)
def test_a_typed_expression_keeps_its_type(text: str, scope: dict[str, Any]) -> None:
    try:
        expression = parse(text)
    except SyntaxFault:
        return  # too many parts
    try:
        found = infer(expression.term, TYPES.__getitem__)
    except TypeFault:
        found = None
    try:
        value = evaluate(expression, scope)
    except Fault:
        return
    if isinstance(value, Decimal):
        assert decimal_in_bounds(value)
    if isinstance(value, int):
        assert abs(value) <= INT_MAX
    if found is None or found.kind is None:
        return
    if value is None:
        assert found.nullable
    else:
        assert isinstance(value, CLASSES[found.kind])
        assert found.kind in {Kind.BOOL, Kind.DECIMAL} or not isinstance(value, bool)


@settings(QUICK, max_examples=500)
@given(text=st.text("ab1.'\"()[]{}|,+-*/%<>=!? notandorinumlfdefault\\", max_size=60))
def test_any_text_is_an_expression_or_a_syntax_fault(text: str) -> None:
    for read in (parse, parse_template):
        with contextlib.suppress(SyntaxFault):
            read(text)
