"""Rendering Asterisk's configuration: complete, private, and closed to injection."""

from __future__ import annotations

import configparser
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.adapters.asteriskconf import (
    AsteriskSite,
    SlotAccount,
    Trunk,
    UnsafeValue,
    dialplan_value,
    ini_value,
    render,
    render_slots,
    render_trunks,
)


@pytest.fixture
def site(tmp_path: Path) -> AsteriskSite:
    return AsteriskSite(
        tree=None,
        directory=tmp_path / "asterisk",
        sip_host="127.0.0.1",
        sip_port=5060,
        rtp_first_port=20000,
        rtp_last_port=20999,
        http_host="127.0.0.1",
        http_port=8088,
        ami_port=5038,
        ari_user="vss",
        ari_password="ari-secret",
        ami_user="vss",
        ami_password="ami-secret",
        fastagi_host="127.0.0.1",
        fastagi_port=4573,
        slots=(SlotAccount("7001", "one"), SlotAccount("7002", "two")),
        trunks=(Trunk("carrier", "127.0.0.1", 5070),),
    )


def parsed_value(line: str) -> str:
    """What Asterisk's parser makes of a line (main/config.c: comments, then the strip of both sides)."""
    _, _, text = line.partition("=")
    out = []
    position = 0
    while position < len(text):
        if text[position] == ";":
            if out and out[-1] == "\\":
                out[-1] = ";"
                position += 1
                continue
            break
        out.append(text[position])
        position += 1
    return "".join(out).strip()


def written(directory: Path, name: str) -> str:
    return (directory / name).read_text()


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])))
def test_escaped_value_reads_back_as_it_was(value: str) -> None:
    if value != value.strip():
        with pytest.raises(UnsafeValue):
            ini_value(value)
    else:
        assert parsed_value("name = " + ini_value(value)) == value


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\x00", "\ta", "a ", " a", "a\x85b", "a\u2028b"])
def test_value_that_could_break_out_is_refused(value: str) -> None:
    with pytest.raises(UnsafeValue):
        ini_value(value)


@pytest.mark.parametrize("value", ["a,b", "a&b", "${SHELL(id)}", "$[1]", 'a"b', "a|b", "a b", "a)", "a\n"])
def test_dialplan_syntax_is_refused_in_values(value: str) -> None:
    with pytest.raises(UnsafeValue):
        dialplan_value(value)


def test_refusal_does_not_show_the_value() -> None:
    with pytest.raises(UnsafeValue) as caught:
        ini_value("top-secret\n")
    assert "top-secret" not in str(caught.value)


def test_every_file_is_private_and_complete(site: AsteriskSite, tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    render(site, etc)
    files = sorted(path.name for path in etc.iterdir())
    assert {"asterisk.conf", "modules.conf", "pjsip.conf", "extensions.conf", "vss-inbound.conf"} <= set(files)
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in etc.iterdir())
    assert not any("{{" in path.read_text() or "{%" in path.read_text() for path in etc.iterdir())
    for name in re.findall(r"#include (\S+)", written(etc, "pjsip.conf") + written(etc, "extensions.conf")):
        assert name in files


def test_includes_nothing_that_runs_programs(site: AsteriskSite, tmp_path: Path) -> None:
    render(site, tmp_path / "etc")
    text = "".join(path.read_text() for path in (tmp_path / "etc").iterdir())
    assert "#exec" not in text
    assert not re.search(r"\b(System|TrySystem|SHELL)\(", text)
    assert "live_dangerously = no" in text


def test_observer_may_neither_originate_nor_command(site: AsteriskSite, tmp_path: Path) -> None:
    render(site, tmp_path / "etc")
    manager = configparser.ConfigParser()
    manager.read(tmp_path / "etc/manager.conf")
    assert set(manager["vss"]["write"].split(",")) == {"system", "reporting"}


