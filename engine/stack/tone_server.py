"""The process of a tone end: `python -m engine.stack.tone_server`. One UDP socket serves the media of all calls.

It follows the call log of a SIPp scenario: `invite` (or a caller's `answer`) tells where Asterisk wants the media of a
call, `early` or `answer` lets it talk, `end` closes it. What it hears goes to the file `--heard`, JSON lines.
Datagrams may be orders of its owner: `press <number> <digits>`, `mute <number>`, `unmute <number>`.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import time
from collections import deque
from pathlib import Path
from typing import IO

from engine.stack.calllog import CallLogError, LogLine, parse_line
from engine.stack.ports import LOOPBACK
from engine.stack.sound import FRAME_MS, Ear, tone_frame
from engine.stack.tone_stream import PCMU, Change, ToneStream

_RECEIVE_BUFFER_BYTES = 2 << 20
_PACKETS_PER_WAKE = 400
_TICK_S = FRAME_MS / 1000
_STREAMS_MAX = 2000
_QUIET_CHECK_TICKS = 10
_EARLY_PACKETS = 2000
_EARLY_MS = 1000.0


class LogFollower:
    """Reads what is new in a growing log, whole lines only."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._file: IO[bytes] | None = None
        self._rest = b""

    def new_lines(self) -> list[LogLine]:
        """The lines written since the last call; one that is no line of the log is left to its strict reader."""
        if self._file is None:
            try:
                self._file = self._log.open("rb")
            except FileNotFoundError:
                return []
        *whole, self._rest = (self._rest + self._file.read()).split(b"\n")
        found = []
        for raw in whole:
            try:
                found.append(parse_line(raw.decode("utf-8", "replace")))
            except CallLogError:
                continue
        return found


