"""Questions of scripts to other systems."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from engine.flow.run import events as told
from engine.flow.run.commands import CallWebhook, Command, RunCommand
from engine.flow.run.events import WebhookFailure
from engine.run_ports import WebhookAsked, WebhookRefused, Webhooks, WebhookTimeout, WebhookUnreadable

from .performer import LiveRun, Performing

log = structlog.get_logger()


class Asking(Performing):
    """Each question is a task of its run."""

    COMMANDS: tuple[type[Command], ...] = (CallWebhook,)

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks
        self._asked: dict[str, Callable[[], None]] = {}

    def perform(self, run: LiveRun, command: RunCommand) -> None:
        """Ask; the same question again, after a restart, has the same idempotency key."""
        assert isinstance(command, CallWebhook)
        if command.request not in self._asked:
            self._asked[command.request] = run.spawn(self._ask(run, command), "webhook")

    def cancel(self, run: LiveRun, request: str) -> None:
        """Nobody waits for the answer any more; what was asked may have been done all the same."""
        if (stop := self._asked.pop(request, None)) is not None:
            stop()

    def over(self, run: LiveRun) -> None:
        """Tasks end with their run."""
        prefix = f"{run.id}:"
        for request in [request for request in self._asked if request.startswith(prefix)]:
            del self._asked[request]

    async def _ask(self, run: LiveRun, command: CallWebhook) -> None:
        asked = WebhookAsked(
            key=command.request, call=run.call.id, script=run.script, url=command.url, method=command.method,
            query=command.query, body=command.body, headers=command.headers, timeout_s=command.timeout_s,
            retries=command.retries,
        )  # fmt: skip
        answer: told.RunEvent
        try:
            body = await self._webhooks.ask(asked)
            answer = told.WebhookAnswered(at=run.now(), request=command.request, body=body)
        except (WebhookTimeout, WebhookRefused, WebhookUnreadable) as error:
            log.warning("webhook_failed", run=run.id, request=command.request, reason=str(error))
            answer = told.WebhookFailed(at=run.now(), request=command.request, failure=_failure(error))
        self._asked.pop(command.request, None)
        run.tell(answer)


def _failure(error: Exception) -> WebhookFailure:
    match error:
        case WebhookTimeout():
            return WebhookFailure.TIMEOUT
        case WebhookUnreadable():
            return WebhookFailure.RESPONSE
        case _:
            return WebhookFailure.HTTP
