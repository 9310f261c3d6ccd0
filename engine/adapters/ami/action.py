"""What may be said over AMI: a short list of actions, with values that cannot carry a second one (pure).

AMI is a line protocol without quoting: a CR or LF inside a value starts a new header, and an empty line a new action
(an `Originate`, say). The list has nothing that dials, redirects, hangs up, runs a command or writes a file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

VALUE_MAX = 255
"""Longest value; Asterisk cuts a header line at 1024 bytes (manager.c)."""

READING = frozenset(
    {
        "CoreStatus",
        "CoreShowChannels",
        "PJSIPShowContacts",
        "PJSIPShowEndpoints",
        "PJSIPShowRegistrationsOutbound",
        "Ping",
    }
)
SESSION = frozenset({"Login", "Logoff"})
CHANGING = frozenset({"Reload"})
ALLOWED = READING | SESSION | CHANGING

RELOADABLE = frozenset(
    {
        "res_pjsip.so",
        "res_pjsip_outbound_registration.so",
        "res_pjsip_endpoint_identifier_ip.so",
        "pbx_config.so",
        "res_musiconhold.so",
    }
)
"""Modules whose configuration we render. `Reload` without a module would reload all of Asterisk."""

_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9]{0,31}")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


class ForbiddenAction(ValueError):
    """The action is not on the list, or a value could say more than it should: our own bug or a bad setting."""


def checked(action: str, fields: Mapping[str, str]) -> dict[str, str]:
    """The action as it may be sent. Raises ForbiddenAction; the text never contains a value (it may be a secret)."""
    if action not in ALLOWED:
        raise ForbiddenAction(f"AMI action {action[:40]!r} is not allowed: this adapter only observes")
    for name, value in fields.items():
        if not _HEADER.fullmatch(name) or name.lower() in {"action", "actionid", "command", "commandid"}:
            raise ForbiddenAction(f"AMI header {name[:40]!r} is not allowed")
        if len(value) > VALUE_MAX or _FORBIDDEN.search(value):
            raise ForbiddenAction(f"the value of AMI header {name} is too long or has control characters")
    if action == "Reload" and fields.get("Module") not in RELOADABLE:
        raise ForbiddenAction("AMI may only reload the modules whose configuration is ours")
    return {"Action": action, **fields}
