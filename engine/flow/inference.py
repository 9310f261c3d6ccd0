"""The type of an expression, found before a document is published (pure).

Null must be met where it can be: with `default(x, y)`, `x == null`, `x != null and ...`, `x?.field`; anything else on a
value that may be null is a problem, as is a variable that may not have a value yet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from .expression import Applied, Binary, Field, Literal, Named, Several, Term, Unary
from .functions import DEPENDENT, FUNCTIONS, NUMBERS
from .inferred import ANYTHING, CALL, CALL_ALWAYS, Inferred, joined, misfit, of_kind, shown
from .shape import CURRENCY
from .values import TEXT_KINDS, Kind, TypeSpec

UNSET, OPERANDS, UNKNOWN_FUNCTION, NULL, NEVER = "G0601", "G0602", "G0603", "G0604", "G0605"

Names = Callable[[str], Inferred]
"""What is known of a variable or parameter; ANYTHING for what is not declared (check 2 reports that)."""


class TypeFault(Exception):
    """The expression is not sound; `code` is the problem's."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


def infer(term: Term, names: Names) -> Inferred:
    """The type of a term. Raises TypeFault."""
    match term:
        case Literal():
            return _literal(term)
        case Named("call"):
            return Inferred(CALL)
        case Named():
            return names(term.name)
        case Field():
            return _field(term, names)
        case Unary():
            return _unary(term, names)
        case Binary():
            return _binary(term, names)
        case Applied():
            return _applied(term, names)
        case Several():
            return _several(term, names)


def not_null_when(term: Term, holds: bool) -> frozenset[str]:
    """The variables that surely have a value when a condition is true (`holds`) or false."""
    match term:
        case Binary("!=" | "==" as sign, Named(name), Literal(None)) if (sign == "!=") is holds:
            return frozenset({name})
        case Binary("and", left, right) if holds:
            return not_null_when(left, True) | not_null_when(right, True)
        case Binary("or", left, right) if not holds:
            return not_null_when(left, False) | not_null_when(right, False)
        case Unary("not", operand):
            return not_null_when(operand, not holds)
    return frozenset()


def narrowed(names: Names, known: frozenset[str]) -> Names:
    """The same names, some of which are known to have a value."""
    if not known:
        return names
    return lambda name: replace(names(name), nullable=False, unset=None) if name in known else names(name)


def _literal(term: Literal) -> Inferred:
    match term.value:
        case None:
            return Inferred(None, nullable=True)
        case bool():
            return of_kind(Kind.BOOL)
        case int():
            return replace(of_kind(Kind.INT), literal=term.value)
        case Decimal():
            return of_kind(Kind.DECIMAL)
        case str():
            return replace(of_kind(Kind.STRING), literal=term.value)


def present(found: Inferred, what: str) -> Inferred:
    """The same, which must not be null. Raises TypeFault."""
    if not found.nullable:
        return found
    if found.unset is not None:
        hint = f"set {found.unset} on every way here, give it an init, or write default({found.unset}, ...)"
        raise TypeFault(UNSET, f"{found.unset} may have no value here", hint)
    raise TypeFault(NULL, f"{what} may be null", "write default(value, instead)")


def _value(term: Term, names: Names) -> Inferred:
    return present(infer(term, names), said(term))


def said(term: Term) -> str:
    """A term in a few words, for messages."""
    match term:
        case Named():
            return term.name
        case Field():
            return f"{said(term.of)}.{term.name}"
        case Applied():
            return f"{term.function}(...)"
        case Literal():
            return "null" if term.value is None else repr(term.value)[:40]
        case Binary():
            return f"the result of {term.sign}"
    return "this"


def _wrong(sign: str, *operands: Inferred) -> TypeFault:
    kinds = " and ".join(shown(one) for one in operands)
    return TypeFault(OPERANDS, f"{sign} does not take {kinds}", "look at the types of what stands on both sides")


def _field(term: Field, names: Names) -> Inferred:
    of = infer(term.of, names)
    if not term.safe:
        of = present(of, said(term.of))
    if of.spec is None:
        return ANYTHING
    if of.spec.type is not Kind.RECORD or term.name not in of.spec.fields:
        known = ", ".join(of.spec.fields) or f"none: it is {shown(of)}"
        raise TypeFault(OPERANDS, f"{said(term.of)} has no field {term.name}", f"its fields: {known}")
    always = of.spec is CALL and term.name in CALL_ALWAYS
    return Inferred(of.spec.fields[term.name], not always, sensitive=of.sensitive)


