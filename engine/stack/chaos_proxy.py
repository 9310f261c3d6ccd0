"""A chaos proxy: sits between a client and a server and lets the network misbehave on command.

    async with ChaosProxy(("127.0.0.1", 6379)) as proxy:      # or ChaosProxy(Path("/…/.s.PGSQL.5432"))
        client = connect(proxy.host, proxy.port)              # a Unix target listens at proxy.path instead
        proxy.delay(0.2)         # every chunk waits 0.2 s, in order
        proxy.black_hole()       # connections open, nothing passes: a partition
        proxy.cut()              # every connection is reset and new ones are refused by a reset
        proxy.heal()             # all is well again; what a black hole held back is delivered, as TCP would

It needs no privileges, holds at most one chunk per direction, and ends all its tasks on leaving.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

CHUNK_B = 16_384
CONNECT_S = 5.0

Address = tuple[str, int] | Path


class ChaosProxy:
    """Forwards TCP to TCP, or a Unix socket to a Unix socket. `connections_seen` counts what clients opened."""

    def __init__(self, target: Address) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._pairs: set[asyncio.Task[None]] = set()
        self._transports: set[asyncio.WriteTransport] = set()
        self._open = asyncio.Event()
        self._open.set()
        self._delay_s = 0.0
        self._refusing = False
        self.host = "127.0.0.1"
        self.port = 0
        self.path = Path()
        self.connections_seen = 0
        self.bytes_passed = 0

    def heal(self) -> None:
        """Pass everything at once again."""
        self._delay_s = 0.0
        self._refusing = False
        self._open.set()

    def delay(self, seconds: float) -> None:
        """Hold every chunk for `seconds` before passing it on."""
        self._delay_s = seconds

    def black_hole(self) -> None:
        """Let nothing pass, in either direction, while connections stay open; new ones are accepted and hang."""
        self._open.clear()

    def cut(self) -> None:
        """Reset every connection, and every new one at once."""
        self._refusing = True
        self.reset()

    def reset(self) -> None:
        """Reset every connection; new ones are served."""
        for transport in list(self._transports):
            transport.abort()

    async def __aenter__(self) -> Self:
        if isinstance(self._target, Path):
            self._directory = tempfile.TemporaryDirectory(prefix="chaos-")
            # PostgreSQL clients derive the file's name from the port, so it keeps the target's name
            self.path = Path(self._directory.name) / self._target.name
            self._server = await asyncio.start_unix_server(self._accepted, self.path)
        else:
            self._server = await asyncio.start_server(self._accepted, self.host, 0)
            self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for pair in self._pairs:
            pair.cancel()
        await asyncio.gather(*self._pairs, return_exceptions=True)
        if self._directory is not None:
            self._directory.cleanup()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections_seen += 1
        if self._refusing:
            writer.transport.abort()
            return
        pair = asyncio.create_task(self._serve(reader, writer))
        self._pairs.add(pair)
        pair.add_done_callback(self._pairs.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._transports.add(writer.transport)
        far_writer: asyncio.StreamWriter | None = None
        try:
            await self._open.wait()
            async with asyncio.timeout(CONNECT_S):
                far_reader, far_writer = await self._dial()
            self._transports.add(far_writer.transport)
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        except (OSError, TimeoutError):
            return
        finally:
            for end in (writer, far_writer):
                if end is not None:
                    self._transports.discard(end.transport)
                    end.transport.abort()

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, Path):
            return await asyncio.open_unix_connection(self._target)
        return await asyncio.open_connection(*self._target)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(CHUNK_B):
            if self._delay_s:
                await asyncio.sleep(self._delay_s)
            await self._open.wait()
            writer.write(chunk)
            self.bytes_passed += len(chunk)
            await writer.drain()
        with contextlib.suppress(OSError, NotImplementedError):
            writer.write_eof()
