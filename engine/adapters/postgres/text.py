"""Text from outside, made fit for PostgreSQL."""

from __future__ import annotations

from typing import overload

import msgspec


@overload
def storable(text: str) -> str: ...
@overload
def storable(text: None) -> None: ...
def storable(text: str | None) -> str | None:
    """Drop what a text column refuses: NUL, and halves of surrogate pairs (SIP headers are not always UTF-8)."""
    if text is None or (text.isascii() and "\0" not in text):
        return text
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def json_text(value: object) -> str:
    """Encode a value for a jsonb column; NUL, which jsonb refuses, becomes U+FFFD."""
    try:
        text = msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        text = msgspec.json.encode(_storable_deep(value)).decode()
    return text.replace("\\u0000", "\\ufffd")


def _storable_deep(value: object) -> object:
    match value:
        case str():
            return storable(value)
        case dict():
            return {_storable_deep(key): _storable_deep(item) for key, item in value.items()}
        case list() | tuple():
            return [_storable_deep(item) for item in value]
        case _:
            return value
