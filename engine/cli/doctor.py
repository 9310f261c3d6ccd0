"""`vss doctor`: what stands in the way on this machine."""

from __future__ import annotations

from dataclasses import asdict

from engine.cli.answer import NOT_READY, OK, Answer, AsJson, give


def doctor(as_json: AsJson = False) -> None:
    """Look at this machine and say what stands in the way of a private stack, and what to do; changes nothing."""
    give(as_json, _doctor)


def _doctor() -> Answer:
    from engine.stack.doctor import Check, examine
    from engine.stack.home import state_home

    def line(check: Check) -> str:
        advice = f"\n       -> {check.advice}" if check.advice else ""
        return f"{'ok    ' if check.ok else 'WRONG '} {check.name:<16} {check.detail}{advice}"

    checks = examine(state_home())
    ok = all(check.ok for check in checks)
    data = {"ok": ok, "checks": [asdict(check) for check in checks]}
    return Answer(data, [line(check) for check in checks], OK if ok else NOT_READY)