def _unary(term: Unary, names: Names) -> Inferred:
    operand = _value(term.operand, names)
    allowed = {Kind.BOOL} if term.sign == "not" else NUMBERS | {Kind.MONEY, Kind.DURATION}
    if operand.kind is not None and operand.kind not in allowed:
        raise _wrong(term.sign, operand)
    literal = -operand.literal if isinstance(operand.literal, int) else None
    return replace(operand, literal=literal, sensitive=frozenset() if term.sign == "not" else operand.sensitive)


def _binary(term: Binary, names: Names) -> Inferred:
    match term.sign:
        case "and" | "or":
            left = _value(term.left, names)
            known = not_null_when(term.left, term.sign == "and")
            right = _value(term.right, narrowed(names, known))
            if {left.kind, right.kind} - {Kind.BOOL, None}:
                raise _wrong(term.sign, left, right)
            return of_kind(Kind.BOOL)
        case "==" | "!=":
            return _equal(term, infer(term.left, names), infer(term.right, names))
    left, right = _value(term.left, names), _value(term.right, names)
    if term.sign == "in":
        return _contained(left, right)
    if term.sign in {"<", "<=", ">", ">="}:
        return _ordered(term.sign, left, right)
    return _reckoned(term.sign, left, right)


def _equal(term: Binary, left: Inferred, right: Inferred) -> Inferred:
    if joined(left, right) is None and not (left.kind in NUMBERS and right.kind in NUMBERS):
        raise TypeFault(NEVER, f"{shown(left)} and {shown(right)} are never equal", "compare values of one type")
    for one, other in ((left, right), (right, left)):
        if isinstance(one.literal, str) and other.spec is not None and other.literal is None:
            reason = misfit(one, other.spec)
            if reason is not None:
                raise TypeFault(NEVER, f"they are never equal: {reason}", "compare with a value that it can have")
    return of_kind(Kind.BOOL)


_ORDERED = frozenset({Kind.STRING, Kind.DATE, Kind.DATETIME, Kind.DURATION, Kind.DIGITS})


def _ordered(sign: str, left: Inferred, right: Inferred) -> Inferred:
    kinds = {left.kind, right.kind} - {None}
    if not (kinds <= NUMBERS or (len(kinds) == 1 and kinds <= _ORDERED | {Kind.MONEY}) or kinds <= TEXT_KINDS):
        raise _wrong(sign, left, right)
    _same_currency(sign, left, right)
    return of_kind(Kind.BOOL)


def _same_currency(sign: str, left: Inferred, right: Inferred) -> str | None:
    found = {one.spec.currency for one in (left, right) if one.spec is not None and one.spec.currency}
    if len(found) > 1:
        raise _wrong(sign, left, right)
    return next(iter(found), None)


def _contained(left: Inferred, right: Inferred) -> Inferred:
    if left.spec is not None and right.spec is not None:
        if right.kind is Kind.LIST:
            if right.spec.of is not None and joined(left, Inferred(right.spec.of)) is None:
                raise _wrong("in", left, right)
        elif not {left.kind, right.kind} <= TEXT_KINDS:
            raise _wrong("in", left, right)
    return of_kind(Kind.BOOL)


def _reckoned(sign: str, left: Inferred, right: Inferred) -> Inferred:
    sensitive = left.sensitive | right.sensitive
    if left.spec is None or right.spec is None:
        return Inferred(None, sensitive=sensitive)
    kind = _result(sign, left.spec.type, right.spec.type)
    if kind is None:
        raise _wrong(sign, left, right)
    if kind is Kind.MONEY:
        return Inferred(TypeSpec(type=kind, currency=_same_currency(sign, left, right)), sensitive=sensitive)
    if kind is Kind.DECIMAL and left.kind is Kind.MONEY:
        _same_currency(sign, left, right)
    return of_kind(kind, sensitive=sensitive)


def _result(sign: str, left: Kind, right: Kind) -> Kind | None:
    """The type that a sum, difference, product, quotient or remainder has."""
    if left in NUMBERS and right in NUMBERS:
        if sign == "%":
            return Kind.INT if left is right is Kind.INT else None
        return Kind.INT if left is right is Kind.INT and sign != "/" else Kind.DECIMAL
    if sign == "+" and left in TEXT_KINDS and right in TEXT_KINDS:
        return Kind.STRING
    return _RESULTS.get((left, sign, right))


