"""The desk where scripts are published, looked up, bound and retired: what the command line and HTTP both call."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from engine.errors import Rejected, Unavailable
from engine.flow.difference import Change, difference
from engine.flow.document import Syntax, load
from engine.flow.model import Use
from engine.flow.publication import Publication, publications, reference
from engine.flow.run.program import program_of
from engine.flow.site import ANYWHERE, Site
from engine.ports import ScriptBinding, ScriptStore, ScriptTarget, ScriptVersion, StoredScript, TargetKind

FIRST_SEED = 1
"""Calls have ids of their own, so that targets need no seeds of their own; a binding keeps its seed."""


@dataclass(frozen=True, slots=True)
class ScriptDesk:
    """The use cases of scripts over a store."""

    store: ScriptStore
    site: Site = ANYWHERE
    """What scripts may do here."""
    changed: Callable[[], Awaitable[None]] | None = None
    """Lets the engine meet new bindings at once; without it, and without the database, a moment later."""

    async def publish(self, text: str, syntax: Syntax, by: str) -> Sequence[ScriptVersion]:
        """Check a text and keep its flows as versions. Raises Unsound, Rejected(`version_taken`), Unavailable."""
        return await self.store.publish(await self._checked(text, syntax), by)

    async def publish_to(
        self, text: str, syntax: Syntax, target: ScriptTarget, share: float, by: str
    ) -> tuple[ScriptVersion, ScriptBinding]:
        """Keep a text's only flow and give it a share of a target's calls. Raises Unsound, Rejected, Unavailable.

        Where it is not made for such calls, it is not kept either.
        """
        made = await self._checked(text, syntax)
        if len(made) > 1:
            names = ", ".join(one.name for one in made)
            raise Rejected("several_flows", f"the text has several flows ({names}): bind one of them", 422)
        _check_use(made[0].document, target)
        (version,) = await self.store.publish(made, by)
        binding = await self.store.bind(target, version.hash, share, FIRST_SEED, by)
        await self._tell()
        return version, binding

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
        script = await self.find(which)
        _check_use(script.document, target)
        binding = await self.store.bind(target, script.version.hash, share, FIRST_SEED, by)
        await self._tell()
        return binding

    async def bindings(self) -> Sequence[ScriptBinding]:
        """What every target runs now. Raises Unavailable."""
        return await self.store.all_bindings()

    async def unbind(self, target: ScriptTarget, by: str) -> None:
        """Let a target run no script from now on. Raises NotFound(`not_bound`), Unavailable."""
        await self.store.unbind(target, by)
        await self._tell()

    async def _tell(self) -> None:
        if self.changed is not None:
            with contextlib.suppress(Unavailable):
                await self.changed()

    async def _checked(self, text: str, syntax: Syntax) -> tuple[Publication, ...]:
        """In a thread: a large script takes a second to check, and calls must not wait for it. Raises Unsound."""
        return await asyncio.to_thread(lambda: publications(load(text, syntax), self.site))


_USES: Mapping[TargetKind, Use] = {
    TargetKind.SLOT: Use.SLOT, TargetKind.DID: Use.INBOUND, TargetKind.CAMPAIGN: Use.AGENTLESS,
}  # fmt: skip


def _check_use(document: str, target: ScriptTarget) -> None:
    """Raise Rejected(`script_not_for`) unless the script was checked for calls of such a target."""
    use = _USES[target.kind]
    if use not in program_of(document).flow.policies.used_for:
        text = f"the script is not made for such calls: add {use} to policies.used_for, and what that asks for"
        raise Rejected("script_not_for", text, 422)
