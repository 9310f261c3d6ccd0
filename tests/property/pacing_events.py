"""Any events in any order, likely and impossible ones, for tests of pacers."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from engine.dialer.observation import (
    AgentGone,
    AgentReady,
    AgentTalking,
    AgentWrapping,
    CallAbandoned,
    CallAnswered,
    CallFailed,
    CallLaunched,
    CallLive,
    CallMachine,
    CallRinging,
    CustomerGone,
    Observation,
)

Make = Callable[[float, str, str], Observation]
KINDS: tuple[Make, ...] = (
    lambda at, call, agent: CallLaunched(at, call),
    lambda at, call, agent: CallLaunched(at, call),
    lambda at, call, agent: CallRinging(at, call),
    lambda at, call, agent: CallAnswered(at, call),
    lambda at, call, agent: CallLive(at, call),
    lambda at, call, agent: CallMachine(at, call),
    lambda at, call, agent: CallFailed(at, call),
    lambda at, call, agent: CallFailed(at, call, cancelled=True),
    lambda at, call, agent: CallAbandoned(at, call),
    lambda at, call, agent: CustomerGone(at, call),
    lambda at, call, agent: AgentReady(at, agent),
    lambda at, call, agent: AgentReady(at, agent),
    lambda at, call, agent: AgentTalking(at, agent, call),
    lambda at, call, agent: AgentTalking(at, agent),
    lambda at, call, agent: AgentWrapping(at, agent),
    lambda at, call, agent: AgentGone(at, agent),
)
Drawn = tuple[float, int, int, int]

drawn: st.SearchStrategy[list[Drawn]] = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.1, 0.4, 0.7, 3.0, 17.0, 40.0]),
        st.integers(0, len(KINDS) - 1), st.integers(0, 11), st.integers(0, 4),
    ),
    max_size=120,
)  # fmt: skip


def told(found: list[Drawn], start: float = 0.0) -> list[Observation]:
    """The events, in order of time."""
    at, events = start, []
    for gap, kind, call, agent in found:
        at += gap
        events.append(KINDS[kind](at, f"call-{call}", f"agent-{agent}"))
    return events
