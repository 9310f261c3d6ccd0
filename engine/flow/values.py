"""The types of values and the values themselves; what is too long or of another form is refused (pure).

A value is None, bool, int, Decimal, Money, str, date, datetime (with its offset), timedelta, a tuple or a Record.
Strings, digits, phone numbers and enumerations are all `str`; their type says which.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from enum import StrEnum
from typing import Annotated, Any, TypeAlias

from .shape import CURRENCY, NAME, Length, Range

INT_MAX = 2**63 - 1
DECIMAL_DIGITS_MAX = 18
DECIMAL_PLACES_MAX = 9
ARITHMETIC = Context(prec=40, rounding=ROUND_HALF_EVEN)
"""Wide enough for the product of any two numbers in bounds before it is rounded; never the process's own context."""
_SMALLEST = Decimal(1).scaleb(-DECIMAL_PLACES_MAX)
STRING_MAX = 500
"""The longest string unless its declaration says another; STRING_LIMIT is the most a declaration may say."""
STRING_LIMIT = 4000
DIGITS_MAX = 32
LIST_MAX = 100
DURATION_MAX = timedelta(days=36500)
_PHONE = re.compile(r"\+?[0-9]{2,15}")
_DURATION = re.compile(r"P(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?")


class Kind(StrEnum):
    """The types a variable can have."""

    BOOL = "bool"
    INT = "int"
    DECIMAL = "decimal"
    MONEY = "money"
    STRING = "string"
    DIGITS = "digits"
    PHONE = "phone"
    ENUM = "enum"
    DATE = "date"
    DATETIME = "datetime"
    DURATION = "duration"
    LIST = "list"
    RECORD = "record"


