"""The desk of scripts: which script a call meets, and what people may ask of runs.

Bindings and the programs that they name are kept in memory and read again every REFRESH_S, so that a call waits for no
database; with the database away calls meet what they met before. A call is pinned to one version when it comes in or
is dialed: publishing another one changes nothing for it, nor does retiring its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import structlog

from engine.call.commands import Play
from engine.call.events import CallEvent, HangUpAsked, ScriptTakes
from engine.call.model import Call, CallKind, CallPolicy, Phase
from engine.call.reconcile import Sight
from engine.clock import Clock
from engine.dialer.campaign import Campaign, DialMode
from engine.errors import NotFound, Rejected, Unavailable
from engine.flow.publication import Reference, reference
from engine.flow.run.cursor import UnreadableRun
from engine.flow.run.interpreter import begin
from engine.flow.run.program import Program
from engine.flow.run.state import Facts
from engine.flow.split import chosen
from engine.flow.values import WrongValue
from engine.ids import AttemptId, CallId, CampaignId, PlaybackId, Slot
from engine.ports import ClaimedLead, Metrics, ScriptBinding, ScriptStore, ScriptTarget, ScriptVersion, TargetKind
from engine.revision import revised
from engine.run_ports import SCRIPT_SLOTS, RunId, RunRecord, RunStore, Voices
from engine.runtime.switchboard import Switchboard

from .fixed_texts import fixed_texts
from .lead_params import params_of
from .leg import call_of
from .live import Live
from .runner import Runner, read_cursor

log = structlog.get_logger()

REFRESH_S = 1.0
SPEAK_LIMIT_S = 10.0
"""A new version waits no longer for its voice: callers meet it then, and the one before it until then."""
UNSTARTED = "-unstarted"
"""The playback of a caller whose script could not begin."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A version that calls may run."""

    version: ScriptVersion
    program: Program


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a call runs once its person is there."""

    script: Loaded
    params: Mapping[str, Any]
    locale: str | None


@dataclass(frozen=True, slots=True)
class RunView:
    """A run, as shown."""

    run: str
    call: str
    script: str
    """The pinned version: its content hash."""
    name: str
    state: Literal["running", "ended"]
    node: str
    started_at: float
    ended_at: float | None
    disposition: str | None
    reason: str | None
    results: Mapping[str, Any]
    tags: Mapping[str, Any]
    locale: str


class FlowDesk:
    """The use cases of scripts on calls."""

    def __init__(
        self,
        board: Switchboard,
        runner: Runner,
        scripts: ScriptStore,
        runs: RunStore,
        clock: Clock,
        metrics: Metrics,
        *,
        read: Callable[[str], Awaitable[Program]],
        voices: Voices,
        timezone: str,
        apology: tuple[str, ...],
        policy: Callable[[Mapping[str, Any]], CallPolicy],
        unfit: Callable[[AttemptId, str], None],
    ) -> None:
        """`timezone`: the time that scripts tell; `apology`: media for a caller whose script could not begin; `policy`
        of a call by its stored leg; `unfit` hears of attempts whose leads no script can serve."""
        self.unfit = unfit
        self._board = board
        self._runner = runner
        self._scripts = scripts
        self._runs = runs
        self._clock = clock
        self._metrics = metrics
        self._read = read
        self._voices = voices
        self._zone = ZoneInfo(timezone)
        self._apology = apology
        self._policy = policy
        self._bindings: dict[ScriptTarget, ScriptBinding] = {}
        self._loaded: dict[str, Loaded] = {}
        self._prepared: dict[CallId, Prepared] = {}
        self._counts: dict[CallId, int] = {}
        self._left_open: list[tuple[RunRecord, Loaded]] = []
        self._resuming: list[Callable[[], None]] = []

    # --- life

    async def load(self) -> None:
        """Read bindings, and runs that an engine before us left open. Raises Unavailable."""
        await self.refresh()
        self._left_open = [(record, await self._version(record.script)) for record in await self._runs.open_runs()]

    async def run(self) -> None:
        """Keep level with what is published, until cancelled."""
        while True:
            await asyncio.sleep(REFRESH_S)
            try:
                await self.refresh()
            except Unavailable:
                self._metrics.count("vss_script_refreshes_total", result="failed")

    async def refresh(self) -> None:
        """Read the bindings, and the programs that are new. Raises Unavailable."""
        bindings = {binding.target: binding for binding in await self._scripts.all_bindings()}
        for binding in bindings.values():
            for share in binding.shares:
                await self._version(share.version)
        self._bindings = bindings

    async def _version(self, content: str) -> Loaded:
        known = self._loaded.get(content)
        if known is None:
            stored = await self._scripts.find(Reference(content))
            program = await self._read(stored.document)
            await self._speak(program)
            known = self._loaded[content] = Loaded(stored.version, program)
        return known

    async def _speak(self, program: Program) -> None:
        """Make the prompts sound that have no values in them, before any caller meets them.

        A voice that is away costs no call: what could not be made is made when it is said.
        """
        try:
            async with asyncio.timeout(SPEAK_LIMIT_S):
                for locale, text, voice in fixed_texts(program):
                    await self._voices.words(text, locale, voice)
        except (Rejected, Unavailable, TimeoutError) as error:
            log.warning("prompts_not_prepared", script=program.main, reason=str(error) or "too slow")
            self._metrics.count("vss_script_refreshes_total", result="unspoken")

    # --- what calls meet

    def bound(self, target: ScriptTarget) -> bool:
        """Whether a target runs a script."""
        return target in self._bindings

    def chosen(self, target: ScriptTarget, call: CallId) -> Loaded | None:
        """The version that a call of a target runs."""
        binding = self._bindings.get(target)
        if binding is None or not binding.shares:
            return None
        return self._loaded.get(chosen(binding.shares, call, binding.seed))

    def take_in(self, call: Call, target: ScriptTarget, called: str) -> None:
        """Begin an inbound call for the script of a target. Raises NotFound where there is none.

        A script that cannot begin (it wants parameters that nobody gives) says so to its caller.
        """
        script = self.chosen(target, call.id)
        if script is None:
            raise NotFound("no_script", f"{target.kind} {target.name} runs no script")
        self._board.receive_for_script(_pinned(call, script))
        self._begin(self._board.calls[call.id], Prepared(script, {}, None), called)

    async def prepare(self, campaign: Campaign, claimed: Sequence[ClaimedLead]) -> Mapping[AttemptId, str]:
        """Make ready what people of a campaign will meet; why not, for leads whose data does not fit their script.

        Nothing for a campaign without a script. Raises Unavailable.
        """
        target = ScriptTarget(TargetKind.CAMPAIGN, str(campaign.id))
        if target not in self._bindings or campaign.dial_mode is not DialMode.AGENTLESS or not claimed:
            return {}
        data = await self._runs.lead_data([lead.attempt for lead in claimed])
        wrong: dict[AttemptId, str] = {}
        for lead in claimed:
            call = CallId(lead.attempt)
            script = self.chosen(target, call)
            if script is None:
                wrong[lead.attempt] = "its script is not ready"
                continue
            given = data.get(lead.attempt, {})
            prepared = Prepared(script, params_of(script.program.flow, given), _locale(given, campaign))
            try:
                begin(prepared.script.program, Facts(call=call), prepared.params, self._clock.now(), prepared.locale)
            except WrongValue as error:
                wrong[lead.attempt] = str(error)
            else:
                self._prepared[call] = prepared
        if wrong:
            self._metrics.count("vss_script_unfit_leads_total", len(wrong))
        return wrong

    def pinned(self, call: CallId) -> str:
        """The content hash of the script that a call was prepared for; empty: none."""
        prepared = self._prepared.get(call)
        return "" if prepared is None else prepared.script.version.hash

    def heard(self, before: Call, event: CallEvent, after: Call) -> None:
        """A call that a script has took a step."""
        self._runner.heard(before, event, after)

    def before_join(self, call: Call) -> None:
        """The call's leg is about to be joined with an agent's."""
        self._runner.hush(call.id)

    def entered(self, call: Call) -> None:
        """The person of a dialed call is there, and the script has the call."""
        prepared = self._prepared.pop(call.id, None)
        if prepared is None:
            log.error("script_not_prepared", call=call.id, script=call.script)
            self._board.post(call.id, HangUpAsked("engine", self._clock.now()))
            return
        self._begin(call, prepared, call.number)

    def ended(self, call: CallId) -> None:
        """A call is over."""
        self._prepared.pop(call, None)
        self._counts.pop(call, None)

    def _begin(self, call: Call, prepared: Prepared, called: str, *, to_agent: bool = False) -> Live | None:
        name = self._next_run(call.id)
        facts = self._facts(call, name, called)
        try:
            step = begin(prepared.script.program, facts, prepared.params, self._clock.now(), prepared.locale)
        except WrongValue as error:
            log.error("script_not_begun", call=call.id, script=prepared.script.version.name, reason=str(error))
            self._metrics.count("vss_script_runs_total", result="not_begun")
            self._board.perform(Play(call.channel, PlaybackId(f"{call.id}{UNSTARTED}"), self._apology))
            self._board.post(call.id, HangUpAsked("engine", self._clock.now()))
            return None
        live = Live(
            self._runner, name, prepared.script.version.hash, prepared.script.program, step.run, call, to_agent=to_agent
        )
        self._runner.begin(live, step)
        return live

    def _next_run(self, call: CallId) -> RunId:
        count = self._counts[call] = self._counts.get(call, 0) + 1
        return RunId(call if count == 1 else f"{call}.{count}")

    def _facts(self, call: Call, name: RunId, called: str) -> Facts:
        outbound = call.kind is not CallKind.INBOUND
        now = datetime.fromtimestamp(self._clock.now(), UTC).astimezone(self._zone)
        offset = now.utcoffset()
        return Facts(
            call=name,
            direction="outbound" if outbound else "inbound",
            caller=None if outbound or not call.number else call.number,
            called=called or None,
            campaign=None if call.campaign is None else str(call.campaign),
            answered=call.answered_at is not None,
            utc_offset_s=0 if offset is None else int(offset.total_seconds()),
        )

    # --- what people ask for

    async def run_script(
        self,
        call: CallId,
        script: str | None,
        slot: int | None,
        params: Mapping[str, Any],
        locale: str | None,
        then: Literal["hang_up", "agent"],
    ) -> RunView:
        """Hand a call on which an agent talks, or which waits for one, to a script.

        `then` says whether the agent waits and gets the caller back. Raises NotFound, Rejected (`call_state`,
        `script_retired`, `params_invalid`), Unavailable.
        """
        self._handed_over(call)
        wanted = await self._wanted(call, script, slot)
        live_call = self._handed_over(call)
        try:
            begin(wanted.program, self._facts(live_call, RunId(call), ""), params, self._clock.now(), locale)
        except WrongValue as error:
            raise Rejected("params_invalid", str(error), 422) from None
        keep = then == "agent" and live_call.phase is Phase.TALKING
        called = "" if live_call.kind is CallKind.INBOUND else live_call.number
        self._board.post(call, ScriptTakes(wanted.version.hash, keep, self._clock.now()))
        taken = self._board.calls.get(call)
        if taken is None or not taken.scripted:
            raise Rejected("call_state", "the call ended meanwhile")
        live = self._begin(taken, Prepared(wanted, params, locale), called, to_agent=keep)
        assert live is not None
        return self._view(live)

    def _handed_over(self, call: CallId) -> Call:
        found = self._board.calls.get(call)
        if found is None:
            raise NotFound("no_such_call", f"there is no live call {call}")
        if found.scripted:
            raise Rejected("call_state", "a script has the call already: stop it first")
        if found.phase not in {Phase.TALKING, Phase.WAITING}:
            raise Rejected("call_state", f"the call is {found.phase}: nobody is on the line for a script")
        return found

    async def _wanted(self, call: CallId, script: str | None, slot: int | None) -> Loaded:
        if script is not None:
            found = await self._scripts.find(reference(script))
            if found.version.retired_at is not None:
                raise Rejected("script_retired", f"{found.version.name} version {found.version.number} is retired")
            return await self._version(found.version.hash)
        chosen = self.chosen(ScriptTarget(TargetKind.SLOT, str(slot)), call)
        if chosen is None:
            raise NotFound("no_script", f"slot {slot} runs no script")
        return chosen

    async def runs(self, call: CallId) -> Sequence[RunView]:
        """The runs of a call, in order. Raises NotFound, Unavailable."""
        live = {one.id: self._view(one) for one in self._runner.live.values() if one.call.id == call}
        stored = [_stored_view(record) for record in await self._runs.runs_of(call)]
        found = {view.run: view for view in stored} | live
        if not found:
            raise NotFound("no_such_run", f"no script has run on call {call}")
        return sorted(found.values(), key=lambda view: view.started_at)

    async def stop_run(self, call: CallId) -> RunView:
        """End the run that has a call; its caller is hung up, or goes back to the agent. Raises NotFound."""
        live = self._runner.by_call.get(call)
        if live is None:
            raise NotFound("no_such_run", f"no script runs on call {call}")
        self._runner.stop(live)
        return self._view(live)

    async def live_runs(self) -> Sequence[RunView]:
        """Every run that goes on, the oldest first."""
        return sorted(map(self._view, self._runner.live.values()), key=lambda view: view.started_at)

    def _view(self, live: Live) -> RunView:
        run = live.run
        return RunView(
            live.id, live.call.id, live.script, live.program.main, "ended" if live.over else "running", run.node,
            run.started_at, self._clock.now() if live.over else None, run.disposition, run.ended, dict(live.results),
            dict(live.tags), run.locale,
        )  # fmt: skip

    # --- after a restart

    @property
    def left_open(self) -> frozenset[CallId]:
        """Calls whose runs an engine before us left open."""
        return frozenset(record.call for record, _ in self._left_open)

    async def prepare_again(self, claimed: Sequence[ClaimedLead], campaigns: Mapping[CampaignId, Campaign]) -> None:
        """Make ready what people will meet whom an engine before us dialed. Raises Unavailable."""
        by_campaign: dict[CampaignId, list[ClaimedLead]] = {}
        for lead in claimed:
            by_campaign.setdefault(lead.campaign, []).append(lead)
        for name, leads in by_campaign.items():
            if (campaign := campaigns.get(name)) is not None:
                await self.prepare(campaign, leads)

    def adopt(self, sight: Sight, kept: Callable[[CallId], Call | None], take: Callable[[Call], None]) -> None:
        """Take over the runs that an engine before us left open, and with `take` their calls, as they were `kept`.

        Who is not in sight hung up while nobody looked: their runs end with that.
        """
        for record, script in self._left_open:
            self._adopted(record, script, sight, kept(record.call), take)
        if self._left_open:
            log.warning("runs_adopted", runs=len(self._left_open))
        self._left_open = []

    def resume(self) -> None:
        """The calls heard what the snapshot says: let the runs go on."""
        resuming, self._resuming = self._resuming, []
        for resume in resuming:
            resume()

    def _adopted(
        self, record: RunRecord, script: Loaded, sight: Sight, kept: Call | None, take: Callable[[Call], None]
    ) -> None:
        try:
            call = kept if kept is not None and kept.scripted else self._call_of(record)
            run = read_cursor(script.program, record)
        except (UnreadableRun, KeyError, ValueError) as error:
            log.error("run_unreadable", run=record.run, reason=repr(error))
            self._metrics.count("vss_script_runs_total", result="unreadable")
            return
        take(call)
        if call.id not in self._board.calls:
            return
        call = self._board.calls[call.id]
        to_agent = bool((record.leg or {}).get("to_agent")) and call.seat_held
        live = Live(self._runner, record.run, record.script, script.program, run, call, to_agent=to_agent)
        live.tags.update(record.tags)
        count = record.run.removeprefix(record.call).removeprefix(".")
        self._counts[call.id] = int(count) if count.isdigit() else 1
        self._resuming.append(self._runner.adopt(live, sight))
        self._metrics.count("vss_script_adopted_total")

    def _call_of(self, record: RunRecord) -> Call:
        """The call by what its run's record says of it. Raises KeyError, ValueError."""
        leg = record.leg or {}
        return call_of(record.call, record.script, leg, self._policy(leg))


