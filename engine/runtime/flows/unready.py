"""Parts that scripts need and that are not there: nothing can be bound to a script meanwhile, so nobody meets them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.errors import Unavailable
from engine.flow.nodes.outside import Direction
from engine.flow.prompt import ToneName
from engine.ids import AttemptId, CallId
from engine.run_ports import CallbackWish, DueCallback, RunItem, RunRecord, StreamLimits, WebhookAsked

_TEXT = "this engine does not run scripts yet"


class NoRuns:
    """A RunStore without runs."""

    async def commit(self, items: Sequence[RunItem]) -> None:
        raise Unavailable("scripts", _TEXT)

    async def open_runs(self) -> Sequence[RunRecord]:
        return ()

    async def runs_of(self, call: CallId) -> Sequence[RunRecord]:
        return ()

    async def keep_callback(self, wish: CallbackWish) -> bool:
        raise Unavailable("scripts", _TEXT)

    async def take_callback(self, pools: Sequence[str], now: float) -> DueCallback | None:
        return None

    async def settle_callback(self, callback: int, *, reached: bool, at: float) -> None:
        raise Unavailable("scripts", _TEXT)

    async def lead_data(self, attempts: Sequence[AttemptId]) -> Mapping[AttemptId, Mapping[str, Any]]:
        return {}

    async def look_up(self, source: str, key: str) -> Mapping[str, Any] | None:
        raise Unavailable("scripts", _TEXT)


class NoVoices:
    """Voices that cannot speak."""

    async def words(
        self, text: str, language: str, voice: str | None = None, *, passing: bool = False
    ) -> tuple[str, ...]:
        raise Unavailable("scripts", _TEXT)

    async def recorded(self, audio: str) -> tuple[str, ...]:
        raise Unavailable("scripts", _TEXT)

    async def tone(self, name: ToneName, for_s: float) -> tuple[str, ...]:
        raise Unavailable("scripts", _TEXT)

    async def silence(self, for_s: float) -> tuple[str, ...]:
        raise Unavailable("scripts", _TEXT)

    def forget(self, media: Sequence[str]) -> None:
        """Nothing was made."""


class NoWebhooks:
    """Webhooks that ask nobody."""

    async def ask(self, asked: WebhookAsked) -> Mapping[str, Any]:
        raise Unavailable("scripts", _TEXT)


class NoEar:
    """An ear that hears nothing."""

    address = ""

    def listen_for_beep(self, tap: str, silence_s: float, heard: Callable[[bool], None]) -> None:
        heard(False)

    def relay(
        self,
        tap: str,
        url: str,
        direction: Direction,
        hello: Mapping[str, Any],
        limits: StreamLimits,
        told: Callable[[str, Mapping[str, Any]], None],
    ) -> None:
        told("ended", {"reason": _TEXT})

    def close(self, tap: str) -> None:
        """Nothing goes on."""
