"""Instants as clocks on the wall show them, and contact windows in short."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from fluentsd.domain.time.windows import (
    Calendar,
    ContactWindow,
    Hours,
    Part,
    zone,
)

from . import window_oracle as oracle

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEW_YORK, LONDON = "America/New_York", "Europe/London"
ZONES = [
    NEW_YORK,
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Africa/Casablanca",
    "Pacific/Apia",
    "America/Phoenix",
    "Asia/Kathmandu",
    LONDON,
    "America/Sao_Paulo",
]
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def fresh(rules, zones, also=None):
    """A calendar nobody has asked anything yet."""
    return Calendar([Part(one, frozenset(zones)) for one in (rules, also) if one is not None])


def instant(text, name=NEW_YORK, fold=0):
    """The instant at which a clock in the zone shows this time, for the first or the second time."""
    local = datetime.fromisoformat(text).replace(tzinfo=zone(name), fold=fold)
    return (local - EPOCH) // timedelta(microseconds=1)


def shown(at, name=NEW_YORK):
    return None if at is None else oracle.shown(at, name).replace(tzinfo=None).isoformat(" ", "minutes")


def window(hours="09:00-19:00", days="mon tue wed thu fri", shut=(), other=None, presets=()):
    """A window of one set of hours; ``shut`` dates have none, ``other`` dates their own."""
    own = Hours.parse(hours)
    named = {date.fromisoformat(day): None for day in shut}
    named |= {date.fromisoformat(day): Hours.parse(text) for day, text in (other or {}).items()}
    return ContactWindow(tuple(own if day in days.split() else None for day in DAYS), tuple(named.items()), presets)


EVERY_DAY = " ".join(DAYS)
EVENING_TO_MORNING = "01:00-02:00, 22:00-06:00"


def opens(rules, after, name=NEW_YORK, **more):
    """When the window next opens, as the clock shows it."""
    return shown(fresh(rules, (name,), **more).next_open(instant(after, name)), name)
