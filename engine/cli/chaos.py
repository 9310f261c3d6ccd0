"""`vss chaos`: faults strike a busy world of real parts, and everything is reckoned up afterwards."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.answer import FAILURE, OK, Answer, AsJson, give

if TYPE_CHECKING:
    from engine.chaos.run import Round


class Choice(StrEnum):
    """The faults, and all of them in turn."""

    KILL_ENGINE = "kill-engine"
    FAIL_OVER = "fail-over"
    KILL_ASTERISK = "kill-asterisk"
    FREEZE_ASTERISK = "freeze-asterisk"
    CUT_SOCKET = "cut-socket"
    SLOW_READER = "slow-reader"
    POSTGRES_RESTART = "postgres-restart"
    POSTGRES_OUTAGE = "postgres-outage"
    REDIS_RESTART = "redis-restart"
    REDIS_FLUSH = "redis-flush"
    ALL = "all"


def chaos(
    fault: Annotated[list[Choice], typer.Option("--fault", help="What strikes; may be given several times.")] = [  # noqa: B006
        Choice.KILL_ENGINE
    ],
    rounds: Annotated[int, typer.Option(min=1, max=200, help="Rounds of each fault.")] = 3,
    calls: Annotated[int, typer.Option(min=2, max=200, help="Calls on the line when it strikes.")] = 20,
    seed: Annotated[int, typer.Option(help="When it strikes, and who calls.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Real Asterisk, PostgreSQL, Redis and SIPp calls; a fault at a random moment; then nobody may be lost.

    Exits with 1 when a call, an outcome, an agent, a channel or a figure is not as it must be.
    """

    async def work() -> Answer:
        from engine.chaos.faults import Fault
        from engine.chaos.run import ChaosOptions, run
        from engine.stack.report import PlainReport, SilentReport

        chosen = tuple(Fault) if Choice.ALL in fault else tuple(Fault(one.value) for one in fault)
        report = SilentReport() if as_json else PlainReport(sys.stderr)
        played = await run(ChaosOptions(chosen, rounds, calls, seed), report, _tell)
        data = {"rounds": [one.plain() for one in played], "total": total(played)}
        return Answer(data, _table(played), OK if all(one.sound for one in played) else FAILURE)

    give(as_json, work)


def total(rounds: Sequence[Round]) -> dict[str, Any]:
    """Sums of the counts; of the recoveries the longest and the median."""
    counts = {name: sum(one.counts[name] for one in rounds) for name in (rounds[0].counts if rounds else ())}
    times = sorted(one.recovery_s for one in rounds)
    return {
        "rounds": len(rounds),
        "live_before": sum(one.live_before for one in rounds),
        **counts,
        "recovery_s": {"p50": round(times[len(times) // 2], 3), "max": round(times[-1], 3)} if times else None,
    }


def _tell(played: Round) -> None:
    wrong = {name: count for name, count in played.counts.items() if count}
    came = wrong or "all well"
    line = f"{played.fault}: {played.live_before} on the line, ready after {played.recovery_s:.2f} s, {came}"
    print(line, file=sys.stderr)
    for note in played.notes[:20]:
        print(f"  {note}", file=sys.stderr)


def _table(rounds: Sequence[Round]) -> list[str]:
    summed = total(rounds)
    width = max(len(name) for name in summed)
    return [f"{name:<{width}}  {value}" for name, value in summed.items()]
