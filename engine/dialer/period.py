"""Over what a law measures its limit: successive spans of a campaign, or a calendar's days or months (pure)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from .jurisdiction import Jurisdiction


def period_end(law: Jurisdiction, began: float) -> float:
    """When the period ends (epoch seconds, excluded) whose first news came at `began`."""
    if law.period == "campaign":
        return began + law.window_s
    zone = ZoneInfo(law.zone)
    today = datetime.fromtimestamp(began, UTC).astimezone(zone).date()
    after = today + timedelta(days=1) if law.period == "day" else _next_month(today)
    return datetime(after.year, after.month, after.day, tzinfo=zone).timestamp()


def next_began(law: Jurisdiction, began: float, at: float) -> float:
    """When the period counts from in which `at` lies, later than the one that counted from `began`.

    A campaign's spans follow each other without a gap; in a calendar's period the first news is what counts, so that
    a night without calls is no time in which answers could have come.
    """
    if law.period == "campaign":
        return began + law.window_s * ((at - began) // law.window_s)
    return at


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
