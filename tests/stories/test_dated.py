"""Short stories with real dates: people's local times when the whole engine contacts them.

Every expected time is worked out by hand from a calendar and the text of a rule, and written as people read it.
Easter 2027 is on March 28; Sydney and Lord Howe Island put their clocks forward on October 4, 2026; a week has the
days that it has.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from fluentsd.api import Inbound, Outcome
from fluentsd.clock import SimClock
from fluentsd.domain.gate import Limit
from fluentsd.domain.places.location import place_of
from fluentsd.domain.time.windows import zone
from fluentsd.engine.dispatch.plans import limits_of
from fluentsd.verbs import Refused
from tests.databases import open_whole
from tests.engine.stage import DAY, HOUR, MINUTE, FakeChannel, Stage, person, spec, staged

NEW_YORK, CHICAGO, LOS_ANGELES = "America/New_York", "America/Chicago", "America/Los_Angeles"
ALL_WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Spec = dict[str, Any]


def local(text: str, name: str = NEW_YORK) -> int:
    """The instant at which clocks in a zone show this."""
    return round(dt.datetime.fromisoformat(text).replace(tzinfo=zone(name)).timestamp() * 1_000_000)


def shown(at: int, name: str = NEW_YORK) -> str:
    """What clocks in a zone show, with the day of the week."""
    return f"{dt.datetime.fromtimestamp(at / 1_000_000, zone(name)):%a %Y-%m-%d %H:%M}"


def made(channel: FakeChannel, name: str = NEW_YORK) -> list[tuple[str, str]]:
    """What went out over a channel: (step, local time)."""
    return [(attempt.step, shown(at, name)) for attempt, _, at in channel.accepted]


def sms(id: str = "one", after: str = "0", **more: Any) -> Spec:
    return {"id": id, "channel": "sms", "after": after, "text": "Hello"} | more


def call(id: str = "call", after: str = "0", **more: Any) -> Spec:
    return {"id": id, "channel": "phone", "after": after, "agent": "a"} | more


def mail(id: str = "mail", after: str = "0") -> Spec:
    return {"id": id, "channel": "email", "after": after, "subject": "s", "text": "t"}


def campaign(*steps: Spec, hours: str = "09:00-17:00", days: list[str] | None = None, **more: Any) -> Spec:
    window = {"hours": hours, "days": days or ALL_WEEK} | more.pop("window", {})
    return spec(*steps, window=window, **more)


def somebody(n: int = 1, zones: str | list[str] = NEW_YORK, states: str | list[str] = (), **fields: str) -> Spec:  # type: ignore[assignment]
    """A person in some zones and states; without a state no rules of a place are shipped for them."""
    as_list = [zones] if isinstance(zones, str) else list(zones)
    placed = [states] if isinstance(states, str) else list(states)
    return person(n, **fields) | {"zones": as_list, "states": placed}


def found_at(n: int, *numbers: str, state: str | None = None, postal: str | None = None) -> Spec:
    """A person as an import places them, by numbers and an address."""
    place = place_of(None, state, None, postal, numbers)
    points = [["phone", number] for number in numbers]
    where = {"zones": place.zones, "states": place.states, "zone_basis": place.basis, "conflict": place.conflict}
    return person(n) | where | {"points": points}


@asynccontextmanager
async def begun(path: Path, at: int, limits: tuple[Limit, ...] = ()) -> AsyncIterator[Stage]:
    """An engine on the story's database file, started at a given time; a second one is a restart."""
    clock, file = SimClock(at), path / "story.db"
    url, options = f"sqlite+aiosqlite:///{file}", {"busy": clock.busy, "synchronous": "OFF"}
    async with open_whole(url, **options) as store, staged(store, clock) as stage:
        stage.runtime.plans.limits = limits
        yield stage


async def agreed(stage: Stage, ref: str = "test", basis: str = "written", **more: str) -> None:
    """Attest the consent of a campaign's people."""
    details = {"basis": basis, "given": "2026-01-15", "scope": ["phone,sms"], "by": "Ann"} | more
    await stage.do("contacts attest", campaign=ref, **details)


async def launched(stage: Stage, file: Spec, *people: Spec) -> None:
    """Create, enroll, start without consent on record, then attest it."""
    await stage.launch(file, *people, checked=False)
    await agreed(stage, file["ref"])


async def finished(stage: Stage, ref: str = "test") -> dict[str, Any]:
    """Let time pass until every enrollment has ended."""
    end = stage.clock.now() + 60 * DAY
    while (found := await stage.overview(ref))["state"] != "completed":
        await stage.until(stage.clock.now() + 12 * HOUR)
        assert stage.clock.now() < end, found
    return found


async def explained(stage: Stage, n: int = 1) -> dict[str, Any]:
    return dict((await stage.do("contacts why", person=f"+1212555{n:04d}"))["campaigns"][0])


