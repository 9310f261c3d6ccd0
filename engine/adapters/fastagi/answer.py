"""What the engine says back to the dialplan: commands that nothing inside a value can escape from (pure).

Asterisk splits a command line at blanks, honours double quotes and backslashes (res_agi.c, parse_args), and ends it
at a line feed. Quoting keeps a value one argument; the dialplan then expands it without evaluating it again, but
often inside an expression (`$["${VSS_TARGET}" = ""]`), so values are also cut to characters that mean nothing there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from engine.ports import InboundRoute

VALUE_MAX = 64
"""Longest value set; the dialplan cuts a target at the same length."""

_VARIABLE = re.compile(r"VSS_[A-Z0-9_]{1,32}")
_POOL = re.compile(r"[A-Za-z0-9_.-]{1,48}")
_UNSAFE_IN_DIALPLAN = re.compile(r"""[\x00-\x1f\x7f"'`\\$%{}\[\]()<>;,&|=^!?*]""")

REJECT = "reject"
"""The target of a number that leads nowhere: the dialplan hangs up with cause 1 (unallocated)."""


class UnsafeVariable(ValueError):
    """A name or value that must not reach the dialplan: our own data is malformed."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One channel variable to set."""

    name: str
    value: str


class Reply(Enum):
    """What a reply line of Asterisk means."""

    OK = "ok"
    MORE = "more"
    """The first of several lines (`520-…`), or progress (`100`): read on."""
    REFUSED = "refused"
    GONE = "gone"
    """The caller has hung up."""


def quoted(value: str) -> str:
    """A value as one argument of an AGI command: in double quotes, without control characters and lone surrogates,
    length bounded."""
    plain = re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", "", value)[:VALUE_MAX]
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def set_variable(variable: Variable) -> bytes:
    """The command that sets a channel variable. Raises UnsafeVariable for a name that is not one of ours."""
    if not _VARIABLE.fullmatch(variable.name):
        raise UnsafeVariable(f"not a variable of ours: {variable.name!r}")
    return f"SET VARIABLE {variable.name} {quoted(variable.value)}\n".encode()


def for_route(route: InboundRoute, caller_name: str | None) -> tuple[Variable, ...]:
    """What the dialplan needs for a route: `VSS_TARGET` is `script/KIND/NAME`, `slot/N` or `queue/POOL` and comes last,
    so that a connection that breaks in between leaves it empty and the call goes to the fallback."""
    if route.script is not None:
        return (Variable("VSS_TARGET", f"script/{route.script.kind}/{route.script.name}"),)
    if not _POOL.fullmatch(route.pool):
        raise UnsafeVariable(f"the pool of {route.did} has a name the dialplan cannot carry")
    target = f"queue/{route.pool}" if route.slot is None else f"slot/{route.slot:d}"
    named = (Variable("VSS_CALLER_NAME", plain_name(caller_name)),) if caller_name else ()
    return (
        *named,
        Variable("VSS_POOL", route.pool),
        Variable("VSS_WAIT_MAX_S", f"{max(0, round(route.wait_max_s)):d}"),
        Variable("VSS_TARGET", target),
    )


def for_unknown_number() -> tuple[Variable, ...]:
    """What the dialplan needs for a number that has no route."""
    return (Variable("VSS_TARGET", REJECT),)


def plain_name(name: str) -> str:
    """A person's name without the characters that mean something in a dialplan or a SIP header."""
    return " ".join(_UNSAFE_IN_DIALPLAN.sub(" ", name).split())[:VALUE_MAX]


def reply_of(line: bytes) -> Reply:
    """What a reply line means (res_agi.c): 200 done, 511 dead channel, 510 and 520 refused, HANGUP caller gone."""
    text = line.rstrip(b"\r\n")
    if text == b"HANGUP" or text.startswith(b"511"):
        return Reply.GONE
    if text.startswith(b"200 result=-1"):
        return Reply.GONE
    if text.startswith(b"200"):
        return Reply.OK
    if text.startswith((b"100", b"520-")):
        return Reply.MORE
    return Reply.REFUSED
