"""Settings: environment variables `VSS_*`, or files named by `VSS_*_FILE`; units are in the names.

A missing or placeholder secret is a ConfigError: there are no default secrets.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from engine.errors import ConfigError
from engine.flow.site import Site

PREFIX = "VSS_"
TOKEN_LENGTH_MIN = 24
_PLACEHOLDERS = (
    "changeme",
    "change-me",
    "change_me",
    "placeholder",
    "example",
    "secret",
    "password",
    "replace",
    "xxxx",
)


_PLAYABLE = re.compile(r"/[A-Za-z0-9_./+@~-]*")


class Settings(BaseSettings):
    """What the engine is told from outside."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore")

    postgres_dsn: SecretStr
    redis_url: SecretStr | None = None
    ari_url: str
    ari_user: str
    ari_password: SecretStr
    ari_app: str = "vss"
    ami_host: str | None = None
    ami_port: int = 5038
    ami_user: str = "vss"
    ami_password: SecretStr | None = None
    fastagi_host: str = "127.0.0.1"
    fastagi_port: int = 4573
    audiosocket_host: str = "127.0.0.1"
    """Where Asterisk delivers the sound of calls to streams and beep detection."""
    audiosocket_port: int = 4574
    http_host: str = "127.0.0.1"
    http_port: int = 8080
    api_token: SecretStr
    cell: str = Field(default="main", pattern=r"^[a-z0-9-]{1,32}$")
    run_dir: Path = Path("run")
    recordings_dir: Path | None = None
    asterisk_dir: Path | None = None
    """The place of the Asterisk that we render: its configuration is in etc/ below it. None: rendered by others."""
    cel_file: Path | None = None
    """Asterisk's channel event log (asterisk/cel_custom.conf.j2). None: log/cel.json below `asterisk_dir`, if set."""
    sip_host: str = "127.0.0.1"
    sip_port: int = 5060
    rtp_first_port: int = 10_000
    rtp_last_port: int = 10_999
    edge: str = Field(default="", pattern=r"^([A-Za-z0-9.-]+:[0-9]{1,5})?$")
    """`address:port` of the SIP proxy in front (kamailio/), when the rendered Asterisk stands behind one."""
    message: str = "sound:hello,sound:im-sorry,sound:vm-nobodyavail,sound:vm-goodbye"
    """Media of the identity message where a campaign has none of its own, separated by commas."""
    speech: str = "espeak-ng"
    """The command that speaks: espeak-ng, its path, or words with `env` before it; its options come after."""
    sounds_dir: Path | None = None
    """Where spoken texts are kept; Asterisk must be able to read there. None: below `asterisk_dir`, else `run_dir`."""
    audio_dir: Path | None = None
    """Recordings (WAV, one channel, 16 bits, 8 or 16 kHz) that scripts may play, by the hash of their content."""
    inbound_wait_max_s: float = Field(default=120.0, gt=0)
    wrap_up_s: float = Field(default=15.0, ge=0)
    drain_limit_s: float = Field(default=30.0, ge=0)
    stop: Literal["hand-over", "hang-up"] = "hand-over"
    """What becomes of calls and agents at SIGTERM: the next engine takes them over, or they are ended."""
    postgres_connections_max: int = Field(default=4, ge=2, le=64)
    script_trunk: str = ""
    """Over which scripts dial, and promises to call back are kept, where nothing else is said. Empty: the only one."""
    webhook_secret: SecretStr | None = None
    """Signs what scripts ask other systems; without one they ask nobody."""
    webhook_hosts: str = ""
    """Hosts that scripts may ask, separated by commas; none: every public one. `.example.org`: all below example.org.
    One that is named exactly may be a private address, and asked without TLS."""
    webhook_ca_file: Path | None = None
    """Certificates (PEM) that are trusted besides the system's."""
    dial_to: str = ""
    """Numbers that scripts may dial, or beginnings and `*`, by commas; none: what each script allows itself."""
    timezone: str = "UTC"
    """The time that scripts tell (`call.now`): an IANA name such as Europe/Moscow."""
    log_level: str = "info"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` hands over: the process's environment must not fill gaps of a given one."""
        return (init_settings,)

    @field_validator("api_token", "ari_password", "ami_password", "webhook_secret")
    @classmethod
    def _no_placeholder(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        secret = value.get_secret_value()
        if len(secret) < TOKEN_LENGTH_MIN or _is_placeholder(secret):
            raise ValueError(
                f"is a placeholder or shorter than {TOKEN_LENGTH_MIN} characters; `vss init` writes real ones"
            )
        return value

    @field_validator("postgres_dsn", "redis_url")
    @classmethod
    def _no_placeholder_within(cls, value: SecretStr | None) -> SecretStr | None:
        """Addresses need no password (a Unix socket, trust within a pod); one that they have must be real."""
        if value is None:
            return None
        try:
            password = urlsplit(value.get_secret_value()).password
        except ValueError:
            raise ValueError("is not an address such as postgresql://user:password@host/database") from None
        if password and _is_placeholder(password):
            raise ValueError("has a placeholder as its password; `vss init` writes real ones")
        return value

    @field_validator("speech")
    @classmethod
    def _a_command(cls, value: str) -> str:
        try:
            words = shlex.split(value)
        except ValueError:
            words = []
        if not words:
            raise ValueError("is no command such as /usr/bin/espeak-ng")
        return value

    @field_validator("timezone")
    @classmethod
    def _a_time_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("is no time zone such as Europe/Moscow") from None
        return value

    @field_validator("sounds_dir")
    @classmethod
    def _playable_path(cls, value: Path | None) -> Path | None:
        """Asterisk takes a comma for the next sound and a blank for the end of the name."""
        if value is not None and not _PLAYABLE.fullmatch(str(value)):
            raise ValueError("must be an absolute path of letters, digits and ._@~/+-")
        return value

    @property
    def channel_log(self) -> Path | None:
        """Where Asterisk writes what became of its channels; None: not on this machine."""
        if self.cel_file is not None or self.asterisk_dir is None:
            return self.cel_file
        return self.asterisk_dir.absolute() / "log" / "cel.json"

    @property
    def script_recordings_dir(self) -> Path | None:
        """Where Asterisk puts what scripts record."""
        return None if self.asterisk_dir is None else self.asterisk_dir.absolute() / "spool" / "recording"

    @property
    def site(self) -> Site:
        """What scripts may do here, for the check before they are published."""
        return site_of(self.webhook_hosts, self.dial_to)

    @property
    def speech_dir(self) -> Path:
        """Where spoken texts are kept."""
        if self.sounds_dir is not None:
            return self.sounds_dir
        return (self.asterisk_dir or self.run_dir).absolute() / "sounds" / "speech"

    @property
    def speech_command(self) -> tuple[str, ...]:
        """The words that start the synthesiser."""
        return tuple(shlex.split(self.speech))

    @property
    def messages(self) -> tuple[str, ...]:
        """The identity message as a list of media."""
        return tuple(_words(self.message))


def site_of(webhook_hosts: str, dial_to: str) -> Site:
    """What scripts may do, by VSS_WEBHOOK_HOSTS and VSS_DIAL_TO."""
    return Site(webhook_hosts=frozenset(_words(webhook_hosts)) or None, dial_to=tuple(_words(dial_to)) or None)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _is_placeholder(secret: str) -> bool:
    return any(word in secret.lower() for word in _PLACEHOLDERS)


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. Raises ConfigError that names every wrong setting at once."""
    found = dict(os.environ if environment is None else environment)
    values: dict[str, Any] = {}
    for name, value in found.items():
        if name.startswith(PREFIX) and name.endswith("_FILE") and value:
            values[name[len(PREFIX) : -len("_FILE")].lower()] = _read(name, Path(value))
    for name, value in found.items():
        if name.startswith(PREFIX) and not name.endswith("_FILE") and value:  # empty means: not set
            values.setdefault(name[len(PREFIX) :].lower(), value)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        problems = [f"{PREFIX}{str(item['loc'][0]).upper()}: {_text(item['msg'])}" for item in error.errors()]
        raise ConfigError("; ".join(problems) + " (see .env.example, or run `vss init`)") from None


def read_env_file(path: Path) -> dict[str, str]:
    """Read NAME=value lines of an env file as `vss init` writes it. Raises ConfigError."""
    values: dict[str, str] = {}
    for number, line in enumerate(_read(str(path), path).splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, found, value = text.partition("=")
        if not found:
            raise ConfigError(f"{path}:{number}: expected NAME=value")
        values[name.strip()] = value.strip().strip('"')
    return values


def _text(message: str) -> str:
    return "is missing" if message == "Field required" else message.removeprefix("Value error, ")


def _read(name: str, path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise ConfigError(f"{name}: {path} cannot be read ({error.strerror})") from None