def script_target(name: str) -> ScriptTarget | None:
    """`script/slot/6001` or `script/did/+74950000000`, as the dialplan carries it; None for anything else."""
    word, _, rest = name.partition("/")
    kind, _, value = rest.partition("/")
    if word != "script" or kind not in {TargetKind.SLOT, TargetKind.DID} or not value:
        return None
    return ScriptTarget(TargetKind(kind), value)


def slot_target(slot: Slot | int) -> ScriptTarget | None:
    """The target of an automatic seat; None for the seats of people."""
    return ScriptTarget(TargetKind.SLOT, str(int(slot))) if int(slot) in SCRIPT_SLOTS else None


def _pinned(call: Call, script: Loaded) -> Call:
    return revised(call, script=script.version.hash)


def _locale(data: Mapping[str, Any], campaign: Campaign) -> str:
    """The lead's own language, else the campaign's."""
    own = data.get("locale") or data.get("language")
    return str(own) if own else campaign.language


def _stored_view(record: RunRecord) -> RunView:
    state = record.state
    return RunView(
        record.run, record.call, record.script, record.flow, "running" if record.ended_at is None else "ended",
        record.node, record.started_at, record.ended_at, record.disposition, record.reason, record.results,
        record.tags, str(state.get("locale", "")),
    )  # fmt: skip
