"""One AMI connection: panoramisk's wire protocol without panoramisk's Manager.

The Manager reconnects by itself, sends actions that got no answer once more after that (an Originate would dial
twice), and waits for answers without an end. So only its protocol, messages and actions are used; this class stands
where the protocol expects its Manager. It never reconnects, never repeats an action, and every action has a timeout.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol

from engine.adapters.ami.action import checked
from engine.errors import Unavailable

IN_FLIGHT_MAX = 8
FRAGMENT_MAX = 65_536
"""Longest message without its end that is kept; Asterisk's own are below 2 KiB."""
ANSWERS_MAX = 50_000
"""Most entries of one list (CoreShowChannels at Asterisk's own limit of descriptors is below it)."""

Headers = Mapping[str, Any]


class _Protocol(AMIProtocol):  # type: ignore[misc]
    """panoramisk's protocol with a bound on what it holds."""

    def __init__(self, session: AmiSession) -> None:
        self._session = session

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.factory = self._session
        self.encoding = "utf8"

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        held = len(self.queue[0]) if self.queue else 0
        endless = any(len(action.responses) > ANSWERS_MAX for action in list(self.responses.values()))
        if held > FRAGMENT_MAX or endless:
            self.transport.abort()


class AmiSession:
    """`async with AmiSession(...)`: connected and logged in inside; raises Unavailable(`ami`) when that fails.

    `on_event` is called in order, from the loop, with each event that answers no action; it must not raise.
    """

    # what panoramisk's protocol reads of its factory; nothing waits here for a next connection
    forgetable_actions = ()
    save_stream = None

    def __init__(
        self,
        host: str,
        port: int,
        user: str,
        secret: str,
        on_event: Callable[[Headers], None],
        *,
        timeout_s: float = 5.0,
    ) -> None:
        self._address = (host, port)
        self._login = {"Username": user, "Secret": secret, "Events": "system"}
        self._on_event = on_event
        self._timeout_s = timeout_s
        self._protocol: Any = None
        self.awaiting_actions: deque[Action] = deque(maxlen=0)
        self.lost = asyncio.Event()
        """Set when the connection has ended, for whatever reason."""

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s):
                _, self._protocol = await loop.create_connection(lambda: _Protocol(self), *self._address)
        except (OSError, TimeoutError) as error:
            raise Unavailable("ami", f"no connection to {self._address[0]}:{self._address[1]} ({error!r})") from error
        try:
            await self.perform("Login", self._login)
        except BaseException:
            self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    async def perform(self, name: str, fields: Mapping[str, str] | None = None) -> tuple[Headers, ...]:
        """Send an action once and return its answer: one message, or those of a list with its first and last.

        Raises ForbiddenAction before anything is sent, and Unavailable(`ami`) when the connection is gone, the answer
        does not come in time, Asterisk refuses, or too much is in flight. Nothing is ever sent a second time.
        """
        action = Action(checked(name, fields or {}))
        if self.lost.is_set():
            raise Unavailable("ami", "the connection is gone")
        if len(self._protocol.responses) >= IN_FLIGHT_MAX:
            raise Unavailable("ami", f"{IN_FLIGHT_MAX} actions wait for their answers already")
        # as_list=None lets panoramisk see from the answer whether it is a list; its default drops all but the first
        answer: asyncio.Future[Any] = self._protocol.send(action, as_list=None)
        lost = asyncio.ensure_future(self.lost.wait())
        try:
            done, _ = await asyncio.wait({answer, lost}, timeout=self._timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            lost.cancel()
            self._protocol.responses.pop(action.id, None)
            if not answer.done():
                answer.cancel()
        if answer not in done:
            raise Unavailable("ami", f"no answer to {name}" + (": the connection is gone" if lost in done else ""))
        messages = answer.result()
        return self._accepted(name, tuple(messages) if isinstance(messages, list) else (messages,))

    @staticmethod
    def _accepted(name: str, messages: tuple[Headers, ...]) -> tuple[Headers, ...]:
        first = messages[0]
        if str(first.get("Response")) in {"Success", "Follows", "Goodbye"}:
            return messages
        text = str(first.get("Message", ""))
        # an empty list is answered as an error (res_pjsip, ami_show_contacts)
        if name.startswith("PJSIPShow") and text.lower().startswith("no "):
            return ()
        raise Unavailable("ami", f"Asterisk refused {name}: {text[:200]}")

    def _close(self) -> None:
        self.lost.set()
        if self._protocol is not None:
            with suppress(OSError):
                self._protocol.transport.abort()

    def dispatch(self, message: Headers) -> None:
        """panoramisk's protocol: an event that belongs to no action."""
        self._on_event(message)

    def connection_lost(self, reason: object) -> None:
        """panoramisk's protocol: the connection has ended, or Asterisk said it is shutting down."""
        self.lost.set()
