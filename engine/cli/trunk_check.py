"""Looking at a trunk from near to far: its settings, its address, SIP there, our registration, a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from engine.cli import sip_options, trunk_call
from engine.errors import NotFound, Rejected, Unavailable
from engine.stack.doctor import Check

if TYPE_CHECKING:
    from engine.adapters.postgres.trunks import TrunkSettings
    from engine.cli.trunk_call import TrunkCall
    from engine.config import Settings


@dataclass(frozen=True, slots=True)
class Checked:
    """The checks in order, and the call if one was made."""

    trunk: str
    checks: tuple[Check, ...]
    call: TrunkCall | None

    @property
    def ok(self) -> bool:
        """A call that went through proves more than an unanswered OPTIONS, which many providers ignore."""
        if self.call is not None:
            return self.call.reached
        return all(check.ok for check in self.checks)

    def printed(self) -> dict[str, Any]:
        """As docs/json/trunk-test.schema.json has it."""
        data: dict[str, Any] = {"trunk": self.trunk, "ok": self.ok, "checks": [asdict(check) for check in self.checks]}
        return data if self.call is None else {**data, "call": asdict(self.call)}


async def examine(settings: Settings, name: str, number: str | None, ring_timeout_s: int) -> Checked:
    """Check a trunk. Raises NotFound, Rejected for a number, Unavailable without database or (for a call) Asterisk."""
    trunk = await _kept(settings, name)
    if number is not None and not (number.removeprefix("+").isdecimal() and 2 <= len(number) <= 20):
        raise Rejected("number_invalid", f"{number}: expected a number such as +12025550123", 422)
    checks = [_enabled(trunk), *await _speaks_sip(trunk)]
    if trunk.registration:
        checks.append(await _registered(settings, trunk))
    made: TrunkCall | None = None
    if number is not None:
        made = await trunk_call.call(settings, trunk.name, number, trunk.caller_id, ring_timeout_s)
        detail = f"{number}: {made.words} after {made.after_s:g} s (outcome {made.outcome}, cause {made.cause})"
        checks.append(Check("call", made.reached, detail, "" if made.reached else _advice(made)))
    return Checked(trunk.name, tuple(checks), made)


async def _kept(settings: Settings, name: str) -> TrunkSettings:
    from engine.adapters.postgres.pool import Database
    from engine.adapters.postgres.trunks import PostgresTrunks

    async with Database(settings.postgres_dsn.get_secret_value(), connections_max=1) as database:
        trunks = {trunk.name: trunk for trunk in await PostgresTrunks(database).list()}
    for known, trunk in trunks.items():
        if known == name:
            return trunk
    raise NotFound("no_such_trunk", f"there is no trunk {name}; there are: {', '.join(trunks) or 'none'}")


def _enabled(trunk: TrunkSettings) -> Check:
    auth = f"{trunk.auth}, {'registers' if trunk.registration else 'does not register'}"
    advice = "" if trunk.enabled else "It is disabled: add it again without --disabled."
    return Check("settings", trunk.enabled, f"{trunk.host}:{trunk.port}, {auth}, {','.join(trunk.codecs)}", advice)


async def _speaks_sip(trunk: TrunkSettings) -> list[Check]:
    try:
        address = await sip_options.resolve(trunk.host, trunk.port)
    except (OSError, TimeoutError) as error:
        return [Check("name", False, f"{trunk.host} has no address ({error})", "Is the host spelled right?")]
    found = [Check("name", True, f"{trunk.host} is {address}")]
    try:
        answer = await sip_options.ask(address, trunk.port)
    except OSError as error:
        return [*found, Check("options", False, f"cannot be sent ({error})", "Is there a route to this address?")]
    if answer is None:
        advice = "Some providers never answer OPTIONS; else see port and firewall. A test call tells: give a NUMBER."
        return [*found, Check("options", False, f"no answer within {sip_options.WAIT_S:g} s", advice)]
    return [*found, Check("options", True, f"answered {answer.status} {answer.reason} after {answer.after_ms:g} ms")]


async def _registered(settings: Settings, trunk: TrunkSettings) -> Check:
    """Asterisk's own word on our registration, over AMI."""
    from engine.adapters.ami.session import AmiSession

    if settings.ami_host is None or settings.ami_password is None:
        return Check("registration", False, "not known", "Set VSS_AMI_HOST and VSS_AMI_PASSWORD.")
    secret = settings.ami_password.get_secret_value()
    try:
        async with AmiSession(
            settings.ami_host, settings.ami_port, settings.ami_user, secret, lambda event: None
        ) as session:
            listed = await session.perform("PJSIPShowRegistrationsOutbound")
    except Unavailable as error:
        return Check("registration", False, str(error), "Is Asterisk running?")
    return registration_check(trunk.name, listed)


def registration_check(trunk: str, listed: tuple[Mapping[str, Any], ...]) -> Check:
    """What AMI's list says of a trunk's registration."""
    for entry in listed:
        if entry.get("ObjectName") == f"{trunk}-registration":
            status = str(entry.get("Status", ""))
            if status == "Registered":
                return Check("registration", True, f"registered, renewed in {entry.get('NextReg', '?')} s")
            advice = "See user name and password." if status == "Rejected" else "It tries again every 10 s."
            return Check("registration", False, status.lower() or "unknown", advice)
    return Check("registration", False, "Asterisk does not know this trunk", "vss asterisk render, or add it again.")


def _advice(made: TrunkCall) -> str:
    if made.sip_code in trunk_call.REFUSED:
        return "Check the account: vss trunk add with --username and --password-stdin changes it."
    if made.outcome.value == "unreachable":
        return "Check host, port and firewall; does the provider expect a registration?"
    return ""
