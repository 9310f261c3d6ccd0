"""The functions of expressions: what they take, what they give, and what they do (pure).

`default`, `if`, `min`, `max`, `at` and `money` take or give types that depend on their arguments; inference.py knows
them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from .shape import CURRENCY
from .values import (
    ARITHMETIC,
    DIGITS_MAX,
    DURATION_MAX,
    INT_MAX,
    TEXT_KINDS,
    Kind,
    Money,
    TypeSpec,
    Value,
    WrongValue,
    rounded,
    value_of,
)

NUMBERS = frozenset({Kind.INT, Kind.DECIMAL})
_TEXT = frozenset(TEXT_KINDS)
_INT = frozenset({Kind.INT})
_MOMENT = frozenset({Kind.DATETIME})


class Fault(Exception):
    """The expression has no value this time: the node's outcome is `error.expression`. The text never tells a value."""


@dataclass(frozen=True, slots=True)
class Function:
    """`takes`: the kinds each argument may have; `optional`: how many of the last may be left out."""

    takes: tuple[frozenset[Kind], ...]
    gives: Kind
    run: Callable[..., Value]
    nullable: bool = False
    optional: int = 0
    conceals: bool = False
    """What it gives tells nothing of a secret in its arguments that must be guarded."""


def _slice(text: str, start: int, count: int) -> str:
    """From the `start`-th character (the first is 0) `count` characters; less where there are no more."""
    return text[start : start + count] if start >= 0 and count >= 0 else ""


def _last(text: str, count: int) -> str:
    return text[-count:] if count > 0 else ""


def _mask(text: str) -> str:
    return "*" * len(text)


def _text(value: Any) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _read(kind: Kind) -> Callable[[str], Value]:
    spec = TypeSpec(type=kind)

    def read(text: str) -> Value:
        try:
            return value_of(spec, text.strip())
        except WrongValue:
            return None

    return read


def _whole(text: str) -> Value:
    plain = text.strip()
    digits = plain.removeprefix("-")
    if digits.isascii() and digits.isdecimal() and len(digits) <= 19 and int(digits) <= INT_MAX:
        return int(plain)
    return None


def _digits(text: str) -> Value:
    found = "".join(mark for mark in text if mark in "0123456789")
    return found if 0 < len(found) <= DIGITS_MAX else None


def _round(value: Decimal | int, places: int = 0) -> Decimal:
    if not 0 <= places <= 9:
        raise Fault("round: 0 to 9 places")
    return Decimal(value).quantize(Decimal(1).scaleb(-places), context=ARITHMETIC)


def _floor(value: Decimal | int) -> int:
    return int(Decimal(value).to_integral_value(ROUND_FLOOR))


def _ceil(value: Decimal | int) -> int:
    return int(Decimal(value).to_integral_value(ROUND_CEILING))


def _duration(unit_s: int) -> Callable[[int], timedelta]:
    def made(count: int) -> timedelta:
        if abs(count) * unit_s > DURATION_MAX.total_seconds():
            raise Fault("a duration of more than a hundred years")
        return timedelta(seconds=count * unit_s)

    return made


def money(amount: Decimal | int, currency: str) -> Money:
    """An amount in a currency."""
    if not CURRENCY.matches(currency):
        raise Fault("money: the currency is three capital letters")
    return Money(rounded(Decimal(amount)), currency)


def _day(moment: datetime) -> date:
    return moment.date()


FUNCTIONS: Mapping[str, Function] = {
    "length": Function((_TEXT,), Kind.INT, len, conceals=True),
    "count": Function((frozenset({Kind.LIST}),), Kind.INT, len, conceals=True),
    "upper": Function((_TEXT,), Kind.STRING, str.upper),
    "lower": Function((_TEXT,), Kind.STRING, str.lower),
    "trim": Function((_TEXT,), Kind.STRING, lambda text: text.strip()),
    "starts_with": Function((_TEXT, _TEXT), Kind.BOOL, lambda text, head: text.startswith(head), conceals=True),
    "ends_with": Function((_TEXT, _TEXT), Kind.BOOL, lambda text, tail: text.endswith(tail), conceals=True),
    "slice": Function((_TEXT, _INT, _INT), Kind.STRING, _slice),
    "last": Function((_TEXT, _INT), Kind.STRING, _last),
    "mask": Function((_TEXT,), Kind.STRING, _mask, conceals=True),
    "text": Function((NUMBERS | _TEXT,), Kind.STRING, _text),
    "int": Function((_TEXT,), Kind.INT, _whole, nullable=True),
    "decimal": Function((_TEXT,), Kind.DECIMAL, _read(Kind.DECIMAL), nullable=True),
    "digits": Function((_TEXT,), Kind.DIGITS, _digits, nullable=True),
    "phone": Function((_TEXT,), Kind.PHONE, _read(Kind.PHONE), nullable=True),
    "date": Function((_TEXT,), Kind.DATE, _read(Kind.DATE), nullable=True),
    "datetime": Function((_TEXT,), Kind.DATETIME, _read(Kind.DATETIME), nullable=True),
    "round": Function((NUMBERS, _INT), Kind.DECIMAL, _round, optional=1),
    "floor": Function((NUMBERS,), Kind.INT, _floor),
    "ceil": Function((NUMBERS,), Kind.INT, _ceil),
    "abs": Function((NUMBERS,), Kind.DECIMAL, lambda value: abs(Decimal(value))),
    "amount": Function((frozenset({Kind.MONEY}),), Kind.DECIMAL, lambda value: value.amount),
    "currency": Function((frozenset({Kind.MONEY}),), Kind.STRING, lambda value: value.currency, conceals=True),
    "day": Function((_MOMENT,), Kind.DATE, _day),
    "hour": Function((_MOMENT,), Kind.INT, lambda moment: moment.hour),
    "minute": Function((_MOMENT,), Kind.INT, lambda moment: moment.minute),
    "weekday": Function((_MOMENT | {Kind.DATE},), Kind.INT, lambda day: day.isoweekday()),
    "days": Function((_INT,), Kind.DURATION, _duration(86400)),
    "hours": Function((_INT,), Kind.DURATION, _duration(3600)),
    "minutes": Function((_INT,), Kind.DURATION, _duration(60)),
    "seconds": Function((_INT,), Kind.DURATION, _duration(1)),
}
DEPENDENT: Mapping[str, int] = {"default": 2, "if": 3, "min": 2, "max": 2, "at": 2, "money": 2}
"""Functions whose type depends on their arguments, with how many they take."""
