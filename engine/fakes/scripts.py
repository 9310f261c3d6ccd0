"""Scripts in memory, keeping what PostgreSQL keeps."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from engine.errors import NotFound, Rejected, Unavailable
from engine.flow.publication import Publication, Reference
from engine.flow.split import with_share
from engine.ports import ScriptBinding, ScriptTarget, ScriptVersion, StoredScript, TargetKind, check_campaign, not_bound

_TARGETS = {
    TargetKind.SLOT: r"6(?!000)[0-9]{3}",
    TargetKind.DID: r"\+?[0-9]{3,15}",
    TargetKind.CAMPAIGN: r"[1-9]\d{0,14}",
}


@dataclass(slots=True)
class FakeScripts:
    """A ScriptStore; `away` makes every method raise Unavailable."""

    now: Callable[[], float] = lambda: 0.0
    away: bool = False
    kept: dict[str, StoredScript] = field(default_factory=dict)
    bound: list[ScriptBinding] = field(default_factory=list)
    dial_modes: dict[str, str] | None = None
    """By campaign; None: whatever campaign is named is an agentless one."""

    def _check(self) -> None:
        if self.away:
            raise Unavailable("postgres", "the fake database is away")

    async def publish(self, scripts: Sequence[Publication], by: str) -> Sequence[ScriptVersion]:
        self._check()
        kept = dict(self.kept)
        for script in scripts:
            if script.hash in kept:
                continue
            if any((one.version.name, one.version.number) == (script.name, script.number) for one in kept.values()):
                text = f"{script.name} has another version {script.number} already: give this one a higher version"
                raise Rejected("version_taken", text)
            kept[script.hash] = StoredScript(
                ScriptVersion(
                    script.hash, script.name, script.number, script.title, script.nodes, self.now(), by, None, None
                ),
                script.document,
            )
        self.kept = kept
        return [kept[script.hash].version for script in scripts]

    async def versions(self, name: str | None = None) -> Sequence[ScriptVersion]:
        self._check()
        return [one.version for one in reversed(self.kept.values()) if name in {None, one.version.name}]

    async def find(self, reference: Reference) -> StoredScript:
        self._check()
        prefix = reference.hash_prefix
        if prefix is not None:
            found = [one for one in self.kept.values() if one.version.hash.startswith(prefix)]
            if len(found) > 1:
                raise Rejected("script_ambiguous", f"several versions begin with {prefix}: give more digits")
        else:
            named = [one for one in self.kept.values() if one.version.name == reference.name]
            wanted = [one for one in named if reference.number in {None, one.version.number}]
            found = sorted(wanted, key=lambda one: -one.version.number)
        if not found:
            raise NotFound("no_such_script", "there is no such version of a script; vss flow list shows all")
        return found[0]

    async def retire(self, version: str, by: str) -> ScriptVersion:
        self._check()
        script = await self.find(Reference(version))
        newest = {binding.target: binding for binding in self.bound}
        for target, binding in newest.items():
            if any(share.version == version for share in binding.shares):
                raise Rejected("script_bound", f"{target.kind} {target.name} runs it: publish another version there")
        if script.version.retired_at is None:
            retired = replace(script.version, retired_at=self.now(), retired_by=by)
            self.kept[version] = replace(script, version=retired)
        return self.kept[version].version

    async def bind(self, target: ScriptTarget, version: str, share: float, seed: int, by: str) -> ScriptBinding:
        self._check()
        script = await self.find(Reference(version))
        if script.version.retired_at is not None:
            raise Rejected("script_retired", f"{script.version.name} version {script.version.number} is retired")
        if not re.fullmatch(_TARGETS[target.kind], target.name):
            raise Rejected("target_invalid", f"{target.name} is no {target.kind} that scripts can be bound to", 422)
        if target.kind is TargetKind.CAMPAIGN and self.dial_modes is not None:
            check_campaign(target.name, self.dial_modes.get(target.name))
        earlier = await self.bindings(target)
        shares = with_share(earlier[0].shares if earlier else (), version, share)
        made = ScriptBinding(target, shares, earlier[0].seed if earlier else seed, self.now(), by)
        self.bound.append(made)
        return made

    async def unbind(self, target: ScriptTarget, by: str) -> None:
        self._check()
        earlier = await self.bindings(target)
        if not earlier or not earlier[0].shares:
            raise not_bound(target)
        self.bound.append(ScriptBinding(target, (), earlier[0].seed, self.now(), by))

    async def bindings(self, target: ScriptTarget) -> Sequence[ScriptBinding]:
        self._check()
        return [binding for binding in reversed(self.bound) if binding.target == target]

    async def all_bindings(self) -> Sequence[ScriptBinding]:
        self._check()
        newest = {binding.target: binding for binding in self.bound}
        return sorted(
            (one for one in newest.values() if one.shares), key=lambda one: (one.target.kind, one.target.name)
        )
