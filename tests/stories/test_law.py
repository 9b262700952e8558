"""The gate beside a slow reading of the law: it never says Go where the text of the rules says no, and when it says
"wait until", that is the first minute at which the text agrees.

The reading here uses only the file of rules: no table of rows by state, no compiled calendar, no cache except of dates.
It shares with the engine only time zones and the dates of holidays. `FLUENTSD_LONG=1` asks about a million moments
instead of some thousands.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from importlib import resources
from typing import Any

import pytest

from fluentsd.domain.campaign import Step as StepSpec
from fluentsd.domain.campaign import read_campaign
from fluentsd.domain.flow import Step, compile_flow
from fluentsd.domain.gate import Go, Hold, Person, Point, Reason, Rules, Touch, Wait, decide
from fluentsd.domain.time import blackouts
from fluentsd.domain.time.windows import zone
from fluentsd.engine.dispatch.plans import rules_of

MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000
MOMENTS = 1_000_000 if os.environ.get("FLUENTSD_LONG") else 20_000
LAW: dict[str, Any] = tomllib.loads(resources.files("fluentsd.domain").joinpath("rules", "us.toml").read_text("utf-8"))
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
HOURS_OF = {"phone": ("hours", "auto-hours"), "sms": ("hours",), "email": ()}
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
STATES = (
    sorted({row["id"].split(".")[0] for row in LAW["rule"]} - {"US", "US-unknown"}) + LAW["federal_hours"]["states"]
)
ZONES = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles",
    "America/Anchorage", "Pacific/Honolulu", "America/Puerto_Rico", "Australia/Lord_Howe", "Asia/Kathmandu",
)  # fmt: skip
POINTS = (Point(1, "phone", "+12125550100"), Point(2, "email", "a@example.com"))


# ── the slow reading ─────────────────────────────────────────────────────────────────────────────────────────────


def shown(at: int, name: str) -> dt.datetime:
    """The local time."""
    return (EPOCH + dt.timedelta(microseconds=at)).astimezone(zone(name))


def rows_for(states: Sequence[str], kinds: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Every row of these kinds for a person who may be in any of these states."""
    places = {"US-unknown" if state == "US" else state[3:] for state in states if state.startswith("US")}
    for row in LAW["rule"]:
        if places and row["kind"] in kinds and row["id"].split(".")[0] in places | {"US"}:
            yield row


@lru_cache(maxsize=1 << 16)
def is_holiday(names: tuple[str, ...], day: dt.date) -> bool:
    return any(day in blackouts.dates(name, day.year) for name in names)


