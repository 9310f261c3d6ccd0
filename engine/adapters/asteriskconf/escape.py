"""Escaping for Asterisk's configuration files: what may not be written is refused, never repaired.

Asterisk's parser (main/config.c) works line by line: `;` starts a comment unless the character before it is a
backslash, which it then removes; a line that begins with `#` is a directive (`#include`, `#exec`); `[` opens a
section. Our templates always put a value after `name = `, so only `;` needs an escape and only line ends and other
control characters can break out. Blanks at either end would be stripped silently, so they are refused too.
"""

import re
import unicodedata

_DIALPLAN_TEXT = re.compile(r"[A-Za-z0-9_./+*@:=~-]*")


class UnsafeValue(ValueError):
    """A value that cannot stand in a configuration file; the message names the reason, never the value (secrets)."""


def ini_value(value: object) -> str:
    """One value in an ini-like file of Asterisk; raises UnsafeValue on control characters and outer blanks."""
    text = _plain(value)
    if any(unicodedata.category(character) in {"Cc", "Zl", "Zp", "Cs"} for character in text):
        raise UnsafeValue("a line end or another control character cannot stand in a configuration value")
    if text != text.strip():
        raise UnsafeValue("blanks at the beginning or the end of a configuration value would be lost")
    return text.replace(";", "\\;")


def dialplan_value(value: object) -> str:
    """One value inside the dialplan, where `,` `&` `|` `$` `{` and quotes are syntax: only plain text passes."""
    text = _plain(value)
    if not _DIALPLAN_TEXT.fullmatch(text):
        raise UnsafeValue("only letters, digits and _ . / + * @ : = ~ - can stand in the dialplan")
    return text


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        raise UnsafeValue("a configuration value is missing")
    return str(value)
