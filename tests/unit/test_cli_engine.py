"""The command line and a running engine: a real `vss serve` on a real database; its Asterisk is away."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.config import read_env_file
from tests.vss_command import Ran, check, environment, vss

pytestmark = [pytest.mark.pg, pytest.mark.timeout(180)]

END_S = 30.0


@dataclass(slots=True)
class Served:
    """A running engine, and the settings of those who ask it."""

    child: asyncio.subprocess.Process
    url: str
    settings: dict[str, str]
    systemd: socket.socket

    async def ask(self, *words: str, **changed: str) -> Ran:
        return await vss(*words, "--json", settings={**self.settings, **changed})

    async def end(self, number: int) -> int:
        self.child.send_signal(number)
        async with asyncio.timeout(END_S):
            return await self.child.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def settings(dsn: str, place: Path) -> dict[str, str]:
    """What `vss init` wrote, with this test's database and ports."""
    assert (await vss("init", "--directory", str(place), "--force")).code == 0
    away = {"VSS_ARI_URL": "http://127.0.0.1:9", "VSS_AMI_HOST": "", "VSS_REDIS_URL": "", "VSS_POSTGRES_DSN": dsn}
    ports = {f"VSS_{name}_PORT": str(free_port()) for name in ("HTTP", "FASTAGI", "AUDIOSOCKET")}
    return {**read_env_file(place / ".env"), **away, **ports, "VSS_RUN_DIR": str(place)}


@asynccontextmanager
async def serving(values: dict[str, str], place: Path) -> AsyncIterator[Served]:
    """An engine of this test's own, started with a settings file as a person would."""
    (place / ".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd, (place / "log").open("wb") as log:
        systemd.bind(str(place / "notify"))
        systemd.settimeout(10)
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "engine.cli", "serve", "--json", "--env-file", str(place / ".env"),
            env=environment({"NOTIFY_SOCKET": str(place / "notify")}), cwd=place,
            stdout=asyncio.subprocess.PIPE, stderr=log,
        )  # fmt: skip
        try:
            assert child.stdout is not None
            async with asyncio.timeout(END_S):
                line = await child.stdout.readline()
            assert line, (place / "log").read_text()
            told = json.loads(line)
            assert "error" not in told, (place / "log").read_text()
            check(told, "serve")
            assert told["pid"] == child.pid
            yield Served(child, told["url"], values, systemd)
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()


@pytest.fixture
async def served(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Served]:
    values = await settings(postgres_dsn, tmp_path)
    async with serving(values, tmp_path) as engine:
        yield engine


def code(ran: Ran) -> tuple[int, str]:
    return ran.code, ran.json("error")["error"]["code"]


async def test_campaign_goes_its_way_and_each_mistake_is_told(served: Served) -> None:
    unknown = await served.ask("campaign", "create", "autumn", "--trunk", "nobody")
    assert code(unknown) == (1, "no_such_trunk")
    assert "there is no trunk nobody" in unknown.err
    added = await served.ask("trunk", "add", "carrier", "--host", "203.0.113.5", "--caller-id", "+12025550100")
    assert added.code == 0
    made = await served.ask("campaign", "create", "autumn", "--trunk", "carrier", "--recall", "busy:3:600")
    assert made.json("campaign-create")["campaign"]["status"] == "draft"
    assert code(await served.ask("campaign", "create", "Autumn", "--trunk", "carrier")) == (1, "campaign_name_taken")
    assert code(await served.ask("campaign", "create", "x\ny", "--trunk", "carrier")) == (1, "invalid_body")
    listed = (await served.ask("campaign", "list")).json("campaign-list")
    assert [item["campaign"]["name"] for item in listed["campaigns"]] == ["autumn"]

    started = await served.ask("campaign", "start", "autumn")
    assert started.json("campaign-change")["campaign"]["status"] == "running"
    twice = await served.ask("campaign", "start", "1")
    assert code(twice) == (1, "campaign_state")
    assert "the campaign is running; it cannot become running" in twice.err
    assert (await served.ask("campaign", "pause", "1")).json("campaign-change")["campaign"]["status"] == "paused"
    assert (await served.ask("campaign", "stop", "AUTUMN")).json("campaign-change")["campaign"]["status"] == "stopped"
    assert code(await served.ask("campaign", "start", "7")) == (1, "no_such_campaign")
    assert code(await served.ask("campaign", "start", "winter")) == (1, "no_such_campaign")


async def test_campaign_on_a_trunk_that_was_disabled_is_not_started(served: Served) -> None:
    add = ("trunk", "add", "carrier", "--host", "203.0.113.5", "--caller-id", "+12025550100")
    await served.ask(*add)
    await served.ask("campaign", "create", "autumn", "--trunk", "carrier")
    await served.ask(*add, "--disabled")
    refused = await served.ask("campaign", "start", "autumn")
    assert code(refused) == (1, "no_such_trunk")
    assert "carrier is disabled" in refused.err
    await served.ask(*add)
    assert (await served.ask("campaign", "start", "autumn")).code == 0


