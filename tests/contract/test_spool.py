"""The spool: what is kept comes back, in order, to the next engine; on a disk and in the fake."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from engine.adapters.spool import FileSpools
from engine.dialer.lead import LeadNext, LeadStatus
from engine.errors import Unavailable
from engine.fakes.metrics import FakeMetrics
from engine.fakes.spool import FakeSpools
from engine.flow.nodes.centre import ConsentKind, DncScope
from engine.ids import AttemptId, CallId, CampaignId, Slot, TrunkName
from engine.outcome.disposition import Outcome
from engine.ports import AgentFact, CallRecord, Disposition, FinishedLeg, OptOut, OutcomeFact, Spools
from engine.run_ports import RUN_ITEMS, ConsentEvidence, DncEntry, FlowEvent, RunDisposition, RunId, RunRecord

AT = 1_790_000_000.123456
CALL = CallId("c1")
OUTCOME = OutcomeFact(
    AttemptId("0192b6a4-0000-7000-8000-000000000001"), Outcome.ANSWERED, 16, None, AT, AT + 1.1, AT + 2, AT + 3.3,
    "customer", Slot(7001), LeadNext(LeadStatus.DONE, None), live_at=AT + 1.2, note="a note\nof two lines, ☎",
)  # fmt: skip
RECORD = CallRecord(
    CALL, "inbound", "waiting", None, CampaignId(3), "+12025550101", TrunkName("carrier"), None, AT, None, None, None,
    None, None, None, ((AT, "CallerArrived", {"channel": "x", "deep": {"a": [1, None, 2.5]}}),),
)  # fmt: skip
RUN = RunRecord(
    run=RunId("c1"), call=CALL, script="ab" * 32, flow="main", started_at=AT, ended_at=None, node="ask",
    state={"stack": [{"node": "ask"}], "values": {"n": 3}}, secret={"values": {"pin": "1234"}}, leg={"channel": "x"},
)  # fmt: skip
OF_RUNS = [
    RUN,
    RunDisposition(run=RunId("c1"), call=CALL, attempt=None, code="sold", note=None, at=AT),
    ConsentEvidence(
        request="c1:1", run=RunId("c1"), call=CALL, number="+12025550101", kind=next(iter(ConsentKind)), granted=True,
        prompt="May we?", locale="en-US", script="ab" * 32, campaign=None, at=AT,
    ),
    DncEntry(request="c1:2", call=CALL, number="+12025550101", scope=next(iter(DncScope)), campaign=None, at=AT),
    FlowEvent(request="c1:3", run=RunId("c1"), call=CALL, name="asked", data={"x": [1, "two"]}, at=AT),
]  # fmt: skip


def opt_out(n: int) -> OptOut:
    """One of many."""
    return OptOut(f"+1202555{n:04}", CallId(f"c{n}"), AT + n)


class World(Protocol):
    """A disk, and engines that come and go."""

    async def engine(self) -> Spools: ...
    async def die(self) -> None: ...


@dataclass
class MemoryWorld:
    spools: FakeSpools

    async def engine(self) -> Spools:
        return self.spools

    async def die(self) -> None:
        """The fake has nothing that dies."""


class DiskWorld:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.epoch = 0
        self.exits = AsyncExitStack()

    async def engine(self) -> Spools:
        self.epoch += 1
        return await self.exits.enter_async_context(FileSpools(self.directory, self.epoch, FakeMetrics()))

    async def die(self) -> None:
        """What the kernel does for a process that dies: its locks go, its files stay as they are."""
        await self.exits.aclose()
        self.exits = AsyncExitStack()


@pytest.fixture(params=["fake", "disk"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    made: dict[str, Callable[[], World]] = {
        "fake": lambda: MemoryWorld(FakeSpools()),
        "disk": lambda: DiskWorld(tmp_path / "spool"),
    }
    return made[str(request.param)]()


async def test_a_new_spool_is_empty_and_may_be_cleared(world: World) -> None:
    spool = (await world.engine()).of("outcomes", OutcomeFact)
    assert list(await spool.load()) == []
    await spool.clear()
    await spool.append([])
    assert list(await spool.load()) == []


async def test_what_is_kept_comes_back_to_the_next_engine_in_order_and_stays_until_it_is_cleared(world: World) -> None:
    spool = (await world.engine()).of("opt_outs", OptOut)
    await spool.load()
    await spool.append([opt_out(1), opt_out(2)])
    await spool.append([opt_out(3)])
    for _ in range(2):
        await world.die()
        spool = (await world.engine()).of("opt_outs", OptOut)
        assert list(await spool.load()) == [opt_out(1), opt_out(2), opt_out(3)]
    await spool.clear()
    await world.die()
    assert list(await (await world.engine()).of("opt_outs", OptOut).load()) == []


async def test_what_an_engine_adds_comes_after_what_it_found(world: World) -> None:
    for n in range(1, 4):
        spool = (await world.engine()).of("opt_outs", OptOut)
        assert list(await spool.load()) == [opt_out(m) for m in range(1, n)]
        await spool.append([opt_out(n)])
        await world.die()
    assert list(await (await world.engine()).of("opt_outs", OptOut).load()) == [opt_out(n) for n in (1, 2, 3)]


async def test_a_cleared_spool_is_used_again(world: World) -> None:
    spool = (await world.engine()).of("opt_outs", OptOut)
    await spool.load()
    await spool.append([opt_out(1)])
    await spool.clear()
    await spool.append([opt_out(2)])
    await world.die()
    assert list(await (await world.engine()).of("opt_outs", OptOut).load()) == [opt_out(2)]


async def test_spools_do_not_mix_and_every_kind_of_item_comes_back_equal(world: World) -> None:
    said = [AgentFact(Slot(7001), "paused", "lunch", None, AT), Disposition(CALL, Slot(7001), "sold", "ok", AT)]
    leg = FinishedLeg(CALL, "c1", AT, leg="customer")
    spools = await world.engine()
    await spools.of("outcomes", OutcomeFact).append([OUTCOME])
    await spools.of("calls", CallRecord).append([RECORD])
    await spools.of("agents", AgentFact, Disposition).append(said)
    await spools.of("recordings", FinishedLeg).append([leg])
    await spools.of("runs", *RUN_ITEMS).append(OF_RUNS)
    await world.die()
    spools = await world.engine()
    assert list(await spools.of("outcomes", OutcomeFact).load()) == [OUTCOME]
    assert list(await spools.of("calls", CallRecord).load()) == [RECORD]
    assert list(await spools.of("agents", AgentFact, Disposition).load()) == said
    assert list(await spools.of("recordings", FinishedLeg).load()) == [leg]
    assert list(await spools.of("runs", *RUN_ITEMS).load()) == OF_RUNS
    assert list(await spools.of("opt_outs", OptOut).load()) == []


async def test_item_that_is_no_plain_data_is_left_out_and_the_others_kept(world: World) -> None:
    spool = (await world.engine()).of("runs", FlowEvent)
    event = FlowEvent(request="r", run=RunId("c1"), call=CALL, name="n", data={}, at=AT)
    odd = FlowEvent(request="r", run=RunId("c1"), call=CALL, name="n", data={"x": object()}, at=AT)
    await spool.append([odd, event])
    await world.die()
    assert list(await (await world.engine()).of("runs", FlowEvent).load()) == [event]


async def test_text_that_is_not_unicode_is_kept_as_postgres_would_store_it(world: World) -> None:
    spool = (await world.engine()).of("opt_outs", OptOut)
    await spool.append([OptOut("+1\udcff2", CALL, AT)])
    await world.die()
    assert [one.number for one in await (await world.engine()).of("opt_outs", OptOut).load()] == ["+1?2"]


async def test_a_disk_that_takes_nothing_is_unavailable_and_told_until_it_does(world: World, tmp_path: Path) -> None:
    spools = await world.engine()
    assert spools.fault is None
    if isinstance(spools, FakeSpools):
        spools.fault = "no room"
    else:
        (tmp_path / "spool").rmdir()
        (tmp_path / "spool").write_text("a file where the directory should be")
    spool = spools.of("opt_outs", OptOut)
    with pytest.raises(Unavailable, match="spool: "):
        await spool.append([opt_out(1)])
    assert spools.fault is not None
    if isinstance(spools, FakeSpools):
        spools.fault = None
    else:
        (tmp_path / "spool").unlink()
    await spool.append([opt_out(1)])
    assert spools.fault is None
    await world.die()
    assert list(await (await world.engine()).of("opt_outs", OptOut).load()) == [opt_out(1)]
