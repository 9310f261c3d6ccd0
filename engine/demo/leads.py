"""The demo's leads: a CSV file in which every behaviour of the carrier occurs, and a few lines that are wrong.

Numbers are +1 NPA 555 01 X B: reserved for fiction (NANP 555-0100 to 555-0199), the last digit tells SIPp's carrier
what to do.
"""

from __future__ import annotations

import csv
import io
import random

AREA_CODES = (
    "201", "202", "203", "205", "206", "207", "208", "209", "210", "212", "213", "214", "215", "216", "217", "218",
    "219", "224", "225", "228", "229", "231", "234", "239", "240", "248", "251", "252", "253", "254", "256", "260",
    "262", "267", "269", "270", "276", "281", "301", "302", "303", "304", "305", "307", "308", "309", "310", "312",
    "313", "314", "315", "316", "317", "318", "319", "320", "321", "323", "325", "330", "334", "336", "337", "339",
    "347", "351", "352", "360", "361", "386", "401", "402", "404", "405", "406", "407", "408", "409", "410", "412",
    "413", "414", "415", "417", "419", "423", "425", "430", "432", "434", "435", "440", "443", "478", "479", "480",
)  # fmt: skip
BEHAVIOURS = "0123456789"
WEIGHTS = (30, 14, 9, 6, 6, 6, 6, 6, 9, 4)
"""How often each last digit occurs beyond the first of each; the two that answer and talk are the most."""
BROKEN_LINES = (
    ("not a number", "Broken One"),
    ("+1212", "Broken Two"),
    ("", "Broken Three"),
)


def numbers(count: int, seed: int) -> list[str]:
    """`count` different numbers in a random but repeatable order; with 10 or more, every behaviour occurs."""
    dice = random.Random(seed)
    digits = list(BEHAVIOURS[:count]) + dice.choices(BEHAVIOURS, WEIGHTS, k=max(0, count - len(BEHAVIOURS)))
    used: dict[str, int] = dict.fromkeys(BEHAVIOURS, 0)
    found = []
    for digit in digits:
        serial = used[digit]
        used[digit] += 1
        area, middle = AREA_CODES[serial % len(AREA_CODES)], serial // len(AREA_CODES)
        if middle > 9:
            raise ValueError(f"the demo has numbers for fewer leads than {count}")
        found.append(f"+1{area}55501{middle}{digit}")
    dice.shuffle(found)
    return found


def as_csv(leads: list[str]) -> bytes:
    """The file an operator would import: a header, the leads, and broken lines in between."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["phone", "name"])
    for index, number in enumerate(leads):
        writer.writerow([number, f"Customer {index + 1}"])
        if index < len(BROKEN_LINES):
            writer.writerow(BROKEN_LINES[index])
    return text.getvalue().encode()
