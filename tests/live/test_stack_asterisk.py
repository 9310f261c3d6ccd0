"""The private Asterisk under the stack's care: whole, unprivileged, gone afterwards."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.adapters.asteriskconf import SlotAccount, Trunk
from engine.config import load
from engine.stack import process
from engine.stack.home import state_home
from engine.stack.instance import Stack
from engine.stack.ports import LOOPBACK
from engine.stack.programs import Programs
from engine.stack.report import SilentReport, StackFailure

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
async def instance(stack: Stack, programs: Programs) -> AsyncIterator[Stack]:
    """An instance beside the run's own, so that breaking it disturbs no other test."""
    async with Stack.open(f"{stack.name}-asterisk", state_home(), programs, SilentReport()) as opened:
        opened.start_sipp("answering", ["-sn", "uas", "-i", LOOPBACK, "-p", str(opened.ports.sipp[0])])
        trunk = Trunk("carrier", LOOPBACK, opened.ports.sipp[0])
        await opened.start_asterisk(slots=(SlotAccount("7001", "secret7001"),), trunks=(trunk,))
        yield opened


async def test_every_listed_module_loads(instance: Stack) -> None:
    log = instance.asterisk.messages.read_text()
    assert [line for line in log.splitlines() if "ERROR" in line or "Error loading" in line] == []
    assert "not running" not in (await instance.asterisk.cli("core show uptime")).lower()


async def test_sounds_and_trunk_are_there(instance: Stack) -> None:
    assert "carrier" in await instance.asterisk.cli("pjsip show endpoints")
    assert (instance.asterisk.site.data_directory / "sounds/en/hello-world.gsm").exists()


def _status(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text()


async def test_servers_run_unprivileged(instance: Stack) -> None:
    status = _status(instance.asterisk.process.pid)
    assert f"Uid:\t{instance.user.uid}\t" in status
    assert "NoNewPrivs:\t1" in status
    assert instance.user.uid != 0


async def test_slots_can_change_while_it_runs(instance: Stack) -> None:
    site = instance.asterisk_site(
        slots=(SlotAccount("7001", "secret7001"), SlotAccount("7002", "secret7002")),
        trunks=instance.asterisk.site.trunks,
    )
    await instance.asterisk.update(site)

    async def known() -> bool:
        return "7002" in await instance.asterisk.cli("pjsip show endpoints")

    await process.until(instance.asterisk.process, known, 20)


async def test_killed_asterisk_starts_again_on_the_same_ports(instance: Stack) -> None:
    instance.asterisk.process.signal(signal.SIGKILL)
    await instance.asterisk.process.wait(10)
    again = await instance.restart_asterisk()
    assert "Asterisk" in await again.cli("core show version")


async def test_instance_in_use_refuses_a_second_owner(instance: Stack, programs: Programs) -> None:
    with pytest.raises(StackFailure, match="already running"):
        async with Stack.open(instance.name, state_home(), programs, SilentReport()):
            pass


async def test_closing_leaves_no_process(stack: Stack, programs: Programs) -> None:
    async with Stack.open(f"{stack.name}-closing", state_home(), programs, SilentReport()) as opened:
        await opened.start_redis()
        await opened.start_postgres()
        await opened.start_asterisk()
        records = [opened.asterisk.process.record, opened.postgres.process.record, opened.redis.process.record]
        directory = opened.directory
        assert all(record.alive() for record in records)
    assert not any(record.alive() for record in records)
    assert list((directory / "processes").iterdir()) == []


async def test_engine_gets_settings_that_it_accepts(stack: Stack, programs: Programs) -> None:
    async with Stack.open(f"{stack.name}-settings", state_home(), programs, SilentReport()) as opened:
        await opened.start_postgres()
        await opened.start_redis()
        asterisk = await opened.start_asterisk()
        settings = load(opened.engine_env())
    assert settings.http_port == opened.ports.http
    assert settings.sip_port == asterisk.site.sip_port
    assert settings.asterisk_dir == asterisk.site.directory
