"""Errors, told apart by who must act on them."""

from __future__ import annotations


class VssError(Exception):
    """Base of the engine's errors; the text says what is wrong and what to do."""


class ConfigError(VssError):
    """The operator must act: a setting is missing, malformed or a placeholder (exit code 4)."""


class ScriptError(VssError):
    """The author of a script must act; `path` names the node (HTTP 422)."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path


class Rejected(VssError):
    """The caller of the API must act: the request cannot be done as things stand (HTTP 4xx).

    `code` is stable and machine readable, `status` the HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 409) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class NotFound(Rejected):
    """The named thing does not exist (HTTP 404)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message, 404)


class Unavailable(VssError):
    """A part is away (`part` names it): retry by policy; dialing is closed meanwhile."""

    def __init__(self, part: str, message: str) -> None:
        super().__init__(f"{part}: {message}")
        self.part = part


class ImpossibleEvent(VssError):
    """Our own bug: an event that this state can never see. That call ends, loudly; the process goes on."""