# ── clocks that change ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_day_keeps_the_wall_time_in_sydney_and_24_hours_do_not(tmp_path: Path) -> None:
    sydney = "Australia/Sydney"
    async with begun(tmp_path, local("2026-10-03 10:00", sydney)) as stage:
        for ref, after in (("day", "1 day"), ("hours", "24 hours")):
            await stage.launch(campaign(sms(), sms(ref, after), ref=ref), somebody(1, sydney))
        await stage.until(local("2026-10-05 10:00", sydney))
        assert set(made(stage.sms, sydney)) == {
            ("one", "Sat 2026-10-03 10:00"), ("day", "Sun 2026-10-04 10:00"), ("hours", "Sun 2026-10-04 11:00"),
        }  # fmt: skip


async def test_hours_that_the_clock_skips_never_open(tmp_path: Path) -> None:
    sydney, howe = "Australia/Sydney", "Australia/Lord_Howe"
    async with begun(tmp_path, local("2026-10-03 12:00", sydney)) as stage:
        await stage.launch(campaign(sms(), hours="02:00-03:00", ref="hour"), somebody(1, sydney))
        await stage.launch(campaign(sms(), hours="02:00-02:30", ref="half"), somebody(2, howe))
        await stage.launch(campaign(sms(), hours="02:00-03:00", ref="half-left"), somebody(3, howe))
        await stage.until(local("2026-10-06 12:00", sydney))
        moments = {attempt.to[-1]: at for attempt, _, at in stage.sms.accepted}
        assert shown(moments["1"], sydney) == "Mon 2026-10-05 02:00"
        assert shown(moments["2"], howe) == "Mon 2026-10-05 02:00"
        assert shown(moments["3"], howe) == "Sun 2026-10-04 02:30"  # the clock goes from 02:00 to 02:30


async def test_24_hours_on_lord_howe_island_are_half_an_hour_later_on_the_wall(tmp_path: Path) -> None:
    howe = "Australia/Lord_Howe"
    async with begun(tmp_path, local("2026-10-03 10:00", howe)) as stage:
        await stage.launch(campaign(sms(), sms("two", "24 hours"), sms("three", "1 day")), somebody(1, howe))
        await finished(stage)
        assert made(stage.sms, howe)[1:] == [("two", "Sun 2026-10-04 10:30"), ("three", "Mon 2026-10-05 10:30")]


async def test_an_evening_that_goes_on_past_midnight_belongs_to_the_day_it_began(tmp_path: Path) -> None:
    where = "Asia/Kathmandu"
    file = campaign(
        sms(), sms("two", "2 hours"), sms("three", "2 hours"), hours="20:00-02:00", days=["mon", "tue", "fri"]
    )
    async with begun(tmp_path, local("2026-05-08 23:00", where)) as stage:  # a Friday
        await stage.launch(file, somebody(1, where))
        await finished(stage)
        assert made(stage.sms, where) == [
            ("one", "Fri 2026-05-08 23:00"), ("two", "Sat 2026-05-09 01:00"), ("three", "Mon 2026-05-11 20:00"),
        ]  # fmt: skip


async def test_the_leap_day_of_2028_is_a_day_like_others_and_can_be_blacked_out(tmp_path: Path) -> None:
    off = {"blackout": [dt.date(2028, 2, 29)]}
    async with begun(tmp_path, local("2028-02-28 10:00")) as stage:
        await stage.launch(campaign(sms(), sms("leap", "1 day"), sms("two", "1 day"), ref="leap"), somebody(1))
        await stage.launch(campaign(sms(), sms("off", "1 day"), ref="off", window=off), somebody(2))
        await stage.until(local("2028-03-03 10:00"))
        assert sorted(made(stage.sms)) == [
            ("leap", "Tue 2028-02-29 10:00"), ("off", "Wed 2028-03-01 09:00"), ("one", "Mon 2028-02-28 10:00"),
            ("one", "Mon 2028-02-28 10:00"), ("two", "Wed 2028-03-01 10:00"),
        ]  # fmt: skip


async def test_new_year_and_the_weekend_after_it_are_left_out(tmp_path: Path) -> None:
    file = campaign(sms(), sms("two", "1 hour"), days=ALL_WEEK[:5], window={"blackout": ["us-federal-holidays"]})
    async with begun(tmp_path, local("2026-12-31 16:30")) as stage:
        await stage.launch(file, somebody())
        await finished(stage)
        assert made(stage.sms) == [("one", "Thu 2026-12-31 16:30"), ("two", "Mon 2027-01-04 09:00")]


# ── the rules of the place ───────────────────────────────────────────────────────────────────────────────────────


async def test_good_friday_is_barred_by_law_in_louisiana_even_when_fridays_are_all_there_is(tmp_path: Path) -> None:
    file = campaign(sms(), sms("two", "1 week"), hours="10:00-12:00", days=["fri"])
    async with begun(tmp_path, local("2027-03-19 10:00", CHICAGO)) as stage:
        await launched(stage, file, somebody(1, CHICAGO, "US-LA"), somebody(2, CHICAGO, "US-TX"))
        await stage.until(local("2027-03-22 10:00", CHICAGO))
        assert shown((await explained(stage))["next_at"], CHICAGO) == "Fri 2027-04-02 10:00"
        await finished(stage)
        second = {attempt.to[-1]: shown(at, CHICAGO) for attempt, _, at in stage.sms.accepted if attempt.step == "two"}
        assert second == {"1": "Fri 2027-04-02 10:00", "2": "Fri 2027-03-26 10:00"}


