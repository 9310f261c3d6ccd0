"""Logs: one JSON object per line, secrets blanked, libraries' logs in the same shape."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from engine.adapters.telemetry.logs import FIELD_MAX_CHARS, configure_logging


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    configure_logging("info", as_json=True, stream=out)
    yield out
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_an_event_is_one_line_of_json_with_its_fields(stream: io.StringIO) -> None:
    structlog.get_logger("worker").info("leg_answered", call_id="c1", note="two\nlines")
    [line] = lines(stream)
    assert (line["event"], line["level"], line["call_id"], line["note"]) == ("leg_answered", "info", "c1", "two\nlines")
    assert line["logger"] == "worker"
    assert line["at"].endswith("Z")


def test_what_is_below_the_level_is_not_written(stream: io.StringIO) -> None:
    structlog.get_logger("worker").debug("request")
    assert lines(stream) == []


def test_secrets_are_blanked_by_their_names(stream: io.StringIO) -> None:
    structlog.get_logger().info("connecting", ari_password="x1", Authorization="Bearer x2", api_token="x3", user="vss")
    assert lines(stream)[0]["user"] == "vss"
    assert not any(secret in stream.getvalue() for secret in ("x1", "x2", "x3"))


def test_the_log_of_a_library_has_the_same_shape(stream: io.StringIO) -> None:
    logging.getLogger("asyncpg").warning("connection %s lost", "7")
    [line] = lines(stream)
    assert (line["event"], line["level"], line["logger"]) == ("connection 7 lost", "warning", "asyncpg")


def test_a_traceback_is_a_field_and_long_fields_are_cut(stream: io.StringIO) -> None:
    try:
        raise RuntimeError("deep inside")
    except RuntimeError as error:
        structlog.get_logger().error("request failed", exc_info=error, body="x" * 10 * FIELD_MAX_CHARS, thing=object())
    [line] = lines(stream)
    assert "deep inside" in line["exception"]
    assert len(line["body"]) < 2 * FIELD_MAX_CHARS