async def test_campaign_that_may_not_be_dialed_is_refused_and_the_field_named(served: Served) -> None:
    await served.ask("trunk", "add", "carrier", "--host", "203.0.113.5", "--caller-id", "+12025550100")
    create = ("campaign", "create", "autumn", "--trunk", "carrier")
    for words, field in (
        (("--abandon-limit", "0"), "abandon_limit"),
        (("--abandon-limit", "0.2"), "abandon_limit"),
        (("--fp-rate", "-0.1"), "fp_rate"),
        (("--jurisdiction", "atlantis"), "jurisdiction"),
        (("--jurisdiction", "ru"), "require_consent"),
        (("--dial-mode", "predictive", "--answer-limit-s", "3"), "answer_limit_s"),
    ):
        refused = await served.ask(*create, *words)
        assert code(refused) == (1, "invalid_body"), words
        assert f"{field}: " in refused.json("error")["error"]["message"]
    assert code(await served.ask(*create, "--theta0", "2")) == (2, "usage")
    made = await served.ask(*create, "--jurisdiction", "ru", "--require-consent", "--no-cancel", "--fp-rate", "0.01")
    campaign = made.json("campaign-create")["campaign"]
    shown = [campaign[name] for name in ("jurisdiction", "require_consent", "cancel", "fp_rate", "abandon_limit")]
    assert shown == ["ru", True, False, 0.01, None]


async def test_wrong_token_is_the_operators_to_mend(served: Served) -> None:
    wrong = await served.ask("campaign", "list", VSS_API_TOKEN="another-token-of-somebody-else")
    assert code(wrong) == (4, "configuration")
    assert "VSS_API_TOKEN" in wrong.err
    assert "another-token" not in wrong.err


async def test_status_names_the_part_that_is_away(served: Served) -> None:
    await served.ask("slot", "add", "7001")
    ran = await served.ask("status")
    told = ran.json("status")
    assert ran.code == 3
    assert (told["running"], told["ready"], told["url"]) == (True, False, served.url)
    assert told["parts"]["ari"]["ok"] is False
    shown = await vss("status", settings=served.settings)
    assert "NOT READY" in shown.out


async def test_systemd_hears_of_start_and_end_and_sigterm_is_a_good_end(served: Served) -> None:
    assert served.systemd.recv(200).startswith(b"READY=1\n")
    assert await served.end(signal.SIGTERM) == 0
    assert served.systemd.recv(200) == b"STOPPING=1"


async def test_ctrl_c_is_130(served: Served) -> None:
    assert await served.end(signal.SIGINT) == 130


async def test_second_engine_of_a_cell_or_port_is_refused_in_one_line(served: Served, tmp_path: Path) -> None:
    ports = {f"VSS_{name}_PORT": str(free_port()) for name in ("HTTP", "FASTAGI", "AUDIOSOCKET")}
    second = await served.ask("serve", **ports)
    assert code(second) == (4, "configuration")
    assert "another engine holds the cell" in second.err.splitlines()[-1]
    other_cell = await served.ask(
        "serve", VSS_CELL="other", **{**ports, "VSS_HTTP_PORT": served.settings["VSS_HTTP_PORT"]}
    )
    assert code(other_cell) == (4, "configuration")
    assert "cannot listen" in other_cell.err.splitlines()[-1]
    assert "Traceback" not in second.err + other_cell.err


async def test_placeholder_stops_the_engine_before_anything_listens(postgres_dsn: str, tmp_path: Path) -> None:
    values = {**await settings(postgres_dsn, tmp_path), "VSS_API_TOKEN": "changeme-changeme-changeme"}
    ran = await vss("serve", "--json", settings=values)
    assert code(ran) == (4, "configuration")
    assert ran.err.startswith("vss: VSS_API_TOKEN: is a placeholder")
    assert len(ran.err.splitlines()) == 1


async def test_engine_that_is_not_there_is_told_as_such(tmp_path: Path) -> None:
    values = {"VSS_HTTP_PORT": str(free_port()), "VSS_API_TOKEN": "x", "VSS_HOME": os.fspath(tmp_path)}
    for words in (["campaign", "list"], ["campaign", "start", "1"]):
        ran = await vss(*words, "--json", settings=values)
        assert code(ran) == (3, "unavailable")
        assert "is `vss serve` running?" in ran.err
    ran = await vss("status", "--json", settings=values)
    assert (ran.code, ran.json("status")["running"]) == (3, False)
    ran = await vss("campaign", "list", "--json", settings={"VSS_HTTP_PORT": values["VSS_HTTP_PORT"]})
    assert code(ran) == (4, "configuration")


async def test_doctor_and_down_answer_for_a_state_directory_of_their_own(tmp_path: Path) -> None:
    values = {"VSS_HOME": os.fspath(tmp_path)}
    doctor = await vss("doctor", "--json", settings=values)
    told = doctor.json("doctor")
    assert doctor.code == (0 if told["ok"] else 3)
    assert (await vss("down", "--json", settings=values)).json("down") == {"stopped": []}
    assert "nothing was running" in (await vss("down", settings=values)).out