async def test_on_good_friday_itself_why_names_the_rule_of_louisiana(tmp_path: Path) -> None:
    async with begun(tmp_path, local("2027-03-26 10:30", CHICAGO)) as stage:
        await launched(stage, campaign(sms(), hours="10:00-12:00", days=["fri"]), somebody(1, CHICAGO, "US-LA"))
        await stage.until(local("2027-03-26 10:31", CHICAGO))
        found = await explained(stage)
        assert (found["reason"], found["rule"], found["law"]["cite"]) == (
            "lawful_hours", "LA.hours", "La. PSC General Order R-29617, V(A); La. R.S. 1:55",
        )  # fmt: skip
        assert stage.sms.accepted == []


async def test_a_number_of_the_overlay_850_counts_in_both_of_floridas_zones(tmp_path: Path) -> None:
    async with begun(tmp_path, local("2026-05-04 08:00")) as stage:  # a Monday
        file = campaign(sms(), sms("two", "6 hours"), sms("three", "10 min"))
        await launched(stage, file, found_at(1, "+18505550123"))
        await finished(stage)
        assert made(stage.sms) == [
            ("one", "Mon 2026-05-04 10:00"),  # nine in Pensacola
            ("two", "Mon 2026-05-04 16:00"),
            ("three", "Mon 2026-05-04 16:10"),  # ten past three in Pensacola
        ]


async def test_a_number_of_the_overlay_448_shuts_when_tallahassee_does(tmp_path: Path) -> None:
    async with begun(tmp_path, local("2026-05-04 17:00")) as stage:
        await launched(stage, campaign(sms()), found_at(1, "+14485550123"))  # four in the afternoon in Pensacola
        await finished(stage)
        assert made(stage.sms) == [("one", "Tue 2026-05-05 10:00")]


async def test_a_ported_number_is_reached_when_both_places_are_open_under_both_laws(tmp_path: Path) -> None:
    ported = found_at(1, "+12135550123", state="NY", postal="10001")
    async with begun(tmp_path, local("2026-05-04 08:00")) as stage:
        file = campaign(call(), mail("later", "1 min"), hours="06:00-23:00")
        await launched(stage, file, ported)
        await stage.until(local("2026-05-04 13:00"))  # and the engine closes as the reconciler looks the call up
        # automated calls are lawful from 9:00 in California; it is noon in New York then
        assert made(stage.phone) == [("call", "Mon 2026-05-04 12:00")]
        assert stage.phone.accepted[0][0].to == "+12135550123"


async def test_people_whose_place_is_disputed_can_be_held_until_it_is_known(tmp_path: Path) -> None:
    held = {"conflicting_timezone": "hold"}
    async with begun(tmp_path, local("2026-05-04 13:00")) as stage:
        await launched(stage, campaign(sms(), window=held), found_at(1, "+12135550123", state="NY", postal="10001"))
        await stage.until(local("2026-05-05 13:00"))
        assert (await stage.overview())["held_people"] == {"place_conflict": 1}
        await stage.enroll(found_at(1, "+12135550123", state="CA", postal="90001"))
        await finished(stage)
        assert made(stage.sms, LOS_ANGELES) == [("one", "Tue 2026-05-05 10:00")]


async def test_texas_on_a_sunday_is_open_from_noon_to_nine_but_not_for_mail(tmp_path: Path) -> None:
    file = campaign(mail(), sms("one"), sms("two", "9 hours"), hours="08:00-22:00")
    async with begun(tmp_path, local("2026-05-03 08:30", CHICAGO)) as stage:
        await launched(stage, file, somebody(1, CHICAGO, "US-TX"))
        await finished(stage)
        assert made(stage.email, CHICAGO) == [("mail", "Sun 2026-05-03 08:30")]
        assert made(stage.sms, CHICAGO) == [("one", "Sun 2026-05-03 12:00"), ("two", "Mon 2026-05-04 09:00")]


async def test_pennsylvania_before_and_after_the_eighteenth_of_october_2026(tmp_path: Path) -> None:
    steps = (
        sms(),
        sms("sunday", "13 hours"),
        sms("saturday", "6 days"),
        sms("barred", "1 day"),
        sms("evening", "10 hours"),
    )
    async with begun(tmp_path, local("2026-10-10 20:00")) as stage:  # a Saturday
        await launched(stage, campaign(*steps, hours="08:00-21:00"), somebody(1, NEW_YORK, "US-PA"))
        await finished(stage)
        assert made(stage.sms) == [
            ("one", "Sat 2026-10-10 20:00"), ("sunday", "Sun 2026-10-11 09:00"), ("saturday", "Sat 2026-10-17 09:00"),
            ("barred", "Mon 2026-10-19 09:00"), ("evening", "Tue 2026-10-20 09:00"),
        ]  # fmt: skip


