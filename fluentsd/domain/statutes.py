"""The rules of the place: hours, caps, consent, DNC scrubs and duties by the law of a person's states.

What lives here: the reading of `rules/us.toml` and its answers for a set of candidate states. What must not: clocks,
people, waivers; the gate applies the answers. A person may be in any of the candidate states, so the rows of all of
them apply; ("US",) is an unknown state and gets the strictest rows. No row, no rule: no rules are shipped for people
outside the United States.

An AI agent's voice is an artificial one (FCC 24-17), so rows about automated calls bind every phone step. The file is
read at first use; the holidays a row names are looked up only when its window is compiled.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from fluentsd.domain.places.readings import rules
from fluentsd.domain.time.durations import Rate
from fluentsd.domain.time.hours import ContactWindow, Hours
from fluentsd.domain.time.zones import DAY

Purpose = Literal["marketing", "informational"]

#: The date of the last review of the rows.
VERSION: str

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: The kinds of rows that limit a channel's hours: phone steps are AI agents; e-mail has no lawful hours.
_HOURS = {"phone": ("hours", "auto-hours"), "sms": ("hours",)}
_UNKNOWN = "US-unknown"


class UnknownRule(ValueError):
    """No rule of the place has this id. Write one such as "PA.hours"."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: its rule in a sentence, its citation, how far it was checked, and when it is in force.

    `state` is "PA", "US" for all or "US-unknown". `status`: verified, secondary or unverified. In force on local dates
    from `since` to the day before `until`; None leaves that end open.
    """

    id: str
    state: str
    kind: str
    says: str
    cite: str
    status: str
    since: date | None
    until: date | None
    source: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `rate` contacts of one person on these channels together, in any such span."""

    rule: Rule
    rate: Rate
    channels: frozenset[str]
    since: date | None
    until: date | None


@dataclass(frozen=True, slots=True)
class Need:
    """The bases of consent ("express", "written") of which any one is enough."""

    rule: Rule
    bases: frozenset[str]


class _Row(NamedTuple):
    rule: Rule
    data: Mapping[str, Any]

    def binds(self, channel: str) -> bool:
        """Whether the row applies to this channel."""
        return channel in self.data["channels"]


@lru_cache(maxsize=4096)
def hours(states: tuple[str, ...], channel: str) -> tuple[tuple[Rule, ContactWindow], ...]:
    """Every window that must be open for a person in these states ("US-PA"): federal, then state by state.

    Empty outside the United States and for e-mail. A window is bound to local time where the person is.
    """
    kinds = _HOURS.get(channel, ())
    return tuple((row.rule, _window(row.rule.id)) for row in _rows(states) if row.rule.kind in kinds)


@lru_cache(maxsize=4096)
def caps(states: tuple[str, ...], channel: str) -> tuple[Cap, ...]:
    """The caps on contacts of a person in these states, from every row for this channel."""
    return tuple(
        Cap(row.rule, Rate(row.data["count"], row.data["hours"] * 3600), frozenset(row.data["channels"]),
            row.rule.since, row.rule.until)
        for row in _rows(states)
        if row.rule.kind in ("cap", "auto-cap") and row.binds(channel)
    )  # fmt: skip


@lru_cache(maxsize=4096)
def consent(states: tuple[str, ...], channel: str, purpose: Purpose) -> Need | None:
    """The consent required on record before a contact of this purpose; None when none is required."""
    for row in _rows(states):
        if row.rule.kind == "consent" and row.binds(channel) and row.data["purpose"] == purpose:
            return Need(row.rule, frozenset(row.data["bases"]))
    return None


@lru_cache(maxsize=4096)
def scrub(states: tuple[str, ...], channel: str, basis: str) -> tuple[Rule, int] | None:
    """The rule of the DNC scrub and how long a scrub stays valid, in microseconds; None when no scrub is needed.

    `basis` is the consent on record for the channel, "" for none.
    """
    for row in _rows(states):
        if row.rule.kind == "scrub" and row.binds(channel) and basis not in row.data["unless"]:
            return row.rule, row.data["days_fresh"] * DAY
    return None


def duties(states: Iterable[str], channels: Iterable[str]) -> tuple[Rule, ...]:
    """The team's own duties before it contacts people in these states on these channels."""
    wanted = set(channels)
    found = _rows(tuple(sorted(set(states))))
    return tuple(row.rule for row in found if row.rule.kind == "duty" and wanted & set(row.data["channels"]))


def rule(id: str) -> Rule:
    """The rule with this id. Raises UnknownRule, with the nearest ids."""
    if row := _law().get(id):
        return row.rule
    near = difflib.get_close_matches(id[:40], _law(), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else 'write one such as "PA.hours"'
    raise UnknownRule(f"no legal rule is called {id[:40]!r}: {hint}")


def is_rule(id: str) -> bool:
    """Whether a rule has this id."""
    return id in _law()


def all_rules() -> tuple[Rule, ...]:
    """Every rule and duty, in the order of the file."""
    return tuple(row.rule for row in _law().values())


def _rows(states: tuple[str, ...]) -> Iterator[_Row]:
    """The rows that bind a person in any of these states."""
    codes = [state[3:] for state in states if state[:3] == "US-"]
    unknown = "US" in states
    if not codes and not unknown:
        return
    for place in ("US", *codes, *([_UNKNOWN] if unknown else [])):
        yield from _by_state().get(place, ())


@lru_cache(maxsize=1)
def _law() -> dict[str, _Row]:
    """Every row by its id."""
    table = rules("us.toml")
    rows = [*table["rule"], *({**duty, "kind": "duty"} for duty in table["duty"])]
    return {row["id"]: _Row(_rule(row), row) for row in rows}


@lru_cache(maxsize=1)
def _by_state() -> dict[str, list[_Row]]:
    found: dict[str, list[_Row]] = {}
    for row in _law().values():
        found.setdefault(row.rule.state, []).append(row)
    return found


def _rule(row: Mapping[str, Any]) -> Rule:
    return Rule(
        id=row["id"],
        state=row["id"].partition(".")[0],
        kind=row["kind"],
        says=row["says"],
        cite=row["cite"],
        status=row["status"],
        since=row.get("since"),
        until=row.get("until"),
        source=row["source"],
        note=row.get("note", ""),
    )


@lru_cache(maxsize=256)
def _window(id: str) -> ContactWindow:
    """The window of a row of hours: the days it names, in force between its dates."""
    row = _law()[id].data
    week: list[Hours | None] = [None] * 7
    for span, text in row["days"].items():
        first, _, last = span.partition("-")
        for day in range(_DAYS.index(first), _DAYS.index(last or first) + 1):
            week[day] = Hours.parse(text)
    mon, tue, wed, thu, fri, sat, sun = week
    return ContactWindow(
        (mon, tue, wed, thu, fri, sat, sun),
        presets=tuple(row.get("holidays", ())),
        since=row.get("since"),
        until=row.get("until"),
    )


def __getattr__(name: str) -> str:
    """`VERSION`, read from the file."""
    if name == "VERSION":
        return str(rules("us.toml")["as_of"])
    raise AttributeError(name)
