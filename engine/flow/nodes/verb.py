"""What every node type says of itself: its word, its outcomes, what it needs, and how it is resumed (pure).

An outcome is how a node can end. `MAIN` is the one that `then` wires. The names in `OUTCOMES` are ordinary and each
needs a target; those in `ERRORS` begin with `error.` and are looked up from the node outwards. Some nodes carry targets
inside (a menu's options): those are routes, and need no other wiring.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from ..problem import Path


class Resume(Enum):
    """What is done with a node at which an engine was killed."""

    REPEAT = "repeat"
    """Do it again: a person may hear it twice."""
    CONTINUE = "continue"
    """It was done, or is remembered by Asterisk: go on waiting for its end."""
    REQUERY = "requery"
    """Ask again with the same idempotency key."""
    REASK = "reask"
    """Ask the person again; this does not cost a try."""
    TERMINAL = "terminal"
    """The run ends here whatever happened."""


@dataclass(frozen=True, slots=True)
class Route:
    """A target that stands inside a node: where in it, the outcome's name, and the node it leads to."""

    path: Path
    outcome: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """What a node does."""

    WORD: ClassVar[str] = ""
    MAIN: ClassVar[str | None] = "done"
    OUTCOMES: ClassVar[tuple[str, ...]] = ()
    """Ordinary outcomes besides the main one."""
    ERRORS: ClassVar[tuple[str, ...]] = ()
    EXPECTED: ClassVar[bool] = False
    """Whether its errors are everyday events (another's server, another's phone), so that the author must wire them."""
    RESUME: ClassVar[Resume] = Resume.CONTINUE
    NEEDS_CALLER: ClassVar[bool] = True
    """Whether it speaks to, listens to or moves the caller's leg, so that it cannot work once the caller is gone."""
    ENDS: ClassVar[bool] = False
    """Whether the run (of the subflow: `return`) ends here."""
    FLAT: ClassVar[str | None] = None
    """The one field whose mapping documents write right under the word."""
    OUTSIDE: ClassVar[bool] = False
    """Whether it has an outside effect, so that the cursor is stored before its command is issued."""

    def outcomes(self) -> tuple[str, ...]:
        """The ordinary outcomes of this very node, the main one first; without its routes."""
        return (*((self.MAIN,) if self.MAIN is not None else ()), *self.OUTCOMES)

    def routes(self) -> tuple[Route, ...]:
        """The targets that stand inside it."""
        return ()

    def assigns(self, outcome: str) -> frozenset[str]:
        """The variables that have a value when it ended with `outcome`."""
        return frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Verb):
    """A node that could not be read; the problem is reported, and every other check lets it be."""

    MAIN: ClassVar[str | None] = None


def named(*variables: str | None) -> frozenset[str]:
    """Those that are there."""
    return frozenset(name for name in variables if name is not None)
