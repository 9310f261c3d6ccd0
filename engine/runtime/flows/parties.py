"""Calling somebody and joining them with the caller: `dial` and `transfer`.

    ringing ---> asking (whisper, or a prompt and a key) ---> joining ---> talking ---> gone
       |            |                                            |
       +------------+------- gone (busy, nobody, refused, unconfirmed, cancelled) ------+

The party's leg is named after the request, so that it is known again after a restart, and a repeated originate is
refused by Asterisk instead of ringing a phone twice. It is hung up whenever nobody waits for it any more, and its
trunk's channel is given back at its end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import structlog

from engine.call.commands import (
    CreateBridge,
    DestroyBridge,
    HangUp,
    Join,
    Leave,
    Originate,
    Play,
    StartMusic,
    StopMusic,
    StopPlay,
)
from engine.call.events import (
    CallEvent,
    CommandFailed,
    Failure,
    LegDigit,
    LegEnded,
    LegEntered,
    LegEvent,
    LegJoined,
    LegRinging,
    PlaybackEnded,
    PlaybackEvent,
)
from engine.call.reconcile import Sight
from engine.errors import NotFound, Rejected, Unavailable
from engine.flow.run import events as told
from engine.flow.run.commands import Command, DialParty, Heard, RunCommand
from engine.ids import LEG_PREFIX, BridgeId, ChannelId, PlaybackId, TrunkName
from engine.outcome.disposition import Outcome
from engine.ports import Metrics
from engine.run_ports import Voices
from engine.trunk.cause import outcome_of

from .performer import LiveRun, Performing
from .sounding import media_of

log = structlog.get_logger()

PARTY_CONTEXT = "vss-party"
RINGING = ("tone:ring",)


class Lines(Protocol):
    """Trunks, and what each of them may carry now."""

    def line(self, wanted: str | None) -> TrunkName | None:
        """The trunk of that name, or the only one; None where there is none such."""
        ...

    def take_channel(self, name: TrunkName) -> bool:
        """Take one call of its capacity; False when it is full."""
        ...

    def free_channel(self, name: TrunkName) -> None:
        """A call over it ended."""
        ...

    def caller_id_of(self, name: TrunkName) -> str: ...


class Stage(Enum):
    RINGING = "ringing"
    ASKING = "asking"
    JOINING = "joining"
    TALKING = "talking"


@dataclass(slots=True)
class _Party:
    """Somebody who is called for a run."""

    request: str
    leg: ChannelId
    command: DialParty | None
    """None: taken over after a restart."""
    trunk: TrunkName | None
    stage: Stage = Stage.RINGING
    rang: bool = False
    here: int = 0
    """How many of the two legs are in the bridge."""
    stop_waiting: Callable[[], None] = lambda: None

    @property
    def bridge(self) -> BridgeId:
        return BridgeId(f"{self.leg}-bridge")

    @property
    def tone(self) -> PlaybackId:
        return PlaybackId(f"{self.leg}-ringing")

    @property
    def prompt(self) -> PlaybackId:
        return PlaybackId(f"{self.leg}-prompt")


class Parties(Performing):
    """Everybody who is called for a run; a run has one at a time."""

    COMMANDS: tuple[type[Command], ...] = (DialParty,)

    def __init__(self, lines: Lines, voices: Voices, metrics: Metrics) -> None:
        self._lines = lines
        self._voices = voices
        self._metrics = metrics
        self._parties: dict[str, _Party] = {}

    def perform(self, run: LiveRun, command: RunCommand) -> None:
        """Call the party. The same request is never dialed again."""
        assert isinstance(command, DialParty)
        if command.request in self._parties:
            return
        trunk = self._lines.line(command.trunk)
        if trunk is None or not self._lines.take_channel(trunk):
            log.warning("party_not_dialed", run=run.id, trunk=command.trunk, reason="no such trunk, or it is full")
            self._metrics.count("vss_script_parties_total", result="no_trunk")
            run.tell(told.CommandFailed(at=run.now(), request=command.request))
            return
        party = self._parties[command.request] = _Party(command.request, leg_of(command.request), command, trunk)
        run.own(party.leg, lambda event: self._on_leg(run, party, event))
        if command.music is not None:
            run.send(StartMusic(run.channel, command.music))
        else:
            run.send(Play(run.channel, party.tone, RINGING))
        originate = Originate(
            party.leg, f"PJSIP/{command.to}@{trunk}", PARTY_CONTEXT, "s",
            command.caller_id or self._lines.caller_id_of(trunk), max(1, round(command.timeout_s)),
        )  # fmt: skip
        run.send(originate, lambda failure: self._not_dialed(run, party, failure))

    def cancel(self, run: LiveRun, request: str) -> None:
        """Nobody waits for the party, or the talk is over."""
        if (party := self._parties.get(request)) is not None:
            self._part(run, party, hang_up=True)

    def heard(self, run: LiveRun, event: CallEvent) -> None:
        """The caller's own leg is in the bridge."""
        if isinstance(event, LegJoined):
            for party in self._of(run):
                if event.bridge == party.bridge and party.stage is Stage.JOINING:
                    self._arrived(run, party)

    def adopt(self, run: LiveRun, request: str, sight: Sight) -> bool:
        """A talk that is still in its bridge goes on; a phone that rings for nobody any more is hung up."""
        party = _Party(request, leg_of(request), None, None, Stage.TALKING)
        if party.leg not in sight.channels:
            return False
        if sight.bridge_of.get(party.leg) == party.bridge == sight.bridge_of.get(run.channel):
            self._parties[request] = party
            run.own(party.leg, lambda event: self._on_leg(run, party, event))
            run.own_bridge(party.bridge)
            return True
        run.send(HangUp(party.leg))
        return False

    def over(self, run: LiveRun) -> None:
        """Nobody is left on a line for a run that is over."""
        for party in self._of(run):
            self._part(run, party, hang_up=True)

    def _of(self, run: LiveRun) -> list[_Party]:
        prefix = f"{run.id}:"
        return [party for request, party in self._parties.items() if request.startswith(prefix)]

    # --- the party's leg

    def _not_dialed(self, run: LiveRun, party: _Party, failure: CommandFailed) -> None:
        """Where nobody knows whether it was dialed, it is hung up and never dialed again."""
        if self._parties.get(party.request) is not party:
            return
        self._part(run, party, hang_up=failure.failure is Failure.TIMED_OUT)
        self._failed(run, party, told.PartyFailure.FAILED)

    def _on_leg(self, run: LiveRun, party: _Party, event: LegEvent | PlaybackEvent) -> None:
        if self._parties.get(party.request) is not party:
            return
        match event:
            case LegRinging():
                party.rang = True
            case LegEntered() if party.stage is Stage.RINGING:
                self._answered(run, party)
            case PlaybackEnded(playback=playback) if playback == party.prompt and party.stage is Stage.ASKING:
                self._prompted(run, party)
            case LegDigit(digit=digit) if party.stage is Stage.ASKING:
                if party.command is not None and digit == party.command.confirm_key:
                    run.send(StopPlay(party.prompt))
                    self._join(run, party)
            case LegJoined(bridge=bridge) if bridge == party.bridge and party.stage is Stage.JOINING:
                self._arrived(run, party)
            case LegEnded():
                self._gone(run, party, event)

    def _answered(self, run: LiveRun, party: _Party) -> None:
        command = party.command
        assert command is not None
        words = command.confirm or command.whisper
        if not words:
            self._join(run, party)
            return
        party.stage = Stage.ASKING
        party.stop_waiting = run.spawn(self._say(run, party, words), "party_prompt")

    async def _say(self, run: LiveRun, party: _Party, words: tuple[Heard, ...]) -> None:
        """What who answers hears first; without a voice for it nobody could confirm anything."""
        try:
            media = await media_of(self._voices, words, party.command.locale if party.command else "")
        except (Unavailable, Rejected, NotFound) as error:
            log.error("party_prompt_unspoken", run=run.id, reason=str(error))
            if self._parties.get(party.request) is party:
                self._prompted(run, party)
            return
        if self._parties.get(party.request) is party and party.stage is Stage.ASKING:
            run.send(Play(party.leg, party.prompt, media), lambda failure: self._prompted(run, party))

    def _prompted(self, run: LiveRun, party: _Party) -> None:
        """The prompt was heard: join, or wait for the key."""
        command = party.command
        if command is None or self._parties.get(party.request) is not party or party.stage is not Stage.ASKING:
            return
        if command.confirm_key is None:
            self._join(run, party)
        else:
            party.stop_waiting = run.later(command.confirm_timeout_s, lambda: self._unconfirmed(run, party))

    def _unconfirmed(self, run: LiveRun, party: _Party) -> None:
        if self._parties.get(party.request) is party and party.stage is Stage.ASKING:
            self._part(run, party, hang_up=True)
            self._failed(run, party, told.PartyFailure.UNCONFIRMED)

    def _join(self, run: LiveRun, party: _Party) -> None:
        party.stage = Stage.JOINING
        party.stop_waiting()
        self._silence(run, party)
        run.own_bridge(party.bridge)

        def failed(failure: CommandFailed) -> None:
            if self._parties.get(party.request) is party and party.stage is Stage.JOINING:
                self._part(run, party, hang_up=True)
                self._failed(run, party, told.PartyFailure.FAILED)

        run.send(CreateBridge(party.bridge, "party"), failed)
        run.send(Join(party.bridge, run.channel), failed)
        run.send(Join(party.bridge, party.leg), failed)

    def _arrived(self, run: LiveRun, party: _Party) -> None:
        party.here += 1
        if party.here == 2:
            party.stage = Stage.TALKING
            self._metrics.count("vss_script_parties_total", result="joined")
            run.tell(told.PartyAnswered(at=run.now(), request=party.request))

    def _gone(self, run: LiveRun, party: _Party, event: LegEnded) -> None:
        talked = party.stage is Stage.TALKING
        confirming = party.stage is Stage.ASKING and party.command is not None and party.command.confirm_key is not None
        self._part(run, party, hang_up=False)
        if talked:
            run.tell(told.TalkEnded(at=event.at, request=party.request))
        elif confirming:
            self._failed(run, party, told.PartyFailure.UNCONFIRMED)
        else:
            self._failed(run, party, _failure_of(event, rang=party.rang))

    # --- the end

    def _failed(self, run: LiveRun, party: _Party, failure: told.PartyFailure) -> None:
        self._metrics.count("vss_script_parties_total", result=str(failure))
        run.tell(told.PartyFailed(at=run.now(), request=party.request, failure=failure))

    def _part(self, run: LiveRun, party: _Party, *, hang_up: bool) -> None:
        """Caller and party part: nothing of the party is left."""
        del self._parties[party.request]
        party.stop_waiting()
        if party.stage in {Stage.RINGING, Stage.ASKING}:
            self._silence(run, party)
        else:
            run.send(Leave(party.bridge, run.channel))
        if hang_up:
            run.send(HangUp(party.leg))
        if party.stage in {Stage.JOINING, Stage.TALKING}:
            run.send(DestroyBridge(party.bridge))
            run.disown_bridge(party.bridge)
        run.disown(party.leg)
        if party.trunk is not None:
            self._lines.free_channel(party.trunk)

    def _silence(self, run: LiveRun, party: _Party) -> None:
        """The caller hears no ringing and no music any more."""
        command = party.command
        if command is not None and command.music is not None:
            run.send(StopMusic(run.channel))
        elif command is not None:
            run.send(StopPlay(party.tone), lambda failure: None)


def leg_of(request: str) -> ChannelId:
    """The party's leg of a request."""
    return ChannelId(f"{LEG_PREFIX}party-{hashlib.sha256(request.encode()).hexdigest()[:24]}")


def _failure_of(event: LegEnded, *, rang: bool) -> told.PartyFailure:
    match outcome_of(event.cause, event.sip_code, ringing_seen=rang):
        case Outcome.BUSY | Outcome.DECLINED:
            return told.PartyFailure.BUSY
        case Outcome.NO_ANSWER | Outcome.UNREACHABLE | Outcome.CANCELLED:
            return told.PartyFailure.NO_ANSWER
        case _:
            return told.PartyFailure.FAILED