async def test_rhode_island_has_shorter_saturdays_and_no_sundays(tmp_path: Path) -> None:
    async with begun(tmp_path, local("2026-06-06 08:00")) as stage:  # a Saturday
        file = campaign(sms(), sms("two", "7 hours"), hours="08:00-21:00")
        await launched(stage, file, somebody(1, NEW_YORK, "US-RI"))
        await finished(stage)
        assert made(stage.sms) == [("one", "Sat 2026-06-06 10:00"), ("two", "Mon 2026-06-08 09:00")]


async def test_maine_limits_ai_calls_to_weekdays_and_one_in_eight_hours_but_not_texts(tmp_path: Path) -> None:
    steps = sms(), call(retry={"busy": "20 min", "limit": 2}), sms("last")
    async with begun(tmp_path, local("2026-06-05 18:00")) as stage:  # a Friday
        await launched(stage, campaign(*steps, hours="08:00-22:00"), somebody(1, NEW_YORK, "US-ME"))
        for moment in ("2026-06-08 09:05", "2026-06-09 09:05"):
            await stage.until(local(moment))
            await stage.phone.tell(Inbound(Outcome.busy, token=stage.phone.accepted[-1][0].token))
        await stage.until(local("2026-06-09 16:59"))
        assert (await explained(stage))["reason"] == "lawful_cap"
        await stage.until(local("2026-06-10 09:05"))
        await stage.phone.tell(Inbound(Outcome.no_answer, token=stage.phone.accepted[-1][0].token))
        await finished(stage)
        assert [moment for _, moment in made(stage.phone)] == [
            "Mon 2026-06-08 09:00", "Tue 2026-06-09 09:00", "Wed 2026-06-10 09:00",  # eight hours later is five o'clock
        ]  # fmt: skip
        assert [moment for _, moment in made(stage.sms)] == ["Fri 2026-06-05 18:00", "Wed 2026-06-10 09:05"]


async def test_florida_counts_three_contacts_in_24_hours_over_campaigns_and_channels(tmp_path: Path) -> None:
    floridian = somebody(1, NEW_YORK, "US-FL")
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        await launched(stage, campaign(sms("a"), sms("b"), sms("c"), ref="texts"), floridian)
        await stage.until(local("2026-05-04 10:30"))
        await launched(stage, campaign(mail(), call(), ref="calls"), floridian)
        await stage.until(local("2026-05-04 11:00"))
        found = {c["campaign"]: c for c in (await stage.do("contacts why", person="+12125550001"))["campaigns"]}
        assert (found["calls"]["reason"], found["calls"]["rule"]) == ("lawful_cap", "FL.cap")
        assert shown(found["calls"]["next_at"]) == "Tue 2026-05-05 10:00"
        await stage.until(local("2026-05-05 10:30"))
        assert made(stage.email) == [("mail", "Mon 2026-05-04 10:30")]
        assert made(stage.phone) == [("call", "Tue 2026-05-05 10:00")]
        both = sorted(at for channel in (stage.sms, stage.phone) for *_, at in channel.accepted)
        assert all(later - first >= DAY for first, later in zip(both, both[3:], strict=False))


async def test_a_toll_free_number_belongs_to_an_unknown_state_with_the_strictest_rules(tmp_path: Path) -> None:
    file = campaign(sms(), sms("two", "8 hours"), call("call", "1 day"), hours="08:00-21:00")
    async with begun(tmp_path, local("2026-07-02 09:00")) as stage:  # the Thursday before Independence Day
        await launched(stage, file, found_at(1, "+18005550123"))
        await stage.until(local("2026-07-02 18:01"))
        assert (await stage.do("contacts why", person="+18005550123"))["campaigns"][0]["rule"] == "US-unknown.hours"
        await stage.until(local("2026-07-08 10:00"))
        # Friday is the observed holiday and Saturday the day itself
        assert made(stage.sms) == [("one", "Thu 2026-07-02 10:00"), ("two", "Mon 2026-07-06 10:00")]
        assert made(stage.phone) == [("call", "Tue 2026-07-07 10:00")]


async def test_an_unknown_zone_is_the_fallback_or_a_hold_as_the_campaign_says(tmp_path: Path) -> None:
    nowhere = somebody(1, [])
    async with begun(tmp_path, local("2026-05-04 09:30")) as stage:
        await stage.launch(campaign(sms(), window={"fallback_timezone": CHICAGO}, ref="falls"), nowhere)
        await stage.launch(
            campaign(sms("held"), window={"unknown_timezone": "hold"}, ref="holds"), nowhere, checked=False
        )
        await stage.until(local("2026-05-04 16:00"))
        assert made(stage.sms, CHICAGO) == [("one", "Mon 2026-05-04 09:00")]
        assert (await stage.overview("holds"))["held_people"] == {"zone_unknown": 1}
        await stage.do("campaign apply", file=campaign(sms("held"), window={"fallback_timezone": CHICAGO}, ref="holds"))
        await finished(stage, "holds")
        assert made(stage.sms, CHICAGO)[1:] == [("held", "Mon 2026-05-04 15:00")]


