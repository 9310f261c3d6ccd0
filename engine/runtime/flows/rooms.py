"""Rooms in which several callers meet: a bridge by name, made by the first one and ended by the last."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from engine.call.commands import CreateBridge, DestroyBridge, Join, Leave, StartMusic, StopMusic
from engine.call.events import CallEvent, CommandFailed, LegJoined, LegLeft
from engine.call.reconcile import Sight
from engine.flow.run import events as told
from engine.flow.run.commands import Command, JoinRoom, RunCommand
from engine.ids import LEG_PREFIX, BridgeId
from engine.run_ports import RunId

from .performer import LiveRun, Performing


@dataclass(slots=True)
class _Member:
    """Somebody in a room."""

    run: LiveRun
    request: str
    music: str | None
    joined: bool = False


@dataclass(slots=True)
class _Room:
    bridge: BridgeId
    members: dict[RunId, _Member] = field(default_factory=dict)


class Rooms(Performing):
    """Every room of the cell."""

    COMMANDS: tuple[type[Command], ...] = (JoinRoom,)

    def __init__(self) -> None:
        self._rooms: dict[BridgeId, _Room] = {}
        self._room_of: dict[RunId, _Room] = {}

    def perform(self, run: LiveRun, command: RunCommand) -> None:
        """Put the caller into the room, unless it is full."""
        assert isinstance(command, JoinRoom)
        bridge = room_bridge(command.room)
        room = self._rooms.setdefault(bridge, _Room(bridge))
        if run.id in room.members:
            return
        if len(room.members) >= command.members_max:
            run.tell(told.RoomFull(at=run.now(), request=command.request))
            return
        member = room.members[run.id] = _Member(run, command.request, command.music)
        self._room_of[run.id] = room
        run.own_bridge(bridge)

        def failed(failure: CommandFailed) -> None:
            if room.members.get(run.id) is member and not member.joined:
                self._leave(run)
                run.tell(told.CommandFailed(at=run.now(), request=command.request))

        if len(room.members) == 1:
            run.send(CreateBridge(bridge, "room"), failed)
        run.send(Join(bridge, run.channel, command.muted), failed)

    def cancel(self, run: LiveRun, request: str) -> None:
        """Take the caller out."""
        room = self._room_of.get(run.id)
        if room is not None and room.members[run.id].request == request:
            run.send(Leave(room.bridge, run.channel))
            self._leave(run)

    def heard(self, run: LiveRun, event: CallEvent) -> None:
        """The caller is in; or somebody put them out."""
        room = self._room_of.get(run.id)
        if room is None:
            return
        member = room.members[run.id]
        if isinstance(event, LegJoined) and event.bridge == room.bridge and not member.joined:
            member.joined = True
            run.tell(told.RoomJoined(at=event.at, request=member.request))
            self._entertain(room)
        elif isinstance(event, LegLeft) and event.bridge == room.bridge and member.joined:
            self._leave(run)
            run.tell(told.TalkEnded(at=event.at, request=member.request))

    def adopt(self, run: LiveRun, request: str, sight: Sight) -> bool:
        """Who talks in a room goes on talking there, while no engine looks."""
        bridge = sight.bridge_of.get(run.channel)
        if bridge is None or not bridge.startswith(f"{LEG_PREFIX}room-"):
            return False
        room = self._rooms.setdefault(bridge, _Room(bridge))
        room.members[run.id] = _Member(run, request, None, joined=True)
        self._room_of[run.id] = room
        run.own_bridge(bridge)
        return True

    def over(self, run: LiveRun) -> None:
        """The caller's leg leaves the bridge by itself."""
        if run.id in self._room_of:
            self._leave(run)

    def _leave(self, run: LiveRun) -> None:
        room = self._room_of.pop(run.id)
        member = room.members.pop(run.id)
        run.disown_bridge(room.bridge)
        if member.joined and member.music is not None and not run.over:
            run.send(StopMusic(run.channel))
        if not room.members:
            del self._rooms[room.bridge]
            run.send(DestroyBridge(room.bridge))
        else:
            self._entertain(room)

    def _entertain(self, room: _Room) -> None:
        """Who is alone hears music; two do not."""
        there = [member for member in room.members.values() if member.joined]
        for member in there:
            if member.music is not None:
                channel = member.run.channel
                alone = len(there) == 1
                member.run.send(StartMusic(channel, member.music) if alone else StopMusic(channel))


def room_bridge(room: str) -> BridgeId:
    """The bridge of a room, by its name."""
    return BridgeId(f"{LEG_PREFIX}room-{hashlib.sha256(room.encode()).hexdigest()[:16]}")
