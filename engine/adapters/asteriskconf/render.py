"""Writes an Asterisk's configuration: every `*.j2` of /asterisk and /dialplan becomes a file of the same name.

Each `{{ }}` in a template passes through the escape of its kind of file (jinja's `finalize`), so a template cannot
forget it. Files appear whole (written beside, then renamed) and are readable by their owner only: they hold secrets.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from engine.adapters.asteriskconf.escape import dialplan_value, ini_value
from engine.adapters.asteriskconf.site import AsteriskSite, SlotAccount, Trunk

_PROJECT = Path(__file__).resolve().parents[3]
_TRUNK_FILES = ("pjsip_trunks.conf", "pjsip_transport.conf")
_SLOT_FILES = ("pjsip_slots.conf",)
_PLACES = ("run", "db", "log", "spool/recording", "spool/messages", "sounds", "agi", "keys")


def render(site: AsteriskSite, directory: Path) -> None:
    """Write the whole configuration of `site` into `directory` and make the places it names; start with
    `asterisk -C <directory>/asterisk.conf`. Raises UnsafeValue for what cannot be written safely."""
    directory.mkdir(parents=True, exist_ok=True)
    for place in _PLACES:
        (site.directory / place).mkdir(parents=True, exist_ok=True)
    for kind, escape in (("asterisk", ini_value), ("dialplan", dialplan_value)):
        environment = _environment(kind, escape)
        for name in sorted(environment.list_templates(filter_func=_is_template)):
            _write(environment, name, directory, _words(site, directory))


def render_trunks(site: AsteriskSite, directory: Path) -> None:
    """Write only what trunks change; afterwards `module reload res_pjsip.so`, and for registrations
    `module reload res_pjsip_outbound_registration.so` and `..._endpoint_identifier_ip.so`."""
    _render_some(_TRUNK_FILES, site, directory)


def render_slots(site: AsteriskSite, directory: Path) -> None:
    """Write only the slots' accounts; afterwards `module reload res_pjsip.so`."""
    _render_some(_SLOT_FILES, site, directory)


def _render_some(names: tuple[str, ...], site: AsteriskSite, directory: Path) -> None:
    environment = _environment("asterisk", ini_value)
    for name in names:
        _write(environment, f"{name}.j2", directory, _words(site, directory))


def _words(site: AsteriskSite, directory: Path) -> dict[str, object]:
    slots: tuple[SlotAccount, ...] = site.slots
    trunks: tuple[Trunk, ...] = site.trunks
    return {"site": site, "etc": directory, "slots": slots, "trunks": trunks}


def _environment(kind: str, escape: Callable[[object], str]) -> Environment:
    return Environment(
        loader=FileSystemLoader(_PROJECT / kind),
        undefined=StrictUndefined,
        finalize=escape,
        autoescape=False,  # not HTML: `finalize` escapes for Asterisk
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _is_template(name: str) -> bool:
    return name.endswith(".j2")


def _write(environment: Environment, template: str, directory: Path, words: Mapping[str, object]) -> None:
    text = environment.get_template(template).render(words)
    target = directory / template.removesuffix(".j2")
    beside = target.with_suffix(target.suffix + ".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    beside.replace(target)
