"""Where a command's settings come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli.environment import Environment, read
from engine.config import load
from engine.errors import ConfigError


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("VSS_API_TOKEN", "VSS_POSTGRES_DSN", "VSS_HTTP_PORT"):
        monkeypatch.delenv(name, raising=False)


def test_env_file_of_the_working_directory_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text('# all\n\nVSS_API_TOKEN=file\nVSS_HTTP_PORT="9"\n')
    assert read(None).need("VSS_API_TOKEN") == "file"
    monkeypatch.setenv("VSS_API_TOKEN", "environment")
    assert read(None).need("VSS_API_TOKEN") == "environment"
    assert read(None).url == "http://127.0.0.1:9"


def test_no_file_is_fine_unless_it_was_named() -> None:
    assert read(None).get("VSS_API_TOKEN") is None
    assert read("").get("VSS_API_TOKEN") is None
    with pytest.raises(ConfigError, match=r"other\.env"):
        read("other.env")


def test_empty_name_means_no_file() -> None:
    Path(".env").write_text("VSS_API_TOKEN=file\n")
    assert read("").get("VSS_API_TOKEN") is None


def test_broken_line_is_named() -> None:
    Path(".env").write_text("VSS_API_TOKEN=x\nnonsense\n")
    with pytest.raises(ConfigError, match=r"\.env:2: expected NAME=value"):
        read(None)


def test_secret_may_come_from_a_file() -> None:
    Path("token").write_text("from a file\n")
    assert Environment({"VSS_API_TOKEN_FILE": "token"}).need("VSS_API_TOKEN") == "from a file"
    with pytest.raises(ConfigError, match="VSS_API_TOKEN_FILE: nothing cannot be read"):
        Environment({"VSS_API_TOKEN_FILE": "nothing"}).need("VSS_API_TOKEN")


def test_missing_value_says_what_writes_it() -> None:
    with pytest.raises(ConfigError, match=r"VSS_POSTGRES_DSN: is missing .*vss init"):
        _ = Environment({"VSS_POSTGRES_DSN": ""}).dsn


@pytest.mark.parametrize(
    ("values", "url"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({"VSS_HTTP_HOST": "0.0.0.0", "VSS_HTTP_PORT": "81"}, "http://127.0.0.1:81"),
        ({"VSS_HTTP_HOST": "::"}, "http://[::1]:8080"),
        ({"VSS_HTTP_HOST": "192.0.2.7"}, "http://192.0.2.7:8080"),
        ({"VSS_URL": "https://vss.example", "VSS_HTTP_HOST": "::"}, "https://vss.example"),
    ],
)
def test_engine_is_asked_where_it_listens(values: dict[str, str], url: str) -> None:
    assert Environment(values).url == url


def test_given_settings_are_not_filled_up_from_the_processs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VSS_API_TOKEN", "0123456789abcdef0123456789abcdef")
    with pytest.raises(ConfigError, match="VSS_API_TOKEN: is missing"):
        load({})


def test_empty_setting_counts_as_missing() -> None:
    given = {
        "VSS_POSTGRES_DSN": "postgresql:///vss",
        "VSS_ARI_URL": "http://127.0.0.1:8088",
        "VSS_ARI_USER": "vss",
        "VSS_ARI_PASSWORD": "0123456789abcdef01234567",
        "VSS_API_TOKEN": "0123456789abcdef01234567",
        "VSS_REDIS_URL": "",
        "VSS_ASTERISK_DIR": "",
    }
    settings = load(given)
    assert (settings.redis_url, settings.asterisk_dir) == (None, None)
