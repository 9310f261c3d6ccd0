"""Commands on the database itself: migrate, trunks, slots, leads, and Asterisk's configuration made of them."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from engine.adapters.postgres.leads import PostgresLeads
from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.trunks import PostgresTrunks
from engine.dialer.draft import CampaignDraft
from engine.ids import TrunkName
from tests.vss_command import Here, environment

pytestmark = pytest.mark.pg

SECRETS = {
    "VSS_API_TOKEN": "0123456789abcdef0123456789abcdef",
    "VSS_ARI_PASSWORD": "ari-0123456789abcdef01234567",
    "VSS_AMI_PASSWORD": "ami-0123456789abcdef01234567",
    "VSS_ARI_URL": "http://127.0.0.1:9",
    "VSS_ARI_USER": "vss",
    "VSS_AMI_HOST": "127.0.0.1",
    "VSS_AMI_PORT": "9",
}
CARRIER = ("trunk", "add", "carrier", "--host", "203.0.113.5", "--caller-id", "+12025550100")


@pytest.fixture
def kept(here: Here, postgres_dsn: str) -> Here:
    """`vss` with a database of its own and an Asterisk that is away."""
    here.set(VSS_POSTGRES_DSN=postgres_dsn, **SECRETS)
    return here


async def secret_of(dsn: str, name: str) -> str | None:
    async with Database(dsn) as database:
        return (await PostgresTrunks(database).with_secret(TrunkName(name))).secret


async def new_campaign(dsn: str) -> int:
    async with Database(dsn) as database:
        return int((await PostgresLeads(database).create(CampaignDraft("c", TrunkName("carrier")))).id)


def wait(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def test_migrate_makes_the_schema_once(here: Here, empty_postgres_dsn: str) -> None:
    here.set(VSS_POSTGRES_DSN=empty_postgres_dsn)
    first = here.run("db", "migrate", "--json").json("db-migrate")
    assert first["applied"][-1] == first["version"]
    again = here.run("db", "migrate", "--json").json("db-migrate")
    assert again == {"applied": [], "version": first["version"]}


def test_database_that_is_away_or_misnamed_is_told_apart(here: Here, postgres_dsn: str) -> None:
    here.set(VSS_POSTGRES_DSN="postgresql://vss@127.0.0.1:9/vss")
    assert here.run("trunk", "list", "--json").code == 3
    here.set(VSS_POSTGRES_DSN=postgres_dsn.replace("/t", "/no_such_"))
    ran = here.run("trunk", "list", "--json")
    assert (ran.code, ran.json("error")["error"]["code"]) == (4, "configuration")
    here.set(VSS_POSTGRES_DSN="")
    assert "VSS_POSTGRES_DSN" in here.run("trunk", "list", "--json").json("error")["error"]["message"]


def test_trunk_is_added_listed_and_changed_without_showing_its_password(kept: Here, postgres_dsn: str) -> None:
    digest = (*CARRIER, "--auth", "digest", "--username", "u", "--json")
    added = kept.run(*digest, "--password-stdin", stdin="s3cret; with blanks\n")
    assert added.code == 0
    assert added.json("trunk-add")["created"] is True
    assert "VSS_ASTERISK_DIR is not set" in added.json("trunk-add")["detail"]
    changed = kept.run(*digest, "--channels", "7", "--cps", "1.5", "--codecs", "alaw, g722")
    assert (changed.code, changed.json("trunk-add")["created"]) == (0, False)
    (trunk,) = kept.run("trunk", "list", "--json").json("trunk-list")["trunks"]
    assert (trunk["channels_max"], trunk["cps_max"], trunk["codecs"]) == (7, 1.5, ["alaw", "g722"])
    assert "s3cret" not in added.out + changed.out + kept.run("trunk", "list").out
    assert wait(secret_of(postgres_dsn, "carrier")) == "s3cret; with blanks"


def test_password_comes_from_a_file(kept: Here, postgres_dsn: str, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from a file\n")
    digest = (*CARRIER, "--auth", "digest", "--username", "u", "--json", "--password-file")
    assert kept.run(*digest, str(tmp_path / "password")).code == 0
    assert wait(secret_of(postgres_dsn, "carrier")) == "from a file"
    assert kept.run(*digest, str(tmp_path / "none")).code == 4


@pytest.mark.parametrize(
    "wrong",
    [
        ["--auth", "digest", "--username", "u"],
        ["--register"],
        ["--codecs", "mp3"],
        ["--host", "bad host"],
        ["--caller-id", "anonymous"],
        ["--auth", "none"],
        ["--match", "somewhere"],
        ["--external-address", "a b"],
    ],
    ids=" ".join,
)
def test_trunk_that_cannot_work_is_refused_and_nothing_is_kept(wrong: list[str], kept: Here) -> None:
    ran = kept.run(*CARRIER, *wrong, "--json")
    assert (ran.code, ran.json("error")["error"]["code"]) == (1, "trunk_invalid")
    assert kept.run("trunk", "list", "--json").json("trunk-list") == {"trunks": []}


@pytest.mark.parametrize("name", ["Carrier", "9lives", "transport-udp", "x-auth", "a b", "x" * 33])
def test_trunk_name_that_asterisk_cannot_have_is_refused(name: str, kept: Here) -> None:
    ran = kept.run("trunk", "add", name, "--host", "203.0.113.5", "--caller-id", "1", "--json")
    assert (ran.code, ran.json("error")["error"]["code"]) == (1, "trunk_invalid")


def test_asterisk_that_is_away_is_told_and_reads_the_written_files_later(kept: Here, tmp_path: Path) -> None:
    place = tmp_path / "asterisk"
    kept.set(VSS_ASTERISK_DIR=str(place))
    early = kept.run(*CARRIER, "--json")
    assert early.code == 3
    assert "vss asterisk render" in early.json("trunk-add")["detail"]
    assert kept.run("slot", "add", "7001", "--json").code == 3
    rendered = kept.run("asterisk", "render", "--json").json("asterisk-render")
    assert (rendered["trunks"], rendered["slots"]) == (1, 1)
    assert {"asterisk.conf", "pjsip_trunks.conf", "extensions.conf"} <= set(rendered["files"])
    later = kept.run("trunk", "add", "second", "--host", "203.0.113.6", "--caller-id", "+12025550101", "--json")
    assert later.code == 3
    assert "will when it starts again" in later.json("trunk-add")["detail"]
    file = place / "etc/pjsip_trunks.conf"
    assert "[second]" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_disabled_trunk_is_kept_and_not_rendered(kept: Here, tmp_path: Path) -> None:
    kept.run(*CARRIER)
    kept.run(*CARRIER, "--disabled")
    kept.run("asterisk", "render", str(tmp_path / "a"))
    assert "[carrier]" not in (tmp_path / "a/etc/pjsip_trunks.conf").read_text()
    ran = kept.run("trunk", "test", "nobody", "--json")
    assert (ran.code, ran.json("error")["error"]["code"]) == (1, "no_such_trunk")
    assert kept.run("trunk", "test", "carrier", "not a number", "--json").json("error")["error"]["code"] == (
        "number_invalid"
    )


def test_fallback_and_callback_are_written_and_a_bad_one_is_refused(kept: Here, tmp_path: Path) -> None:
    kept.run(*CARRIER)
    place = str(tmp_path / "a")
    assert (
        kept.run("asterisk", "render", place, "--fallback", "+12025550111@carrier", "--callback", "8005550100").code
        == 0
    )
    text = (tmp_path / "a/etc/extensions.conf").read_text()
    assert "+12025550111" in text
    assert "8005550100" in text
    assert kept.run("asterisk", "render", place, "--fallback", "$(x)@carrier", "--json").code == 4


def test_slots_get_secrets_that_are_shown_once_and_kept(kept: Here, tmp_path: Path) -> None:
    added = kept.run("slot", "add", "7001-7002", "6001", "--name", "Desk", "--json").json("slot-add")["slots"]
    assert [item["slot"] for item in added] == [6001, 7001, 7002]
    secrets = [item["secret"] for item in added]
    assert len(set(secrets)) == 3
    again = kept.run("slot", "add", "7002-7003", "--json").json("slot-add")["slots"]
    assert again[0]["secret"] is None
    assert again[1]["secret"]
    listed = kept.run("slot", "list", "--json")
    assert [item["slot"] for item in listed.json("slot-list")["slots"]] == [6001, 7001, 7002, 7003]
    assert not any(secret in listed.out for secret in secrets)
    kept.run("asterisk", "render", str(tmp_path / "a"))
    assert f"password = {secrets[2]}" in (tmp_path / "a/etc/pjsip_slots.conf").read_text()
    renewed = kept.run("slot", "add", "7002", "--new-secret", "--json").json("slot-add")["slots"]
    assert renewed[0]["secret"] not in {None, secrets[2]}


def test_slot_outside_all_ranges_is_refused(kept: Here) -> None:
    ran = kept.run("slot", "add", "5000", "--json")
    assert (ran.code, ran.json("error")["error"]["code"]) == (1, "slot_number")


def test_inbound_number_goes_to_a_pool_or_to_a_slot(kept: Here) -> None:
    kept.run("slot", "add", "7001")
    assert kept.run("route", "add", "+12025550190", "--pool", "sales", "--wait-max-s", "60").code == 0
    added = kept.run("route", "add", "+12025550191", "--slot", "7001", "--json").json("route-add")["route"]
    assert added == {"did": "+12025550191", "pool": "default", "slot": 7001, "wait_max_s": 120.0}
    routes = kept.run("route", "list", "--json").json("route-list")["routes"]
    assert [(route["did"], route["pool"], route["wait_max_s"]) for route in routes] == [
        ("+12025550190", "sales", 60.0),
        ("+12025550191", "default", 120.0),
    ]


@pytest.mark.parametrize("wrong", [["letters"], ["+12025550190", "--slot", "7999"], ["+12025550190", "--pool", "A B"]])
def test_route_that_leads_nowhere_is_refused(wrong: list[str], kept: Here) -> None:
    ran = kept.run("route", "add", *wrong, "--json")
    assert (ran.code, ran.json("error")["error"]["code"]) == (1, "route_invalid")


def test_import_takes_the_good_lines_and_names_each_bad_one(kept: Here, postgres_dsn: str, tmp_path: Path) -> None:
    kept.run(*CARRIER)
    campaign = str(wait(new_campaign(postgres_dsn)))
    file = tmp_path / "leads.csv"
    file.write_bytes(
        b'phone,name\n+12125550100,A\n12,B\n"open,C\n+12125550101,\xff\n+12125550100,again\n+12125550102,D\n'
    )
    ran = kept.run("leads", "import", str(file), "--campaign", campaign, "--json")
    report = ran.json("leads-import")
    assert ran.code == 0
    assert report["imported"] == 2
    assert [(bad["line"], bad["reason"]) for bad in report["rejected"]] == [
        (3, "bad_number"),
        (4, "malformed"),
        (5, "not_utf8"),
        (6, "duplicate_in_file"),
    ]
    again = kept.run("leads", "import", str(file), "--campaign", campaign)
    assert again.code == 1
    assert "line 2: duplicate_in_campaign" in again.out
    assert again.out.endswith("imported 0; rejected 6\n")


def test_local_numbers_need_a_region(kept: Here, postgres_dsn: str) -> None:
    kept.run(*CARRIER)
    words = ("leads", "import", "-", "--campaign", str(wait(new_campaign(postgres_dsn))), "--json")
    text = "phone\n(212) 555-0100\n"
    assert kept.run(*words, stdin=text).code == 1
    assert kept.run(*words, "--region", "us", stdin=text).json("leads-import")["imported"] == 1


@pytest.mark.parametrize(
    ("file", "code"), [("missing.csv", "file"), ("empty.csv", "import_header"), ("noheader.csv", "import_header")]
)
def test_file_that_is_no_list_of_leads_is_refused(
    file: str, code: str, kept: Here, postgres_dsn: str, tmp_path: Path
) -> None:
    kept.run(*CARRIER)
    campaign = str(wait(new_campaign(postgres_dsn)))
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "noheader.csv").write_text("+12125550100\n")
    ran = kept.run("leads", "import", str(tmp_path / file), "--campaign", campaign, "--json")
    assert (ran.code, ran.json("error")["error"]["code"]) == (1, code)


def test_import_into_no_campaign_is_refused(kept: Here) -> None:
    ran = kept.run("leads", "import", "-", "--campaign", "99", "--json", stdin="phone\n+12125550100\n")
    assert (ran.code, ran.json("error")["error"]["code"]) == (1, "no_such_campaign")
    ran = kept.run("campaign", "stats", "99", "--json")
    assert (ran.code, ran.json("error")["error"]["code"]) == (1, "no_such_campaign")


def test_statistics_need_no_engine(kept: Here, postgres_dsn: str) -> None:
    kept.run(*CARRIER)
    campaign = str(wait(new_campaign(postgres_dsn)))
    kept.run("leads", "import", "-", "--campaign", campaign, stdin="phone\n+12125550100\n")
    told = kept.run("campaign", "stats", "c", "--json").json("campaign-stats")
    assert (told["statistics"], told["agree"]) == ({"leads": {"new": 1}, "outcomes": {}}, True)
    windows = told["abandonment"]
    assert windows.pop("definition") == "us-ftc"
    assert {name: (count["live"], count["ratio"]) for name, count in windows.items()} == {
        "period": (0, 0), "24h": (0, 0), "1h": (0, 0),
    }  # fmt: skip


def test_environment_of_other_tests_does_not_leak() -> None:
    assert [name for name in environment({}) if name.startswith("VSS_")] in (["VSS_DOTENV"], ["VSS_HOME", "VSS_DOTENV"])
