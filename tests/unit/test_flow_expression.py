"""Expressions: what they give, what they refuse, and that they always end."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine.flow.evaluation import evaluate
from engine.flow.expression import PARTS_MAX, SyntaxFault, parse
from engine.flow.functions import Fault
from engine.flow.inference import TypeFault, infer
from engine.flow.inferred import ANYTHING, Inferred, of_kind
from engine.flow.template import Formatter, Slot, parse_template
from engine.flow.values import Kind, Money, TypeSpec, Value, WrongValue, fitted, raw_of, value_of

NOW = datetime(2026, 1, 30, 15, 45, tzinfo=UTC)
SCOPE: dict[str, Value] = {
    "n": 7,
    "price": Money(Decimal("12.50"), "RUB"),
    "name": "Anna",
    "phone": "+74951234567",
    "day": date(2026, 1, 31),
    "none": None,
    "items": ("a", "b"),
    "lead": {"city": "Omsk", "debt": None},
    "call": {"now": NOW},
    "gone": None,
    "yes": True,
}
TYPES: dict[str, Inferred] = {
    "n": of_kind(Kind.INT),
    "price": Inferred(TypeSpec(type=Kind.MONEY, currency="RUB")),
    "euro": Inferred(TypeSpec(type=Kind.MONEY, currency="EUR")),
    "name": of_kind(Kind.STRING),
    "phone": of_kind(Kind.PHONE),
    "day": of_kind(Kind.DATE),
    "none": of_kind(Kind.STRING, nullable=True),
    "unset": Inferred(TypeSpec(type=Kind.INT), nullable=True, unset="unset"),
    "items": Inferred(TypeSpec(type=Kind.LIST, of=TypeSpec(type=Kind.STRING))),
    "lead": Inferred(
        TypeSpec(type=Kind.RECORD, fields={"city": TypeSpec(type=Kind.STRING), "debt": TypeSpec(type=Kind.INT)})
    ),
    "gone": Inferred(TypeSpec(type=Kind.RECORD, fields={"city": TypeSpec(type=Kind.STRING)}), nullable=True),
    "paid": Inferred(TypeSpec(type=Kind.ENUM, values=("yes", "no"))),
    "yes": of_kind(Kind.BOOL),
    "pin": of_kind(Kind.DIGITS, sensitive=frozenset({"pin"})),
}


def kind_of(text: str) -> Inferred:
    return infer(parse(text).term, lambda name: TYPES.get(name, ANYTHING))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("-n + 1", -6),
        ("7 / 2", Decimal("3.5")),
        ("n % 4", 3),
        ("1 / 3", Decimal("0.333333333")),
        ("0.1 + 0.2 == 0.3", True),
        ("price * 2", Money(Decimal("25.00"), "RUB")),
        ("price > money(10, 'RUB')", True),
        ("price / price", Decimal(1)),
        ("'it' + \"'s\"", "it's"),
        ("'a' in items and not ('c' in items)", True),
        ("'c' not in items", True),
        ("'nn' in name", True),
        ("none == null or none == 'x'", True),
        ("none != null and length(none) > 1", False),
        ("default(none, 'x')", "x"),
        ("lead.city", "Omsk"),
        ("gone?.city", None),
        ("default(lead.debt, 0) + 1", 1),
        ("if(n > 5, 'many', 'few')", "many"),
        ("min(n, 3) + max(n, 3)", 10),
        ("at(items, 1)", "b"),
        ("at(items, 5)", None),
        ("day + days(1)", date(2026, 2, 1)),
        ("weekday(day)", 6),
        ("hour(call.now) * 60 + minute(call.now)", 945),
        ("day(call.now) < day", True),
        ("call.now + hours(1) > call.now", True),
        ("last(phone, 4)", "4567"),
        ("slice(name, 1, 2)", "nn"),
        ("slice(name, -1, 2)", ""),
        ("mask(name)", "****"),
        ("int('12') == 12", True),
        ("int('x')", None),
        ("digits('12-34')", "1234"),
        ("round(2.345, 2)", Decimal("2.34")),
        ("text(n) + '!'", "7!"),
        ("floor(2.9) + ceil(2.1)", 5),
        ("date('2026-02-30')", None),
        ("1 in [1, 2]", True),
        ("not yes == false", True),
    ],
)
def test_value(text: str, value: Any) -> None:
    assert evaluate(parse(text), SCOPE) == value
    kind_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "1 / 0",
        "n % 0",
        "9223372036854775807 + 1",
        "-9223372036854775807 - 9",
        "money(999999999999999999, 'RUB') * 10",
        "none + 'x'",
        "none.city",
        "price + money(1, 'USD')",
        "price < money(1, 'USD')",
        "length(none)",
        "days(9000000)",
        "day + days(36000) + days(36000) + days(36000) * 100",
        "n and yes",
        "unknown(1)",
        "name * 3",
        "round(1.5, 10)",
        "yes + 1",
        "name < 3",
    ],
)
def test_fault(text: str) -> None:
    with pytest.raises(Fault):
        evaluate(parse(text), SCOPE)


def test_text_cannot_grow_without_end() -> None:
    scope = {"x": "x" * 4000}
    with pytest.raises(Fault):
        evaluate(parse("x + x"), scope)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 +",
        "(1",
        "1)",
        "a b",
        "f(1,",
        "1 < 2 < 3",
        "a.'b'",
        "x = 1",
        "'open",
        "`ls`",
        "${x}",
        "lambda: 1",
        "'\\x41'",
        "1.5.2",
        "99999999999999999999",
        "(" * 50 + "1" + ")" * 50,
        "not " * 500 + "yes",
        "- " * 400 + "1",
        "+".join("1" * 400),
        "[" * 400,
        "x" * 2000,
        "f(" * 300 + ")" * 300,
    ],
)
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(SyntaxFault):
        parse(text)


def test_long_expressions_within_the_bound_are_evaluated() -> None:
    text = " + ".join(["1"] * (PARTS_MAX // 2))
    assert evaluate(parse(text), {}) == PARTS_MAX // 2
    assert kind_of(text).kind is Kind.INT


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("n + name", "G0602"),
        ("price + euro", "G0602"),
        ("price + 1", "G0602"),
        ("not n", "G0602"),
        ("n and yes", "G0602"),
        ("unset + 1", "G0601"),
        ("none + 'x'", "G0604"),
        ("lead.debt + 1", "G0604"),
        ("int(name) + 1", "G0604"),
        ("lead.street", "G0602"),
        ("name.city", "G0602"),
        ("call.secret", "G0602"),
        ("name.__class__", "G0602"),
        ("call.__class__", "G0602"),
        ("call.campaign + 'x'", "G0604"),
        ("paid == 'maybe'", "G0605"),
        ("n == name", "G0605"),
        ("paid in ['yes', 3]", "G0602"),
        ("open('x')", "G0603"),
        ("length()", "G0603"),
        ("if(yes, 1)", "G0603"),
        ("if(yes, 1, 'x')", "G0602"),
        ("money(1, name)", "G0602"),
        ("money(1, 'rubles')", "G0602"),
        ("n == null and n + unset > 1", "G0601"),
        ("name < n", "G0602"),
        ("3 in items", "G0602"),
    ],
)
def test_what_types_refuse(text: str, code: str) -> None:
    with pytest.raises(TypeFault) as caught:
        kind_of(text)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("none != null and length(none) > 1", Kind.BOOL),
        ("none == null or length(none) > 1", Kind.BOOL),
        ("unset != null and unset + n > 3", Kind.BOOL),
        ("default(unset, 0) + 1", Kind.INT),
        ("if(none == null, '', none)", Kind.STRING),
        ("n + 0.5", Kind.DECIMAL),
        ("n / 2", Kind.DECIMAL),
        ("paid + phone", Kind.STRING),
        ("paid in ['yes', 'no']", Kind.BOOL),
        ("call.now - call.started_at", Kind.DURATION),
        ("undeclared + 1", None),
    ],
)
def test_type(text: str, kind: Kind | None) -> None:
    found = kind_of(text)
    assert found.kind is kind
    assert not found.nullable


def test_secrets_are_followed_through_expressions_but_not_through_comparisons() -> None:
    assert kind_of("'x' + pin").sensitive == {"pin"}
    assert kind_of("default(none, pin)").sensitive == {"pin"}
    assert not kind_of("pin == '1234'").sensitive
    assert not kind_of("mask(pin)").sensitive


def test_templates_hold_values_and_formatters() -> None:
    found = parse_template("You owe {price|money}, {name}{{}} {if(yes, '}', 'b')}.")
    texts = [part for part in found.parts if isinstance(part, str)]
    assert texts == ["You owe ", ", ", "{} ", "."]
    slots = [part for part in found.parts if isinstance(part, Slot)]
    assert [slot.formatter for slot in slots] == [Formatter.MONEY, None, None]


@pytest.mark.parametrize("text", ["{", "}", "{}", "{a|shout}", "{a + }", "{a" + "}" * 2, "{a}" * 100])
def test_bad_templates(text: str) -> None:
    with pytest.raises(SyntaxFault):
        parse_template(text)


SPECS = {
    Kind.BOOL: (TypeSpec(type=Kind.BOOL), True, 1),
    Kind.INT: (TypeSpec(type=Kind.INT), 5, True),
    Kind.DECIMAL: (TypeSpec(type=Kind.DECIMAL), "1.50", "abc"),
    Kind.MONEY: (TypeSpec(type=Kind.MONEY), {"amount": "1.50", "currency": "RUB"}, 5),
    Kind.STRING: (TypeSpec(type=Kind.STRING, max=3), "abc", "abcd"),
    Kind.DIGITS: (TypeSpec(type=Kind.DIGITS, max=4), "12*#", "12a"),
    Kind.PHONE: (TypeSpec(type=Kind.PHONE), "+7495", "phone"),
    Kind.ENUM: (TypeSpec(type=Kind.ENUM, values=("a", "b")), "a", "c"),
    Kind.DATE: (TypeSpec(type=Kind.DATE), "2026-01-31", "2026-02-30"),
    Kind.DATETIME: (TypeSpec(type=Kind.DATETIME), "2026-01-31T10:00:00+03:00", "2026-01-31T10:00:00"),
    Kind.DURATION: (TypeSpec(type=Kind.DURATION), "PT90S", "90"),
    Kind.LIST: (TypeSpec(type=Kind.LIST, max=2, of=TypeSpec(type=Kind.INT)), [1, 2], [1, 2, 3]),
    Kind.RECORD: (TypeSpec(type=Kind.RECORD, fields={"a": TypeSpec(type=Kind.INT)}), {"a": 1}, {"a": "x"}),
}


@pytest.mark.parametrize("kind", list(Kind))
def test_values_of_every_kind_read_back_as_they_were(kind: Kind) -> None:
    spec, good, bad = SPECS[kind]
    value = value_of(spec, good)
    assert value_of(spec, raw_of(value)) == value
    assert fitted(spec, value) == value
    with pytest.raises(WrongValue):
        value_of(spec, bad)
    assert value_of(spec, None) is None


@pytest.mark.parametrize("raw", ["1e400", "NaN", "Infinity", float("inf"), "1" * 19, "9" * 70, True, None.__class__])
def test_numbers_out_of_bounds_are_refused(raw: Any) -> None:
    with pytest.raises(WrongValue):
        value_of(TypeSpec(type=Kind.DECIMAL), raw)


def test_whole_numbers_fit_decimals_and_durations_stay() -> None:
    assert fitted(TypeSpec(type=Kind.DECIMAL), 3) == Decimal(3)
    assert fitted(TypeSpec(type=Kind.DURATION), timedelta(seconds=5)) == timedelta(seconds=5)
    with pytest.raises(WrongValue):
        fitted(TypeSpec(type=Kind.STRING, max=2), "abc")
    with pytest.raises(WrongValue):
        fitted(TypeSpec(type=Kind.INT), "1")