async def test_a_waived_rule_counts_no_more_and_another_still_does(tmp_path: Path) -> None:
    waiver = {"rule": "TX.hours", "because": "they are customers who asked for it", "by": "Ann"}
    async with begun(tmp_path, local("2026-05-03 08:30", CHICAGO)) as stage:
        file = campaign(sms(), hours="00:00-24:00")
        await launched(stage, file, somebody(1, CHICAGO, "US-TX"))
        await stage.until(local("2026-05-03 08:31", CHICAGO))
        assert stage.sms.accepted == []
        await stage.do("campaign apply", file=file | {"law": {"waive": [waiver]}})
        await finished(stage)
        assert made(stage.sms, CHICAGO) == [("one", "Sun 2026-05-03 08:31")]
        await launched(stage, campaign(sms(), hours="00:00-24:00", ref="night", law={"waive": [waiver]}),
                       somebody(2, CHICAGO, "US-TX"))  # fmt: skip
        await stage.until(local("2026-05-03 21:00", CHICAGO))
        await launched(stage, campaign(sms(), hours="00:00-24:00", ref="late", law={"waive": [waiver]}),
                       somebody(3, CHICAGO, "US-TX"))  # fmt: skip
        await finished(stage, "late")
        assert made(stage.sms, CHICAGO)[-1] == ("one", "Mon 2026-05-04 08:00")


async def test_without_consent_on_record_nobody_is_contacted_until_somebody_attests_it(tmp_path: Path) -> None:
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        await stage.do("campaign apply", file=campaign(mail(), sms()))
        await stage.enroll(somebody(1, NEW_YORK, "US-NY"))
        await stage.do("campaign start", ref="test", yes=True)
        await stage.until(local("2026-05-04 11:00"))
        assert made(stage.email) == [("mail", "Mon 2026-05-04 10:00")]  # e-mail needs none
        assert ((await explained(stage))["reason"], (await explained(stage))["rule"]) == ("no_consent", "US.consent")
        await agreed(stage, basis="express")  # that is not a signed agreement
        await stage.until(local("2026-05-04 12:00"))
        assert stage.sms.accepted == []
        await agreed(stage)
        await finished(stage)
        assert made(stage.sms) == [("one", "Mon 2026-05-04 12:00")]


async def test_a_list_held_against_the_do_not_call_list_goes_stale_after_31_days(tmp_path: Path) -> None:
    waiver = {"rule": "US.consent", "because": "people dial these calls by hand", "by": "Ann"}
    file = campaign(sms(), sms("in-time", "30 days"), sms("late", "2 days"), law={"waive": [waiver]})
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        await stage.do("campaign apply", file=file)
        await stage.enroll(somebody(1, NEW_YORK, "US-NY"))
        await agreed(stage, basis="customer", scrubbed="2026-05-04")
        await stage.do("campaign start", ref="test", yes=True)
        await stage.until(local("2026-06-10 10:00"))
        assert [step for step, _ in made(stage.sms)] == ["one", "in-time"]  # June 3 is day 30, June 5 is day 32
        assert (await explained(stage))["rule"] == "US.dnc"
        await agreed(stage, basis="customer", scrubbed="2026-06-10")
        await finished(stage)
        assert made(stage.sms)[-1] == ("late", "Wed 2026-06-10 10:00")


# ── several campaigns and one person ─────────────────────────────────────────────────────────────────────────────


async def test_three_campaigns_keep_the_installations_gap_and_the_higher_priority_goes_first(
    tmp_path: Path,
) -> None:
    limits = limits_of(None, "2 days", "the installation's")
    async with begun(tmp_path, local("2026-05-04 08:00"), limits) as stage:
        for ref, priority in (("low", 10), ("high", 90), ("middle", 50)):
            await stage.launch(campaign(sms(ref), ref=ref, priority=priority), somebody())
        await stage.until(local("2026-05-20 10:00"))
        assert made(stage.sms) == [
            ("high", "Mon 2026-05-04 09:00"), ("middle", "Wed 2026-05-06 09:00"), ("low", "Fri 2026-05-08 09:00"),
        ]  # fmt: skip
        moments = [at for *_, at in stage.sms.accepted]
        assert all(later - first >= 2 * DAY for first, later in pairwise(moments))


async def test_an_exclusive_campaign_keeps_others_away_until_it_is_done_with_the_person(tmp_path: Path) -> None:
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        sale = campaign(sms("sale"), sms("sale-2", "1 day"), ref="sale", priority=80, exclusive=True)
        await stage.launch(sale, somebody())
        await stage.launch(campaign(sms("news"), ref="news"), somebody(), somebody(2))
        await stage.until(local("2026-05-04 12:00"))
        held = [
            c for c in (await stage.do("contacts why", person="+12125550001"))["campaigns"] if c["campaign"] == "news"
        ]
        assert (held[0]["reason"], held[0]["rule"]) == ("elsewhere", "sale")
        await finished(stage, "news")
        mine = [(a.step, shown(at)) for a, _, at in stage.sms.accepted if a.to[-1] == "1"]
        assert mine == [
            ("sale", "Mon 2026-05-04 10:00"), ("sale-2", "Tue 2026-05-05 10:00"), ("news", "Tue 2026-05-05 10:00"),
        ]  # fmt: skip