class ToneServer:
    """All streams of one tone end."""

    def __init__(
        self,
        sock: socket.socket,
        follower: LogFollower,
        sends_hz: int,
        expects_hz: int,
        out: IO[str],
        keep: Path | None = None,
    ) -> None:
        """`keep`: a directory in which everything heard is kept, as G.711 by the call's number."""
        self._socket = sock
        self._follower = follower
        self._tone = tone_frame(sends_hz)
        self._ear = Ear(expects_hz)
        self._out = out
        self._streams: dict[int, ToneStream] = {}
        self._numbers: dict[str, str] = {}
        self._ticks = 0
        self._keep = keep
        self._kept: dict[str, IO[bytes]] = {}
        self._early: deque[tuple[float, int, bytes]] = deque(maxlen=_EARLY_PACKETS)
        """Media of calls that the log does not know yet: SIPp may write of an answer after Asterisk talks."""

    def run(self, life_s: float) -> None:
        """Serve until `life_s` have passed."""
        end = time.monotonic() + life_s
        tick = time.monotonic()
        while (now := time.monotonic()) < end:
            if now >= tick:
                self._tick()
                # after a stall go on from now: a burst of late audio is worse than a gap
                tick = tick + _TICK_S if now - tick < 5 * _TICK_S else now + _TICK_S
            ready, _, _ = select.select([self._socket], [], [], max(0.0, tick - time.monotonic()))
            if ready:
                self._receive()

    def _tick(self) -> None:
        for line in self._follower.new_lines():
            self._follow(line)
        for stream in self._streams.values():
            if stream.talking:
                self._send(stream)
        self._ticks += 1
        if self._ticks % _QUIET_CHECK_TICKS == 0:
            now_ms = time.time() * 1000
            for stream in self._streams.values():
                self._tell(stream, stream.notice_quiet(now_ms))

    def _follow(self, line: LogLine) -> None:
        if line.event == "invite" and line.rtp_port is None and len(self._numbers) < _STREAMS_MAX:
            # a caller's: only the answer brings the port, but not the number again
            self._numbers[line.call_id] = line.number
        elif line.event == "end":
            self._numbers.pop(line.call_id, None)
        if line.rtp_port is not None and len(self._streams) < _STREAMS_MAX:
            self._open(line, line.rtp_port)
        stream = next((one for one in self._streams.values() if one.call_id == line.call_id), None)
        if stream is None:
            return
        if line.event in {"early", "answer"}:
            stream.talking = True
        elif line.event == "end":
            self._close(stream, line.at_ms)

    def _open(self, line: LogLine, port: int) -> None:
        if (forgotten := self._streams.get(port)) is not None:
            self._close(forgotten, line.at_ms)
        number = line.number or self._numbers.get(line.call_id, "")
        self._streams[port] = ToneStream(line.call_id, number, port, line.at_ms)
        self._write({"open": line.call_id, "number": number, "port": port, "at_ms": line.at_ms})
        for at_ms, sender, packet in self._early:
            if sender == port and at_ms > line.at_ms - _EARLY_MS:
                self._hear(self._streams[port], packet, at_ms)

    def _close(self, stream: ToneStream, at_ms: float) -> None:
        del self._streams[stream.port]
        self._write({"close": stream.call_id, "at_ms": at_ms, "frames": stream.frames_heard})

    def _receive(self) -> None:
        now_ms = time.time() * 1000
        for _ in range(_PACKETS_PER_WAKE):
            try:
                packet, (_, port) = self._socket.recvfrom(2048)
            except BlockingIOError:
                return
            stream = self._streams.get(port)
            if stream is not None:
                self._hear(stream, packet, now_ms)
            elif packet.startswith((b"press ", b"tones ")):
                self._press(packet.decode("ascii", "replace"))
            elif packet.startswith((b"mute ", b"unmute ")):
                self._mute(packet.decode("ascii", "replace"))
            else:
                self._early.append((now_ms, port, packet))

    def _hear(self, stream: ToneStream, packet: bytes, at_ms: float) -> None:
        if self._keep is not None and packet[1] & 0x7F == PCMU:
            self._file_of(stream.number).write(packet[12:])
        self._tell(stream, stream.hear(packet, self._ear, at_ms))

    def _file_of(self, number: str) -> IO[bytes]:
        """Where what is heard in the calls of a number is kept."""
        assert self._keep is not None
        if number not in self._kept:
            self._kept[number] = (self._keep / f"{number.lstrip('+')}.ulaw").open("ab", buffering=0)
        return self._kept[number]

    def _press(self, order: str) -> None:
        how, number, digits = order.split(" ", 2)
        for stream in self._streams.values():
            if stream.number == number:
                stream.press_in_band(digits) if how == "tones" else stream.press(digits)

    def _mute(self, order: str) -> None:
        word, number = order.split(" ", 1)
        for stream in self._streams.values():
            if stream.number == number:
                stream.muted = word == "mute"

    def _send(self, stream: ToneStream) -> None:
        try:
            self._socket.sendto(stream.next_packet(self._tone), (LOOPBACK, stream.port))
        except (BlockingIOError, ConnectionRefusedError):
            return

    def _tell(self, stream: ToneStream, change: Change | None) -> None:
        if change is None:
            return
        what = {"digit": change.digit} if change.digit else {"sound": change.sound}
        self._write({"call": stream.call_id, **what, "at_ms": change.at_ms})

    def _write(self, fact: dict[str, object]) -> None:
        self._out.write(json.dumps(fact) + "\n")
        self._out.flush()


def main() -> None:
    """Read the command line, bind, serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--sends-hz", type=int, required=True)
    parser.add_argument("--expects-hz", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--heard", type=Path, required=True)
    parser.add_argument("--life-s", type=float, required=True)
    parser.add_argument("--keep", type=Path, help="keep what is heard in this directory")
    wanted = parser.parse_args()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        wanted.heard.open("a", encoding="utf-8") as out,
    ):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        sock.bind((LOOPBACK, wanted.port))
        sock.setblocking(False)
        follower = LogFollower(wanted.log)
        ToneServer(sock, follower, wanted.sends_hz, wanted.expects_hz, out, wanted.keep).run(wanted.life_s)


if __name__ == "__main__":
    main()
