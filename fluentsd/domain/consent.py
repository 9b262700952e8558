"""Consent as somebody attests it for a source of people, and as each person carries it.

What lives here: the reading of an attestation and the merging of what is on record. What must not: what the law asks
for (`statutes`), the decision (`gate`). On record is a basis by channel, written "phone:written,sms:written"; the
attestation behind it is the evidence: who said it, when, of which date, with what proof.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fluentsd.validation import Problems

#: What people can have given, and what an operator can say of them instead.
BASES: Mapping[str, str] = {
    "written": "signed agreement to automated calls or texts for marketing (47 CFR 64.1200(f)(9))",
    "express": "said so, without a signed agreement",
    "inquiry": "asked about our products in the last three months",
    "customer": "bought from us in the last eighteen months",
}
CHANNELS = ("phone", "sms", "email")


@dataclass(frozen=True, slots=True)
class Attestation:
    """What a named person says of the consent of a source's people."""

    basis: str
    given_on: dt.date
    scope: tuple[str, ...]
    by: str
    scrubbed_on: dt.date | None = None
    proof: str = ""

    @property
    def text(self) -> str:
        """How each person carries it."""
        return ",".join(f"{channel}:{self.basis}" for channel in self.scope)


def read_attestation(said: Mapping[str, Any], today: dt.date) -> Attestation:
    """Check what was said: basis, given, scope, by, and if they apply scrubbed and proof; `Problems` lists every
    mistake."""
    mistakes: list[str] = []
    basis = str(said.get("basis") or "")
    if basis not in BASES:
        mistakes.append(f"basis: {basis!r} is none of {', '.join(BASES)}")
    given_on = _date("given", said.get("given"), today, mistakes)
    scrubbed_on = _date("scrubbed", said.get("scrubbed"), today, mistakes) if said.get("scrubbed") else None
    scope = _scope(said.get("scope"), mistakes)
    by = str(said.get("by") or "").strip()
    if not by:
        mistakes.append("by: name the person who says so")
    if mistakes or given_on is None:
        raise Problems("consent", mistakes)
    return Attestation(basis, given_on, scope, by, scrubbed_on, str(said.get("proof") or "").strip())


def _date(name: str, value: Any, today: dt.date, mistakes: list[str]) -> dt.date | None:
    try:
        found = dt.date.fromisoformat(str(value or ""))
    except ValueError:
        mistakes.append(f"{name}: {value!r} is not a date; write it like 2026-11-01")
        return None
    if found > today:
        mistakes.append(f"{name}: {found} is still to come")
    return found


def _scope(value: Any, mistakes: list[str]) -> tuple[str, ...]:
    words: Sequence[str] = value if isinstance(value, (list, tuple)) else str(value or "").replace(" ", "").split(",")
    words = [part for word in words for part in str(word).replace(" ", "").split(",") if part]
    strange = sorted(set(words) - set(CHANNELS))
    if strange or not words:
        mistakes.append(f"scope: {', '.join(strange) or 'nothing'} is no list of {', '.join(CHANNELS)}")
    return tuple(channel for channel in CHANNELS if channel in words)


_NO_CONSENT: Mapping[str, str] = {}


@lru_cache(maxsize=1024)
def bases_in(text: str) -> Mapping[str, str]:
    """The consent a person carries, by channel."""
    return dict(part.split(":", 1) for part in text.split(",")) if text else _NO_CONSENT


@lru_cache(maxsize=4096)
def merged(before: str, after: str) -> str:
    """What a person carries once something newer is said: it counts for the channels it names."""
    both = {**bases_in(before), **bases_in(after)}
    return ",".join(f"{channel}:{both[channel]}" for channel in CHANNELS if channel in both)
