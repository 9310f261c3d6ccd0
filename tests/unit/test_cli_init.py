"""`vss init`: a file that the engine accepts, that nobody else can read, and that is never lost."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from engine.config import TOKEN_LENGTH_MIN, load, read_env_file
from engine.errors import ConfigError
from engine.stack.home import CHECKOUT
from tests.vss_command import Here


def test_file_is_accepted_by_the_engine_and_readable_by_the_owner_only(here: Here, tmp_path: Path) -> None:
    ran = here.run("init", "--directory", str(tmp_path), "--json")
    file = tmp_path / ".env"
    assert ran.code == 0
    assert ran.json("init") == {"file": str(file), "created": True, "variables": list(read_env_file(file))}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    settings = load(read_env_file(file))
    assert settings.ami_password is not None
    assert {path.name for path in tmp_path.iterdir()} == {".env"}


def test_secrets_are_random_and_long_and_cover_what_the_example_leaves_empty(here: Here, tmp_path: Path) -> None:
    values = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        assert here.run("init", "--directory", str(tmp_path / name)).code == 0
        values.append(read_env_file(tmp_path / name / ".env"))
    example = read_env_file(CHECKOUT / ".env.example")
    secrets = {name for name in example if name.endswith(("_PASSWORD", "_TOKEN"))}
    assert all(example[name] == "" for name in secrets)
    for name in secrets:
        assert len(values[0][name]) >= TOKEN_LENGTH_MIN
        assert values[0][name] != values[1][name]
    assert len({values[0][name] for name in secrets}) == len(secrets)


def test_person_is_told_what_to_do_next_and_never_sees_a_secret(here: Here, tmp_path: Path) -> None:
    ran = here.run("init", "--directory", str(tmp_path))
    assert "vss db migrate" in ran.out
    assert read_env_file(tmp_path / ".env")["VSS_API_TOKEN"] not in ran.out + ran.err


def test_existing_file_is_left_alone_unless_forced(here: Here, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("VSS_API_TOKEN=mine\n")
    ran = here.run("init", "--directory", str(tmp_path), "--json")
    assert ran.code == 1
    assert ran.json("error")["error"]["code"] == "file_exists"
    assert file.read_text() == "VSS_API_TOKEN=mine\n"
    assert here.run("init", "--directory", str(tmp_path), "--force").code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "mine" not in file.read_text()


def test_link_of_that_name_is_left_alone_too(here: Here, tmp_path: Path) -> None:
    (tmp_path / ".env").symlink_to(tmp_path / "nowhere")
    assert here.run("init", "--directory", str(tmp_path)).code == 1
    assert {path.name for path in tmp_path.iterdir()} == {".env"}


def test_missing_directory_is_named(here: Here, tmp_path: Path) -> None:
    ran = here.run("init", "--directory", str(tmp_path / "none"), "--json")
    assert (ran.code, ran.json("error")["error"]["code"]) == (1, "no_directory")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VSS_API_TOKEN", "changeme-changeme-changeme-changeme"),
        ("VSS_ARI_PASSWORD", "brief"),
        ("VSS_AMI_PASSWORD", "password-password-password-password"),
        ("VSS_POSTGRES_DSN", "postgresql://vss:changeme@127.0.0.1/vss"),
        ("VSS_REDIS_URL", "redis://:secret@127.0.0.1/0"),
    ],
)
def test_engine_refuses_a_placeholder_in_any_secret(name: str, value: str, here: Here, tmp_path: Path) -> None:
    here.run("init", "--directory", str(tmp_path))
    good = read_env_file(tmp_path / ".env")
    load(good)
    with pytest.raises(ConfigError, match=name) as refused:
        load({**good, name: value})
    assert value not in str(refused.value)
