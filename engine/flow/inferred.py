"""What is known of a value before there is one: its type, whether it may be null, whose secrets are in it (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from .values import TEXT_KINDS, Kind, TypeSpec, Value, WrongValue, value_of


@dataclass(frozen=True, slots=True)
class Inferred:
    """The type of an expression. `spec` None: anything (what could not be read is not judged)."""

    spec: TypeSpec | None
    nullable: bool = False
    unset: str | None = None
    """The variable that may not have a value yet, where that is why it is nullable."""
    literal: Value = None
    """The value itself, where it is written in the document."""
    sensitive: frozenset[str] = frozenset()
    """The sensitive variables that the value tells something of."""

    @property
    def kind(self) -> Kind | None:
        return None if self.spec is None else self.spec.type


ANYTHING = Inferred(None)


def of_kind(kind: Kind, *, nullable: bool = False, sensitive: frozenset[str] = frozenset()) -> Inferred:
    """A plain type."""
    return Inferred(SPECS[kind], nullable, sensitive=sensitive)


SPECS: Mapping[Kind, TypeSpec] = {kind: TypeSpec(type=kind) for kind in Kind}

CALL = TypeSpec(
    type=Kind.RECORD,
    fields={
        "id": SPECS[Kind.STRING],
        "caller": SPECS[Kind.PHONE],
        "called": SPECS[Kind.PHONE],
        "direction": TypeSpec(type=Kind.ENUM, values=("inbound", "outbound")),
        "campaign": SPECS[Kind.STRING],
        "locale": SPECS[Kind.STRING],
        "now": SPECS[Kind.DATETIME],
        "started_at": SPECS[Kind.DATETIME],
        "position": SPECS[Kind.INT],
        "expected_wait": SPECS[Kind.DURATION],
    },
)
"""The record `call`: `caller` and `called` are the numbers; `position` and `expected_wait` are known in a queue."""
CALL_ALWAYS = frozenset({"id", "direction", "locale", "now", "started_at"})
"""Its fields that are never null."""


def shown(found: Inferred) -> str:
    """The type in an author's words."""
    if found.spec is None:
        return "null" if found.nullable else "anything"
    return f"{found.spec.type} of {found.spec.of.type}" if found.spec.of is not None else str(found.spec.type)


def joined(one: Inferred, other: Inferred) -> Inferred | None:
    """The type of a value that is either of the two; None: they have no common type."""
    sensitive = one.sensitive | other.sensitive
    nullable = one.nullable or other.nullable
    unset = one.unset or other.unset
    if one.spec is None or other.spec is None:
        return Inferred(one.spec or other.spec, nullable, unset, sensitive=sensitive)
    spec = _common(one, other)
    return None if spec is None else Inferred(spec, nullable, unset, sensitive=sensitive)


def _common(one: Inferred, other: Inferred) -> TypeSpec | None:
    assert one.spec is not None
    assert other.spec is not None
    for text, typed in ((one, other), (other, one)):
        # a text in the document is of the type of what it stands beside, where it has its form
        if isinstance(text.literal, str) and typed.literal is None and typed.spec and misfit(text, typed.spec) is None:
            return typed.spec
    if misfit(replace(one, nullable=False), other.spec) is None:
        return other.spec
    if misfit(replace(other, nullable=False), one.spec) is None:
        return one.spec
    if one.spec.type in TEXT_KINDS and other.spec.type in TEXT_KINDS:
        return SPECS[Kind.STRING]
    return None


_WIDER: Mapping[Kind, frozenset[Kind]] = {
    Kind.INT: frozenset({Kind.DECIMAL}),
    Kind.DIGITS: frozenset({Kind.STRING}),
    Kind.PHONE: frozenset({Kind.STRING}),
    Kind.ENUM: frozenset({Kind.STRING}),
}


def misfit(found: Inferred, wanted: TypeSpec) -> str | None:
    """Why a value cannot be given to something of the type `wanted`, or None. Null is not looked at."""
    spec = found.spec
    if spec is None:
        return None
    if isinstance(found.literal, str):
        return _literal_misfit(found.literal, wanted)
    if spec.type is not wanted.type:
        return None if wanted.type in _WIDER.get(spec.type, ()) else f"it is {shown(found)}, not {wanted.type}"
    match wanted.type:
        case Kind.ENUM if not set(spec.values) <= set(wanted.values):
            return f"it may be {', '.join(sorted(set(spec.values) - set(wanted.values)))}"
        case Kind.MONEY if spec.currency and wanted.currency and spec.currency != wanted.currency:
            return f"it is in {spec.currency}, not {wanted.currency}"
        case Kind.LIST if spec.of is not None and wanted.of is not None:
            inner = misfit(Inferred(spec.of), wanted.of)
            return inner and f"in its entries {inner}"
        case Kind.RECORD if not set(wanted.fields) <= set(spec.fields):
            return f"it has no {', '.join(sorted(set(wanted.fields) - set(spec.fields)))}"
    return None


def _literal_misfit(literal: str, wanted: TypeSpec) -> str | None:
    if wanted.type not in TEXT_KINDS:
        return f"it is text, not {wanted.type}"
    try:
        value_of(wanted, literal)
    except WrongValue as wrong:
        return f"{literal[:40]!r}: {wrong}"
    return None
