"""Write the recordings beside this file anew: `python -m tests.journals.pacing.record`.

Only after the rule was changed on purpose: until then a difference is a fault. What an older version wrote with the
same format must stay readable.
"""

from __future__ import annotations

from pathlib import Path

from engine.dialer.baselines import pacer_named
from engine.dialer.observation import AgentEvent, Observation
from engine.dialer.pacer import PacerConfig
from engine.dialer.pool_simulator import Dialed, PoolRun
from engine.dialer.recording import RecordedPool, RecordedRule
from engine.dialer.scenario import Scenario
from engine.dialer.shared import SharedPacers
from engine.dialer.simulator import Run

HERE = Path(__file__).parent
AHEAD, POOL = HERE / "lookahead.jsonl", HERE / "pool.jsonl"


def look_ahead() -> str:
    """Six agents' first minute and a half: learning, then more than a line per idle agent."""
    lines: list[str] = []
    config = PacerConfig(small_team=False)
    pacer = RecordedRule("lookahead", config, 1, pacer_named("lookahead", config, 1), lines.append)
    Run(Scenario(agents=6, answer_rate=0.4, hours=0.03, talk_mean_s=8.0, wrap_mean_s=1.0), pacer, 1).run()
    return "".join(lines)


def pool() -> str:
    """Forty seconds of three campaigns and inbound callers; it goes on from a state, and one of them leaves."""
    lines: list[str] = []
    recorded = RecordedPool(SharedPacers(), lambda _: None)
    config = PacerConfig(small_team=False)
    for key, weight, policy in (("autumn", 2.0, "lookahead"), ("spring", 1.0, "lookahead"), ("new", 1.0, "power:2")):
        recorded.add(key, config, weight, policy=policy)

    def segment(event: Observation, _: str | None) -> None:
        if event.at >= 600 and not lines:
            recorded.begin(lines.append)
        if event.at >= 625 and isinstance(event, AgentEvent) and "new" in recorded.pool.campaigns:
            recorded.remove("new")

    world = Scenario(agents=9, hours=640 / 3600, talk_mean_s=25.0, wrap_mean_s=5.0)
    campaigns = {"autumn": Dialed(world), "spring": Dialed(world), "new": Dialed(world, begins_s=550, ends_s=620)}
    PoolRun(world, campaigns, recorded, 3, inbound_per_hour=240, on_event=segment).run()
    return "".join(lines)


if __name__ == "__main__":
    AHEAD.write_text(look_ahead(), encoding="utf-8")
    POOL.write_text(pool(), encoding="utf-8")
