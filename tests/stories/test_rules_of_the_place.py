"""Stories of the rules of the states where people may be, and of their consent."""

from __future__ import annotations

from pathlib import Path

from fluentsd.api import Inbound, Outcome
from tests.engine.stage import DAY
from tests.stories.dated import (
    CHICAGO,
    LOS_ANGELES,
    NEW_YORK,
    agreed,
    begun,
    call,
    campaign,
    explained,
    finished,
    found_at,
    launched,
    local,
    made,
    mail,
    shown,
    sms,
    somebody,
)


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
