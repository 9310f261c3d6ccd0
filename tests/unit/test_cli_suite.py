"""`vss test`: which tests run, and what is told of them."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from engine.cli import suite
from tests.eventually import until
from tests.vss_command import Here, environment, vss

PASSES = "def test_a():\n    pass\n\n\ndef test_b():\n    pass\n"
APART = ("-p", "no:cacheprovider")
FAILS = PASSES + "\n\ndef test_c():\n    assert 1 == 2\n"


@pytest.mark.parametrize(
    ("mode", "arguments", "expected"),
    [
        ("fast", [], ["-m", "not pg and not redis and not speech and not live and not long", "-n", "auto"]),
        ("normal", ["-k", "trunk"], ["-m", "not long", "-k", "trunk"]),
        ("full", ["-x"], ["-x"]),
        ("fast", ["-m", "live", "-n", "0"], ["-m", "live", "-n", "0"]),
    ],
)
def test_mode_becomes_marks_and_the_rest_goes_to_pytest(mode: str, arguments: list[str], expected: list[str]) -> None:
    words = suite.command_line(mode, arguments, Path("r.xml"))
    assert words == [sys.executable, "-m", "pytest", "--junitxml=r.xml", *expected]


@pytest.mark.parametrize(("text", "code", "failed"), [(PASSES, 0, 0), (FAILS, 1, 1)], ids=["passes", "fails"])
async def test_result_is_told_as_one_object(text: str, code: int, failed: int, tmp_path: Path) -> None:
    file = tmp_path / "test_something.py"
    file.write_text(text)
    ran = await vss("test", "--fast", "--json", "-n", "0", *APART, f"--rootdir={tmp_path}", str(file))
    told = ran.json("test")
    assert ran.code == code
    assert (told["ok"], told["passed"], told["failed"], told["errors"]) == (code == 0, 2, failed, 0)
    assert told["failures"] == ["test_something.test_c"] * failed


async def test_nothing_collected_is_a_failure_and_wrong_usage_is_told(tmp_path: Path) -> None:
    (tmp_path / "test_none.py").write_text("")
    assert (await vss("test", "--json", *APART, str(tmp_path / "test_none.py"))).code == 1
    assert (await vss("test", "--json", *APART, str(tmp_path / "missing.py"))).code == 2


def test_environment_without_test_tools_says_how_to_get_them(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    ran = here.run("test", "--json")
    assert ran.code == 3
    assert "./vss test" in ran.json("error")["error"]["message"]


async def test_what_ends_it_reaches_pytest_too(tmp_path: Path) -> None:
    """Else a job that is cancelled would leave the suite behind, with all that it started."""
    file, begun, ended = tmp_path / "test_long.py", tmp_path / "begun", tmp_path / "ended"
    file.write_text(
        "import pathlib, time\n\ndef test_a():\n    try:\n"
        f"        pathlib.Path({str(begun)!r}).touch()\n        time.sleep(60)\n"
        f"    finally:\n        pathlib.Path({str(ended)!r}).touch()\n"
    )
    words = ("test", "--fast", "-n", "0", *APART, f"--rootdir={tmp_path}", str(file))
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "engine.cli", *words,
        env=environment({}), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await until(begun.exists, 60.0)
        running.terminate()
        assert await asyncio.wait_for(running.wait(), 60.0) == 130
        assert ended.exists()
    finally:
        if running.returncode is None:
            running.kill()
