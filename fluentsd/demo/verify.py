"""Checks the promises against the carriers' records, with code that shares nothing with the engine.

The records are the ledgers of the sandbox carriers and the mails of the local SMTP server. A person's zone comes from
the generated list, and the contact window is checked against the local clock in that zone.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fluentsd.demo.people import Lead

#: Written out on purpose, independent of the engine's holidays and hours.
_HOLIDAYS = {dt.date(2026, 11, 26), dt.date(2026, 12, 25), dt.date(2027, 1, 1)}
_SPECIAL = {dt.date(2026, 11, 27): [(10, 14)]}
_USUAL = [(9, 12), (13, 19)]


@dataclass(frozen=True, slots=True)
class Contacted:
    """One contact that a carrier accepted."""

    token: str
    to: str
    at: dt.datetime
    what: tuple[str, str, int]  #: (to, step, try), as far as the carrier knows


def from_ledgers(paths: Iterable[Path]) -> list[Contacted]:
    """The contacts that the phone and SMS carriers accepted."""
    found = []
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            entry = json.loads(line)
            if entry.get("accepted"):
                at = dt.datetime.fromtimestamp(entry["at"] / 1_000_000, dt.UTC)
                found.append(Contacted(entry["token"], entry["to"], at, (entry["to"], entry["step"], entry["try"])))
    return found


def from_mails(mails: Sequence[Any]) -> list[Contacted]:
    """The contacts that the SMTP server accepted, from the messages' headers."""
    found = []
    for mail in mails:
        message = mail.message
        token = str(message["Message-ID"]).strip("<>").partition("@")[0]
        to = str(message["To"])
        found.append(
            Contacted(token, to, parsedate_to_datetime(str(message["Date"])), (to, str(message["Subject"]), 1))
        )
    return found


def duplicates(contacted: Sequence[Contacted]) -> int:
    """The number of contacts accepted more than once, by token and by person, step and try."""
    tokens = Counter(c.token for c in contacted)
    tries = Counter(c.what for c in contacted)
    return sum(n - 1 for n in tokens.values()) + sum(n - 1 for n in tries.values())


def outside_window(contacted: Sequence[Contacted], leads: Sequence[Lead]) -> int:
    """The number of contacts accepted outside the person's contact window."""
    zones = {lead.phone: lead.zone for lead in leads} | {lead.email: lead.zone for lead in leads if lead.email}
    return sum(1 for c in contacted if not _is_open(c.at, zones[c.to]))


def _is_open(at: dt.datetime, zone: str) -> bool:
    local = at.astimezone(ZoneInfo(zone))
    if local.date() in _HOLIDAYS or local.weekday() > 4:
        return False
    hour = local.hour + local.minute / 60 + local.second / 3600
    return any(start <= hour < end for start, end in _SPECIAL.get(local.date(), _USUAL))


def broken_promises(figures: Mapping[str, int]) -> list[str]:
    """One sentence per broken promise; empty if there is none."""
    parts = sum(figures[k] for k in ("queued", "active", "errored", "exited", "completed"))
    checks = {
        f"{figures['duplicates']} contacts were made twice": figures["duplicates"] == 0,
        f"{figures['outside_window']} contacts were made outside the window": figures["outside_window"] == 0,
        f"the figures sum to {parts}, not {figures['total']}": parts == figures["total"],
        f"{figures['queued'] + figures['active']} people did not reach an end state": figures["queued"]
        + figures["active"]
        == 0,
        "no one was contacted": figures["attempts"] > 0,
    }
    return [sentence for sentence, kept in checks.items() if not kept]
