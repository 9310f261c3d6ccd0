"""The expressions of a script: what they are made of, and their parser (pure).

    or; and; not; == != < <= > >= in (not in); + -; * / %; unary -; .field, ?.field; f(x); (x); [a, b]; literals

No names but the document's own, no loops, no attribute of any object of ours, no state: an expression is a finite tree,
is checked before a document is published (inference.py) and gives a value or a fault (evaluation.py), always. Bounds:
TEXT_MAX characters, PARTS_MAX parts, DEPTH_MAX brackets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from .values import INT_MAX, STRING_MAX, decimal_in_bounds

TEXT_MAX = 1000
PARTS_MAX = 120
DEPTH_MAX = 20


@dataclass(frozen=True, slots=True)
class Literal:
    value: bool | int | Decimal | str | None


@dataclass(frozen=True, slots=True)
class Named:
    """A variable, a parameter, or `call` (what is known of the call itself)."""

    name: str


@dataclass(frozen=True, slots=True)
class Field:
    """`of.name`, or `of?.name`, which is null where `of` is."""

    of: Term
    name: str
    safe: bool


@dataclass(frozen=True, slots=True)
class Unary:
    """`not x` or `-x`."""

    sign: str
    operand: Term


@dataclass(frozen=True, slots=True)
class Binary:
    sign: str
    left: Term
    right: Term


@dataclass(frozen=True, slots=True)
class Applied:
    """A function of ours on its arguments."""

    function: str
    arguments: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Several:
    """A list."""

    items: tuple[Term, ...]


Term = Literal | Named | Field | Unary | Binary | Applied | Several


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression and the text it was read from."""

    text: str
    term: Term


class SyntaxFault(Exception):
    """The text is not an expression; says where and why."""


_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<sign>==|!=|<=|>=|\?\.|[-+*/%<>().,\[\]]))",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", "'": "'", '"': '"'}
_WORDS = frozenset({"and", "or", "not", "in", "true", "false", "null"})
RESERVED = _WORDS | {"call"}
"""Names that no variable can have."""
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})


def parse(text: str) -> Expression:
    """The expression that `text` is. Raises SyntaxFault."""
    if len(text) > TEXT_MAX:
        raise SyntaxFault(f"longer than {TEXT_MAX} characters")
    return Expression(text, _Parser(text).whole())


def parts_of(term: Term) -> Iterator[Term]:
    """The term and everything in it."""
    waiting = [term]
    while waiting:
        one = waiting.pop()
        yield one
        match one:
            case Field():
                waiting.append(one.of)
            case Unary():
                waiting.append(one.operand)
            case Binary():
                waiting += (one.right, one.left)
            case Applied():
                waiting += reversed(one.arguments)
            case Several():
                waiting += reversed(one.items)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise SyntaxFault(f"{text[at:].strip()[:10]!r} at {at + 1} cannot stand there")
        kind = str(match.lastgroup)
        found.append(_Token("sign" if match["name"] in _WORDS else kind, match[kind], match.start(kind)))
        at = match.end()
    found.append(_Token("end", "", end))
    return found


