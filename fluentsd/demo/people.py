"""The demo's CSV: a few hundred people, as messy as the exports of a lead scanner and two spreadsheets.

Names are words of spelling alphabets and trees. Numbers are from the range reserved for fiction (555 01xx), so they
belong to no real person. The same seed gives the same file.
"""

from __future__ import annotations

import csv
import io
import random
from dataclasses import dataclass
from pathlib import Path

_FIRST = (
    "Alfa Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliett Kilo Lima Mike November Oscar Papa Quebec Romeo "
    "Sierra Tango Uniform Victor Whiskey Xray Yankee Zulu Åse Zoë"
).split()
_LAST = (
    "Alder Ash Aspen Beech Birch Cedar Cherry Elm Fir Hazel Holly Larch Linden Maple Oak Pine Rowan Spruce Willow Yew"
).split()
_INTEREST = ("a roof", "solar panels", "a heat pump", "new windows", 'a 10" gutter', "insulation; walls", "a porch")
#: Area codes that lie in one time zone, and that zone.
_AREAS = {
    "212": "America/New_York", "617": "America/New_York", "404": "America/New_York", "305": "America/New_York",
    "312": "America/Chicago", "214": "America/Chicago", "504": "America/Chicago", "612": "America/Chicago",
    "303": "America/Denver", "801": "America/Denver", "602": "America/Phoenix", "213": "America/Los_Angeles",
    "415": "America/Los_Angeles", "206": "America/Los_Angeles", "808": "Pacific/Honolulu", "907": "America/Anchorage",
}  # fmt: skip
CALLER_IDS = [f"+1{area}5550199" for area in ("212", "404", "312", "214", "303", "602", "415", "206")]


@dataclass(frozen=True, slots=True)
class Lead:
    """One generated person. The true zone is known only here, not in the file."""

    phone: str
    email: str
    zone: str


def write_csv(count: int, seed: int) -> tuple[str, list[Lead]]:
    """The text of the file and the people in it; some rows are invalid, some people appear twice."""
    chance = random.Random(seed)  # noqa: S311 - random demo data
    out = io.StringIO()
    rows = csv.writer(out, delimiter=";", lineterminator="\r\n")
    rows.writerow(["First Name", "Last Name", "To Number", "E-mail", "Time Zone", "Interest", "Booth"])
    leads = []
    areas = list(_AREAS)
    for n in range(count):
        area, line = areas[n % len(areas)], 100 + n // len(areas)
        lead = Lead(f"+1{area}5550{line}", f"lead{n}@example.com" if chance.random() < 0.85 else "", _AREAS[area])
        leads.append(lead)
        row = _row(lead, n, chance)
        rows.writerow(row)
        if chance.random() < 0.05:  # a person scanned twice
            rows.writerow([row[0].upper(), row[1], lead.phone, *row[3:]])
        if chance.random() < 0.03:
            rows.writerow(_broken(chance))
    return out.getvalue(), leads


def _row(lead: Lead, n: int, chance: random.Random) -> list[str]:
    area, line = lead.phone[2:5], lead.phone[8:]
    formats = (
        f"({area}) 555-{line}",
        f"{area}.555.{line}",
        f"+1 {area} 555 {line}",
        f"1{area}555{line}",
        f"{area}-555-{line}",
    )
    first, last = _FIRST[n % len(_FIRST)], chance.choice(_LAST)
    zone = lead.zone if chance.random() < 0.3 else ""
    interest = chance.choice(_INTEREST) if chance.random() < 0.97 else ""
    return [
        first if chance.random() < 0.95 else "",
        last,
        chance.choice(formats),
        lead.email,
        zone,
        interest,
        f"{n % 9}",
    ]


def _broken(chance: random.Random) -> list[str]:
    return chance.choice(
        [
            ["Echo", "Nobody", "call me", "", "", "", ""],
            ["Kilo", "Short", "555-01", "not-an-address", "", "", ""],
            ["", "", "1.21256E+10", "", "", "", ""],
            ["Papa", "Empty", "", "", "", "", ""],
        ]
    )


class LiveList:
    """A list of a CRM that changes during the campaign, as a CSV file of its own numbers."""

    _HEADING = ("id", "First name", "Phone", "State", "Do not call")

    def __init__(self, file: Path) -> None:
        self._file, self._rows = file, dict[int, tuple[str, ...]]()
        self.leads: list[Lead] = []
        self.joined = self.left = 0

    def join(self, count: int) -> None:
        """New people join, one of ten with an opt-out of the CRM."""
        for _ in range(count):
            n = len(self.leads)
            area = list(_AREAS)[n % len(_AREAS)]
            lead = Lead(f"+1{area}5550{170 + n // len(_AREAS)}", "", _AREAS[area])
            self.leads.append(lead)
            self._rows[n] = (str(n), _FIRST[n % len(_FIRST)], lead.phone, "", "yes" if n % 10 == 9 else "")
        self.joined += count
        self._write()

    def leave(self, count: int) -> None:
        """The oldest people leave."""
        for n in list(self._rows)[:count]:
            del self._rows[n]
        self.left += count
        self._write()

    def _write(self) -> None:
        """Replace the file at once, so that nobody reads half of it."""
        beside = self._file.with_suffix(".new")
        with beside.open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows([self._HEADING, *self._rows.values()])
        beside.replace(self._file)