@pytest.mark.parametrize("ending", ["stop", "remove", "errored", "edit", "priority"])
async def test_however_an_exclusive_campaign_lets_go_of_a_person_the_others_go_on(tmp_path: Path, ending: str) -> None:
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        two = sms("sale-2", "1 hour", text="{{ car }}" if ending == "errored" else "Hello")
        sale = campaign(sms("sale"), two, ref="sale", priority=80, exclusive=True)
        news = campaign(sms("news"), ref="news")
        await stage.launch(sale, somebody(), checked=False)
        await stage.launch(news, somebody(), checked=False)
        await stage.until(local("2026-05-04 10:30"))
        assert (await stage.overview("news"))["held_people"] == {"elsewhere": 1}
        match ending:
            case "stop":
                await stage.do("campaign stop", ref="sale")
            case "remove":
                await stage.do("campaign remove", ref="sale", person="+12125550001")
            case "edit":
                await stage.do("campaign apply", file=sale | {"exclusive": False})
            case "priority":
                await stage.do("campaign apply", file=news | {"priority": 90})
        await stage.until(local("2026-05-04 12:00"))
        after = "11:00" if ending == "errored" else "10:30"
        assert [m for step, m in made(stage.sms) if step == "news"] == [f"Mon 2026-05-04 {after}"]


# ── time in which nobody worked ──────────────────────────────────────────────────────────────────────────────────

TWO_STEPS = sms(), sms("two", "1 day"), sms("three", "1 day")


@asynccontextmanager
async def paused_for_a_week(path: Path, hours: str = "09:00-17:00", **more: Any) -> AsyncIterator[Stage]:
    """Six people whose second step fell due on a Tuesday, and whose campaign was paused from Monday to Monday noon."""
    async with begun(path, local("2026-05-04 10:00")) as stage:
        await stage.launch(campaign(*TWO_STEPS, hours=hours, **more), *(somebody(n) for n in range(6)))
        await stage.until(local("2026-05-04 12:00"))
        await stage.do("campaign pause", ref="test")
        await stage.until(local("2026-05-11 12:00"))
        assert len(stage.sms.accepted) == 6
        yield stage


def second(stage: Stage) -> list[str]:
    return [moment for step, moment in made(stage.sms) if step == "two"]


async def test_after_a_week_late_steps_drip_as_the_preview_says(tmp_path: Path) -> None:
    async with paused_for_a_week(tmp_path) as stage:
        seen = await stage.do("campaign resume", ref="test", late="drip", dry_run=True)
        assert (seen["late"], seen["late_policy"], seen["away_s"]) == (6, "drip", 7 * 86_400)
        assert (await stage.overview())["state"] == "paused"
        then = await stage.do("campaign resume", ref="test", late="drip")
        assert {key: then[key] for key in seen if key.startswith("late")} == {
            key: seen[key] for key in seen if key.startswith("late")
        }
        await stage.until(seen["late_done_at"] + MINUTE)
        assert second(stage) == [f"Mon 2026-05-11 12:{minute}" for minute in ("00", "10", "20", "30", "40", "50")]
        await finished(stage)
        assert max(stage.sms.tokens().values()) == 1


async def test_with_a_pace_late_steps_drip_at_half_of_it(tmp_path: Path) -> None:
    async with paused_for_a_week(tmp_path, limits={"pace": "30/hour"}) as stage:
        seen = await stage.do("campaign resume", ref="test", dry_run=True)
        await stage.do("campaign resume", ref="test")
        await finished(stage)
        assert second(stage)[1:] == [f"Mon 2026-05-11 12:{minute}" for minute in ("04", "08", "12", "16", "20")]
        assert seen["late_done_at"] >= [at for a, _, at in stage.sms.accepted if a.step == "two"][-1]


async def test_shift_moves_everybodys_course_by_the_time_lost(tmp_path: Path) -> None:
    async with paused_for_a_week(tmp_path) as stage:
        seen = await stage.do("campaign resume", ref="test", late="shift", dry_run=True)
        assert (seen["late"], seen["late_policy"]) == (6, "shift")
        await stage.do("campaign resume", ref="test", late="shift")
        await finished(stage)
        assert second(stage) == ["Tue 2026-05-12 10:00"] * 6
        assert [moment for step, moment in made(stage.sms) if step == "three"] == ["Wed 2026-05-13 10:00"] * 6