class _Parser:
    """Recursive descent; brackets, signs before a term and parts are counted, so that no text can exhaust the stack."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._next = 0
        self._parts = 0
        self._depth = 0

    def whole(self) -> Term:
        term = self._either()
        if self._here.kind != "end":
            raise SyntaxFault(f"{self._here.text!r} at {self._here.at + 1} cannot stand there")
        return term

    @property
    def _here(self) -> _Token:
        return self._tokens[self._next]

    def _take(self, *signs: str) -> str | None:
        token = self._here
        if token.kind == "sign" and token.text in signs:
            self._next += 1
            return token.text
        return None

    def _expect(self, sign: str) -> None:
        if self._take(sign) is None:
            raise SyntaxFault(f"expected {sign} at {self._here.at + 1}")

    def _made(self, term: Term) -> Term:
        self._parts += 1
        if self._parts > PARTS_MAX:
            raise SyntaxFault(f"more than {PARTS_MAX} parts")
        return term

    def _inner(self) -> Term:
        self._deeper()
        term = self._either()
        self._depth -= 1
        return term

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise SyntaxFault(f"more than {DEPTH_MAX} brackets or signs in one another")

    def _either(self) -> Term:
        term = self._both()
        while self._take("or"):
            term = self._made(Binary("or", term, self._both()))
        return term

    def _both(self) -> Term:
        term = self._negated()
        while self._take("and"):
            term = self._made(Binary("and", term, self._negated()))
        return term

    def _negated(self) -> Term:
        if self._take("not"):
            self._deeper()
            term = self._made(Unary("not", self._negated()))
            self._depth -= 1
            return term
        return self._compared()

    def _compared(self) -> Term:
        left = self._sum()
        sign = self._take(*_COMPARISONS)
        if sign is not None:
            return self._made(Binary(sign, left, self._sum()))
        if self._take("not"):
            self._expect("in")
            return self._made(Unary("not", self._made(Binary("in", left, self._sum()))))
        return left

    def _sum(self) -> Term:
        term = self._product()
        while sign := self._take("+", "-"):
            term = self._made(Binary(sign, term, self._product()))
        return term

    def _product(self) -> Term:
        term = self._signed()
        while sign := self._take("*", "/", "%"):
            term = self._made(Binary(sign, term, self._signed()))
        return term

    def _signed(self) -> Term:
        if self._take("-"):
            self._deeper()
            term = self._made(Unary("-", self._signed()))
            self._depth -= 1
            return term
        return self._reached()

    def _reached(self) -> Term:
        term = self._atom()
        while sign := self._take(".", "?."):
            if self._here.kind != "name":
                raise SyntaxFault(f"expected the name of a field at {self._here.at + 1}")
            term = self._made(Field(term, self._word(), sign == "?."))
        return term

    def _word(self) -> str:
        self._next += 1
        return self._tokens[self._next - 1].text

    def _atom(self) -> Term:
        token = self._here
        match token.kind:
            case "number":
                return self._made(Literal(_number(self._word())))
            case "text":
                return self._made(Literal(_unquoted(self._word())))
            case "name":
                return self._name()
        if word := self._take("true", "false", "null"):
            return self._made(Literal({"true": True, "false": False, "null": None}[word]))
        if self._take("("):
            term = self._inner()
            self._expect(")")
            return term
        if self._take("["):
            return self._made(Several(self._items("]")))
        raise SyntaxFault(f"expected a value at {token.at + 1}" + (f", not {token.text!r}" if token.text else ""))

    def _name(self) -> Term:
        name = self._word()
        if self._take("("):
            return self._made(Applied(name, self._items(")")))
        return self._made(Named(name))

    def _items(self, closing: str) -> tuple[Term, ...]:
        found: list[Term] = []
        if self._take(closing):
            return ()
        while True:
            found.append(self._inner())
            if self._take(closing):
                return tuple(found)
            self._expect(",")


def _number(text: str) -> int | Decimal:
    if "." not in text and len(text) <= 19 and int(text) <= INT_MAX:
        return int(text)
    number = Decimal(text)
    if "." not in text or not decimal_in_bounds(number) or len(text.partition(".")[2]) > 9:
        raise SyntaxFault(f"the number {text[:20]} is too long")
    return number


def _unquoted(text: str) -> str:
    def plain(match: re.Match[str]) -> str:
        if match[1] not in _ESCAPES:
            raise SyntaxFault(f"\\{match[1]} is not known in text; for \\ write \\\\")
        return _ESCAPES[match[1]]

    inner = _ESCAPED.sub(plain, text[1:-1])
    if len(inner) > STRING_MAX:
        raise SyntaxFault(f"text longer than {STRING_MAX} characters")
    return inner