def minutes(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


def in_force(row: dict[str, Any], day: dt.date) -> bool:
    return row.get("since", day) <= day and ("until" not in row or day < row["until"])


def allows(row: dict[str, Any], local: dt.datetime) -> bool:
    """Whether a row of hours allows a contact at this local time."""
    day = local.date()
    if not in_force(row, day):
        return True
    if is_holiday(tuple(row.get("holidays", ())), day):
        return False
    for days, hours in row["days"].items():
        first, last = days.split("-") if "-" in days else (days, days)
        if DAYS.index(first) <= local.weekday() <= DAYS.index(last):
            opens, closes = hours.split("-")
            return minutes(opens) <= local.hour * 60 + local.minute < minutes(closes)
    return False


def barred_by(channel: str, states: Sequence[str], zones: Sequence[str], at: int, waived: frozenset[str]) -> str:
    """The first row whose hours forbid it, "" for none."""
    for row in rows_for(states, HOURS_OF[channel]):
        if row["id"] not in waived and not all(allows(row, shown(at, name)) for name in zones):
            return str(row["id"])
    return ""


def capped_by(channel: str, states: Sequence[str], touches: Sequence[Touch], at: int, waived: frozenset[str]) -> str:
    """The first row whose cap forbids another contact, "" for none."""
    for row in rows_for(states, ("cap", "auto-cap")):
        if row["id"] in waived or channel not in row["channels"] or not in_force(row, shown(at, "UTC").date()):
            continue
        recent = [t for t, by in touches if at - row["hours"] * HOUR < t <= at and by in row["channels"]]
        if len(recent) >= row["count"]:
            return str(row["id"])
    return ""


def lacks(
    channel: str, states: Sequence[str], purpose: str, basis: str, scrubbed_at: int | None, at: int,
    waived: frozenset[str],
) -> str:  # fmt: skip
    """The row that asks for consent or a scrub which is not on record, "" for none; a scrub is about sales."""
    for row in rows_for(states, ("consent", "scrub")):
        if row["id"] in waived or channel not in row["channels"]:
            continue
        if row["kind"] == "consent" and row["purpose"] == purpose and basis not in row["bases"]:
            return str(row["id"])
        stale = scrubbed_at is None or at - scrubbed_at > row.get("days_fresh", 0) * DAY
        if row["kind"] == "scrub" and purpose == "marketing" and basis not in row["unless"] and stale:
            return str(row["id"])
    return ""


def own_hours(file: dict[str, Any], step: dict[str, Any], zones: Sequence[str], at: int) -> bool:
    """The campaign's window and the step's hours, as its file says them; ranges of one day only."""
    for name in zones:
        local = shown(at, name)
        day, minute = DAYS[local.weekday()], local.hour * 60 + local.minute
        opens, closes = map(minutes, file["window"]["hours"].split("-"))
        if day not in file["window"]["days"] or not opens <= minute < closes:
            return False
        if local.date() in file["window"]["blackout"]:
            return False
        opens, closes = map(minutes, step.get("hours", "00:00-24:00").split("-"))
        if not opens <= minute < closes:
            return False
    return True


# ── random cases ─────────────────────────────────────────────────────────────────────────────────────────────────


def random_step(chance: random.Random) -> dict[str, Any]:
    channel = chance.choice(["phone", "sms", "sms", "phone", "email"])
    content = {"phone": {"agent": "a"}, "sms": {"text": "t"}, "email": {"subject": "s", "text": "t"}}[channel]
    step: dict[str, Any] = {"id": "s", "channel": channel} | content
    return step | ({"hours": chance.choice(["10:00-15:00", "07:30-22:15"])} if chance.random() < 0.3 else {})


def random_campaign(chance: random.Random) -> dict[str, Any]:
    rows = [row["id"] for row in LAW["rule"] if row["kind"] != "keep"]
    waived = chance.sample(rows, 2) if chance.random() < 0.2 else []
    return {
        "name": "Random", "ref": "test", "step": [random_step(chance)],
        "window": {
            "days": sorted(chance.sample(DAYS, chance.randint(3, 7)), key=DAYS.index),
            "hours": chance.choice(["00:00-24:00", "06:00-23:00", "08:30-20:30", "09:00-17:00"]),
            "blackout": [dt.date(2026, 11, 27)] if chance.random() < 0.3 else [],
            "fallback_timezone": "America/Chicago",
        },
        "law": {
            "purpose": chance.choice(["marketing", "informational"]),
            "waive": [{"rule": row, "because": "a reason that is long enough", "by": "Ann"} for row in waived],
        },
    }  # fmt: skip


def random_person(chance: random.Random) -> Person:
    kind = chance.random()
    states = ["US-" + code for code in chance.sample(STATES, chance.choice([1, 1, 1, 2]))]
    states = ["US"] if kind < 0.12 else [] if kind < 0.2 else ["CA-ON"] if kind < 0.25 else states
    bases = ["written", "written", "express", "inquiry", ""]
    consent = {channel: basis for channel in ("phone", "sms") if (basis := chance.choice(bases))}
    return Person(
        zones=tuple(sorted(chance.sample(ZONES, chance.choice([0, 1, 1, 1, 1, 2])))),
        states=tuple(sorted(states)),
        points=POINTS,
        consent=consent,
    )


def random_moment(chance: random.Random) -> int:
    """An instant of 2026 to 2028, as often as not near something that happens: a whole hour, a holiday, a new rule."""
    since, until = (round(dt.datetime(year, 1, 1, tzinfo=dt.UTC).timestamp()) for year in (2026, 2029))
    at = chance.randrange(since, until) * 1_000_000
    return at - at % HOUR + chance.choice([-1, 0, 1, MINUTE]) if chance.random() < 0.5 else at


def with_touches(chance: random.Random, person: Person, at: int) -> Person:
    touches = sorted(
        (at - chance.choice([0, 1, 8 * HOUR, 8 * HOUR - 1, DAY, DAY - 1, chance.randrange(2 * DAY)]),
         chance.choice(["phone", "sms", "email"]))
        for _ in range(chance.choice([0, 0, 1, 3, 4]))
    )  # fmt: skip
    scrubbed_at = chance.choice([None, at, at - 31 * DAY, at - 31 * DAY - 1, at - chance.randrange(60 * DAY)])
    away_until_at = chance.choice([None, None, at, at - DAY, at + 1, at + chance.randrange(60 * DAY)])
    return replace(person, touches=touches, scrubbed_at=scrubbed_at, away_until_at=away_until_at)


def places(person: Person) -> tuple[str, ...]:
    return person.zones or ("America/Chicago",)


def forbidden(file: dict[str, Any], person: Person, at: int) -> str:
    """The slow reading's reason against a contact, "" for none."""
    step, law = file["step"][0], file["law"]
    channel, waived = step["channel"], frozenset(waiver["rule"] for waiver in law["waive"])
    basis = person.consent.get(channel, "")
    return (
        lacks(channel, person.states, law["purpose"], basis, person.scrubbed_at, at, waived)
        or ("away" if (person.away_until_at or at) > at else "")
        or ("" if own_hours(file, step, places(person), at) else "window")
        or barred_by(channel, person.states, places(person), at, waived)
        or capped_by(channel, person.states, person.touches, at, waived)
    )


def compiled(file: dict[str, Any]) -> tuple[Rules, Step]:
    spec = read_campaign(file)
    return rules_of(spec), compile_flow([StepSpec.model_validate(step) for step in file["step"]]).steps[0]


# ── the property ─────────────────────────────────────────────────────────────────────────────────────────────────


def ask_many(seed: int, moments: int) -> Counter[str]:
    """Ask about so many contact-moments; the gate and the slow reading agree on every one."""
    chance = random.Random(seed)
    answers: Counter[str] = Counter()
    while answers.total() < moments:
        file = random_campaign(chance)
        rules, step = compiled(file)
        for _ in range(25):
            person = random_person(chance)
            for _ in range(20):
                at = random_moment(chance)
                known = with_touches(chance, person, at)
                why_not, verdict = forbidden(file, known, at), decide(step, rules, known, at)
                case = (file, known, at, why_not, verdict)
                assert isinstance(verdict, Go) == (why_not == ""), case
                if isinstance(verdict, Go):
                    assert at < verdict.closes_at, case
                    last = verdict.closes_at - 1
                    assert not barred_by(step.channel, known.states, places(known), last, rules.waived), case
                elif isinstance(verdict, Hold) and verdict.rule:
                    assert verdict.rule == why_not, case
                answers[type(verdict).__name__ + ("" if why_not in ("", "window", "away") else " by law")] += 1
    return answers


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_gate_says_go_exactly_when_a_slow_reading_of_the_law_does() -> None:
    answers = ask_many(seed=1, moments=MOMENTS)
    assert all(answers[kind] > MOMENTS // 100 for kind in ("Go", "Wait", "Wait by law", "Hold by law")), answers


def first_agreed(file: dict[str, Any], person: Person, at: int, days: int) -> int | None:
    """The first whole minute at or after `at` at which the slow reading allows the contact."""
    if not forbidden(file, person, at):
        return at
    for moment in range(at - at % MINUTE + MINUTE, at + days * DAY, MINUTE):
        if not forbidden(file, person, moment):
            return moment
    return None


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_wait_ends_at_the_first_minute_at_which_the_slow_reading_agrees() -> None:
    chance, looked = random.Random(2), 0
    for _ in range(600 if os.environ.get("FLUENTSD_LONG") else 150):
        file = random_campaign(chance)
        rules, step = compiled(file)
        person = replace(random_person(chance), consent={"phone": "written", "sms": "written"})
        at = random_moment(chance)
        at -= at % MINUTE  # touches and caps then lie on whole minutes, too
        person = replace(person, touches=[(at - chance.randrange(1440) * MINUTE, "phone")] * chance.choice([0, 1, 3]))
        if chance.random() < 0.3:
            person = replace(person, away_until_at=at + chance.randrange(4 * 1440) * MINUTE)
        verdict = decide(step, rules, person, at)
        if not isinstance(verdict, Wait) or verdict.until_at - at > 5 * DAY:
            continue
        looked += 1
        found = first_agreed(file, person, at, 6)
        again = decide(step, rules, person, verdict.until_at)
        if verdict.reason == Reason.window or verdict.reason == Reason.lawful_hours or isinstance(again, Go):
            assert found is not None
            assert found >= verdict.until_at, (file, person, at, verdict)
        if isinstance(again, Go):
            assert found == verdict.until_at, (file, person, at, verdict)
    assert looked > 10


def test_the_reading_here_knows_the_days_it_should() -> None:
    """The slow reading itself, beside dates known by heart: it could not catch anything if it allowed everything."""
    noon = {"sms": round(dt.datetime(2027, 3, 26, 17, tzinfo=dt.UTC).timestamp() * 1_000_000)}["sms"]
    assert barred_by("sms", ["US-LA"], ["America/Chicago"], noon, frozenset()) == "LA.hours"  # Good Friday
    assert barred_by("sms", ["US-TX"], ["America/Chicago"], noon, frozenset()) == ""
    assert barred_by("phone", ["US-ME"], ["America/New_York"], noon + DAY, frozenset()) == "ME.auto-hours"
    assert barred_by("email", ["US-ME"], ["America/New_York"], noon + DAY, frozenset()) == ""
    assert barred_by("sms", ["US"], ["America/Chicago"], noon + 2 * DAY, frozenset()) == "US-unknown.hours"
    assert barred_by("sms", [], ["America/Chicago"], noon + 12 * HOUR, frozenset()) == ""
    assert capped_by("sms", ["US-FL"], [(noon - HOUR, "phone")] * 3, noon, frozenset()) == "FL.cap"
    assert capped_by("sms", ["US-FL"], [(noon - HOUR, "email")] * 3, noon, frozenset()) == ""
    assert lacks("sms", ["US-NY"], "marketing", "express", None, noon, frozenset()) == "US.consent"