async def test_skip_lets_the_late_steps_go_and_the_flow_goes_on_from_there(tmp_path: Path) -> None:
    async with paused_for_a_week(tmp_path) as stage:
        seen = await stage.do("campaign resume", ref="test", late="skip", dry_run=True)
        assert (seen["late"], seen["late_policy"]) == (6, "skip")
        assert (await explained(stage))["reason"] == "campaign_paused"
        await stage.do("campaign resume", ref="test", late="skip")
        await finished(stage)
        assert second(stage) == []
        assert [moment for step, moment in made(stage.sms) if step == "three"] == ["Tue 2026-05-12 12:00"] * 6


async def test_a_resume_at_night_is_no_flood_in_the_morning(tmp_path: Path) -> None:
    async with paused_for_a_week(tmp_path) as stage:
        await stage.until(local("2026-05-11 22:00"))
        await stage.do("campaign resume", ref="test", late="drip")
        await finished(stage)
        assert all(local("2026-05-12 09:00") <= at < local("2026-05-12 10:01")
                   for a, _, at in stage.sms.accepted if a.step == "two")  # fmt: skip
        assert len(set(second(stage))) >= 4


async def test_a_promised_callback_in_front_does_not_let_the_late_steps_through_as_a_flood(tmp_path: Path) -> None:
    async with paused_for_a_week(tmp_path) as stage:
        await stage.enroll(somebody(7))
        await stage.do(
            "campaign callback", ref="test", person="+12125550007", at=local("2026-05-11 12:11"), channel="sms"
        )
        await stage.do("campaign resume", ref="test", late="drip")
        await stage.until(local("2026-05-11 12:25"))
        assert len(second(stage)) <= 3


async def test_nobody_is_late_who_came_while_it_was_paused_and_was_not_due(tmp_path: Path) -> None:
    async with paused_for_a_week(tmp_path) as stage:
        with pytest.raises(Refused, match="not one of drip, shift, skip"):
            await stage.do("campaign resume", ref="test", late="hurry")
        await stage.do("campaign resume", ref="test", late="drip")
        await stage.until(local("2026-05-11 13:00"))
        await stage.do("campaign pause", ref="test")
        seen = await stage.do("campaign resume", ref="test", dry_run=True)
        assert seen["late"] == 0


@pytest.mark.parametrize("policy", ["drip", "shift", "skip"])
async def test_after_ten_hours_of_downtime_missed_steps_follow_the_campaigns_policy(
    tmp_path: Path, policy: str
) -> None:
    file = campaign(
        sms(), sms("two", "5 hours"), sms("three", "1 day"), hours="09:00-22:00", limits={"on_resume": policy}
    )
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        await stage.launch(file, *(somebody(n) for n in range(6)))
        await stage.until(local("2026-05-04 10:05"))
    async with begun(tmp_path, local("2026-05-04 20:05")) as stage:
        entry = (await stage.do("log", target="test"))["entries"][0]
        assert (entry["verb"], entry["details"]["late"], entry["details"]["late_policy"]) == (
            "late-start",
            6,
            policy,
        )
        await finished(stage)
        third = [moment for step, moment in made(stage.sms) if step == "three"]
        match policy:
            case "drip":
                assert second(stage) == [f"Mon 2026-05-04 20:{m}" for m in ("05", "15", "25", "35", "45", "55")]
            case "shift":  # ten hours after three o'clock is one at night
                assert second(stage) == ["Tue 2026-05-05 09:00"] * 6
                assert third == ["Wed 2026-05-06 09:00"] * 6
            case "skip":
                assert second(stage) == []
                assert third == ["Tue 2026-05-05 20:05"] * 6


@pytest.mark.parametrize("policy", ["drip", "shift", "skip"])
async def test_a_restart_at_once_after_a_kill_in_a_quiet_time_misses_nothing(tmp_path: Path, policy: str) -> None:
    file = campaign(sms(), sms("two", "1 day"), hours="09:00-17:00", limits={"on_resume": policy})
    async with begun(tmp_path, local("2026-05-04 16:00")) as stage:
        await stage.launch(file, *(somebody(n) for n in range(3)))
        await stage.until(local("2026-05-05 15:59"))
    with closing(sqlite3.connect(tmp_path / "story.db")) as file_of_story, file_of_story:
        file_of_story.execute("DELETE FROM meta WHERE key = 'seen_at'")  # a killed process does not note the time
    async with begun(tmp_path, local("2026-05-05 16:01")) as stage:
        await finished(stage)
        assert made(stage.sms) == [("two", "Tue 2026-05-05 16:01")] * 3


# ── dates of a person's own, promises ────────────────────────────────────────────────────────────────────────────

REMINDER = sms("remind", before="1 day", of="appointment_at")
del REMINDER["after"]


async def test_a_reminder_comes_a_day_before_the_appointment(tmp_path: Path) -> None:
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        await stage.launch(campaign(REMINDER), somebody(appointment_at="2026-05-20 14:00"))
        await stage.until(local("2026-05-04 10:01"))
        assert ((await explained(stage))["reason"], shown((await explained(stage))["next_at"])) == (
            "moment",
            "Tue 2026-05-19 14:00",
        )
        await finished(stage)
        assert made(stage.sms) == [("remind", "Tue 2026-05-19 14:00")]


