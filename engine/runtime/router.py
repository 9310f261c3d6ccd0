"""The router: which call, agent or use case an event of Asterisk belongs to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

import structlog

from engine.agent.machine import Agent, AgentState, LoginAsked, SeatDigit, SeatEnded, SeatEntered, SeatJoined
from engine.call.commands import Answer, Continue, DestroyBridge, HangUp, Play, SetVariable
from engine.call.events import (
    LegDigit,
    LegEnded,
    LegEntered,
    LegEvent,
    LegJoined,
    PlaybackEnded,
    PlaybackEvent,
    Snapshot,
    SocketLost,
    SocketRestored,
    TelephonyEvent,
)
from engine.call.reconcile import Sight, missed
from engine.clock import Clock
from engine.errors import Rejected
from engine.ids import LEG_PREFIX, BridgeId, CallId, ChannelId, PlaybackId, Slot, is_attempt, seat_slot
from engine.outcome.disposition import Outcome
from engine.ports import Metrics
from engine.trunk.cause import outcome_of

from .switchboard import Switchboard

log = structlog.get_logger()

FAREWELL = "-farewell"


class Desk(Protocol):
    """What a phone can ask for through the dialplan."""

    def feature(self, slot: Slot, word: str, argument: str) -> None:
        """Carry out a feature code; raises Rejected."""
        ...

    def dial_from(self, slot: Slot, number: str) -> None:
        """Dial a number for a slot; raises Rejected."""
        ...

    def take_in_from_phone(self, call: CallId, slot: Slot, number: str) -> bool:
        """Serve a phone that dialed an automatic seat; False for every other number."""
        ...

    def preview_digit(self, slot: Slot, digit: str) -> None:
        """A digit on the leg of an agent who may be shown a lead."""
        ...

    def take_in(self, call: CallId, did: str, target: str, caller: str, wait_max_s: float | None) -> None:
        """Begin an inbound call; raises Rejected when the target makes no sense."""
        ...


class RunLegs(Protocol):
    """Legs and bridges that runs of scripts made for themselves."""

    @property
    def legs(self) -> Mapping[ChannelId, object]: ...

    @property
    def bridges(self) -> Collection[BridgeId]: ...

    def on_leg(self, event: LegEvent | PlaybackEvent) -> bool:
        """Something happened to a leg; False when no run made it (any more)."""
        ...

    def missed(self, sight: Sight, at: float) -> None:
        """The socket is back: tell runs which of their legs are gone."""
        ...


class Router:
    """Carries events to the switchboard; the first restored socket and each later one bring it level with Asterisk."""

    def __init__(
        self,
        switchboard: Switchboard,
        desk: Desk,
        runs: RunLegs,
        clock: Clock,
        metrics: Metrics,
        farewell: tuple[str, ...],
    ) -> None:
        self._switchboard = switchboard
        self._runs = runs
        self._desk = desk
        self._clock = clock
        self._metrics = metrics
        self._farewell = farewell
        """What a person hears whose call nobody knows (any more): never silence."""

    def on_event(self, event: TelephonyEvent) -> None:
        """Carry one event to whom it belongs; never raises for what Asterisk says."""
        match event:
            case SocketRestored(snapshot, at):
                self._level(snapshot, at)
            case SocketLost():
                log.warning("ari_socket_lost", calls=len(self._switchboard.calls))
            case _:
                self._on_channel_event(event)

    def _on_channel_event(self, event: LegEvent | PlaybackEvent) -> None:
        slot = seat_slot(event.channel)
        if slot is not None:
            self._on_seat_event(slot, event)
        elif self._switchboard.post(CallId(event.channel), event):
            return
        elif event.channel.startswith(LEG_PREFIX):
            self._on_run_leg(event)
        elif isinstance(event, LegEntered):
            self._on_newcomer(event)
        elif isinstance(event, PlaybackEvent) and event.playback.endswith(FAREWELL):
            if isinstance(event, PlaybackEnded):
                self._switchboard.perform(HangUp(event.channel))
        else:
            self._metrics.count("vss_events_unrouted_total", type=type(event).__name__)

    def _on_run_leg(self, event: LegEvent | PlaybackEvent) -> None:
        """A leg that a run made; one of a run that is gone is ended."""
        if not self._runs.on_leg(event) and isinstance(event, LegEntered):
            self._switchboard.perform(HangUp(event.channel))

    # --- agents' legs

    def _on_seat_event(self, slot: Slot, event: LegEvent | PlaybackEvent) -> None:
        agent = self._switchboard.agent_or_none(slot)
        if agent is None or agent.channel != event.channel:
            if isinstance(event, LegEntered):  # a phone answered the call of a log-in that was given up
                self._switchboard.perform(HangUp(event.channel))
            return
        match event:
            case LegEntered(at=at):
                self._switchboard.tell_agent(slot, SeatEntered(at))
            case LegJoined(bridge=bridge, at=at) if bridge == agent.bridge:
                self._switchboard.tell_agent(slot, SeatJoined(at))
            case LegDigit(digit=digit, at=at):
                self._switchboard.tell_agent(slot, SeatDigit(digit, at))
                self._desk.preview_digit(slot, digit)
            case LegEnded():
                self._switchboard.tell_agent(slot, SeatEnded(_why(event, seated=agent.seated), event.at))
            case _:
                pass

    # --- legs that are new to us

    def _on_newcomer(self, event: LegEntered) -> None:
        match event.args:
            case ("feature", slot, word, *rest) if slot.isdigit():
                self._feature(event, Slot(int(slot)), word, rest[0] if rest else "")
            case ("dial", slot, number, *_) if slot.isdigit():
                self._dial(event, Slot(int(slot)), number)
            case ("inbound", did, target, caller, _, *wait):
                self._inbound(event, did, target, caller, _seconds(wait))
            case _:
                log.warning("unknown_leg", channel=event.channel, args=event.args)
                self._metrics.count("vss_swept_channels_total")
                self._say_farewell(event.channel)

    def _say_farewell(self, channel: ChannelId) -> None:
        """Nobody can serve this leg: it hears so and is hung up."""
        self._switchboard.perform(Answer(channel))
        self._switchboard.perform(Play(channel, PlaybackId(f"{channel}{FAREWELL}"), self._farewell))

    def _feature(self, event: LegEntered, slot: Slot, word: str, argument: str) -> None:
        try:
            self._desk.feature(slot, word, argument)
            result = "ok"
        except Rejected as refusal:
            log.info("feature_refused", slot=slot, word=word, reason=str(refusal))
            result = "refused"
        self._switchboard.perform(SetVariable(event.channel, "VSS_RESULT", result))
        self._switchboard.perform(Continue(event.channel))

    def _dial(self, event: LegEntered, slot: Slot, number: str) -> None:
        """The dialed number is called on the agent's nailed-up leg; the phone's own attempt ends.

        The script of an automatic seat serves the phone itself.
        """
        if self._desk.take_in_from_phone(CallId(event.channel), slot, number):
            return
        try:
            self._desk.dial_from(slot, number)
            cause = 16
        except Rejected as refusal:
            log.info("dial_refused", slot=slot, reason=str(refusal))
            cause = 21
        self._switchboard.perform(HangUp(event.channel, cause))

    def _inbound(self, event: LegEntered, did: str, target: str, caller: str, wait_max_s: float | None) -> None:
        try:
            self._desk.take_in(CallId(event.channel), did, target, caller, wait_max_s)
        except Rejected as refusal:
            log.warning("inbound_refused", did=did, target=target, reason=str(refusal))
            self._say_farewell(event.channel)

    # --- level with Asterisk

    def _level(self, snapshot: Snapshot, at: float) -> None:
        """Tell every call and agent what it missed, and sweep what belongs to nobody."""
        board = self._switchboard
        sight = Sight.of(snapshot)
        for call in tuple(board.calls.values()):
            for event in missed(call, sight, at):
                board.post(call.id, event)
        restarted = not snapshot.channels
        for agent in board.agents():
            if agent.channel is None:
                continue
            seen = sight.channels.get(agent.channel)
            if seen is None:
                board.tell_agent(agent.slot, SeatEnded("the leg was lost", at))
                if restarted and agent.seated and agent.pending is not AgentState.OFFLINE:
                    # Asterisk lost all legs at once: nobody hung up, so those who were at work are called again.
                    log.warning("agent_called_again", slot=agent.slot)
                    board.tell_agent(agent.slot, LoginAsked(at, ready=_at_work(agent)))
            elif sight.bridge_of.get(agent.channel) == agent.bridge:
                board.tell_agent(agent.slot, SeatJoined(at))
            elif seen.app_args is not None and not agent.seated:
                board.tell_agent(agent.slot, SeatEntered(at))
        self._runs.missed(sight, at)
        self._sweep(snapshot, at)

    def _sweep(self, snapshot: Snapshot, at: float) -> None:
        board = self._switchboard
        legs = {agent.channel for agent in board.agents()} | {call.channel for call in board.calls.values()}
        legs |= self._runs.legs.keys()
        bridges = {agent.bridge for agent in board.agents()} | set(self._runs.bridges)
        for seen in snapshot.channels:
            ours = seen.app_args is not None or _made_by_us(seen.channel)
            if ours and seen.channel not in legs:
                if seen.app_args is not None and seen.app_args[:1] == ("inbound",):
                    # Came while nobody listened, or in the moment between the socket and the snapshot: take them in.
                    self._on_newcomer(LegEntered(seen.channel, seen.app_args, "", "", at))
                    continue
                self._metrics.count("vss_swept_channels_total")
                log.warning("channel_swept", channel=seen.channel, state=seen.state)
                board.perform(HangUp(seen.channel))
        for bridge in snapshot.bridges:
            if _made_by_us(bridge.bridge) and bridge.bridge not in bridges:
                board.perform(DestroyBridge(bridge.bridge))


def _at_work(agent: Agent) -> bool:
    """Whether calls may be given to the agent as soon as they are there again."""
    return agent.state is not AgentState.PAUSED and agent.pending is None


def _made_by_us(name: str) -> bool:
    """Whether a channel or bridge has a name that the engine gives."""
    return name.startswith(LEG_PREFIX) or seat_slot(name) is not None or is_attempt(name)


def _seconds(words: list[str]) -> float | None:
    """How long a route lets its callers wait; None where the dialplan says nothing that makes sense."""
    try:
        wait_s = float(words[0])
    except (IndexError, ValueError):
        return None
    return wait_s if wait_s > 0 else None


def _why(event: LegEnded, *, seated: bool) -> str:
    """Why an agent's leg ended, for people."""
    if seated:
        return "the phone hung up"
    match outcome_of(event.cause, event.sip_code, ringing_seen=True):
        case Outcome.NO_ANSWER:
            return "did not answer"
        case Outcome.BUSY:
            return "the phone is busy"
        case Outcome.DECLINED:
            return "the phone declined"
        case Outcome.INVALID_NUMBER | Outcome.UNREACHABLE:
            return "the phone is not registered"
        case _:
            return f"the phone could not be called (cause {event.cause})"
