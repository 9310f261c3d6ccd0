"""What is wrong with a document, in words an author can act on (pure)."""

from __future__ import annotations

from dataclasses import dataclass

Path = tuple[str | int, ...]
"""Where in a document: keys and positions from its top."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong. `code` is stable (docs/gacs.md has every one), `line` counts from 1."""

    line: int
    path: str
    code: str
    message: str
    hint: str

    def printed(self) -> dict[str, str | int]:
        """The problem as scripts read it."""
        return {
            "code": self.code,
            "path": self.path,
            "message": self.message,
            "hint": self.hint,
            "line": self.line,
        }


def written(path: Path) -> str:
    """A path as a person writes it: `nodes.menu.options.1`, `prompts.hello.en-GB.list[0]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
