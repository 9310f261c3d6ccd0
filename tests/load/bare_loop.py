"""The bare loop that `vss bench calls` measures the engine against: the same calls, and not a thing more.

It has what the calls themselves need, as the engine has it: one ARI WebSocket for requests and events, the same event
filter (`events`), uvloop, msgspec, calls dialed into the dialplan and watched by a subscription of the trunk. It has no
database, campaign, outcome, deadline, retry, metric or page. Settings are one JSON argument. `lines`: keeps so many
calls up, each hung up the moment it is answered. `cps`: dials so many a second and joins each answer to a waiting
agent's bridge as the engine does (stop the music, join, music again later). `media`: plays these one after the other
to who answers, and hangs up. Each line on stdin asks for its counters.
"""

import asyncio
import json
import socket
import sys
import time

import msgspec
import uvloop

Channel = msgspec.defstruct("Channel", [("id", str)])
Playback = msgspec.defstruct("Playback", [("id", str), ("target_uri", str)])
Frame = msgspec.defstruct(
    "Frame",
    [("type", str), ("channel", Channel | None, None), ("status_code", int, 0), ("playback", Playback | None, None)],
)


class Loop(asyncio.Protocol):
    def __init__(self, settings):
        self.settings, self.trunk = settings, settings["trunk"]
        self.data, self.dialed, self.done, self.errors = b"", 0, 0, 0
        self.answered, self.talking, self.free, self.bridged = set(), {}, [], []
        self.decode, self.encode = msgspec.json.Decoder(Frame).decode, msgspec.json.Encoder().encode

    def connection_made(self, transport):
        self.transport, app = transport, f"applications/{self.settings['app']}"
        allowed = json.dumps({"allowed": [{"type": kind} for kind in self.settings["events"]], "disallowed": []})
        self.send(method="PUT", uri=f"{app}/eventFilter", content_type="application/json", message_body=allowed)
        self.ask("POST", f"{app}/subscription", eventSource=f"endpoint:PJSIP/{self.trunk}")
        for slot in self.settings.get("slots", ()):
            self.ask("POST", f"bridges/seat-{slot}-bridge", type="mixing")
            self.dial(f"seat-{slot}", f"PJSIP/{slot}", "vss-agent")
        for _ in range(self.settings.get("lines", 0)):
            self.dial_next()

    def data_received(self, data):
        data, at = self.data + data, 0
        while len(data) - at > 1:
            size, start = data[at + 1], at + 2
            if size > 125:
                start += 2 if size == 126 else 8
                size = int.from_bytes(data[at + 2 : start], "big")
            if len(data) < start + size:
                break
            if data[at] == 0x81:  # one whole text frame
                self.hear(self.decode(data[start : start + size]))
            at = start + size
        self.data = data[at:]

    def send(self, **request):
        payload = self.encode({"type": "RESTRequest", "request_id": "", **request})
        head = b"\x81" + (bytes((0x80 | size,)) if (size := len(payload)) < 126 else b"\xfe" + size.to_bytes(2, "big"))
        self.transport.write(head + b"\0\0\0\0" + payload)  # masked with zeros, which changes nothing

    def ask(self, method, uri, **query):
        self.send(method=method, uri=uri, query_strings=[{"name": name, "value": query[name]} for name in query])

    def dial(self, channel, endpoint, context):
        self.ask("POST", f"channels/{channel}", endpoint=endpoint, context=context, extension="s", priority="1",
                 callerId=self.settings["caller_id"], timeout="25")  # fmt: skip

    def dial_next(self):
        self.dialed += 1
        number = f"999{self.settings['series']}{self.dialed:08}"
        self.dial(number, f"PJSIP/+{number}@{self.trunk}", "vss-customer")

    def hear(self, frame):
        channel = frame.channel and frame.channel.id
        if frame.type == "StasisStart" and channel.startswith("seat"):
            self.ask("POST", f"bridges/{channel}-bridge/addChannel", channel=channel)
        elif frame.type == "StasisStart" and "media" in self.settings:
            self.answered.add(channel)
            self.play(channel, 0)
        elif frame.type == "PlaybackFinished" and "media" in self.settings:
            channel, _, number = frame.playback.id.rpartition(":")
            self.play(channel, int(number) + 1)
        elif frame.type == "StasisStart" and "lines" in self.settings:
            self.answered.add(channel)
            self.ask("DELETE", f"channels/{channel}", reason_code="16")
        elif frame.type == "StasisStart":
            seat = self.talking[channel] = self.free.pop(0)
            self.ask("DELETE", f"channels/{seat}/moh")
            self.ask("POST", f"bridges/{seat}-bridge/addChannel", channel=channel)
        elif frame.type == "ChannelEnteredBridge":
            self.bridged.append((channel, time.time())) if channel in self.talking else self.wait(channel)
        elif frame.type == "ChannelDestroyed":
            self.done += 1
            if "lines" in self.settings:
                self.errors += channel not in self.answered
                self.dial_next()
            elif channel in self.talking:
                self.wait(self.talking.pop(channel))
        elif frame.status_code >= 300 and frame.status_code != 404:  # 404: it has just gone
            self.errors += 1

    def play(self, channel, number):
        if number == len(self.settings["media"]):
            self.ask("DELETE", f"channels/{channel}", reason_code="16")
        else:
            media = self.settings["media"][number]
            self.ask("POST", f"channels/{channel}/play/{channel}:{number}", media=media)

    def wait(self, seat):
        self.free.append(seat)
        self.ask("POST", f"channels/{seat}/moh", mohClass="default")

    def tell(self, _asked):
        print(json.dumps({name: getattr(self, name) for name in ("done", "errors", "free", "bridged")}), flush=True)


async def main(settings):
    line = socket.create_connection(("127.0.0.1", settings["port"]))
    line.sendall((f"GET /ari/events?app={settings['app']} HTTP/1.1\r\nHost: asterisk\r\nUpgrade: websocket\r\n"
                  f"Connection: Upgrade\r\nAuthorization: {settings['authorization']}\r\nSec-WebSocket-Version: 13\r\n"
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())  # fmt: skip
    assert b" 101 " in line.recv(4096)
    _, loop = await asyncio.get_running_loop().create_connection(lambda: Loop(settings), sock=line)
    asyncio.get_running_loop().add_reader(sys.stdin, lambda: loop.tell(sys.stdin.readline() or sys.exit()))
    due = time.monotonic() + settings.get("agents_s", 0)
    while True:
        await asyncio.sleep(due - time.monotonic())
        if "cps" in settings:
            loop.dial_next()
        due += 1 / settings.get("cps", 1)


uvloop.run(main(json.loads(sys.argv[1])))
