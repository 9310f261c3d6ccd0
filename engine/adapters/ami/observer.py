"""Watches Asterisk over AMI: which slots are registered, how many channels there are. It changes nothing.

While the connection is away the last known registrations stand; that Asterisk itself is away is told by the ARI socket.
At every connect the full list of contacts is read again, and from time to time too, so a lost event heals.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

import structlog

from engine.adapters.ami.action import checked
from engine.adapters.ami.contacts import Change, Registrations, contact_of
from engine.adapters.ami.session import AmiSession, Headers
from engine.errors import Unavailable
from engine.ids import Slot
from engine.ports import Metrics

BACKOFF_FIRST_S, BACKOFF_MAX_S = 0.5, 15.0

_log = structlog.get_logger(__name__)


class AmiObserver:
    """`on_registration(slot, registered, at)` is called for every change, `at` in epoch seconds; it must not block.

    After the first connect it is called once for each slot that is registered; a slot never named is not.
    """

    def __init__(
        self,
        host: str,
        port: int,
        user: str,
        secret: str,
        on_registration: Callable[[Slot, bool, float], None],
        metrics: Metrics,
        *,
        poll_s: float = 5.0,
        list_every_s: float = 60.0,
        timeout_s: float = 5.0,
        backoff_first_s: float = BACKOFF_FIRST_S,
        now: Callable[[], float] = time.time,
    ) -> None:
        # a secret that AMI cannot carry is known now, not at the first connect
        checked("Login", {"Username": user, "Secret": secret})
        self._address = (host, port)
        self._account = (user, secret)
        self._timeout_s = timeout_s
        self._on_registration = on_registration
        self._metrics = metrics
        self._poll_s = poll_s
        self._list_every_s = list_every_s
        self._backoff_first_s = backoff_first_s
        self._now = now
        self._registrations = Registrations()
        self._session: AmiSession | None = None
        self._channels: int | None = None
        self._failures = 0

    @property
    def connected(self) -> bool:
        """Whether AMI is up and the list of contacts has been read over this connection."""
        return self._session is not None

    @property
    def registered(self) -> frozenset[Slot]:
        """The slots that are registered, as last known."""
        return self._registrations.registered

    @property
    def channels(self) -> int | None:
        """Channels that Asterisk has, as of the last poll; None while AMI is away."""
        return self._channels

    async def run(self) -> None:
        """Connect and keep connected, with a bounded backoff, until cancelled."""
        try:
            while True:
                try:
                    async with AmiSession(
                        *self._address, *self._account, self._event, timeout_s=self._timeout_s
                    ) as session:
                        await self._watch(session)
                except Unavailable as error:
                    self._failures += 1
                    # once per outage, and then rarely: an Asterisk that is away for a night fills no log
                    if self._failures == 1 or self._failures % 20 == 0:
                        _log.warning("AMI away", reason=str(error), failures=self._failures)
                finally:
                    self._away()
                self._metrics.count("vss_ami_reconnects_total")
                await asyncio.sleep(self._backoff_s())
        finally:
            self._away()

    async def reload(self, module: str) -> None:
        """Make Asterisk read a module's configuration again (a trunk was added, say).

        Raises ForbiddenAction for a module that is not ours, Unavailable(`ami`) when it did not happen for sure.
        """
        if self._session is None:
            raise Unavailable("ami", "not connected; Asterisk reads its configuration again when it restarts")
        await self._session.perform("Reload", {"Module": module})

    async def _watch(self, session: AmiSession) -> None:
        """Read the contacts, then poll, until the connection is lost (then raises Unavailable)."""
        await self._read_contacts(session)
        self._session = session
        self._failures = 0
        _log.info("AMI connected", slots_registered=len(self.registered))
        since_list_s = 0.0
        while True:
            await self._count_channels(session)
            try:
                async with asyncio.timeout(self._poll_s):
                    await session.lost.wait()
            except TimeoutError:
                since_list_s += self._poll_s
            else:
                raise Unavailable("ami", "the connection was lost")
            if since_list_s >= self._list_every_s:
                since_list_s = 0.0
                await self._read_contacts(session)

    async def _read_contacts(self, session: AmiSession) -> None:
        self._registrations.begin_list()
        listed = await session.perform("PJSIPShowContacts")
        contacts = (contact_of(message) for message in listed if message.get("Event") == "ContactList")
        for change in self._registrations.finish_list(contact for contact in contacts if contact is not None):
            self._tell(change)
        self._metrics.gauge("vss_slots_registered", len(self.registered))

    async def _count_channels(self, session: AmiSession) -> None:
        """CoreStatus is also the heartbeat: it costs one line, whatever the number of channels."""
        (status, *_) = await session.perform("CoreStatus")
        text = str(status.get("CoreCurrentCalls", ""))
        self._channels = int(text) if text.isascii() and text.isdigit() else None
        if self._channels is not None:
            self._metrics.gauge("vss_asterisk_channels", self._channels)

    def _event(self, message: Headers) -> None:
        if message.get("Event") != "ContactStatus":
            self._metrics.count("vss_ami_events_total", event="other")
            return
        self._metrics.count("vss_ami_events_total", event="ContactStatus")
        contact = contact_of(message)
        change = self._registrations.apply(contact) if contact else None
        if change is not None:
            self._tell(change)
            self._metrics.gauge("vss_slots_registered", len(self.registered))

    def _tell(self, change: Change) -> None:
        try:
            self._on_registration(change.slot, change.registered, self._now())
        except Exception:
            _log.exception("a registration's news could not be taken", slot=change.slot)

    def _away(self) -> None:
        self._session = None
        self._channels = None

    def _backoff_s(self) -> float:
        """Doubles from the first step to the limit, with up to half of it as jitter."""
        step_s = min(BACKOFF_MAX_S, self._backoff_first_s * 2.0 ** min(self._failures, 10))
        return step_s * (0.5 + random.random() / 2)
