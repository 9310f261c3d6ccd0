"""Where the stack keeps its state, and as whom its servers run."""

from __future__ import annotations

import hashlib
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from engine.stack.report import StackFailure

CHECKOUT = Path(__file__).resolve().parents[2]
ROOT_STATE = Path("/var/lib/vss-engine")


def state_home(checkout: Path = CHECKOUT) -> Path:
    """The state directory; the same rule as in the `vss` script, which exports it as VSS_HOME."""
    chosen = os.environ.get("VSS_HOME")
    if chosen:
        return Path(chosen).absolute()
    if os.geteuid() == 0:
        digest = hashlib.sha256(str(checkout).encode()).hexdigest()[:8]
        return ROOT_STATE / f"{checkout.name}-{digest}"
    return checkout / ".vss"


@dataclass(frozen=True, slots=True)
class ServiceUser:
    """The user that servers run as: ourselves, or an unprivileged one when we are root (PostgreSQL refuses root)."""

    name: str
    uid: int
    gid: int
    switch: bool

    def own(self, *paths: Path) -> None:
        """Gives existing paths to this user (nothing to do unless we are root)."""
        if self.switch:
            for path in paths:
                os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def own_tree(self, directory: Path) -> None:
        """Gives a directory and all below it to this user."""
        if self.switch:
            self.own(directory, *directory.rglob("*"))


def service_user() -> ServiceUser:
    """`nobody` for root, else who we are. The name must be in the user database: initdb looks it up."""
    uid = os.geteuid()
    try:
        entry = pwd.getpwnam("nobody") if uid == 0 else pwd.getpwuid(uid)
    except KeyError as error:
        who = "nobody" if uid == 0 else f"user {uid}"
        advice = "Run as a user that has an entry in /etc/passwd: PostgreSQL's initdb looks it up."
        raise StackFailure("user", f"{who} is not in the user database", advice=advice) from error
    return ServiceUser(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid, switch=uid == 0)
