"""Writes `fluentsd/domain/rules/area_codes.toml` from the data of `phonenumbers`: `python docs/area_codes.py`.

The zones of an area code are the union over all its prefixes: the library's answer for one number is a guess from its
prefix, and a ported or pooled number may be used elsewhere in the area. This module adds the data that the library
lacks: overlays (a newer code over the same area, so the same zones), codes newer than its data, areas with more zones
than its prefixes show, and corrections of wrong zones.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import phonenumbers
from phonenumbers.geodata import GEOCODE_DATA
from phonenumbers.tzdata import TIMEZONE_DATA

from fluentsd.domain.places.readings import zone_countries, zone_rules

RULES = Path(__file__).parents[1] / "fluentsd" / "domain" / "rules"
ZONES = tomllib.loads((RULES / "us_zones.toml").read_text("utf-8"))

#: Codes over one and the same area, where the library gives them different zones or does not know one of them.
#: Source: the planning letters and overlay maps of the North American Numbering Plan Administrator (nanpa.com).
OVERLAYS = [
    ("850", "448"), ("541", "458"), ("812", "930"), ("270", "364"), ("208", "986"), ("423", "729"), ("440", "436"),
    ("318", "457"), ("662", "471"), ("334", "483"), ("713", "281", "832", "346", "621"), ("716", "624"),
    ("313", "679"), ("530", "837"), ("309", "861"), ("507", "924"), ("559", "357"), ("709", "879"),
    ("306", "639", "474"), ("418", "581", "367"), ("250", "236", "257", "672", "778"), ("407", "689"),
]  # fmt: skip

#: Codes of a province or state whose people live by more zones than the prefixes show: they get all its zones.
WHOLE = {
    "250": ("BC",), "306": ("SK",), "418": ("QC",), "709": ("NL",), "807": ("ON",), "867": ("NT", "NU", "YT"),
    "907": ("AK",), "928": ("AZ",),
}  # fmt: skip

#: Zones the library gives by mistake: Orlando is Eastern, no part of Newfoundland or the North has these clocks.
MISTAKES = {
    "689": {"America/Chicago"}, "879": {"America/Puerto_Rico"}, "474": {"America/Winnipeg"},
    "867": {"America/Toronto", "America/Vancouver", "America/Winnipeg", "America/Fort_Nelson"},
    "907": {"Pacific/Honolulu"},
}  # fmt: skip

#: Territories, which the library's place names do not spell out.
TERRITORIES = {"340": "VI", "670": "MP", "671": "GU", "684": "AS", "787": "PR", "939": "PR"}

_SPELLED = {"Washington State": "WA", "Washington D.C.": "DC", "British Colombia": "BC"}
_NAMES = {row["name"]: code for country in ("us", "ca") for code, row in ZONES[country].items()} | _SPELLED
_HEAD = """# North American area codes → the zones and states (ISO 3166-2) of the people behind them.
#
# Drawn by `python docs/area_codes.py` from phonenumbers {version}; a test keeps it so. Do not edit: what the library
# does not know, or has wrong, is data in that script. Toll-free, premium and other placeless codes are left out.

phonenumbers = "{version}"

[codes]
"""


def draw() -> str:
    """The whole file."""
    zones, places = _zones(), _places()
    lines = [_HEAD.format(version=phonenumbers.__version__)]
    for code in sorted(zones):
        states = _states(code, places)
        place = _name(code, places, states, zones[code])
        names = ", ".join(f'"{name}"' for name in _folded(zones[code], states))
        ids = ", ".join(f'"{state}"' for state in states)
        lines.append(f'"{code}" = {{ zones = [{names}], states = [{ids}], place = "{place}" }}\n')
    return "".join(lines)


def _zones() -> dict[str, set[str]]:
    """Area code → every zone of its prefixes, corrected."""
    found: dict[str, set[str]] = defaultdict(set)
    for prefix, names in TIMEZONE_DATA.items():
        if prefix.startswith("1") and len(prefix) >= 4:
            found[prefix[1:4]] |= set(names)
    for code, mistaken in MISTAKES.items():
        found[code] -= mistaken
    for code, states in WHOLE.items():
        found[code] |= {name for state in states for name in _state(state)["zones"]}
    for codes in OVERLAYS:
        together = set().union(*(found[code] for code in codes))
        found.update((code, together) for code in codes)
    return dict(found)


def _folded(names: Iterable[str], states: list[str]) -> list[str]:
    """One name for each set of rules: the one its states go by, else the first."""
    usual = [name for state in states for name in _state(state[3:])["zones"]]
    kept: dict[object, str] = {}
    for name in sorted(names, key=lambda name: (usual.index(name) if name in usual else len(usual), name)):
        kept.setdefault(zone_rules(name), name)
    return sorted(kept.values())


def _places() -> dict[str, list[str]]:
    """Area code → its place names, its own first when there is one, else those of its prefixes."""
    found: dict[str, list[str]] = defaultdict(list)
    for prefix in sorted(GEOCODE_DATA, key=lambda prefix: (len(prefix), prefix)):
        name = GEOCODE_DATA[prefix].get("en")
        if prefix.startswith("1") and len(prefix) >= 4 and name and (len(prefix) == 4 or prefix[:4][1:] not in _OWN):
            found[prefix[1:4]].append(name)
    return found


_OWN = {prefix[1:] for prefix, names in GEOCODE_DATA.items() if prefix[0] == "1" and len(prefix) == 4 and "en" in names}


def _states(code: str, places: dict[str, list[str]]) -> list[str]:
    """The states of an area code; an overlay that is newer than the data has those of the code it lies over."""
    if code in TERRITORIES:
        return [f"US-{TERRITORIES[code]}"]
    source = code if code in places else next((codes[0] for codes in OVERLAYS if code in codes), code)
    words = [word for name in places.get(source, ()) for word in name.rpartition(", ")[2].split("/")]
    codes = {_NAMES.get(word, word) for word in words} & {*ZONES["us"], *ZONES["ca"]}
    return sorted(f"{'US' if state in ZONES['us'] else 'CA'}-{state}" for state in codes)


def _name(code: str, places: dict[str, list[str]], states: list[str], zones: set[str]) -> str:
    """What to call the area: the place the data names, the state, or the country."""
    if len(states) == 1 and len(places.get(code, ())) == 1 and ", " in places[code][0]:
        return places[code][0]
    if states:
        return ", ".join(_state(state[3:])["name"] for state in states)
    return ", ".join(sorted({_COUNTRIES[zone_countries()[name]] for name in zones}))


def _state(code: str) -> dict[str, Any]:
    row: dict[str, Any] = ZONES["us"].get(code) or ZONES["ca"][code]
    return row


_COUNTRIES = {
    "AG": "Antigua and Barbuda", "AI": "Anguilla", "BB": "Barbados", "BM": "Bermuda", "BS": "Bahamas",
    "DM": "Dominica", "DO": "Dominican Republic", "GD": "Grenada", "JM": "Jamaica", "KN": "Saint Kitts and Nevis",
    "KY": "Cayman Islands", "LC": "Saint Lucia", "MS": "Montserrat", "SX": "Sint Maarten", "TC": "Turks and Caicos",
    "TT": "Trinidad and Tobago", "VC": "Saint Vincent", "VG": "British Virgin Islands",
}  # fmt: skip

if __name__ == "__main__":
    (RULES / "area_codes.toml").write_text(draw(), "utf-8")
