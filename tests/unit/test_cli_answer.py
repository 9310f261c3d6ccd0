"""Answers and errors: one object for scripts, lines for people, an exit code by who must act."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
import typer

from engine.cli.answer import Answer, give
from engine.cli.table import Table, plain
from engine.errors import ConfigError, ImpossibleEvent, NotFound, Rejected, Unavailable
from engine.stack.report import StackFailure
from tests.vss_command import check

GIVEN = Answer({"n": 1, "word": "größer"}, ["one line", Table(("a", "b"), [(1, None), (2.50, True)])], 3)


def code_of(work: Callable[[], object], *, as_json: bool) -> int:
    with pytest.raises(typer.Exit) as ended:
        give(as_json, work)  # type: ignore[arg-type]
    return ended.value.exit_code


def test_script_gets_one_object_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(lambda: GIVEN, as_json=True) == 3
    out, err = capsys.readouterr()
    assert (out, err) == ('{"n": 1, "word": "größer"}\n', "")


def test_person_gets_plain_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of(lambda: GIVEN, as_json=False) == 3
    assert capsys.readouterr().out == "one line\na    b\n1\n2.5  yes\n"


def test_terminal_gets_a_drawn_table_and_no_colour_when_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    code_of(lambda: Answer({}, [Table(("name",), [("[bold]x[/bold]",)])]), as_json=False)
    out = capsys.readouterr().out
    assert "[bold]x[/bold]" in out
    assert "─" in out
    assert "\x1b[3" not in out


def test_columns_are_as_wide_as_their_widest_value() -> None:
    assert plain(Table(("id", "name"), [(1, "long name"), (10, "x")], title="all")) == [
        "all",
        "id  name",
        "1   long name",
        "10  x",
    ]


def fails(error: BaseException) -> Callable[[], Answer]:
    def work() -> Answer:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "exit_code", "word"),
    [
        (ConfigError("VSS_X: is missing"), 4, "configuration"),
        (Unavailable("postgres", "gone"), 3, "unavailable"),
        (StackFailure("ports", "none free", advice="Run ./vss down."), 3, "unavailable"),
        (Rejected("campaign_state", "it is running"), 1, "campaign_state"),
        (NotFound("no_such_trunk", "there is no trunk x"), 1, "no_such_trunk"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (FileNotFoundError(2, "No such file or directory", "leads.csv"), 1, "file"),
        (ImpossibleEvent("odd"), 1, "failed"),
        (RuntimeError("a bug"), 1, "internal"),
    ],
)
def test_who_must_act_decides_the_exit_code(
    error: BaseException, exit_code: int, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert code_of(fails(error), as_json=True) == exit_code
    out, err = capsys.readouterr()
    printed = json.loads(out)
    check(printed, "error")
    assert printed["error"]["code"] == word
    assert err.rstrip("\n").splitlines()[-1].strip(" ->").startswith(("vss: ", "Run ./vss down."))
    assert ("Traceback" in err) == (word == "internal")


def test_waiting_work_is_awaited_and_its_interruption_told(capsys: pytest.CaptureFixture[str]) -> None:
    async def works() -> Answer:
        await asyncio.sleep(0)
        return Answer({}, ["done"])

    async def interrupted() -> Answer:
        raise KeyboardInterrupt

    assert code_of(works, as_json=False) == 0
    assert capsys.readouterr().out == "done\n"
    assert code_of(interrupted, as_json=False) == 130


def test_command_that_has_printed_its_object_prints_no_second_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        give(lambda: False, fails(Unavailable("lease", "taken")))
    assert capsys.readouterr().out == ""
