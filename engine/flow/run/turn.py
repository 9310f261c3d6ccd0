"""One step's work on a run: what the nodes' behaviours read, change and ask for (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from engine.revision import revised

from ..duration import AUDIO_S, CHARACTERS_PER_S
from ..evaluation import evaluate
from ..expression import Expression
from ..model import Flow
from ..nodes.node import Node
from ..prompt import Audio, Silence, Sound, Speech, Tone, in_locale, sounds
from ..saying.words import USUAL_OF_TEXT, said
from ..template import Slot, Template
from ..values import TypeSpec, Value, fitted, raw_of
from .commands import Cancel, Heard, Quiet, Recorded, RunCommand, Say, Toned, Words
from .program import Program, known
from .state import Frame, Run, Stage, Wait, WaitKind

NEVER = float("inf")
GRACE_S = 60.0
GRACE_VISITS = 30
"""So much more may a run take once its handler of the limit has it, to end decently."""
SOUND_GUARD_S = 10.0
"""A prompt whose end is not reported this long after twice its estimated length counts as heard."""
EPSILON_S = 1e-6


class Turn:
    """The run as it becomes, the commands so far, and the outcome of the node, once it has one."""

    __slots__ = ("at", "commands", "outcome", "passed", "program", "run")

    def __init__(self, program: Program, run: Run, at: float) -> None:
        at = max(at, run.mark_at)
        talking = run.wait is not None and run.wait.kind is WaitKind.TALKING
        spent = 0.0 if talking else at - run.mark_at
        self.program = program
        self.run = revised(run, spent_s=run.spent_s + spent, mark_at=at)
        self.at = at
        self.commands: list[RunCommand] = []
        self.outcome: str | None = None
        self.passed: list[tuple[str, str]] = []

    # --- where it stands

    @property
    def frame(self) -> Frame:
        return self.run.stack[-1]

    @property
    def flow(self) -> Flow:
        return self.program.flows[self.frame.flow]

    @property
    def node(self) -> Node:
        return self.flow.nodes[self.frame.node]

    @property
    def action(self) -> Any:
        return self.node.action

    @property
    def wait(self) -> Wait:
        assert self.run.wait is not None
        return self.run.wait

    @property
    def request(self) -> str:
        """The name of what this visit of the node asks for: the same whenever it is repeated."""
        return f"{self.run.facts.call}:{self.frame.node}:{self.frame.visit}"

    @property
    def left_s(self) -> float:
        """What is left of the script's own time."""
        limit = self.program.flow.limits.max_duration_s + (GRACE_S if "max_duration" in self.run.tripped else 0.0)
        return limit - self.run.spent_s

    # --- what changes

    def set(self, **changes: Any) -> None:
        self.run = revised(self.run, **changes)

    def set_frame(self, **changes: Any) -> None:
        self.run = revised(self.run, stack=(*self.run.stack[:-1], revised(self.frame, **changes)))

    def do(self, command: RunCommand) -> None:
        self.commands.append(command)

    def end(self, outcome: str) -> None:
        """The node ended; what it still has going on was cancelled by who calls this."""
        self.run = revised(self.run, wait=None)
        self.outcome = outcome

    def wait_for(self, kind: WaitKind, limit_s: float, **more: Any) -> None:
        """Wait at this node, `limit_s` at most."""
        until_at = self.at + limit_s
        wait = Wait(kind=kind, request=self.request, deadline_at=until_at, until_at=until_at, **more)
        self.set_wait(wait)

    def set_wait(self, wait: Wait) -> None:
        """Wait like that; the deadline is the earliest of what is to be looked at."""
        own = NEVER if wait.kind in {WaitKind.TALKING, WaitKind.APOLOGY} else self.at + max(0.0, self.left_s)
        at = min(wait.until_at, own, *wait.asides.values()) if wait.asides else min(wait.until_at, own)
        self.run = revised(self.run, wait=revised(wait, deadline_at=at))

    def rewait(self, **changes: Any) -> None:
        self.set_wait(revised(self.wait, **changes))

    def silence(self) -> None:
        """Stop what is heard now."""
        if self.run.wait is not None and self.wait.sound is not None:
            self.do(Cancel(request=self.wait.sound))
            self.run = revised(self.run, wait=revised(self.wait, sound=None))

    # --- values

    def scope(self) -> Mapping[str, Value]:
        return {**self.frame.values, **self.frame.secrets, "call": self._call()}

    def _call(self) -> Mapping[str, Value]:
        run = self.run
        facts = run.facts
        wait_s = run.expected_wait_s
        return {
            "id": facts.call, "caller": facts.caller, "called": facts.called, "direction": facts.direction,
            "campaign": facts.campaign, "locale": run.locale, "now": self._moment(self.at),
            "started_at": self._moment(run.started_at), "position": run.position,
            "expected_wait": None if wait_s is None else timedelta(seconds=int(wait_s)),
        }  # fmt: skip

    def _moment(self, at: float) -> datetime:
        """Whole seconds of the callers' time."""
        return datetime.fromtimestamp(int(at), timezone(timedelta(seconds=self.run.facts.utc_offset_s)))

    def value(self, expression: Expression, spec: TypeSpec | None = None) -> Value:
        """The value of an expression, of the type `spec`. Raises Fault, WrongValue."""
        found = evaluate(expression, self.scope())
        return found if spec is None else fitted(spec, found)

    def raw(self, expressions: Mapping[str, Expression]) -> dict[str, Any]:
        """Values as JSON has them. Raises Fault."""
        scope = self.scope()
        return {name: raw_of(evaluate(expression, scope)) for name, expression in expressions.items()}

    def assign(self, variable: str | None, value: Value) -> None:
        """Give a variable its value, apart from the others where it is sensitive. Raises WrongValue."""
        if variable is None:
            return
        declared = self.flow.vars[variable]
        kept = fitted(declared, value)
        if declared.sensitive:
            self.set_frame(secrets={**self.frame.secrets, variable: kept})
        else:
            self.set_frame(values={**self.frame.values, variable: kept})

    # --- sounds

    def say(self, prompt: str, kind: WaitKind, stage: Stage = Stage.ASK, attempt: int = 1) -> None:
        """Let the caller hear a prompt and wait for its end. Raises Fault, Unsayable."""
        heard, sensitive = self.rendered(prompt)
        sound = self.start_sound(prompt, heard, sensitive)
        limit_s = SOUND_GUARD_S + 2 * sum(map(length_s, heard))
        self.wait_for(kind, limit_s, sound=sound, stage=stage, attempt=attempt)

    def start_sound(self, prompt: str, heard: tuple[Heard, ...], sensitive: bool) -> str:
        self.set(serial=self.run.serial + 1)
        sound = f"{self.request}:{self.run.serial}"
        self.do(Say(playback=sound, prompt=prompt, sounds=heard, locale=self.run.locale, sensitive=sensitive))
        return sound

    def rendered(self, prompt: str) -> tuple[tuple[Heard, ...], bool]:
        """What is heard of a prompt now, and whether it tells something sensitive. Raises Fault, Unsayable."""
        found = in_locale(self.flow.prompts[prompt], self._locale())
        if found is None:
            return (), False
        parts = sounds(found)
        slots = [slot for part in parts if isinstance(part, Speech) for slot in part.text.slots]
        sensitive = any(known(self.flow, slot.expression).sensitive for slot in slots)
        return tuple(self._heard(part) for part in parts), sensitive

    def _locale(self) -> str:
        """The run's language, or this script's own where it does not speak it."""
        locales = self.flow.locales
        return self.run.locale if self.run.locale in locales.supported else locales.default

    def _heard(self, sound: Sound) -> Heard:
        match sound:
            case Speech():
                return Words(self._text(sound.text), sound.voice)
            case Audio():
                return Recorded(sound.audio)
            case Tone():
                return Toned(sound.tone, sound.for_s)
            case Silence():
                return Quiet(sound.silence_s)

    def _text(self, template: Template) -> str:
        return "".join(part if isinstance(part, str) else self._slot(part) for part in template.parts)

    def _slot(self, slot: Slot) -> str:
        value = self.value(slot.expression)
        formatter = slot.formatter
        if formatter is None and isinstance(value, str):
            kind = known(self.flow, slot.expression).kind
            formatter = None if kind is None else USUAL_OF_TEXT.get(kind)
        return said(value, formatter, self._locale())


def length_s(heard: Heard) -> float:
    """About how long it is heard."""
    match heard:
        case Words():
            return 0.5 + len(heard.text) / CHARACTERS_PER_S
        case Recorded():
            return AUDIO_S
        case Toned() | Quiet():
            return heard.for_s