TEXT_KINDS = frozenset({Kind.STRING, Kind.DIGITS, Kind.PHONE, Kind.ENUM})


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency (ISO 4217)."""

    amount: Decimal
    currency: str


Value: TypeAlias = (
    "bool | int | Decimal | Money | str | date | timedelta | tuple[Value, ...] | Mapping[str, Value] | None"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeSpec:
    """A type as a document declares it."""

    type: Kind
    max: Annotated[int, Range(1, STRING_LIMIT)] | None = None
    """string, digits: characters; list: entries."""
    values: Annotated[tuple[Annotated[str, Length(1, 64)], ...], Length(0, 100)] = ()
    """enum: all it can be."""
    currency: Annotated[str, CURRENCY] | None = None
    """money: the only currency; without it the currency comes with the value."""
    of: TypeSpec | None = None
    """list: the type of its entries."""
    fields: Annotated[Mapping[Annotated[str, NAME], TypeSpec], Length(0, 50)] = field(default_factory=dict)
    """record: its fields, each of which may be missing (null)."""


class WrongValue(Exception):
    """The value does not have the declared type; the text says what was expected."""


def value_of(spec: TypeSpec, raw: Any) -> Value:
    """A value from what JSON or YAML gave (parameters, webhook answers, `init`). Raises WrongValue.

    Dates and times are ISO 8601 text, money `{amount, currency}` or an amount of the declared currency, durations ISO
    8601 (`PT90S`) or seconds. A time without an offset is refused: nobody could say when it is.
    """
    if raw is None:
        return None
    read = _READERS[spec.type]
    return read(spec, raw)


def fitted(spec: TypeSpec, value: Value) -> Value:
    """A value of an expression as something of the type `spec` keeps it: whole numbers become decimals where those are
    wanted, lengths and forms are held to. Raises WrongValue.
    """
    match spec.type, value:
        case Kind.DECIMAL, Decimal():
            return value
        case Kind.LIST, tuple() if spec.of is not None and len(value) <= min(spec.max or LIST_MAX, STRING_LIMIT):
            of = spec.of
            return tuple(fitted(of, item) for item in value)
        case Kind.RECORD, Mapping():
            return {name: fitted(declared, value.get(name)) for name, declared in spec.fields.items()}
        case ((Kind.DATE | Kind.DATETIME), date()) if isinstance(value, datetime) is (spec.type is Kind.DATETIME):
            return value
        case Kind.DURATION, timedelta() if abs(value) <= DURATION_MAX:
            return value
        case Kind.MONEY, Money():
            return value_of(spec, {"amount": str(value.amount), "currency": value.currency})
    return value_of(spec, value)


def raw_of(value: Value) -> Any:
    """The value as JSON has it; `value_of` of it gives the value again."""
    match value:
        case Money():
            return {"amount": str(value.amount), "currency": value.currency}
        case Decimal():
            return str(value)
        case date():
            return value.isoformat()
        case timedelta():
            whole = value >= timedelta(0) and not value.microseconds
            return f"PT{int(value.total_seconds())}S" if whole else value.total_seconds()
        case tuple():
            return [raw_of(item) for item in value]
        case Mapping():
            return {name: raw_of(item) for name, item in value.items()}
    return value


def decimal_in_bounds(value: Decimal) -> bool:
    """Whether a number fits: finite, at most 18 digits before the point."""
    return value.is_finite() and value.adjusted() < DECIMAL_DIGITS_MAX


def rounded(value: Decimal) -> Decimal:
    """The number with at most 9 digits after the point, halves to even."""
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -DECIMAL_PLACES_MAX:
        return value.quantize(_SMALLEST, context=ARITHMETIC)
    return value


def _bool(spec: TypeSpec, raw: Any) -> Value:
    if isinstance(raw, bool):
        return raw
    raise WrongValue("expected true or false")


def _int(spec: TypeSpec, raw: Any) -> Value:
    if isinstance(raw, int) and not isinstance(raw, bool) and abs(raw) <= INT_MAX:
        return raw
    raise WrongValue("expected a whole number of at most 63 bits")


def _decimal(spec: TypeSpec, raw: Any) -> Decimal:
    if isinstance(raw, (int, float, str)) and not isinstance(raw, bool) and len(str(raw)) <= 64:
        try:
            found = Decimal(str(raw))
        except InvalidOperation:
            found = Decimal("NaN")
        if decimal_in_bounds(found):
            return rounded(found)
    raise WrongValue("expected a number such as 12.50")


def _money(spec: TypeSpec, raw: Any) -> Value:
    currency = spec.currency
    if isinstance(raw, Mapping):
        if set(raw) != {"amount", "currency"} or not isinstance(raw["currency"], str):
            raise WrongValue('expected {amount: "12.50", currency: RUB}')
        if currency is not None and raw["currency"] != currency:
            raise WrongValue(f"expected {currency}")
        currency, raw = raw["currency"], raw["amount"]
    if currency is None or not CURRENCY.matches(currency):
        raise WrongValue('expected {amount: "12.50", currency: RUB}')
    return Money(_decimal(spec, raw), currency)


def _string(spec: TypeSpec, raw: Any) -> Value:
    longest = spec.max or STRING_MAX
    if isinstance(raw, str) and len(raw) <= longest:
        return raw
    raise WrongValue(f"expected text of at most {longest} characters")


def _digits(spec: TypeSpec, raw: Any) -> Value:
    longest = min(spec.max or DIGITS_MAX, STRING_LIMIT)
    if isinstance(raw, str) and len(raw) <= longest and re.fullmatch(r"[0-9*#]*", raw):
        return raw
    raise WrongValue(f"expected at most {longest} digits, as text")


def _phone(spec: TypeSpec, raw: Any) -> Value:
    if isinstance(raw, str) and _PHONE.fullmatch(raw):
        return raw
    raise WrongValue("expected a phone number such as +74951234567, as text")


def _enum(spec: TypeSpec, raw: Any) -> Value:
    if isinstance(raw, str) and raw in spec.values:
        return raw
    raise WrongValue(f"expected one of {', '.join(spec.values)}")


def _date(spec: TypeSpec, raw: Any) -> Value:
    try:
        if isinstance(raw, str) and len(raw) == 10:
            return date.fromisoformat(raw)
    except ValueError:
        pass
    raise WrongValue("expected a date such as 2026-01-31, as text")


def _datetime(spec: TypeSpec, raw: Any) -> Value:
    try:
        found = datetime.fromisoformat(raw) if isinstance(raw, str) and len(raw) <= 40 else None
    except ValueError:
        found = None
    if found is not None and found.tzinfo is not None:
        return found
    raise WrongValue("expected a time with its offset such as 2026-01-31T15:00:00+03:00, as text")


def _duration(spec: TypeSpec, raw: Any) -> Value:
    found: timedelta | None = None
    if isinstance(raw, (int, float)) and not isinstance(raw, bool) and abs(raw) <= DURATION_MAX.total_seconds():
        found = timedelta(seconds=raw)
    elif isinstance(raw, str) and len(raw) <= 40 and (match := _DURATION.fullmatch(raw)) and any(match.groups()):
        days, hours, minutes, seconds = (int(group or 0) for group in match.groups())
        found = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if found is not None and abs(found) <= DURATION_MAX:
        return found
    raise WrongValue("expected seconds, or a duration such as PT90S")


def _list(spec: TypeSpec, raw: Any) -> Value:
    longest = min(spec.max or LIST_MAX, STRING_LIMIT)
    if isinstance(raw, (list, tuple)) and len(raw) <= longest and spec.of is not None:
        return tuple(value_of(spec.of, item) for item in raw)
    raise WrongValue(f"expected a list of at most {longest}")


def _record(spec: TypeSpec, raw: Any) -> Value:
    if not isinstance(raw, Mapping):
        raise WrongValue(f"expected a record of {', '.join(spec.fields)}")
    found: dict[str, Value] = {}
    for name, declared in spec.fields.items():
        try:
            found[name] = value_of(declared, raw.get(name))
        except WrongValue as wrong:
            raise WrongValue(f"{name}: {wrong}") from None
    return found


_READERS = {
    Kind.BOOL: _bool,
    Kind.INT: _int,
    Kind.DECIMAL: _decimal,
    Kind.MONEY: _money,
    Kind.STRING: _string,
    Kind.DIGITS: _digits,
    Kind.PHONE: _phone,
    Kind.ENUM: _enum,
    Kind.DATE: _date,
    Kind.DATETIME: _datetime,
    Kind.DURATION: _duration,
    Kind.LIST: _list,
    Kind.RECORD: _record,
}
