"""The WebSocket client: what RFC 6455 asks of a client, and what it must refuse."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.adapters.ari import websocket
from engine.adapters.ari.websocket import HandshakeRefused, WebSocketClient, client_frame, mask
from tests.eventually import until

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def server_frame(opcode: int, payload: bytes, *, last: bool = True) -> bytes:
    """A frame as a server sends it: not masked."""
    size = len(payload)
    head = bytes([(0x80 if last else 0) | opcode])
    if size < 126:
        return head + bytes([size]) + payload
    if size < 65536:
        return head + b"\x7e" + size.to_bytes(2, "big") + payload
    return head + b"\x7f" + size.to_bytes(8, "big") + payload


async def read_client_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Opcode and payload of a frame of the client, which must be masked."""
    head = await reader.readexactly(2)
    assert head[1] & 0x80, "a client masks its frames"
    size = head[1] & 0x7F
    if size >= 126:
        size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
    key = await reader.readexactly(4)
    return head[0] & 0x0F, mask(await reader.readexactly(size), key)


async def shake_hands(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    """The server's side of the handshake; returns the request."""
    request = (await reader.readuntil(b"\r\n\r\n")).decode()
    key = next(line.split(": ")[1] for line in request.splitlines() if line.startswith("Sec-WebSocket-Key"))
    accept = base64.b64encode(hashlib.sha1(key.encode() + MAGIC).digest()).decode()
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept.encode() + b"\r\n\r\n"
    )
    return request


class Ears:
    """What a client told, and waiting for it."""

    def __init__(self) -> None:
        self.texts: list[bytes] = []
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def connect(self, port: int, *, message_max_bytes: int = 1 << 20) -> WebSocketClient:
        return await websocket.connect(
            f"http://127.0.0.1:{port}/ari/events?app=vss",
            {"Authorization": "Basic x"},
            self.texts.append,
            self.closed.set_result,
            timeout_s=5,
            message_max_bytes=message_max_bytes,
            random_bytes=lambda size: bytes(range(1, size + 1)),
        )


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[int]:
    """A server whose every connection is handled by `talk`; gives its port."""
    tasks = set[asyncio.Task[None]]()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def handle() -> None:
            try:
                await talk(reader, writer)
            finally:
                writer.close()

        tasks.add(asyncio.create_task(handle()))

    listening = await asyncio.start_server(accepted, "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4))
def test_masking_twice_gives_the_payload_back(payload: bytes, key: bytes) -> None:
    assert mask(mask(payload, key), key) == payload
    assert mask(payload, key) == bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
async def test_frames_of_every_length_class_reach_the_server(size: int) -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(client_frame(TEXT, b"x" * size, b"\x01\x02\x03\x04"))
    assert await read_client_frame(reader) == (TEXT, b"x" * size)


class SilentTransport(asyncio.Transport):
    """Takes writes and keeps them."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.aborted = False

    def write(self, data: object) -> None:
        self.written.append(bytes(data))  # type: ignore[call-overload]

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


def upgraded() -> tuple[WebSocketClient, SilentTransport, list[bytes]]:
    """A client after its handshake, fed by hand."""
    heard: list[bytes] = []
    client = WebSocketClient(
        b"", b"A", heard.append, lambda _: None, message_max_bytes=1 << 20, random_bytes=lambda size: b"\0" * size
    )
    transport = SilentTransport()
    client.connection_made(transport)
    client.data_received(b"HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: A\r\n\r\n")
    return client, transport, heard


@given(
    messages=st.lists(st.binary(max_size=70_000), max_size=6),
    cuts=st.lists(st.integers(min_value=1, max_value=200_000), max_size=40),
)
def test_messages_arrive_whole_however_the_network_cuts_them(messages: list[bytes], cuts: list[int]) -> None:
    async def feed() -> None:
        client, _, heard = upgraded()
        stream = b"".join(server_frame(TEXT, message) for message in messages)
        edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
        for start, end in pairwise(edges):
            client.data_received(stream[start:end])
        assert heard == messages

    asyncio.run(feed())


async def test_fragmented_message_is_put_together_around_a_ping() -> None:
    client, transport, heard = upgraded()
    client.data_received(server_frame(TEXT, b"one ", last=False) + server_frame(PING, b"p"))
    client.data_received(server_frame(0, b"two ", last=False) + server_frame(0, b"three"))
    assert heard == [b"one two three"]
    assert client_frame(PONG, b"p", b"\0\0\0\0") in transport.written


@pytest.mark.parametrize(
    "bad",
    [
        bytes([0x81, 0x80]) + b"\0\0\0\0",
        bytes([0xC1, 0x00]),
        server_frame(BINARY, b"x"),
        server_frame(0, b"a continuation of nothing"),
        server_frame(TEXT, b"a", last=False) + server_frame(TEXT, b"b"),
        b"\x81\x7f" + (1 << 40).to_bytes(8, "big"),
    ],
    ids=["masked", "extension", "binary", "lone continuation", "unfinished message", "too long"],
)
async def test_what_the_protocol_forbids_ends_the_connection(bad: bytes) -> None:
    client, transport, heard = upgraded()
    client.data_received(bad)
    assert transport.aborted
    assert heard == []


async def test_fragments_beyond_the_limit_end_the_connection() -> None:
    client, transport, _ = upgraded()
    client.data_received(server_frame(TEXT, b"x" * 700_000, last=False))
    client.data_received(server_frame(0, b"x" * 700_000, last=False))
    assert transport.aborted


async def test_handshake_carries_the_headers_and_frames_flow_both_ways() -> None:
    asked: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set_result(await shake_hands(reader, writer))
        _, payload = await read_client_frame(reader)
        writer.write(server_frame(TEXT, b"echo " + payload))
        await reader.read()

    ears = Ears()
    async with server(talk) as port:
        client = await ears.connect(port)
        client.send_text(b"hello")
        await until(lambda: bool(ears.texts))
        client.close("done")
        assert await ears.closed == "done"
    request = await asked
    assert request.startswith("GET /ari/events?app=vss HTTP/1.1\r\n")
    assert "Authorization: Basic x\r\n" in request
    assert ears.texts == [b"echo hello"]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 401 Unauthorized\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nSec-WebSocket-Accept: wrong\r\n\r\n",
        b"",
        b"x" * 40_000,
    ],
    ids=["401", "wrong key", "closed", "endless"],
)
async def test_refused_handshake_is_an_error_of_connect_and_nothing_else(answer: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.write_eof()

    ears = Ears()
    async with server(talk) as port:
        with pytest.raises(HandshakeRefused):
            await ears.connect(port)
    assert not ears.closed.done()


async def test_server_that_says_good_bye_ends_the_connection_with_its_code() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(server_frame(CLOSE, (1001).to_bytes(2, "big")))
        assert await read_client_frame(reader) == (CLOSE, (1001).to_bytes(2, "big"))

    ears = Ears()
    async with server(talk) as port:
        await ears.connect(port)
        assert "1001" in await asyncio.wait_for(ears.closed, 5)


async def test_url_that_is_not_http_is_refused() -> None:
    with pytest.raises(ValueError, match="http"):
        await websocket.connect("https://x/ari", {}, print, print, timeout_s=1, message_max_bytes=1, random_bytes=bytes)
