"""What Asterisk says on a FastAGI connection, parsed under bounds (pure).

A connection begins with a block of `agi_name: value` lines that an empty line ends (Asterisk, res_agi.c,
setup_env). After that Asterisk sends one reply per command, and the bare line `HANGUP` when the caller has gone.
Anything can connect to a TCP port, so every line, their number and their sum are bounded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

LINE_MAX_B = 2048
"""Longest line taken. Asterisk's own AGI buffer is 2048 bytes (res_agi.c, AGI_BUF_LEN)."""
LINES_MAX = 64
"""Most header lines taken: Asterisk sends about 20 and one per argument (at most 128, ours has three)."""
BLOCK_MAX_B = 16_384

_NAME = re.compile(r"agi_[a-z0-9_]{1,40}")
_ARGUMENT = re.compile(r"agi_arg_([1-9][0-9]?)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class BadAgiInput(ValueError):
    """The peer does not speak AGI, or goes past a bound; the text names which. The connection is closed."""


@dataclass(frozen=True, slots=True)
class AgiRequest:
    """One question of the dialplan. `arguments` are those after the URL in `AGI(agi://…/script,a,b)`."""

    script: str
    arguments: tuple[str, ...]
    channel: str
    unique_id: str
    caller_id: str
    caller_name: str

    def argument(self, index: int) -> str:
        """The argument at `index` (from 0), empty when it was not given."""
        return self.arguments[index] if index < len(self.arguments) else ""


@dataclass(slots=True)
class HeaderBlock:
    """Takes header lines one by one until the block is complete."""

    headers: dict[str, str] = field(default_factory=dict)
    size_b: int = 0

    def take(self, line: bytes) -> AgiRequest | None:
        """Take one line with its line end; returns the request at the empty line. Raises BadAgiInput."""
        if len(line) > LINE_MAX_B:
            raise BadAgiInput("line too long")
        self.size_b += len(line)
        if self.size_b > BLOCK_MAX_B:
            raise BadAgiInput("block too long")
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if not text:
            return self._request()
        if len(self.headers) >= LINES_MAX:
            raise BadAgiInput("too many lines")
        name, colon, value = text.partition(":")
        if not colon or not _NAME.fullmatch(name) or name in self.headers:
            raise BadAgiInput("not a header line")
        self.headers[name] = _CONTROL.sub("", value).strip()
        return None

    def _request(self) -> AgiRequest:
        if "agi_network_script" not in self.headers:
            raise BadAgiInput("no script named")
        return AgiRequest(
            script=self.headers["agi_network_script"],
            arguments=self._arguments(),
            channel=self.headers.get("agi_channel", ""),
            unique_id=self.headers.get("agi_uniqueid", ""),
            caller_id=_known(self.headers.get("agi_callerid", "")),
            caller_name=_known(self.headers.get("agi_calleridname", "")),
        )

    def _arguments(self) -> tuple[str, ...]:
        numbered = {
            int(match[1]): value for name, value in self.headers.items() if (match := _ARGUMENT.fullmatch(name))
        }
        last = max(numbered, default=0)
        return tuple(numbered.get(index, "") for index in range(1, last + 1))


def _known(value: str) -> str:
    """Asterisk writes `unknown` where it has nothing."""
    return "" if value == "unknown" else value