_RESULTS = {
    (Kind.MONEY, "+", Kind.MONEY): Kind.MONEY,
    (Kind.MONEY, "-", Kind.MONEY): Kind.MONEY,
    (Kind.MONEY, "/", Kind.MONEY): Kind.DECIMAL,
    (Kind.DATE, "+", Kind.DURATION): Kind.DATE,
    (Kind.DATE, "-", Kind.DURATION): Kind.DATE,
    (Kind.DATE, "-", Kind.DATE): Kind.DURATION,
    (Kind.DATETIME, "+", Kind.DURATION): Kind.DATETIME,
    (Kind.DATETIME, "-", Kind.DURATION): Kind.DATETIME,
    (Kind.DATETIME, "-", Kind.DATETIME): Kind.DURATION,
    (Kind.DURATION, "+", Kind.DURATION): Kind.DURATION,
    (Kind.DURATION, "-", Kind.DURATION): Kind.DURATION,
    (Kind.DURATION, "*", Kind.INT): Kind.DURATION,
    **{(Kind.MONEY, sign, number): Kind.MONEY for sign in "*/" for number in NUMBERS},
    **{(number, "*", Kind.MONEY): Kind.MONEY for number in NUMBERS},
}


def _applied(term: Applied, names: Names) -> Inferred:
    function = FUNCTIONS.get(term.function)
    most = DEPENDENT[term.function] if term.function in DEPENDENT else len(function.takes) if function else -1
    if most < 0:
        known = ", ".join(sorted((*FUNCTIONS, *DEPENDENT)))
        raise TypeFault(UNKNOWN_FUNCTION, f"there is no function {term.function}", f"there are {known}")
    least = most - (function.optional if function else 0)
    if not least <= len(term.arguments) <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        message = f"{term.function} takes {wanted} values, not {len(term.arguments)}"
        raise TypeFault(UNKNOWN_FUNCTION, message, f"give it {wanted}")
    if function is None:
        return _dependent(term, names)
    found = [_value(argument, names) for argument in term.arguments]
    for argument, kinds in zip(found, function.takes, strict=False):
        if argument.kind is not None and argument.kind not in kinds:
            raise _wrong(term.function, argument)
    sensitive = frozenset[str]().union(*(argument.sensitive for argument in found))
    return of_kind(
        function.gives, nullable=function.nullable, sensitive=frozenset() if function.conceals else sensitive
    )


def _dependent(term: Applied, names: Names) -> Inferred:
    match term.function, term.arguments:
        case "default", (first, second):
            value, instead = infer(first, names), infer(second, names)
            return _either(term, replace(value, nullable=False, unset=None, literal=None), instead)
        case "if", (condition, first, second):
            if _value(condition, names).kind not in {Kind.BOOL, None}:
                raise _wrong("if", infer(condition, names))
            one = infer(first, narrowed(names, not_null_when(condition, True)))
            return _either(term, one, infer(second, narrowed(names, not_null_when(condition, False))))
        case "min" | "max", (first, second):
            one, other = _value(first, names), _value(second, names)
            _ordered(term.function, one, other)
            return _either(term, one, other)
        case "at", (entries, place):
            of, at = _value(entries, names), _value(place, names)
            if of.kind not in {Kind.LIST, None} or at.kind not in {Kind.INT, None}:
                raise _wrong("at", of, at)
            return Inferred(None if of.spec is None else of.spec.of, nullable=True, sensitive=of.sensitive)
    amount, currency = (_value(argument, names) for argument in term.arguments)
    if amount.kind not in NUMBERS | {None} or not isinstance(currency.literal, str):
        raise _wrong("money", amount, currency)
    if not CURRENCY.matches(currency.literal):
        raise TypeFault(OPERANDS, f"{currency.literal[:20]!r} is no currency", f"write {CURRENCY.meaning}")
    return Inferred(TypeSpec(type=Kind.MONEY, currency=currency.literal), sensitive=amount.sensitive)


def _either(term: Applied, one: Inferred, other: Inferred) -> Inferred:
    found = joined(one, other)
    if found is None:
        raise _wrong(term.function, one, other)
    return found


def _several(term: Several, names: Names) -> Inferred:
    found = ANYTHING
    for item in term.items:
        both = joined(found, _value(item, names))
        if both is None:
            raise TypeFault(OPERANDS, "the entries of the list have no common type", "use entries of one type")
        found = both
    literals = [item.value for item in term.items if isinstance(item, Literal) and isinstance(item.value, str)]
    if literals and len(literals) == len(term.items):
        # a list of texts may be compared with an enumeration, so its entries are known one by one
        return Inferred(TypeSpec(type=Kind.LIST, of=TypeSpec(type=Kind.ENUM, values=tuple(literals))))
    return Inferred(TypeSpec(type=Kind.LIST, of=found.spec), sensitive=found.sensitive)
