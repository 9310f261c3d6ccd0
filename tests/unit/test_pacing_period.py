"""The period of a law: whose answers count together."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from engine.dialer.budget import Ledger
from engine.dialer.jurisdiction import jurisdiction
from engine.dialer.pacer import PacerConfig
from engine.dialer.period import period_end


def at(zone: str, *when: int) -> float:
    return datetime(*when, tzinfo=ZoneInfo(zone)).timestamp()  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("law", "began", "ends"),
    [
        ("us-ftc", at("UTC", 2026, 3, 1, 9), at("UTC", 2026, 3, 31, 9)),
        ("uk-ofcom", at("Europe/London", 2026, 3, 28, 23, 59), at("Europe/London", 2026, 3, 29)),
        ("uk-ofcom", at("Europe/London", 2026, 3, 29, 0, 30), at("UTC", 2026, 3, 29, 23)),  # a day of 23 hours
        ("de", at("Europe/Berlin", 2026, 10, 25, 1), at("UTC", 2026, 10, 25, 23)),  # a day of 25
        ("ca-crtc", at("America/Toronto", 2026, 12, 31, 23), at("America/Toronto", 2027, 1, 1)),
        ("ca-crtc", at("America/Toronto", 2026, 1, 31, 8), at("America/Toronto", 2026, 2, 1)),
        ("ca-crtc", at("America/Toronto", 2028, 2, 1), at("America/Toronto", 2028, 3, 1)),
    ],
)
def test_period_ends_where_the_law_says(law: str, began: float, ends: float) -> None:
    assert period_end(jurisdiction(law), began) == ends


def overdrawn(ledger: Ledger, from_s: float, answers: int) -> None:
    for number in range(answers):
        ledger.settle(from_s + number, abandoned=number % 2 == 0)


def test_new_month_begins_with_a_clean_account_in_canada() -> None:
    ledger = Ledger(PacerConfig(jurisdiction="ca-crtc"))
    last_evening = at("America/Toronto", 2026, 1, 31, 20)
    overdrawn(ledger, last_evening, 400)
    assert ledger.spent(last_evening + 3 * 3600) == "period"
    assert ledger.spent(at("America/Toronto", 2026, 2, 1, 9)) is None


def test_month_with_most_of_its_days_left_may_still_be_kept() -> None:
    ledger = Ledger(PacerConfig(jurisdiction="ca-crtc"))
    began = at("America/Toronto", 2026, 1, 1, 9)
    overdrawn(ledger, began, 400)
    assert ledger.spent(began + 3600) is None


def test_night_is_no_time_in_which_answers_could_have_come() -> None:
    ledger = Ledger(PacerConfig(jurisdiction="uk-ofcom"))
    ledger.settle(at("Europe/London", 2026, 5, 4, 12), abandoned=False)
    morning = at("Europe/London", 2026, 5, 5, 9)
    for number in range(100):
        ledger.settle(morning + 18 * number, abandoned=number < 10)
    # 10 of 100 in half an hour of a day that has 15 hours left: some 1,500 more answers can still pay for them
    assert ledger.spent(morning + 1800) == "24h"  # and not "period"


def test_account_goes_on_in_its_period_after_being_written_down() -> None:
    config = PacerConfig(jurisdiction="uk-ofcom")
    ledger = Ledger(config)
    evening = at("Europe/London", 2026, 5, 4, 22)
    overdrawn(ledger, evening, 200)
    again = Ledger(config)
    again.recall(ledger.state())
    late = at("Europe/London", 2026, 5, 4, 23, 59)
    assert again.spent(late) == ledger.spent(late) == "period"
    tomorrow = at("Europe/London", 2026, 5, 5, 0, 1)
    assert again.spent(tomorrow) == ledger.spent(tomorrow) == "24h"
