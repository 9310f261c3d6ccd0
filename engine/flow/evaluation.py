"""The value of an expression (pure). It always ends, with a value or a Fault, whatever the values are.

Numbers are held to their bounds at every step: whole numbers to 63 bits, decimals to 18 digits before and 9 after the
point, texts to STRING_LIMIT characters. What leaves them is a Fault, never a wrong number.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from .expression import Applied, Binary, Expression, Field, Literal, Named, Several, Term, Unary
from .functions import FUNCTIONS, Fault, money
from .values import ARITHMETIC, DURATION_MAX, INT_MAX, STRING_LIMIT, Money, Value, decimal_in_bounds, rounded

Scope = Mapping[str, Value]
"""Variables and parameters by name, and `call`; what is not there is null."""


def evaluate(expression: Expression, scope: Scope) -> Value:
    """The value of an expression. Raises Fault."""
    try:
        value: Value = _value(expression.term, scope)
    except (TypeError, ValueError, AttributeError, ArithmeticError, OverflowError) as error:
        # values of other types than the checks were told: a fault of the run, not of the engine
        raise Fault(f"{expression.text[:80]}: {type(error).__name__}") from None
    return value


def _value(term: Term, scope: Scope) -> Any:
    match term:
        case Literal():
            return term.value
        case Named():
            return scope.get(term.name)
        case Field():
            return _field(term, scope)
        case Unary():
            return _unary(term.sign, _value(term.operand, scope))
        case Binary():
            return _binary(term, scope)
        case Applied():
            return _applied(term, scope)
        case Several():
            return tuple(_value(item, scope) for item in term.items)


def _field(term: Field, scope: Scope) -> Value:
    of = _value(term.of, scope)
    if of is None and term.safe:
        return None
    if not isinstance(of, Mapping):
        raise Fault(f"there is no field {term.name} where there is no record")
    return of.get(term.name)


def _unary(sign: str, value: Any) -> Any:
    if sign == "not":
        return not _truth(value)
    if isinstance(value, bool):
        raise Fault("-: not a number")
    return Money(-value.amount, value.currency) if isinstance(value, Money) else _bounded(-value)


def _truth(value: Value) -> bool:
    if not isinstance(value, bool):
        raise Fault("a condition is neither true nor false")
    return value


def _binary(term: Binary, scope: Scope) -> Any:
    match term.sign:
        case "and":
            return _truth(_value(term.left, scope)) and _truth(_value(term.right, scope))
        case "or":
            return _truth(_value(term.left, scope)) or _truth(_value(term.right, scope))
    left: Any = _value(term.left, scope)
    right: Any = _value(term.right, scope)
    match term.sign:
        case "==":
            return bool(left == right)
        case "!=":
            return bool(left != right)
    if left is None or right is None:
        raise Fault(f"{term.sign}: a value is null")
    if term.sign == "in":
        return bool(left in right)
    if term.sign in _ORDER:
        return bool(_ORDER[term.sign](*_comparable(left, right)))
    return _bounded(_reckoned(term.sign, left, right))


_ORDER: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge
}  # fmt: skip


def _comparable(left: Any, right: Any) -> tuple[Any, Any]:
    if isinstance(left, Money) and isinstance(right, Money):
        if left.currency != right.currency:
            raise Fault("two currencies cannot be compared")
        return left.amount, right.amount
    return left, right


def _reckoned(sign: str, left: Any, right: Any) -> Any:
    if isinstance(left, bool) or isinstance(right, bool):
        raise Fault(f"{sign}: not a number")
    if isinstance(left, Money) or isinstance(right, Money):
        return _of_money(sign, left, right)
    if isinstance(left, Decimal) or isinstance(right, Decimal) or (sign == "/" and isinstance(left, int)):
        return _of_decimals(sign, Decimal(left), Decimal(right))
    if isinstance(left, str) != isinstance(right, str):
        raise Fault(f"{sign}: text and a number")
    match sign:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
    if sign == "%" and right != 0:
        return left % right
    raise Fault("division by zero")


def _of_money(sign: str, left: Any, right: Any) -> Any:
    if isinstance(left, Money) and isinstance(right, Money):
        if left.currency != right.currency:
            raise Fault("two currencies cannot be reckoned together")
        result = _of_decimals(sign, left.amount, right.amount)
        return result if sign == "/" else Money(result, left.currency)
    if isinstance(left, Money):
        return Money(_of_decimals(sign, left.amount, Decimal(right)), left.currency)
    return Money(_of_decimals(sign, Decimal(left), right.amount), right.currency)


def _of_decimals(sign: str, left: Decimal, right: Decimal) -> Decimal:
    match sign:
        case "+":
            result = ARITHMETIC.add(left, right)
        case "-":
            result = ARITHMETIC.subtract(left, right)
        case "*":
            result = ARITHMETIC.multiply(left, right)
        case _:
            if right == 0:
                raise Fault("division by zero")
            result = ARITHMETIC.divide(left, right)
    if not decimal_in_bounds(result):
        raise Fault(f"{sign}: a number that is too large")
    return rounded(result)


def _bounded(value: Any) -> Any:
    """The value, if it is within the bounds of its type. Raises Fault."""
    match value:
        case bool() | None:
            return value
        case int() if abs(value) > INT_MAX:
            raise Fault("a whole number that is too large")
        case str() if len(value) > STRING_LIMIT:
            raise Fault(f"a text of more than {STRING_LIMIT} characters")
        case timedelta() if abs(value) > DURATION_MAX:
            raise Fault("a duration of more than a hundred years")
        case Money() if not decimal_in_bounds(value.amount):
            raise Fault("an amount that is too large")
    return value


def _applied(term: Applied, scope: Scope) -> Any:
    match term.function, term.arguments:
        case "default", (first, second):
            value = _value(first, scope)
            return _value(second, scope) if value is None else value
        case "if", (condition, first, second):
            return _value(first if _truth(_value(condition, scope)) else second, scope)
    arguments: list[Any] = [_value(argument, scope) for argument in term.arguments]
    if None in arguments:
        raise Fault(f"{term.function}: a value is null")
    match term.function:
        case "min" | "max":
            first, second = arguments
            low, high = _comparable(first, second)
            return first if (low <= high) is (term.function == "min") else second
        case "at":
            entries, place = arguments
            return entries[place] if 0 <= place < len(entries) else None
        case "money":
            return _bounded(money(*arguments))
    return _bounded(_run(term.function, arguments))


def _run(name: str, arguments: list[Any]) -> Value:
    function = FUNCTIONS.get(name)
    if function is None:
        raise Fault(f"there is no function {name[:40]}")
    return function.run(*arguments)
