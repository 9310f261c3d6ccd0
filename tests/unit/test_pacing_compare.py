"""`vss pacing compare`: the oracle, the verdicts, the work spread over processes, and what is written."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.compare import pool
from engine.compare.cost import DecisionCost
from engine.compare.fingerprint import code_below
from engine.compare.store import Store
from engine.compare.task import Task, perform, tasks_for
from engine.dialer.comparison import Row, Standing, cost_verdicts, verdicts
from engine.dialer.grid import CELLS, CONTENDERS, LIMIT, cells_named
from engine.dialer.minutes import MinuteLog
from engine.dialer.observation import AgentTalking, CallAbandoned, CallFailed, CallLive, CallMachine
from engine.dialer.tuning import Trial, tune
from engine.errors import VssError
from engine.stack.home import CHECKOUT
from tests.vss_command import Here, check, environment

BY_NAME = {contender.name: contender for contender in CONTENDERS}
TINY = ("pacing", "compare", "--seeds", "2", "--hours", "0.01", "--workers", "1")


def task(cell: str = "small-2-25", rule: str = "progressive", hours: float = 0.05, **given: Any) -> Task:
    return Task(cells_named([cell])[0].lasting(hours), BY_NAME[rule], (1, 2), 2, **given)


@pytest.fixture(autouse=True)
def _a_machine_of_fixed_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.compare.run.decision_cost", lambda hours: DecisionCost(100.0, 150.0))


# the oracle


def test_oracle_finds_the_highest_level_within_the_limit() -> None:
    tuned = tune(lambda level: Trial(level, level, 0.01 * level), 1.0, 20.0, 0.03, 8)
    assert tuned.within
    assert tuned.level == pytest.approx(3.0, abs=0.02)
    assert tuned.level <= 3.0


def test_oracle_takes_the_busiest_of_the_levels_within_the_limit() -> None:
    tuned = tune(lambda level: Trial(level, -abs(level - 1.5), 0.01 * level), 1.0, 20.0, 0.03, 8)
    assert tuned.level == 1.5


def test_oracle_stops_at_the_most_when_the_limit_is_never_reached() -> None:
    tuned = tune(lambda level: Trial(level, level, 0.0), 1.0, 5.0, 0.03, 8)
    assert (tuned.level, tuned.within) == (5.0, True)
    assert max(trial.level for trial in tuned.trials) == 5.0


def test_oracle_says_when_not_even_the_least_level_keeps_the_limit() -> None:
    tuned = tune(lambda level: Trial(level, level, 0.5), 1.0, 5.0, 0.03, 8)
    assert (tuned.level, tuned.within, len(tuned.trials)) == (1.0, False, 1)


def test_oracle_counts_a_level_given_up_as_over_the_limit() -> None:
    tuned = tune(lambda level: Trial(level, level, 0.0, complete=level <= 2), 1.0, 5.0, 0.03, 8)
    assert tuned.level <= 2


def test_tuned_rule_keeps_the_limit_on_the_days_it_is_judged_by() -> None:
    piece = perform(replace(task("calls-20-25", "power", 0.3), seeds=(1, 2, 3)))
    assert piece.level is not None
    assert [row.seed for row in piece.rows] == [1, 2, 3]
    chosen = next(trial for trial in piece.trials if trial.level == piece.level)
    assert chosen.abandonment == pytest.approx(sum(row.abandonment for row in piece.rows) / 3)
    assert chosen.abandonment <= LIMIT
    assert any(not trial.complete or trial.abandonment > LIMIT for trial in piece.trials)


def test_oracle_does_not_know_the_shock() -> None:
    piece = perform(task("shock-20", "power", 0.3))
    chosen = next(trial for trial in piece.trials if trial.level == piece.level)
    assert chosen.abandonment <= LIMIT
    assert sum(row.abandonment for row in piece.rows) / 2 > 2 * LIMIT


# the verdicts


def standing(occupancy: float, abandoned: int, live: int = 1000, worst: float = 0.03) -> Standing:
    return Standing((Row(1, occupancy, abandoned, live, worst), Row(2, occupancy, abandoned, live, worst)))


def missed(cell: str, **outcome: Standing) -> set[str]:
    named = {name.replace("_", "-"): standing for name, standing in outcome.items()}
    return {verdict.promise for verdict in verdicts([(cells_named([cell])[0], named)]) if not verdict.ok}


def test_kept_promises_are_told_from_missed_ones() -> None:
    rivals = {"power": standing(0.86, 20), "vicidial_hard": standing(0.7, 20), "vicidial_tapered": standing(0.8, 20)}
    assert missed("calls-20-25", lookahead=standing(0.865, 28), **rivals) == set()
    assert missed("calls-20-25", lookahead=standing(0.8599, 28)) == {"occupancy_of_study"}
    assert missed("calls-20-25", lookahead=standing(0.87, 31)) == {"abandonment"}
    assert missed("calls-20-25", lookahead=standing(0.87, 37)) == {"abandonment", "excess_in_each_run"}
    rivals |= {"power": standing(0.88, 20), "vicidial_tapered": standing(0.89, 20)}
    assert missed("calls-20-25", lookahead=standing(0.87, 28), **rivals) == {"ahead_of_power", "ahead_of_vicidial"}
    assert missed("calls-5-10", lookahead=standing(0.72, 28), power=standing(0.9, 20)) == set()
    assert missed("markov-20-25", lookahead=standing(0.861, 28)) == set()
    assert missed("markov-20-25", lookahead=standing(0.86, 28)) == {"share_of_optimum"}
    assert missed("shock-20", lookahead=standing(0.9, 28, worst=0.046)) == {"worst_hour"}
    assert missed("small-2-25", lookahead=standing(0.5, 100)) == set()


def test_excess_is_the_worst_runs_and_not_the_means() -> None:
    mixed = Standing((Row(1, 0.9, 0, 1000, 0.0), Row(2, 0.9, 37, 1000, 0.0)))
    assert mixed.abandonment <= LIMIT
    assert missed("calls-20-25", lookahead=mixed) == {"excess_in_each_run"}


def test_decisions_may_cost_no_more_with_more_agents() -> None:
    assert [verdict.ok for verdict in cost_verdicts(100.0, 200.0)] == [True, True]
    assert [verdict.ok for verdict in cost_verdicts(100.0, 201.0)] == [True, False]
    assert [verdict.ok for verdict in cost_verdicts(200.0, 301.0)] == [False, True]


def test_standard_error_is_that_of_the_mean() -> None:
    rows = tuple(Row(n, busy, 0, 10, 0.0) for n, busy in enumerate((0.8, 0.9, 0.85, 0.85)))
    assert Standing(rows).occupancy_se == pytest.approx(0.0204, abs=0.0001)
    assert Standing(rows[:1]).occupancy_se is None


def test_grid_is_the_studys() -> None:
    assert {(cell.agents, cell.answer_rate, cell.study) for cell in CELLS if cell.group == "calls"} == {
        (5, 0.10, 0.714), (10, 0.25, 0.819), (20, 0.25, 0.865),
        (50, 0.25, 0.918), (100, 0.25, 0.946), (300, 0.25, 0.977),
    }  # fmt: skip
    assert len([cell for cell in CELLS if cell.group == "markov" and cell.optimum is not None]) == 12
    assert {cell.agents for cell in CELLS if cell.group == "shock"} == {20, 100, 300}
    assert len({cell.name for cell in CELLS}) == len(CELLS)


def test_shock_comes_after_half_of_other_hours_too() -> None:
    cell = cells_named(["shock-100"])[0].lasting(3.0)
    assert cell.shock is not None
    assert cell.shock.at_s == 5400
    assert cell.scenario(calm=True).shocks == ()


def test_minutes_count_ends_answers_and_abandoned() -> None:
    log = MinuteLog(agents=2)
    for event in (
        CallFailed(1.0, "a"), CallFailed(2.0, "b", cancelled=True), CallMachine(3.0, "c"), CallLive(61.0, "d"),
        AgentTalking(61.0, "ann", "d"), CallLive(62.0, "e"), CallAbandoned(63.0, "e"),
    ):  # fmt: skip
        log.event(event)
    columns = log.columns()
    assert columns["answer_rate"] == [0.0, 1.0]
    assert columns["abandonment"] == [None, 0.5]


# the work


def results(tasks: list[Task], workers: int) -> list[Any]:
    return sorted(
        (done.cell.name, done.contender.name, done.seeds, piece) for done, piece in pool.performed(tasks, workers)
    )


def test_same_results_whatever_the_number_of_workers() -> None:
    tasks = [task(), task(rule="power"), task("markov-5-60"), replace(task(rule="lookahead"), seeds=(3,))]
    assert results(tasks, 1) == results(tasks, 2)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_workers_error_names_the_work(workers: int) -> None:
    wrong = replace(task(), contender=replace(BY_NAME["progressive"], pattern="nonsense"))
    with pytest.raises(VssError, match=r"progressive in small-2-25, seed 1: .*nonsense"):
        list(pool.performed([wrong, task()], workers))


def test_a_dead_worker_is_told_with_advice() -> None:
    future: Future[Any] = Future()
    future.set_exception(BrokenProcessPool())
    with pytest.raises(VssError, match="--workers"):
        pool._checked(task(), future)


def test_what_is_known_is_found_again_and_nothing_else(tmp_path: Path) -> None:
    store = Store(tmp_path)
    work = task(rule="power")
    assert store.find(work) is None
    piece = perform(work)
    store.keep(work, piece)
    assert store.find(work) == piece
    renamed = replace(work, contender=replace(work.contender, label="another"))
    assert store.find(renamed) == piece
    others = [
        replace(work, seeds=(1,)), replace(work, halvings=3), replace(work, cell=work.cell.lasting(0.06)),
        replace(work, minutes=True), replace(work, contender=replace(work.contender, level_most=9.0)),
    ]  # fmt: skip
    assert [store.find(other) for other in others] == [None] * 5
    for path in tmp_path.glob("*.json"):
        path.write_text('{"rows": 1}')
    assert store.find(work) is None


@pytest.mark.parametrize(
    ("file", "old", "new", "same"),
    [
        ("budget.py", "import math", "import math  # another word", True),
        ("budget.py", '"""The account', '"""An account', True),
        ("campaign.py", "import", "import", True),
        ("budget.py", "/ 60", "/ 61", False),
        ("scenario.py", "BLOCK = 2048", "BLOCK = 1024", False),
        ("jurisdictions.json", "0.03", "0.04", False),
    ],
)
def test_results_belong_to_the_code_of_the_rule(file: str, old: str, new: str, same: bool, tmp_path: Path) -> None:
    shutil.copytree(CHECKOUT / "engine/dialer", tmp_path / "dialer")
    before = code_below(tmp_path / "dialer")
    text = (tmp_path / "dialer" / file).read_text()
    assert old in text
    (tmp_path / "dialer" / file).write_text(text.replace(old, new) + ("" if file.endswith("json") else "\n"))
    assert (code_below(tmp_path / "dialer") == before) is same


def test_small_teams_and_baselines_have_their_own_number_of_runs() -> None:
    tasks = tasks_for(CELLS, 4, 3)

    def runs(cell: str, rule: str) -> int:
        return sum(len(work.seeds) for work in tasks if (work.cell.name, work.contender.name) == (cell, rule))

    assert runs("calls-10-25", "lookahead") == 20
    assert runs("shock-20", "lookahead") == runs("calls-10-25", "vicidial-hard") == 4
    assert runs("markov-5-10", "lookahead") < runs("markov-5-10", "power") == 4
    assert runs("markov-5-10", "ratio") == 0


# the command


def test_writes_tables_and_plots_and_prints_what_its_schema_says(tmp_path: Path, here: Here) -> None:
    ran = here.run(*TINY, "--cells", "calls-5-10,markov-5-10,shock-20,small-2-25", "--out", str(tmp_path), "--json")
    assert ran.code in (0, 1)
    printed = ran.json("pacing-compare")
    assert printed["ok"] == (ran.code == 0)
    assert printed["files"] == [
        "compare.json", "compare.md", "markov.svg", "occupancy.svg", "shock-20.svg", "small-teams.svg",
    ]  # fmt: skip
    written = json.loads((tmp_path / "compare.json").read_text())
    check(written, "pacing-compare")
    assert all(policy["runs"] for cell in written["cells"] for policy in cell["policies"].values())
    page = (tmp_path / "compare.md").read_text()
    assert all(contender.label in page for contender in CONTENDERS)
    assert all(f"]({name})" in page for name in printed["files"] if name.endswith(".svg"))
    assert "--cells calls-5-10,markov-5-10,shock-20,small-2-25 --seeds 2 --hours 0.01" in page


def test_missed_promises_are_exit_code_1_and_named(tmp_path: Path, here: Here) -> None:
    ran = here.run(*TINY, "--cells", "calls-5-10", "--out", str(tmp_path))
    assert ran.code == 1
    assert "MISSED  occupancy_of_study in calls-5-10" in ran.out


def test_kept_promises_are_exit_code_0(tmp_path: Path, here: Here) -> None:
    assert here.run(*TINY, "--cells", "small-2-25", "--out", str(tmp_path)).code == 0


def test_only_what_is_not_known_runs(tmp_path: Path, here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    words = (*TINY, "--cells", "small-2-25,small-3-25", "--out", str(tmp_path), "--json")
    first = here.run(*words)
    ran: list[Task] = []
    real = pool.perform
    monkeypatch.setattr(pool, "perform", lambda work: (ran.append(work), real(work))[1])
    again = here.run(*words)
    assert ran == []
    assert again.out == first.out
    here.run(*words, "--fresh")
    assert ran


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--cells", "calls-7-10"], "cells"), (["--hours", "-1"], "hours"), (["--hours", "0"], "hours"),
        (["--seeds", "0"], "--seeds"), (["--workers", "0"], "--workers"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)  # fmt: skip
def test_bad_values_are_wrong_usage(words: list[str], named: str, tmp_path: Path, here: Here) -> None:
    ran = here.run("pacing", "compare", "--out", str(tmp_path / "out"), *words, "--json")
    assert ran.code == 2
    assert named in ran.json("error")["error"]["message"]
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, here: Here) -> None:
    (tmp_path / "file").write_text("")
    ran = here.run(*TINY, "--cells", "small-2-25", "--out", str(tmp_path / "file"), "--json")
    assert ran.code == 1
    assert str(tmp_path / "file") in ran.json("error")["error"]["message"]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nobody_behind(stop: signal.Signals, tmp_path: Path) -> None:
    words = ["--cells", "calls-300-25", "--seeds", "4", "--workers", "2", "--out", str(tmp_path), "--json"]
    before = signal.signal(
        stop, signal.default_int_handler
    )  # a suite in the background ignores SIGINT, and so would it
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "engine.cli", "pacing", "compare", *words],
        env=environment({}), start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    signal.signal(stop, before)
    try:
        assert waited_for(lambda: len(members(child.pid)) >= 3)  # it and two workers
        os.kill(child.pid, stop)
        out, err = child.communicate(timeout=60)
        assert child.returncode == 130
        assert json.loads(out)["error"]["code"] == "interrupted"
        assert err == "vss: interrupted\n"
        assert waited_for(lambda: not members(child.pid))
    finally:
        for pid in members(child.pid):
            os.kill(pid, signal.SIGKILL)


def members(group: int) -> list[int]:
    """The processes of a process group that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(its_group) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found


def waited_for(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 60
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()
