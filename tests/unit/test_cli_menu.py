"""The command line as a whole: quick help, every command there, wrong usage told to people and scripts."""

from __future__ import annotations

import subprocess
import sys

import pytest

from engine.cli.menu import ENTRIES
from engine.stack.home import CHECKOUT
from tests.vss_command import Here, environment

SUBCOMMANDS = {
    "db": {"migrate"},
    "campaign": {"create", "list", "start", "pause", "stop", "stats"},
    "leads": {"import"},
    "trunk": {"add", "list", "test"},
    "slot": {"add", "list"},
    "route": {"add", "list"},
    "pacing": {"simulate", "compare", "replay"},
    "flow": {"check", "draw", "schema", "test", "try", "publish", "list", "show", "diff", "retire"},
    "asterisk": {"render"},
}
HEAVY = ("pydantic", "aiohttp", "asyncpg", "rich", "jinja2", "structlog", "phonenumbers", "numpy", "uvloop", "asyncio")


def test_help_imports_nothing_heavy() -> None:
    """The reason why it is quick; its time itself depends on the machine."""
    code = (
        "import sys; from engine.cli.menu import run; code = run(['--help']);"
        f"print(code, [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environment({}), capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "0 []"


def test_help_names_every_command(here: Here) -> None:
    ran = here.run("--help")
    assert ran.code == 0
    assert all(name in ran.out and entry.line in " ".join(ran.out.split()) for name, entry in ENTRIES.items())


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_every_command_has_help(name: str, here: Here) -> None:
    ran = here.run(name, "--help")
    assert ran.code == 0
    assert "Usage: vss " + name in ran.out
    for word in SUBCOMMANDS.get(name, set()):
        below = here.run(name, word, "--help")
        assert below.code == 0
        assert "--json" in below.out


@pytest.mark.parametrize(
    "words",
    [
        ["nothing"],
        ["campaign", "begin", "1"],
        ["campaign", "create", "x"],
        ["trunk", "add", "x", "--host", "h", "--caller-id", "1", "--port", "0"],
        ["slot", "add", "seven"],
        ["slot", "add", "1-999999"],
        ["campaign", "create", "x", "--trunk", "t", "--recall", "busy"],
        ["campaign", "create", "x", "--trunk", "t", "--dial-mode", "shouting"],
        ["test", "--fast", "--full"],
        ["trunk", "add", "x", "--host", "h", "--caller-id", "1", "--password-stdin", "--password-file", "f"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2_and_one_object(words: list[str], here: Here) -> None:
    ran = here.run(*words, "--json")
    assert ran.code == 2
    assert ran.json("error")["error"]["code"] == "usage"
    assert "Error: " in ran.err


def test_command_alone_shows_its_help(here: Here) -> None:
    ran = here.run("campaign")
    assert ran.code == 2
    assert "create" in ran.out + ran.err


def test_module_is_the_entry_of_the_script() -> None:
    assert "-m engine.cli" in (CHECKOUT / "vss").read_text()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "engine.cli", "no-such-thing"],
        env=environment({}), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
