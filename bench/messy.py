"""A messy list of people, always the same: the merged exports of three systems.

Numbers in a dozen formats, extensions, cells damaged by a spreadsheet, foreign numbers, e-mail for some, states by code
and by name, ZIP codes, time zones for a few, quotes and line breaks in notes, blank lines, invalid rows, and duplicates
in another format. The generator counts each kind while it writes, so that an import can be checked.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

HEADER = ("First Name", "Last Name", "Company", "Mobile Phone", "Email", "State", "Zip", "Time Zone", "Notes")
#: People's places: area codes, state by code and by name, the first digits of its ZIP codes, a spelling of the zone.
_PLACES = tuple(
    (area, code, name, postal, zone)
    for areas, code, name, postal, zone in (
        ("212 315 347 518 585 607 716", "NY", "New York", "100 112 120 132 142", "America/New_York"),
        ("213 310 408 415 510 619 707 916", "CA", "California", "900 911 921 941 958", "Pacific Time (US & Canada)"),
        ("210 214 281 325 409 430 512 713 817", "TX", "Texas", "750 761 770 782 787", "Central"),
        ("239 305 321 352 386 407 561 904", "FL", "Florida", "320 331 334 342", "Eastern"),
        ("217 224 309 312 618 708 815", "IL", "Illinois", "600 606 617 627", "America/Chicago"),
        ("215 267 412 484 570 610 717", "PA", "Pennsylvania", "150 171 190 191", "EST"),
        ("216 234 330 419 513 614 740", "OH", "Ohio", "430 441 452", "Eastern"),
        ("229 404 478 678 706 912", "GA", "Georgia", "300 303 314", "US/Eastern"),
        ("206 253 360 425 509", "WA", "Washington", "981 984 992", "PST"),
        ("480 520 602 623 928", "AZ", "Arizona", "850 857 863", "America/Phoenix"),
        ("303 719 720 970", "CO", "Colorado", "800 802 809", "Mountain"),
        ("423 615 731 865 901", "TN", "Tennessee", "370 372 381", "Central Standard Time"),
        ("219 260 317 574 812", "IN", "Indiana", "460 462 474", ""),
        ("808", "HI", "Hawaii", "967 968", "Pacific/Honolulu"),
        ("907", "AK", "Alaska", "995 997", "America/Anchorage"),
        ("416 519 613", "ON", "Ontario", "", "America/Toronto"),
    )
    for area in areas.split()
)
_NUMBERS = len(_PLACES) * 8_000_000
_STRIDE = 381_654_729  # coprime to their count, so no number repeats
_FIRST = (
    "JAMES", "Mary", "robert", "Patricia", "José", "Linda", "Zoë", "MICHAEL", "Élodie", "Siân", "Noah", "ava", "Mateo",
    "Chloë", "DeShawn", "Anne-Marie",
)  # fmt: skip
_LAST = (
    "SMITH", "Johnson", "o'neill", "McDonald", "Nuñez", "BROWN", "Müller", "van-Dyke", "Garcia", "LEE", "Þórsdóttir",
    "Kowalski",
)  # fmt: skip
_NOTES = ('said "call me after 5"', "two lines\nof notes", "likes ; and , and |", "asked at the fair", "", "", "", "")
#: The formats of a number: area, exchange, line.
_SPELLINGS: tuple[Callable[[str, str, str], str], ...] = (
    lambda a, e, n: f"({a}) {e}-{n}",
    lambda a, e, n: f"{a}-{e}-{n}",
    lambda a, e, n: f"{a}{e}{n}",
    lambda a, e, n: f"+1{a}{e}{n}",
    lambda a, e, n: f"1{a}{e}{n}",
    lambda a, e, n: f"{a}.{e}.{n}",
    lambda a, e, n: f"+1 ({a}) {e}-{n}",
    lambda a, e, n: f"1-{a}-{e}-{n}",
    lambda a, e, n: f" {a} {e} {n} ",
    lambda a, e, n: f"'+1 {a} {e} {n}",
    lambda a, e, n: f"{a}{e}{n}.0",
    lambda a, e, n: f"tel: {a}-{e}-{n}",
    lambda a, e, n: f"({a})\u00a0{e}\u2013{n}",
)
_NOBODY = ("n/a", "555-0123", "", "call the office", "2.1E+09", "000-000-0000", "123 456 7890", "+1 212 555 01")


def write(path: Path, rows: int) -> Counter[str]:
    """Write that many rows below a header; returns the number of each kind: new, duplicates, rejected."""
    fates: Counter[str] = Counter()
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.writer(file)
        out.writerow(HEADER)
        for i in range(rows):
            row, fate = _row(i)
            fates[fate] += 1
            out.writerow(row)
            if i % 5000 == 4999:
                file.write("\r\n")
    return fates


def _row(i: int) -> tuple[list[str], str]:
    mixed = (i * 2_654_435_761) & 0xFFFFFFFF  # Knuth's multiplicative hash: neighbours get unrelated values
    who, style = i, mixed >> 8
    fate = "new"
    if i > 1000 and mixed % 100 < 4:
        who, fate = i - 1 - mixed % 997, "duplicates"
        while (who * 2_654_435_761 & 0xFFFFFFFF) % 100 < 7:  # skips to a valid earlier row
            who -= 1
    elif mixed % 100 < 7:
        fate = "rejected"
    number = _NOBODY[style % len(_NOBODY)] if fate == "rejected" else _phone(who, style)
    address = f"person.{who}@example{who % 40}.com" if who % 5 < 3 and fate != "rejected" else ""
    own = (who * 2_654_435_761 & 0xFFFFFFFF) >> 8  # a duplicate has the name of its person
    first, last = _FIRST[own % len(_FIRST)], _LAST[(own >> 5) % len(_LAST)]
    # one person in twenty has moved and kept the number
    _, code, name, prefixes, local = _PLACES[_number(who) % len(_PLACES) if style % 20 else style % len(_PLACES)]
    state = (code if style % 3 else name) if style % 10 < 7 else ""
    zone = local if style % 7 == 0 else ""
    company = f"{last} & Sons, Inc." if style % 3 else ""
    known = prefixes.split() if style % 2 else []
    postal = f"{known[style % len(known)]}{style % 97:02d}" if known else ""
    return [first, last, company, number, address, state, postal, zone, _NOTES[style % len(_NOTES)]], fate


def _number(who: int) -> int:
    return (who * _STRIDE + 12_345) % _NUMBERS


def _phone(who: int, style: int) -> str:
    number = _number(who)
    area, rest = _PLACES[number % len(_PLACES)][0], str(2_000_000 + number // len(_PLACES))
    if who % 200 == 7:
        return f"+44 20 7946 {who // 200 % 10_000:04d}"
    if who % 41 == 0:
        return f"({area}) {rest[:3]}-{rest[3:]} x{who % 900 + 100}"
    return _SPELLINGS[style % len(_SPELLINGS)](area, rest[:3], rest[3:])