def test_adding_a_trunk_rewrites_only_trunks(site: AsteriskSite, tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    render(site, etc)
    before = {path.name: path.read_text() for path in etc.iterdir()}
    render_trunks(replace(site, trunks=(*site.trunks, Trunk("second", "sip.example.com"))), etc)
    changed = {path.name for path in etc.iterdir() if path.read_text() != before[path.name]}
    assert changed == {"pjsip_trunks.conf"}
    render_slots(replace(site, slots=(*site.slots, SlotAccount("7003", "three"))), etc)
    changed = {path.name for path in etc.iterdir() if path.read_text() != before[path.name]}
    assert changed == {"pjsip_trunks.conf", "pjsip_slots.conf"}


def test_registering_trunk_has_credentials_and_a_registration(site: AsteriskSite, tmp_path: Path) -> None:
    trunk = Trunk("isp", "sip.example.com", registration=True, username="me", password="p;q")
    render(replace(site, trunks=(trunk,)), tmp_path / "etc")
    text = written(tmp_path / "etc", "pjsip_trunks.conf")
    assert "password = p\\;q\n" in text
    assert "server_uri = sip:sip.example.com:5060\n" in text
    assert "match = sip.example.com\n" in text


def test_trunk_on_loopback_is_matched_with_its_port(site: AsteriskSite, tmp_path: Path) -> None:
    render(site, tmp_path / "etc")
    assert "match = 127.0.0.1:5070\n" in written(tmp_path / "etc", "pjsip_trunks.conf")


def test_external_address_is_announced_outside_the_private_networks(site: AsteriskSite, tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    render(site, etc)
    assert "external_" not in written(etc, "pjsip_transport.conf")
    render_trunks(replace(site, trunks=(Trunk("isp", "198.51.100.7", external_address="203.0.113.5"),)), etc)
    text = written(etc, "pjsip_transport.conf")
    assert "external_media_address = 203.0.113.5\n" in text
    assert "local_net = 192.168.0.0/16\n" in text


def test_phones_behind_nat_get_their_contact_rewritten(site: AsteriskSite, tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    render(replace(site, sip_host="0.0.0.0"), etc)
    assert "rewrite_contact = yes\n" in written(etc, "pjsip_slots.conf")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Trunk("Bad Name", "127.0.0.1"),
        lambda: Trunk("global", "127.0.0.1"),
        lambda: Trunk("a-auth", "127.0.0.1"),
        lambda: Trunk("a", "bad host"),
        lambda: Trunk("a", "127.0.0.1", 0),
        lambda: Trunk("a", "127.0.0.1", codecs=("mp3",)),
        lambda: Trunk("a", "127.0.0.1", codecs=()),
        lambda: Trunk("a", "127.0.0.1", auth="digest"),
        lambda: Trunk("a", "127.0.0.1", registration=True, username="u"),
        lambda: Trunk("a", "127.0.0.1", caller_id="5)\nx"),
        lambda: Trunk("a", "127.0.0.1", cps_max=0),
        lambda: Trunk("a", "127.0.0.1", match=("elsewhere",)),
        lambda: SlotAccount("70 01", "x"),
        lambda: SlotAccount("7001", ""),
    ],
)
def test_accounts_that_cannot_be_are_refused_when_made(make: object) -> None:
    assert callable(make)
    with pytest.raises(UnsafeValue):
        make()


@pytest.mark.parametrize(
    "change",
    [
        {"ari_password": ""},
        {"ami_password": ""},
        {"directory": Path("/var/lib/with blank")},
        {"directory": Path("relative")},
        {"rtp_first_port": 30000},
        {"sip_host": "0.0.0.0\n"},
        {"slots": (SlotAccount("7001", "a"), SlotAccount("7001", "b"))},
        {"trunks": (Trunk("a", "h"), Trunk("a", "i"))},
        {"trunks": (Trunk("a", "h", external_address="1.1.1.1"), Trunk("b", "i", external_address="2.2.2.2"))},
        {"fallback": ("1,2", "carrier")},
    ],
)
def test_sites_that_cannot_be_are_refused_when_made(site: AsteriskSite, change: dict[str, object]) -> None:
    with pytest.raises(UnsafeValue):
        replace(site, **change)  # type: ignore[arg-type]


def test_secrets_do_not_show_in_a_printed_site(site: AsteriskSite) -> None:
    printed = repr(site)
    assert all(secret not in printed for secret in ("ari-secret", "ami-secret", "'one'", "'two'"))


def test_password_with_a_line_end_never_reaches_a_file(site: AsteriskSite, tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    render(site, etc)
    before = written(etc, "pjsip_slots.conf")
    with pytest.raises(UnsafeValue):
        render_slots(replace(site, slots=(SlotAccount("7001", "x\n[evil]\ntype=endpoint"),)), etc)
    assert written(etc, "pjsip_slots.conf") == before


def test_behind_the_edge_nobody_else_is_heard(site: AsteriskSite, tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    render(replace(site, edge=("192.0.2.1", 5060)), etc)
    assert "deny = 0.0.0.0/0\npermit = 192.0.2.1\n" in written(etc, "pjsip.conf")
    assert "load = res_pjsip_acl.so\n" in written(etc, "modules.conf")
    assert "match_header = X-VSS-Source: provider\n" in written(etc, "pjsip_trunks.conf")
    assert "outbound_proxy = sip:192.0.2.1:5060\\;lr\n" in written(etc, "pjsip_trunks.conf")
    assert "support_path = yes\n" in written(etc, "pjsip_slots.conf")
