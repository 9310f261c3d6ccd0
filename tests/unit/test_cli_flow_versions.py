"""`vss flow publish|list|show|diff|retire` on a real database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.stack.home import CHECKOUT
from tests.gacs import framed
from tests.vss_command import Here, Ran, check, vss

EXAMPLE = CHECKOUT / "examples/gacs/payment-reminder.yaml"


def written(directory: Path, name: str, part: str) -> str:
    path = directory / f"{name}.json"
    path.write_text(json.dumps(framed(part)))
    return str(path)


class Shell:
    """Runs `vss flow` on one database."""

    def __init__(self, dsn: str) -> None:
        self._settings = {"VSS_POSTGRES_DSN": dsn}

    async def run(self, *words: str) -> Ran:
        return await vss("flow", *words, settings=self._settings)

    async def ask(self, *words: str, code: int = 0) -> dict[str, Any]:
        """The answer, held to its schema."""
        ran = await self.run(*words, "--json")
        assert ran.code == code, ran
        return ran.json("error" if '"error"' in ran.out[:10] else f"flow-{words[0]}")


@pytest.mark.pg
@pytest.mark.timeout(180)
async def test_versions_are_published_listed_shown_compared_and_retired(postgres_dsn: str, tmp_path: Path) -> None:
    shell = Shell(postgres_dsn)
    first = (await shell.ask("publish", written(tmp_path, "one", "title: one")))["versions"][0]
    again = (await shell.ask("publish", written(tmp_path, "one", "title: one")))["versions"][0]
    assert again == first
    taken = await shell.ask("publish", written(tmp_path, "two", "title: two"), code=1)
    assert taken["error"]["code"] == "version_taken"
    second = (await shell.ask("publish", written(tmp_path, "two", "title: two\nversion: 2")))["versions"][0]
    assert (await shell.ask("list"))["versions"] == [second, first]
    assert (await shell.ask("list", "nobody"))["versions"] == []
    shown = await shell.ask("show", first["hash"][:8])
    assert (shown["version"], shown["document"]["flow"]) == (first, framed("title: one")[0])
    told = await shell.ask("diff", f"{first['name']}@1", first["name"])
    assert [(one["part"], one["kind"]) for one in told["changes"]] == [("title", "changed"), ("version", "added")]
    lines = (await shell.run("diff", f"{first['name']}@1", first["name"])).out.splitlines()
    assert lines[0] == f"{first['name']}@1 ({first['hash'][:12]}) -> {second['name']}@2 ({second['hash'][:12]})"
    assert '    all: "one" -> "two"' in lines
    retired = (await shell.ask("retire", first["hash"]))["version"]
    assert retired["retired_by"].startswith("cli")
    assert (await shell.ask("show", first["hash"]))["version"] == retired
    assert (await shell.ask("show", "nobody", code=1))["error"]["code"] == "no_such_script"
    table = (await shell.run("list")).out.splitlines()
    assert table[0].split() == ["hash", "script", "version", "nodes", "published", "by", "retired"]
    assert table[2].startswith(first["hash"][:12])


@pytest.mark.pg
@pytest.mark.timeout(180)
async def test_neither_unsound_nor_bound_scripts_are_kept(postgres_dsn: str, tmp_path: Path) -> None:
    shell = Shell(postgres_dsn)
    wrong = written(tmp_path, "wrong", "start: helo\nnodes: {hello: {play: {prompt: hi}, then: over}}")
    refused = await shell.ask("publish", wrong, "--slot", "6001", code=1)
    assert {problem["code"] for problem in refused["problems"]} == {"G0201", "G0203"}
    told = await shell.run("publish", wrong)
    assert told.code == 1
    assert f"{wrong}:1: G0201 start: there is no node helo" in told.out
    for target, code in ((("--slot", "6001"), "script_not_for"), (("--campaign", "1"), "no_such_campaign")):
        bound = await shell.ask("publish", str(EXAMPLE), *target, code=1)
        assert bound["error"]["code"] == code
    assert all(version["name"] == "collections.reminder" for version in (await shell.ask("list"))["versions"])


@pytest.mark.pg
@pytest.mark.timeout(180)
async def test_bindings_are_shown_and_taken_back_and_tables_are_loaded(postgres_dsn: str, tmp_path: Path) -> None:
    shell = Shell(postgres_dsn)
    made = await shell.ask("publish", written(tmp_path, "one", "title: one"), "--slot", "6001")
    assert made["binding"]["target"] == {"kind": "slot", "name": "6001"}
    assert (await shell.ask("bindings"))["bindings"] == [made["binding"]]
    assert (await shell.ask("unbind", "--slot", "6001"))["target"] == {"kind": "slot", "name": "6001"}
    assert (await shell.ask("bindings"))["bindings"] == []
    assert (await shell.ask("unbind", "--slot", "6001", code=1))["error"]["code"] == "not_bound"
    table = tmp_path / "customers.csv"
    table.write_text("phone,tier\n+7495,gold\n+7496,plain\n", encoding="utf-8")
    loaded = (await shell.run("lookup", "load", "customers", str(table), "--json")).json("flow-lookup-load")
    assert loaded == {"source": "customers", "entries": 2}
    listed = (await shell.run("lookup", "list", "--json")).json("flow-lookup-list")
    assert [(one["source"], one["entries"]) for one in listed["tables"]] == [("customers", 2)]
    table.write_text("phone,tier\n+7495\n", encoding="utf-8")
    wrong = (await shell.run("lookup", "load", "customers", str(table), "--json")).json("error")
    assert f"{table}:2" in wrong["error"]["message"]


@pytest.mark.parametrize(
    "words",
    [
        ["publish"],
        ["publish", "/nowhere.yaml"],
        ["publish", str(EXAMPLE), "--slot", "7001"],
        ["publish", str(EXAMPLE), "--slot", "6001", "--did", "123"],
        ["publish", str(EXAMPLE), "--share", "0.5"],
        ["publish", str(EXAMPLE), "--slot", "6001", "--share", "0"],
        ["publish", str(EXAMPLE), "--slot", "6001", "--share", "nan"],
        ["show"],
        ["diff", "one"],
        ["unbind"],
        ["run", "call"],
        ["run", "call", "--slot", "6001", "--param", "due"],
    ],
)
def test_wrong_usage_exits_with_2(here: Here, words: list[str]) -> None:
    ran = here.run("flow", *words, "--json")
    assert ran.code == 2
    check(json.loads(ran.out), "error")


def test_database_that_is_away_exits_with_3(here: Here) -> None:
    here.set(VSS_POSTGRES_DSN="postgresql://nobody@127.0.0.1:9/none")
    ran = here.run("flow", "list", "--json")
    assert (ran.code, json.loads(ran.out)["error"]["code"]) == (3, "unavailable")
