"""The demo's agents: they log in, talk, end calls that would not end, and finish their wrap-up, all over HTTP."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Any

from engine.client import ApiClient
from engine.errors import Rejected, Unavailable

LOOK_S = 0.2
LOGIN_LIMIT_S = 30.0
DISPOSITIONS = ("sale", "callback", "not_interested", "wrong_person")
STAYS_ON_THE_LINE = "1"
"""Customers whose number ends so talk until the agent hangs up."""


class People:
    """Plays `slots`. Each call that the customer does not end is ended after `talk_max_s`; wrap-up takes a moment."""

    def __init__(self, api: ApiClient, slots: Sequence[str], seed: int, talk_max_s: float) -> None:
        self._api = api
        self._slots = tuple(slots)
        self._dice = random.Random(seed)
        self._talk_max_s = talk_max_s
        self._wraps_until: dict[int, float] = {}

    async def log_in(self) -> None:
        """Log everybody in and wait until their phones were answered. Raises Unavailable naming who did not."""
        for slot in self._slots:
            await self._api.post(f"/agents/{slot}/login")
        await self._all_in({"paused"}, "did not answer the engine's call")
        for slot in self._slots:
            await self._api.post(f"/agents/{slot}/ready")

    async def log_out(self) -> None:
        """Log everybody out."""
        for slot in self._slots:
            await self._api.post(f"/agents/{slot}/logout")
        await self._all_in({"offline"}, "is still logged in")

    async def work(self) -> None:
        """Work until cancelled."""
        while True:
            calls = {call["id"]: call for call in (await self._api.get("/calls"))["items"]}
            for agent in (await self._api.get("/agents"))["items"]:
                if str(agent["slot"]) in self._slots:
                    await self._tend(agent, calls.get(agent["call"]))
            await asyncio.sleep(LOOK_S)

    async def _tend(self, agent: dict[str, Any], call: dict[str, Any] | None) -> None:
        slot, now = agent["slot"], time.time()
        if agent["state"] == "wrapping":
            until = self._wraps_until.setdefault(slot, now + self._dice.uniform(0.3, 1.2))
            if now >= until:
                self._wraps_until.pop(slot)
                await self._done(slot)
        elif agent["state"] == "talking" and call is not None and call["bridged_at"] is not None:
            stays = call["number"].endswith(STAYS_ON_THE_LINE)
            if stays and now - call["bridged_at"] > self._talk_max_s:
                await self._done(slot)

    async def _done(self, slot: int) -> None:
        """Finish the call; that it ended by itself meanwhile is no fault."""
        try:
            await self._api.post(f"/agents/{slot}/done", {"disposition": self._dice.choice(DISPOSITIONS)})
        except Rejected as refusal:
            if refusal.code != "agent_state":
                raise

    async def _all_in(self, states: set[str], complaint: str) -> None:
        until = time.monotonic() + LOGIN_LIMIT_S
        while True:
            agents = {str(agent["slot"]): agent for agent in (await self._api.get("/agents"))["items"]}
            others = [slot for slot in self._slots if agents[slot]["state"] not in states]
            if not others:
                return
            if time.monotonic() > until:
                reason = agents[others[0]]["reason"] or agents[others[0]]["state"]
                raise Unavailable("phones", f"slot {others[0]} {complaint} ({reason})")
            await asyncio.sleep(0.1)
