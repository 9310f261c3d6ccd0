"""The desk where scripts are published, looked up, bound and retired: what the command line and HTTP both call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import Rejected
from engine.flow.difference import Change, difference
from engine.flow.document import Syntax, load
from engine.flow.publication import publications, reference
from engine.ports import ScriptBinding, ScriptStore, ScriptTarget, ScriptVersion, StoredScript

FIRST_SEED = 1
"""Calls have ids of their own, so that targets need no seeds of their own; a binding keeps its seed."""


def refuse_binding() -> None:
    """Raise Rejected(`scripts_unavailable`): this engine has nothing that would run what is bound.

    The only place that refuses it; everything behind it works and is tested.
    """
    text = "this engine keeps scripts but does not run them on calls yet, so that nothing can be bound to one"
    raise Rejected("scripts_unavailable", text)


@dataclass(frozen=True, slots=True)
class ScriptDesk:
    """The use cases of scripts over a store."""

    store: ScriptStore

    async def publish(self, text: str, syntax: Syntax, by: str) -> Sequence[ScriptVersion]:
        """Check a text and keep its flows as versions. Raises Unsound, Rejected(`version_taken`), Unavailable."""
        return await self.store.publish(publications(load(text, syntax)), by)

    async def versions(self, name: str | None = None) -> Sequence[ScriptVersion]:
        """Versions, the newest first. Raises Unavailable."""
        return await self.store.versions(name)

    async def find(self, which: str) -> StoredScript:
        """A version by the beginning of its hash, `name@version` or name. Raises NotFound, Rejected, Unavailable."""
        return await self.store.find(reference(which))

    async def difference(self, before: str, after: str) -> tuple[StoredScript, StoredScript, tuple[Change, ...]]:
        """Two versions and what changed between them. Raises NotFound, Rejected, Unavailable."""
        old, new = await self.find(before), await self.find(after)
        return old, new, difference(old.document, new.document)

    async def retire(self, which: str, by: str) -> ScriptVersion:
        """Let nothing be bound to a version any more. Raises NotFound, Rejected, Unavailable."""
        script = await self.find(which)
        return await self.store.retire(script.version.hash, by)

    async def bind(self, which: str, target: ScriptTarget, share: float, by: str) -> ScriptBinding:
        """Give a share of a target's calls to a version. Raises NotFound, Rejected, Unavailable."""
        refuse_binding()
        script = await self.find(which)
        return await self.store.bind(target, script.version.hash, share, FIRST_SEED, by)
