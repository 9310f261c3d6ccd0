"""`vss init`: a settings file with secrets of this installation's own."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.answer import Answer, AsJson, give

SECRET_BYTES = 24
"""192 bits, written as hex: safe in every configuration file, and no placeholder can appear in it by chance."""

TEMPLATE = """\
# Settings of VSS engine, written by `vss init`; .env.example says what each one is, and has more of them.
# Secret: keep the mode 0600. Environment variables of the same name win; VSS_X_FILE=<path> reads VSS_X from a file.

# the engine's HTTP API and live page; the token opens everything
VSS_HTTP_HOST=127.0.0.1
VSS_HTTP_PORT=8080
VSS_API_TOKEN={token}

# PostgreSQL (15 or newer). The port is also the one that compose.yml publishes.
VSS_POSTGRES_PORT=5432
VSS_POSTGRES_PASSWORD={postgres}
VSS_POSTGRES_DSN=postgresql://vss:{postgres}@127.0.0.1:5432/vss

# Redis (6.2 or newer); without VSS_REDIS_URL each engine keeps to its own limits
VSS_REDIS_PORT=6379
VSS_REDIS_PASSWORD={redis}
VSS_REDIS_URL=redis://:{redis}@127.0.0.1:6379/0

# Asterisk (22.10.1 or newer): ARI, AMI, and where its dialplan finds us
VSS_ARI_URL=http://127.0.0.1:8088
VSS_ARI_USER=vss
VSS_ARI_PASSWORD={ari}
VSS_AMI_HOST=127.0.0.1
VSS_AMI_PORT=5038
VSS_AMI_USER=vss
VSS_AMI_PASSWORD={ami}
VSS_FASTAGI_HOST=127.0.0.1
VSS_FASTAGI_PORT=4573
VSS_AUDIOSOCKET_HOST=127.0.0.1
VSS_AUDIOSOCKET_PORT=4574

# signs what scripts ask other systems (docs/webhooks.md)
VSS_WEBHOOK_SECRET={webhook}

# what Asterisk listens on, and where `vss asterisk render` writes; then trunks and slots are rendered as they are added
VSS_SIP_HOST=127.0.0.1
VSS_SIP_PORT=5060
# VSS_ASTERISK_DIR=/var/lib/vss-asterisk

# only compose.yml needs these
VSS_RABBITMQ_PASSWORD={rabbitmq}
VSS_GRAFANA_PASSWORD={grafana}
"""
SECRETS = ("token", "postgres", "redis", "ari", "ami", "webhook", "rabbitmq", "grafana")

NEXT = """\
Wrote {file} (mode 0600) with secrets of its own. Next:
  1. PostgreSQL: a user and a database `vss` with VSS_POSTGRES_PASSWORD; then  vss db migrate
  2. Phones and the way out:  vss slot add 7001-7008   vss trunk add NAME --host HOST --caller-id NUMBER
  3. Asterisk:  vss asterisk render DIR   and start it as that says
  4. The engine:  vss serve        (in another terminal: vss status)
With docker instead:  docker compose --profile core up      All of it privately, first:  vss demo"""


def init(
    directory: Annotated[Path, typer.Option(help="Where to write .env.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace an existing .env, secrets included.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write .env (mode 0600) with random secrets; an existing one is left alone."""
    give(as_json, lambda: _init(directory, force))


def _init(directory: Path, force: bool) -> Answer:
    from engine.config import read_env_file

    file = directory / ".env"
    _write(file, _text(), force)
    names = list(read_env_file(file))
    shown = NEXT.format(file=file)
    return Answer({"file": str(file), "created": True, "variables": names}, [shown])


def _text() -> str:
    return TEMPLATE.format(**{name: secrets.token_hex(SECRET_BYTES) for name in SECRETS})


def _write(file: Path, text: str, force: bool) -> None:
    """Never readable by others, not for a moment; a replaced file appears whole."""
    from engine.errors import Rejected

    if not file.parent.is_dir():
        raise Rejected("no_directory", f"there is no directory {file.parent}")
    beside = file.with_name(".env.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as target:
        target.write(text)
    if force:
        beside.replace(file)
        return
    try:
        os.link(beside, file)  # unlike a rename, refuses a file that is there, or appeared in this moment
    except FileExistsError:
        raise Rejected(
            "file_exists", f"{file} exists and is left as it is; --force replaces it, secrets included"
        ) from None
    finally:
        beside.unlink()
