"""Consent: attested for a source of people, and recorded for each person.

What lives here: the reading of an attestation and the merging of recorded consent. What must not: legal requirements
(`statutes`), the decision (`gate`). A person's record holds a basis by channel, "phone:written,sms:written"; the
attestation behind it is the evidence: by whom, when, for which date, with what proof.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fluentsd.validation import Problems

#: The bases of consent: given by the person, or stated by an operator.
BASES: Mapping[str, str] = {
    "written": "signed agreement to automated calls or texts for marketing (47 CFR 64.1200(f)(9))",
    "express": "said so, without a signed agreement",
    "inquiry": "asked about our products in the last three months",
    "customer": "bought from us in the last eighteen months",
}
CHANNELS = ("phone", "sms", "email")


@dataclass(frozen=True, slots=True)
class Attestation:
    """A named person's statement about the consent of the people in a source."""

    basis: str
    given_on: dt.date
    scope: tuple[str, ...]
    by: str
    scrubbed_on: dt.date | None = None
    proof: str = ""

    @property
    def text(self) -> str:
        """The consent as it is recorded for each person."""
        return ",".join(f"{channel}:{self.basis}" for channel in self.scope)


def read_attestation(given: Mapping[str, Any], today: dt.date) -> Attestation:
    """Check the keys basis, given, scope, by, and the optional scrubbed and proof; `Problems` lists every mistake."""
    mistakes: list[str] = []
    basis = str(given.get("basis") or "")
    if basis not in BASES:
        mistakes.append(f"basis: {basis!r} is not one of {', '.join(BASES)}")
    given_on = _date("given", given.get("given"), today, mistakes)
    scrubbed_on = _date("scrubbed", given.get("scrubbed"), today, mistakes) if given.get("scrubbed") else None
    scope = _scope(given.get("scope"), mistakes)
    by = str(given.get("by") or "").strip()
    if not by:
        mistakes.append("by: is missing; name the person who attests the consent")
    if mistakes or given_on is None:
        raise Problems("consent", mistakes)
    return Attestation(basis, given_on, scope, by, scrubbed_on, str(given.get("proof") or "").strip())


def _date(name: str, value: Any, today: dt.date, mistakes: list[str]) -> dt.date | None:
    try:
        found = dt.date.fromisoformat(str(value or ""))
    except ValueError:
        mistakes.append(f"{name}: {value!r} is not a date; write it like 2026-11-01")
        return None
    if found > today:
        mistakes.append(f"{name}: {found} is in the future")
    return found


def _scope(value: Any, mistakes: list[str]) -> tuple[str, ...]:
    words: Sequence[str] = value if isinstance(value, (list, tuple)) else str(value or "").replace(" ", "").split(",")
    words = [part for word in words for part in str(word).replace(" ", "").split(",") if part]
    unknown = sorted(set(words) - set(CHANNELS))
    if unknown or not words:
        mistakes.append(f"scope: {', '.join(unknown) or 'nothing'} is not a list of {', '.join(CHANNELS)}")
    return tuple(channel for channel in CHANNELS if channel in words)


_NO_CONSENT: Mapping[str, str] = {}


@lru_cache(maxsize=1024)
def bases_in(text: str) -> Mapping[str, str]:
    """The recorded consent of a person, by channel."""
    return dict(part.split(":", 1) for part in text.split(",")) if text else _NO_CONSENT


@lru_cache(maxsize=4096)
def merged(before: str, after: str) -> str:
    """The record after a newer attestation, which replaces the channels that it names."""
    both = {**bases_in(before), **bases_in(after)}
    return ",".join(f"{channel}:{both[channel]}" for channel in CHANNELS if channel in both)
