"""Logs as events with fields: one line of JSON, or a coloured line for a person; libraries' logs come the same way."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor

SECRET_WORDS = ("password", "token", "secret", "authorization", "api_key")
FIELD_MAX_CHARS = 2000
_HIDDEN = "***"


def configure_logging(level: str = "info", *, as_json: bool | None = None, stream: TextIO | None = None) -> None:
    """Set up structlog and the standard library's logging, once, at the start.

    `as_json` None: JSON unless `stream` (default stderr, so that stdout stays free for --json) is a terminal.
    """
    out = stream if stream is not None else sys.stderr
    plain = as_json if as_json is not None else not out.isatty()
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        hide_secrets,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=_last(plain)))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(number)
    logging.getLogger("asyncio").setLevel(max(number, logging.WARNING))
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)


def _last(as_json: bool) -> list[Processor]:
    meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if not as_json:
        return [meta, structlog.dev.ConsoleRenderer(colors="NO_COLOR" not in os.environ)]
    return [meta, structlog.processors.format_exc_info, cut_long_fields, structlog.processors.JSONRenderer(default=str)]


def hide_secrets(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Blank the fields whose name says that they are secret."""
    for name in event:
        if any(word in name.lower() for word in SECRET_WORDS):
            event[name] = _HIDDEN
    return event


def cut_long_fields(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """A field may have FIELD_MAX_CHARS characters, a traceback four times as many."""
    for name, value in event.items():
        limit = FIELD_MAX_CHARS * (4 if name == "exception" else 1)
        if isinstance(value, str) and len(value) > limit:
            event[name] = value[:limit] + "..."
    return event