async def test_a_reminder_follows_an_appointment_that_moves_later(tmp_path: Path) -> None:
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        await stage.launch(campaign(REMINDER), somebody(appointment_at="2026-05-20 14:00"))
        await stage.until(local("2026-05-06 10:00"))
        await stage.enroll(somebody(appointment_at="2026-05-27 11:00"))
        await finished(stage)
        assert made(stage.sms) == [("remind", "Tue 2026-05-26 11:00")]


async def test_a_reminder_follows_an_appointment_that_moves_earlier(tmp_path: Path) -> None:
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        await stage.launch(campaign(REMINDER), somebody(appointment_at="2026-05-20 14:00"))
        await stage.until(local("2026-05-06 10:00"))
        await stage.enroll(somebody(appointment_at="2026-05-13 11:00"))
        await finished(stage)
        assert made(stage.sms) == [("remind", "Tue 2026-05-12 11:00")]


async def test_an_import_brings_nobody_forward_who_waits_for_the_flow_or_a_promise(tmp_path: Path) -> None:
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        await stage.launch(campaign(sms(), sms("two", "3 days")), somebody(1), somebody(2))
        await stage.until(local("2026-05-04 11:00"))
        await stage.do(
            "campaign callback", ref="test", person="+12125550002", at=local("2026-05-05 15:00"), channel="sms"
        )
        await stage.enroll(somebody(1, city="Oslo"), somebody(2, city="Oslo"))
        await finished(stage)
        assert made(stage.sms)[2:] == [("two", "Tue 2026-05-05 15:00"), ("two", "Thu 2026-05-07 10:00")]


async def test_an_appointment_that_has_passed_is_not_reminded_of(tmp_path: Path) -> None:
    follow = sms("thanks", "2 hours", of="appointment_at")
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        people = somebody(1, appointment_at="2026-05-04 09:30"), somebody(2), somebody(3, appointment_at="soon")
        await stage.launch(campaign(REMINDER, follow), *people)
        await finished(stage)
        assert made(stage.sms) == [("thanks", "Mon 2026-05-04 11:30")]


async def test_an_appointment_is_read_in_the_persons_own_zone(tmp_path: Path) -> None:
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        soon = REMINDER | {"before": "2 hours"}
        there = somebody(1, LOS_ANGELES, appointment_at="2026-05-20 14:00")
        await stage.launch(campaign(soon), there, somebody(2, CHICAGO, appointment_at="2026-05-20T14:00-04:00"))
        await finished(stage)
        moments = {attempt.to[-1]: at for attempt, _, at in stage.sms.accepted}
        assert shown(moments["1"], LOS_ANGELES) == "Wed 2026-05-20 12:00"
        assert shown(moments["2"], NEW_YORK) == "Wed 2026-05-20 12:00"


async def test_a_goal_that_is_met_ends_the_flow(tmp_path: Path) -> None:
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        goal = {"goal": "status == 'customer'"}
        await stage.launch(campaign(sms(), sms("two", "1 day"), exit=goal), somebody(1), somebody(2, status="customer"))
        await stage.until(local("2026-05-04 11:00"))
        await stage.enroll(somebody(1, status="customer"))
        found = await finished(stage)
        assert (made(stage.sms), found["exited_by_reason"]) == ([("one", "Mon 2026-05-04 10:00")], {"goal": 2})


async def test_a_promised_callback_goes_before_the_flow_and_still_waits_for_the_window(tmp_path: Path) -> None:
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        stage.runtime.channels["sms"].concurrency = 1
        await stage.launch(campaign(sms(), sms("two", "1 week")), *(somebody(n) for n in range(4)))
        await stage.until(local("2026-05-04 11:00"))
        await stage.do(
            "campaign callback", ref="test", person="+12125550003", at=local("2026-05-05 19:00"), channel="sms"
        )
        await stage.do(
            "campaign callback", ref="test", person="+12125550002", at=local("2026-05-11 10:00"), channel="sms"
        )
        await finished(stage)
        third = [(a.to[-1], shown(at)) for a, _, at in stage.sms.accepted if a.step == "two"]
        assert third[0] == ("3", "Wed 2026-05-06 09:00")
        assert [to for to, _ in third[1:]] == ["2", "0", "1"]


async def test_raising_a_budget_lets_the_lane_go_on_at_once(tmp_path: Path) -> None:
    async with begun(tmp_path, local("2026-05-04 10:00")) as stage:
        money = {"budget": "1 USD/day", "cost": {"sms": 1.0}}
        await stage.launch(campaign(sms(), limits=money), somebody(1), somebody(2))
        await stage.until(local("2026-05-04 11:00"))
        assert len(stage.sms.accepted) == 1
        await stage.do("campaign apply", file=campaign(sms(), limits=money | {"budget": "2 USD/day"}))
        await stage.until(local("2026-05-04 11:00") + HOUR)
        assert made(stage.sms)[1:] == [("one", "Mon 2026-05-04 11:00")]
