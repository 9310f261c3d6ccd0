"""The FastAGI server on a real socket: answers, bounds, and peers that misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from engine.adapters.fastagi import FastAgiServer
from engine.fakes.directory import FakeRoutes
from engine.fakes.metrics import FakeMetrics
from engine.ids import Slot
from engine.ports import InboundRoute
from tests.eventually import until

SALES = InboundRoute("4989123", "sales", wait_max_s=60.0)
ASK = b"agi_network: yes\nagi_network_script: route\nagi_arg_1: 4989123\nagi_arg_2: 4930555\nagi_arg_3: carrier\n\n"


class Names:
    """Who a caller is; or nobody knows, for ever."""

    def __init__(self, name: str | None) -> None:
        self.name = name

    async def caller_name(self, number: str) -> str | None:
        if self.name is None:
            await asyncio.Event().wait()
        return self.name


class Bench:
    def __init__(self, server: FastAgiServer, routes: FakeRoutes, metrics: FakeMetrics) -> None:
        self.server, self.routes, self.metrics = server, routes, metrics

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.server.port)

    async def ask(self, block: bytes = ASK, replies: Sequence[bytes] = ()) -> dict[str, str]:
        """Ask, and wait until the server has put the conversation away."""
        told = await self.ask_only(block, replies)
        await self.settled()
        return told

    async def ask_only(self, block: bytes = ASK, replies: Sequence[bytes] = ()) -> dict[str, str]:
        """Play Asterisk: send a block, accept every command (or give these replies), return what was set."""
        reader, writer = await self.connect()
        left, told = list(replies), {}
        try:
            writer.write(block)
            async with asyncio.timeout(10):
                while line := await reader.readline():
                    _, _, name, value = line.decode().rstrip("\n").split(" ", 3)
                    told[name] = value.strip('"')
                    writer.write(left.pop(0) if left else b"200 result=1\n")
        except ConnectionError:
            told["cut"] = "yes"
        finally:
            writer.close()
        return told

    async def settled(self) -> None:
        await until(lambda: self.server.connections == 0)

    def reached(self, bound: str) -> int:
        return self.metrics.of("vss_bounds_reached_total", bound=bound)

    def result(self, result: str) -> int:
        return self.metrics.of("vss_fastagi_requests_total", result=result)


@asynccontextmanager
async def serving(
    names: Names | None = None,
    connections_max: int = 16,
    session_s: float = 4.5,
    headers_s: float = 2.0,
    lookup_timeout_s: float = 2.0,
) -> AsyncIterator[Bench]:
    routes, metrics = FakeRoutes([SALES, InboundRoute("7001", "sales", Slot(7001))]), FakeMetrics()
    server = FastAgiServer(
        "127.0.0.1", 0, routes, metrics, callers=names, connections_max=connections_max, session_s=session_s,
        headers_s=headers_s, lookup_timeout_s=lookup_timeout_s,
    )  # fmt: skip
    async with server:
        yield Bench(server, routes, metrics)
    assert server.connections == 0
    assert not server.listening


async def test_known_number_gets_its_pool_and_the_name_of_the_caller() -> None:
    async with serving(Names("Ada Lovelace")) as bench:
        assert await bench.ask() == {
            "VSS_CALLER_NAME": "Ada Lovelace",
            "VSS_POOL": "sales",
            "VSS_WAIT_MAX_S": "60",
            "VSS_TARGET": "queue/sales",
        }
        assert bench.result("routed") == 1


async def test_slot_is_reached_by_its_number() -> None:
    async with serving() as bench:
        told = await bench.ask(b"agi_network_script: route\nagi_arg_1: 7001\n\n")
        assert told["VSS_TARGET"] == "slot/7001"


@pytest.mark.parametrize("did", [b"4989999", b"", b"; rm", b"sales", b"1" * 33])
async def test_number_without_a_route_is_rejected(did: bytes) -> None:
    async with serving() as bench:
        assert await bench.ask(b"agi_network_script: route\nagi_arg_1: " + did + b"\n\n") == {"VSS_TARGET": "reject"}
        assert bench.result("rejected") == 1


async def test_malformed_number_never_reaches_the_directory() -> None:
    async with serving() as bench:
        await bench.ask(b"agi_network_script: route\nagi_arg_1: 12'; drop\n\n")
        assert bench.routes.asked == []


async def test_slow_name_does_not_hold_the_call() -> None:
    async with serving(Names(None)) as bench:
        assert (await bench.ask())["VSS_TARGET"] == "queue/sales"
        assert bench.reached("fastagi_caller") == 1


async def test_directory_away_and_nothing_remembered_leaves_the_target_empty() -> None:
    async with serving() as bench:
        bench.routes.away = True
        assert await bench.ask() == {}
        assert bench.result("away") == 1


async def test_directory_away_is_answered_from_memory_at_once() -> None:
    async with serving() as bench:
        await bench.ask()
        bench.routes.away = True
        assert (await bench.ask())["VSS_TARGET"] == "queue/sales"
        assert (await bench.ask())["VSS_TARGET"] == "queue/sales"
        assert bench.result("routed_stale") == 2
        assert len(bench.routes.asked) == 2, "the second caller waits for no look-up"


async def test_silent_directory_costs_at_most_the_timeout() -> None:
    async with serving(lookup_timeout_s=0.05) as bench:
        bench.routes.silent = True
        assert await bench.ask() == {}
        assert bench.reached("fastagi_lookup") == 1


async def test_connect_and_close_leaves_nothing_behind() -> None:
    async with serving() as bench:
        for _ in range(50):
            _, writer = await bench.connect()
            writer.close()
            await bench.settled()
        await until(lambda: bench.result("connection_lost") == 50)
        assert (await bench.ask())["VSS_TARGET"] == "queue/sales"


async def test_slow_loris_is_ended_while_others_are_served() -> None:
    async with serving(headers_s=0.3, session_s=600) as bench:
        _, slow = await bench.connect()
        slow.write(b"agi_network: yes\n")
        await until(lambda: bench.server.connections == 1)
        assert (await bench.ask_only())["VSS_TARGET"] == "queue/sales"
        await bench.settled()
        assert bench.result("timeout") == 1
        slow.close()


@pytest.mark.parametrize(
    "junk", [b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 100_000, b"agi_a: " + b"x" * 1_000_000, bytes(range(256)) * 40]
)
async def test_garbage_is_cut_off(junk: bytes) -> None:
    async with serving() as bench:
        assert await bench.ask(junk) in ({"cut": "yes"}, {})
        assert bench.result("bad_input") == 1


async def test_unknown_script_is_refused() -> None:
    async with serving() as bench:
        await bench.ask(b"agi_network_script: shell\nagi_arg_1: 4989123\n\n")
        assert bench.result("bad_input") == 1
        assert bench.routes.asked == []


async def test_more_connections_than_allowed_are_closed_and_counted() -> None:
    async with serving(connections_max=4) as bench:
        held = [await bench.connect() for _ in range(4)]
        await until(lambda: bench.server.connections == 4)
        reader, writer = await bench.connect()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()
        assert bench.reached("fastagi_connections") == 1
        for _, held_writer in held:
            held_writer.close()
        await bench.settled()
        assert (await bench.ask())["VSS_TARGET"] == "queue/sales"


@pytest.mark.parametrize("reply", [b"HANGUP\n", b"200 result=-1\n", b"511 Command Not Permitted on a dead channel\n"])
async def test_caller_who_hangs_up_in_the_middle_ends_the_conversation(reply: bytes) -> None:
    async with serving() as bench:
        told = await bench.ask(replies=[b"200 result=1\n", reply])
        assert "VSS_TARGET" not in told
        assert bench.result("caller_gone") == 1


@pytest.mark.parametrize(
    "reply", [b"510 Invalid or unknown command\n", b"520-Usage:\nSET\n520 End\n", b"100 x\n" * 30, b"y" * 5000 + b"\n"]
)
async def test_refused_command_ends_the_conversation(reply: bytes) -> None:
    async with serving() as bench:
        told = await bench.ask(replies=[reply])
        assert "VSS_TARGET" not in told
        assert bench.result("bad_input") == 1


async def test_asterisk_that_stops_answering_is_left_after_the_bound() -> None:
    async with serving(session_s=0.3) as bench:
        reader, writer = await bench.connect()
        writer.write(ASK)
        assert (await reader.readline()).startswith(b"SET VARIABLE")
        await bench.settled()
        assert bench.result("timeout") == 1
        writer.close()


async def test_fault_in_the_directory_is_the_callers_fallback_not_a_crash() -> None:
    async with serving() as bench:
        bench.routes.put(InboundRoute("4989123", "no such, pool"))
        assert await bench.ask() == {}
        assert bench.result("away") == 1


async def test_leaving_ends_open_conversations() -> None:
    async with serving() as bench:
        bench.routes.silent = True
        reader, writer = await bench.connect()
        writer.write(ASK)
        await until(lambda: bool(bench.routes.asked))
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()
    assert bench.result("shut_down") == 1


async def test_hundreds_of_questions_at_once_are_all_answered() -> None:
    async with serving(connections_max=400) as bench:
        async with asyncio.timeout(30):
            told = await asyncio.gather(*(bench.ask_only() for _ in range(300)))
        assert [one["VSS_TARGET"] for one in told] == ["queue/sales"] * 300
