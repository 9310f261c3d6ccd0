"""What callers press: gather, menu, collect and consent, with tries, type-ahead and barge-in (pure).

Keys pressed before a prompt of an input answer it, so that who knows the way need not listen; only a consent wants to
be heard. A wrong try forgets what was pressed ahead. Of an entry that ended because it was full, the finish key that
many people press all the same is dropped for FINISH_KEY_S.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import TypeAlias

from ..duration import STORE_S
from ..nodes.centre import Consent
from ..nodes.entry import Asked, Collect, Gather, Menu
from ..values import Money, Value, WrongValue
from .commands import KeepConsent
from .state import Stage, WaitKind
from .turn import Turn

FINISH_KEY_S = 2.0
DATE_DIGITS = 8
Input: TypeAlias = Gather | Menu | Collect | Consent


def begin(turn: Turn, action: Input) -> None:
    """Ask for the first time."""
    if isinstance(action, Consent):
        turn.set(keys="")
    ask(turn, action, 1)


def ask(turn: Turn, action: Input, attempt: int) -> None:
    """Say the prompt of a try, unless the answer is there already."""
    if turn.run.keys and getattr(action, "barge_in", True) and not isinstance(action, Consent):
        listen(turn, action, Stage.ASK, attempt)
    else:
        turn.say(action.prompt.at(attempt), WaitKind.SOUND, Stage.ASK, attempt)


def again(turn: Turn, action: Input) -> None:
    """Ask anew after a restart: no try is lost, and nothing that was half entered is kept."""
    stage, attempt = turn.wait.stage, turn.wait.attempt
    turn.set(keys="")
    if stage is Stage.CONFIRM and isinstance(action, Collect) and action.confirm is not None:
        turn.say(action.confirm, WaitKind.SOUND, Stage.CONFIRM, attempt)
    else:
        turn.say(action.prompt.at(attempt), WaitKind.SOUND, Stage.ASK, attempt)


def heard(turn: Turn, action: Input) -> None:
    """The prompt is over: listen."""
    listen(turn, action, turn.wait.stage, turn.wait.attempt)


def listen(turn: Turn, action: Input, stage: Stage, attempt: int) -> None:
    """Wait for keys; those pressed ahead come first."""
    turn.wait_for(WaitKind.ENTRY, action.timeout_s, stage=stage, attempt=attempt)
    while turn.run.keys and turn.run.wait is not None and turn.wait.kind is WaitKind.ENTRY:
        key = turn.run.keys[0]
        turn.set(keys=turn.run.keys[1:])
        press(turn, action, key)


def press(turn: Turn, action: Input, key: str) -> None:
    """A key of an entry."""
    longest, finish_key = _bounds(action, turn.wait.stage)
    entered = turn.wait.entered
    if finish_key is not None and key == finish_key:
        finish(turn, action, entered)
        return
    entered += key
    if len(entered) >= longest:
        if finish_key is not None:
            turn.set(finish_key=finish_key, finish_key_until_at=turn.at + FINISH_KEY_S)
        finish(turn, action, entered)
    else:
        pause_s = getattr(action, "inter_digit_s", action.timeout_s)
        turn.wait_for(
            WaitKind.ENTRY, pause_s, stage=turn.wait.stage, attempt=turn.wait.attempt, entered=entered
        )  # fmt: skip


def _bounds(action: Input, stage: Stage) -> tuple[int, str | None]:
    """How many keys there can be, and which one ends them."""
    match action:
        case Gather():
            return action.max, action.finish_key
        case Collect() if stage is Stage.ASK and action.type is not Asked.YES_NO:
            return min(action.max, DATE_DIGITS) if action.type is Asked.DATE else action.max, action.finish_key
    return 1, None


def finish(turn: Turn, action: Input, entered: str) -> None:
    """Judge what was entered."""
    match action:
        case Menu():
            if entered in action.options:
                turn.end(entered)
            else:
                _retry(turn, action)
        case Consent():
            _consented(turn, action, entered)
        case Gather():
            if len(entered) >= action.min and _taken(turn, action.into, entered):
                turn.end("done")
            else:
                _retry(turn, action)
        case Collect():
            _collected(turn, action, entered)


def _collected(turn: Turn, action: Collect, entered: str) -> None:
    if turn.wait.stage is Stage.CONFIRM:
        if entered == "1":
            turn.end("done")
        else:
            _retry(turn, action)
        return
    try:
        value = _READERS[action.type](action, turn, entered)
    except (WrongValue, ValueError, ArithmeticError):
        value = None
    if value is None or not _taken(turn, action.into, value):
        _retry(turn, action)
    elif action.confirm is None:
        turn.end("done")
    else:
        turn.set(keys="")
        turn.say(action.confirm, WaitKind.SOUND, Stage.CONFIRM, turn.wait.attempt)


def _taken(turn: Turn, variable: str, value: Value) -> bool:
    try:
        turn.assign(variable, value)
    except WrongValue:
        return False
    return True


def _retry(turn: Turn, action: Input) -> None:
    attempt = turn.wait.attempt
    turn.set(keys="")
    if attempt > action.retries:
        turn.end("no_answer" if isinstance(action, Consent) else "max_retries")
    else:
        ask(turn, action, attempt + 1)


def _consented(turn: Turn, action: Consent, entered: str) -> None:
    """The evidence is kept of a yes and of a no; the outcome waits for it."""
    if entered not in {action.yes, action.no}:
        _retry(turn, action)
        return
    prompt = action.prompt.at(turn.wait.attempt)
    granted = entered == action.yes
    turn.do(
        KeepConsent(
            request=turn.request, kind=action.kind, granted=granted, prompt=prompt, locale=turn.run.locale
        )
    )  # fmt: skip
    turn.wait_for(WaitKind.STORING, STORE_S, granted=granted)


def _date(action: Collect, turn: Turn, entered: str) -> Value:
    if len(entered) != DATE_DIGITS:
        raise WrongValue("expected DDMMYYYY")
    return date(int(entered[4:]), int(entered[2:4]), int(entered[:2]))


def _money(action: Collect, turn: Turn, entered: str) -> Value:
    whole, _, part = entered.partition("*")
    if "*" in part or len(part) > 2 or not whole + part:
        raise WrongValue("expected whole units, * and at most two digits")
    currency = action.currency or turn.flow.vars[action.into].currency
    if currency is None:
        raise WrongValue("no currency")
    return Money(Decimal(f"{whole or 0}.{part or 0}"), currency)


def _digits(action: Collect, turn: Turn, entered: str) -> Value:
    return entered if len(entered) >= action.min else None


def _yes_no(action: Collect, turn: Turn, entered: str) -> Value:
    return {"1": True, "2": False}.get(entered)


def _phone(action: Collect, turn: Turn, entered: str) -> Value:
    return entered if len(entered) >= action.min and entered.isdigit() else None


_READERS: dict[Asked, Callable[[Collect, Turn, str], Value]] = {
    Asked.DATE: _date,
    Asked.MONEY: _money,
    Asked.DIGITS: _digits,
    Asked.YES_NO: _yes_no,
    Asked.PHONE: _phone,
}
