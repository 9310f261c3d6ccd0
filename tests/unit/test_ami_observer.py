"""The AMI adapter on a real socket, against a peer that plays Asterisk, well or badly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from engine.adapters.ami import AmiObserver, ForbiddenAction
from engine.adapters.ami.session import FRAGMENT_MAX, IN_FLIGHT_MAX, AmiSession
from engine.errors import Unavailable
from engine.fakes.metrics import FakeMetrics
from engine.ids import Slot
from tests.eventually import closed_port, until

SECRET = "s3cret"


class Peer:
    """An Asterisk of a few lines: answers what it is asked, has the contacts it was given, can fall silent."""

    def __init__(self) -> None:
        self.contacts: dict[str, str] = {}
        self.received: list[dict[str, str]] = []
        self.silent: set[str] = set()
        self.logins = 0
        self.port = 0
        self.during_list: Callable[[], None] = lambda: None
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self.drop()
        await until(lambda: not self._writers)

    def drop(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def send(self, raw: bytes) -> None:
        for writer in self._writers:
            writer.write(raw)

    def contact(self, slot: str, status: str) -> None:
        """A contact changes and the event says so."""
        self.contacts[slot] = status
        if status in {"Removed", "Unreachable"}:
            del self.contacts[slot]
        self.send(
            message(Event="ContactStatus", URI=f"sip:{slot}@x", ContactStatus=status, AOR=slot, EndpointName=slot)
        )

    def actions(self) -> list[str]:
        return [action["Action"] for action in self.received]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            writer.write(b"Asterisk Call Manager/11.0.0\r\n")
            while True:
                block = (await reader.readuntil(b"\r\n\r\n")).decode()
                action = dict(line.split(": ", 1) for line in block.split("\r\n") if line)
                self.received.append(action)
                if action["Action"] not in self.silent:
                    self._answer(action, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def _answer(self, action: dict[str, str], writer: asyncio.StreamWriter) -> None:
        name, number = action["Action"], action["ActionID"]
        if name == "Login":
            self.logins += 1
            good = action["Secret"] == SECRET
            writer.write(message(Response="Success" if good else "Error", ActionID=number, Message="Authentication"))
        elif name == "PJSIPShowContacts" and not self.contacts:
            writer.write(message(Response="Error", ActionID=number, Message="No Contacts found"))
        elif name == "PJSIPShowContacts":
            writer.write(message(Response="Success", ActionID=number, EventList="start", Message="follows"))
            listed = list(self.contacts.items())
            self.during_list()
            for slot, status in listed:
                writer.write(
                    message(Event="ContactList", ActionID=number, Endpoint=slot, Uri=f"sip:{slot}@x", Status=status)
                )
            writer.write(message(Event="ContactListComplete", ActionID=number, EventList="Complete"))
        else:
            writer.write(message(Response="Success", ActionID=number, CoreCurrentCalls="42"))


def message(**headers: str) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n"


@asynccontextmanager
async def playing() -> AsyncIterator[Peer]:
    peer = Peer()
    await peer.start()
    try:
        yield peer
    finally:
        await peer.stop()


class Watch:
    """An observer that runs, and what it said."""

    def __init__(self, port: int, secret: str = SECRET, timeout_s: float = 5.0, poll_s: float = 0.05) -> None:
        self.metrics = FakeMetrics()
        self.told: list[tuple[Slot, bool, float]] = []
        self.observer = AmiObserver(
            "127.0.0.1", port, "vss", secret, lambda *news: self.told.append(news), self.metrics,
            poll_s=poll_s, timeout_s=timeout_s, backoff_first_s=0.01, list_every_s=0.2, now=lambda: 12.5,
        )  # fmt: skip

    async def __aenter__(self) -> Watch:
        self.task = asyncio.create_task(self.observer.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task
        assert not self.observer.connected


async def test_registered_slots_are_told_at_connect_and_changes_after_that() -> None:
    async with playing() as peer:
        peer.contacts = {"7001": "Reachable", "7002": "Unreachable", "carrier": "Reachable"}
        async with Watch(peer.port) as watch:
            await until(lambda: watch.observer.connected)
            assert watch.told == [(7001, True, 12.5)]
            peer.contact("7002", "Reachable")
            peer.contact("7001", "Removed")
            await until(lambda: len(watch.told) == 3)
            assert watch.told[1:] == [(7002, True, 12.5), (7001, False, 12.5)]
            assert watch.observer.registered == {7002}


async def test_channels_are_counted() -> None:
    async with playing() as peer, Watch(peer.port) as watch:
        await until(lambda: watch.metrics.gauges.get("vss_asterisk_channels") == 42)
        assert watch.observer.channels == 42


async def test_registration_lost_while_away_is_told_at_reconnect() -> None:
    async with playing() as peer:
        peer.contacts = {"7001": "Reachable"}
        async with Watch(peer.port) as watch:
            await until(lambda: watch.observer.connected)
            await peer.stop()
            await until(lambda: not watch.observer.connected)
            assert watch.observer.registered == {7001}, "while AMI is away the last known state stands"
            assert watch.observer.channels is None
            peer.contacts = {"7002": "Reachable"}
            await peer.start()
            await until(lambda: watch.observer.connected)
            assert watch.told[1:] == [(7001, False, 12.5), (7002, True, 12.5)]


async def test_missed_event_is_healed_by_the_next_list() -> None:
    async with playing() as peer, Watch(peer.port) as watch:
        await until(lambda: watch.observer.connected)
        peer.contacts = {"7003": "Reachable"}
        await until(lambda: watch.told == [(7003, True, 12.5)])


async def test_event_in_the_middle_of_the_list_wins() -> None:
    async with playing() as peer:
        peer.contacts = {"7001": "Reachable", "7002": "Reachable"}
        peer.during_list = lambda: peer.send(
            message(Event="ContactStatus", URI="sip:7001@x", ContactStatus="Removed", EndpointName="7001")
        )
        async with Watch(peer.port) as watch:
            await until(lambda: watch.observer.connected)
            assert watch.observer.registered == {7002}


async def test_unanswered_action_times_out_and_is_never_sent_again() -> None:
    async with playing() as peer:
        async with Watch(peer.port, timeout_s=0.2) as watch:
            await until(lambda: watch.observer.connected)
            peer.silent = {"Reload"}
            with pytest.raises(Unavailable, match="no answer"):
                await watch.observer.reload("res_pjsip.so")
            logins = peer.logins
            peer.drop()
            await until(lambda: peer.logins > logins and watch.observer.connected)
            await until(lambda: peer.actions()[-3:].count("CoreStatus") >= 1)
        assert peer.actions().count("Reload") == 1


async def test_action_in_flight_when_the_connection_breaks_is_not_sent_again() -> None:
    async with playing() as peer:
        async with Watch(peer.port) as watch:
            await until(lambda: watch.observer.connected)
            peer.silent = {"Reload"}
            reload = asyncio.create_task(watch.observer.reload("res_pjsip.so"))
            await until(lambda: "Reload" in peer.actions())
            peer.drop()
            with pytest.raises(Unavailable):
                await reload
            logins = peer.logins
            await until(lambda: peer.logins > logins or watch.observer.connected)
            await until(lambda: watch.observer.connected)
        assert peer.actions().count("Reload") == 1


async def test_silent_asterisk_is_left_and_tried_again() -> None:
    async with playing() as peer, Watch(peer.port, timeout_s=0.2) as watch:
        await until(lambda: watch.observer.connected)
        peer.silent = {"CoreStatus"}
        await until(lambda: not watch.observer.connected)
        peer.silent = set()
        await until(lambda: watch.observer.connected)


async def test_shutdown_of_asterisk_ends_the_connection() -> None:
    async with playing() as peer, Watch(peer.port) as watch:
        await until(lambda: watch.observer.connected)
        logins = peer.logins
        peer.send(message(Event="Shutdown", Shutdown="Cleanly", Restart="False"))
        await until(lambda: peer.logins > logins)


async def test_wrong_secret_is_retried_and_never_connected() -> None:
    async with playing() as peer, Watch(peer.port, secret="wrong") as watch:
        await until(lambda: peer.logins >= 3)
        assert not watch.observer.connected


async def test_asterisk_that_is_not_there_is_tried_again() -> None:
    async with Watch(closed_port()) as watch:
        await until(lambda: watch.metrics.counted["vss_ami_reconnects_total"] >= 3)
        with pytest.raises(Unavailable, match="not connected"):
            await watch.observer.reload("res_pjsip.so")


def test_secret_that_could_say_more_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(ForbiddenAction):
        AmiObserver("127.0.0.1", 1, "vss", "x\r\n\r\nAction: Originate", lambda *_: None, FakeMetrics())


async def test_module_that_is_not_ours_is_refused_before_anything_is_sent() -> None:
    async with playing() as peer, Watch(peer.port) as watch:
        await until(lambda: watch.observer.connected)
        with pytest.raises(ForbiddenAction):
            await watch.observer.reload("app_system.so")
        assert "Reload" not in peer.actions()


async def test_listener_that_fails_stops_nothing() -> None:
    async with playing() as peer:
        peer.contacts = {"7001": "Reachable"}

        def failing(*_: object) -> None:
            raise RuntimeError("the listener's own fault")

        watch = Watch(peer.port)
        watch.observer = AmiObserver("127.0.0.1", peer.port, "vss", SECRET, failing, watch.metrics, poll_s=0.05)
        async with watch:
            await until(lambda: watch.observer.connected)
            peer.contact("7001", "Removed")
            await until(lambda: watch.metrics.counted["vss_ami_events_total"] == 1)
            assert watch.observer.connected


@asynccontextmanager
async def session(peer: Peer) -> AsyncIterator[AmiSession]:
    async with AmiSession("127.0.0.1", peer.port, "vss", SECRET, lambda _: None, timeout_s=0.5) as open_session:
        yield open_session


async def test_message_without_an_end_is_cut_off() -> None:
    async with playing() as peer, session(peer) as open_session:
        peer.send(b"Event: X\r\nData: " + b"x" * (FRAGMENT_MAX + 1000))
        async with asyncio.timeout(10):
            await open_session.lost.wait()


@pytest.mark.parametrize(
    "junk", [b"\x00\xff\xfe\r\n\r\n", b"\r\n\r\n\r\n\r\n", b"Response\r\n\r\n", b": \r\n\r\n", b"Event: \r\n\r\n"]
)
async def test_junk_between_messages_is_passed_over(junk: bytes) -> None:
    async with playing() as peer, session(peer) as open_session:
        peer.send(junk)
        (status,) = await open_session.perform("CoreStatus")
        assert status["CoreCurrentCalls"] == "42"


async def test_more_actions_in_flight_than_allowed_are_refused() -> None:
    async with playing() as peer, session(peer) as open_session:
        peer.silent = {"Ping"}
        results = await asyncio.gather(
            *(open_session.perform("Ping") for _ in range(IN_FLIGHT_MAX + 2)), return_exceptions=True
        )
        assert all(isinstance(result, Unavailable) for result in results)
        assert peer.actions().count("Ping") == IN_FLIGHT_MAX
        await open_session.perform("CoreStatus")


async def test_leaving_a_session_closes_its_connection() -> None:
    async with playing() as peer:
        async with session(peer) as open_session:
            pass
        with pytest.raises(Unavailable):
            await open_session.perform("Ping")
        await until(lambda: not peer._writers)
