"""The one decision: each verdict with its reason, and the laws that hold for any facts."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fluentsd.domain import campaign as spec
from fluentsd.domain.flow import compile_flow
from fluentsd.domain.gate import DAY, WORDS, Go, Hold, Limit, Never, Person, Point, Reason, Rules, Skip, Wait, decide
from fluentsd.domain.pacing import CallerId, CallerIds
from fluentsd.domain.render import template
from fluentsd.domain.time.durations import Rate
from fluentsd.domain.time.windows import ContactWindow, Hours

MINUTE, HOUR = 60_000_000, 3_600_000_000
NINE_TO_FIVE = ContactWindow(days=(Hours.parse("09:00-17:00"),) * 5 + (None, None))
RULES = Rules(window=NINE_TO_FIVE, fixed_zone=None, fallback_zone="America/New_York")
PHONE, MAIL = Point(1, "phone", "+12125550100"), Point(2, "email", "a@example.com")
ANN = Person(zones=("America/New_York",), points=(PHONE, MAIL))


def at(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1_000_000)


MONDAY_TEN = at("2026-03-02T10:00-05:00")


def step(**said: object) -> spec.Step:
    return spec.Step.model_validate({"id": "s", "channel": "sms", "text": "hi"} | said)


SMS, CALL = (compile_flow([s]).steps[0] for s in (step(), step(channel="phone", text="", agent="a")))


def test_go_says_where_to_and_until_when() -> None:
    assert decide(SMS, RULES, ANN, MONDAY_TEN) == Go(PHONE, None, at("2026-03-02T17:00-05:00"))


def test_an_opt_out_outweighs_everything() -> None:
    gone = replace(ANN, stopped=frozenset({"*"}), points=(), zones=())
    assert decide(SMS, RULES, gone, MONDAY_TEN) == Never(Reason.opted_out)


def test_a_stop_for_one_channel_skips_only_its_steps() -> None:
    quiet = replace(ANN, stopped=frozenset({"sms"}))
    assert decide(SMS, RULES, quiet, MONDAY_TEN) == Skip(Reason.suppressed_channel)
    assert isinstance(decide(CALL, RULES, quiet, MONDAY_TEN), Go)


def test_no_point_or_only_dead_ones_skip_the_step() -> None:
    assert decide(SMS, RULES, replace(ANN, points=(MAIL,)), MONDAY_TEN) == Skip(Reason.no_phone)
    landline = Point(1, "phone", "+12125550100", dead_on="sms")
    assert decide(SMS, RULES, replace(ANN, points=(landline,)), MONDAY_TEN) == Skip(Reason.unreachable)
    assert isinstance(decide(CALL, RULES, replace(ANN, points=(landline,)), MONDAY_TEN), Go)
    former = Point(2, "phone", "+12125550109", former=True)
    assert decide(SMS, RULES, replace(ANN, points=(landline, former)), MONDAY_TEN) == Skip(Reason.unreachable)
    second = Point(3, "phone", "+12125550101")
    found = decide(SMS, RULES, replace(ANN, points=(landline, second)), MONDAY_TEN)
    assert isinstance(found, Go)
    assert found.point is second


def test_a_condition_that_does_not_hold_skips() -> None:
    careful = compile_flow([step(when="last.outcome == 'voicemail' and city == 'Oslo'")]).steps[0]
    values = {"last": {"outcome": "voicemail"}, "city": "Oslo"}
    assert isinstance(decide(careful, RULES, replace(ANN, values=values), MONDAY_TEN), Go)
    assert decide(careful, RULES, replace(ANN, values=values | {"city": ""}), MONDAY_TEN) == Skip(Reason.condition)
    assert decide(careful, RULES, ANN, MONDAY_TEN) == Skip(Reason.condition)


def test_outside_the_window_the_answer_is_the_next_opening() -> None:
    saturday = at("2026-03-07T12:00-05:00")
    monday = at("2026-03-09T09:00-04:00")
    assert decide(SMS, RULES, ANN, saturday) == Wait(monday, Reason.window, rule="window", zone="America/New_York")


def test_the_steps_own_hours_narrow_the_window() -> None:
    late = compile_flow([step(hours="13:00-20:00")]).steps[0]
    assert decide(late, RULES, ANN, MONDAY_TEN) == Wait(
        at("2026-03-02T13:00-05:00"), Reason.window, rule="step", zone="America/New_York"
    )
    never = compile_flow([step(hours="20:00-21:00")]).steps[0]
    assert decide(never, RULES, ANN, MONDAY_TEN) == Hold(Reason.never_opens)


def test_an_absent_person_waits_for_the_first_open_moment_after_the_return() -> None:
    back_at = at("2026-03-06T20:00-05:00")  # Friday evening
    away = replace(ANN, away_until_at=back_at)
    assert decide(SMS, RULES, away, MONDAY_TEN) == Wait(at("2026-03-09T09:00-04:00"), Reason.away)
    assert decide(SMS, RULES, away, at("2026-03-03T03:00-05:00")) == Wait(at("2026-03-09T09:00-04:00"), Reason.away)
    assert isinstance(decide(SMS, RULES, away, at("2026-03-09T09:00-04:00")), Go)
    assert isinstance(decide(SMS, RULES, replace(away, away_until_at=MONDAY_TEN), MONDAY_TEN), Go)


def test_an_absence_neither_outweighs_an_opt_out_nor_a_callback_the_person_chose() -> None:
    away = replace(ANN, away_until_at=MONDAY_TEN + DAY)
    assert decide(SMS, RULES, replace(away, stopped=frozenset("*")), MONDAY_TEN) == Never(Reason.opted_out)
    assert isinstance(decide(CALL, RULES, replace(away, promised=True), MONDAY_TEN), Go)


def test_several_candidate_zones_must_all_be_open() -> None:
    both = replace(ANN, zones=("America/New_York", "America/Los_Angeles"))
    assert decide(SMS, RULES, both, MONDAY_TEN) == Wait(
        at("2026-03-02T09:00-08:00"), Reason.window, rule="window", zone="America/Los_Angeles"
    )


def test_an_unknown_zone_falls_back_or_holds() -> None:
    nowhere = replace(ANN, zones=())
    assert isinstance(decide(SMS, RULES, nowhere, MONDAY_TEN), Go)
    assert decide(SMS, replace(RULES, fallback_zone=None, calendars={}), nowhere, MONDAY_TEN) == Hold(
        Reason.zone_unknown
    )


TWICE_A_DAY = Limit(Rate(2, 86_400), "two a day")


def test_a_cap_waits_until_the_oldest_touch_has_aged_and_the_window_is_open() -> None:
    capped = replace(RULES, limits=(TWICE_A_DAY,), calendars={})
    touches = ((MONDAY_TEN - 3 * HOUR, "phone"), (MONDAY_TEN - HOUR, "email"))
    found = decide(SMS, capped, replace(ANN, touches=touches), MONDAY_TEN)
    assert found == Wait(at("2026-03-03T09:00-05:00"), Reason.contact_cap, rule="two a day")
    older = ((MONDAY_TEN - DAY, "phone"), touches[1])
    assert isinstance(decide(SMS, capped, replace(ANN, touches=older), MONDAY_TEN), Go)


def test_a_limit_counts_attempts_to_the_point_for_others_who_share_it() -> None:
    daily = replace(RULES, limits=(Limit(Rate(2, 86_400), "two a day"),))
    point = next(p for p in ANN.points if p.kind == "phone")
    shared = point._replace(others=((MONDAY_TEN - 4 * HOUR, "phone"), (MONDAY_TEN - 3 * HOUR, "sms")))
    ann = replace(ANN, points=[shared, *(p for p in ANN.points if p is not point)])
    found = decide(SMS, daily, ann, MONDAY_TEN)
    assert isinstance(found, Wait)
    assert (found.reason, found.rule, found.point) == (Reason.point_cap, "two a day", shared)
    assert isinstance(decide(SMS, daily, replace(ann, points=[point]), MONDAY_TEN), Go)
    own = replace(ann, touches=((MONDAY_TEN - 2 * HOUR, "sms"), (MONDAY_TEN - HOUR, "sms")))
    assert decide(SMS, daily, own, MONDAY_TEN).reason == Reason.contact_cap  # type: ignore[union-attr]


def test_of_several_limits_the_one_that_waits_longest_counts_and_each_looks_at_its_channels() -> None:
    gap = Limit(Rate(1, 4 * 3600), "gap")
    calls = Limit(Rate(1, 5 * 3600), "calls", Reason.lawful_cap, frozenset({"phone"}))
    rules = replace(RULES, limits=(gap, calls), calendars={})
    called = replace(ANN, touches=((MONDAY_TEN - HOUR, "phone"),))
    assert decide(CALL, rules, called, MONDAY_TEN) == Wait(MONDAY_TEN + 4 * HOUR, Reason.lawful_cap, rule="calls")
    assert decide(SMS, rules, called, MONDAY_TEN) == Wait(MONDAY_TEN + 3 * HOUR, Reason.contact_cap, rule="gap")
    written = replace(ANN, touches=((MONDAY_TEN - 4 * HOUR, "sms"),))
    assert isinstance(decide(CALL, rules, written, MONDAY_TEN), Go)


def test_a_met_goal_ends_the_course_before_anything_else_is_asked() -> None:
    rules = replace(RULES, goal=template("stage == 'won'", "condition"), calendars={})
    won = replace(ANN, values={"stage": "won"}, points=())
    assert decide(SMS, rules, won, MONDAY_TEN) == Never(Reason.goal)
    assert isinstance(decide(SMS, rules, replace(ANN, values={"stage": "lead"}), MONDAY_TEN), Go)


def test_a_reminder_waits_for_its_moment_is_made_late_but_not_after_what_it_precedes() -> None:
    reminder = compile_flow([step(before="1 day", of="appointment_at")]).steps[0]

    def asked(text: str) -> object:
        return decide(reminder, RULES, replace(ANN, values={"appointment_at": text}), MONDAY_TEN)

    assert asked("2026-03-04T11:00") == Wait(at("2026-03-03T11:00-05:00"), Reason.moment)
    assert isinstance(asked("2026-03-02T15:00"), Go)
    assert asked("2026-03-02T10:00") == Skip(Reason.moment_passed)
    assert asked("2026-03-02T15:00Z") == Skip(Reason.moment_passed)
    assert isinstance(asked("2026-03-02T15:01Z"), Go)
    for unreadable in ("", "soon", "03/04/2026"):
        assert asked(unreadable) == Skip(Reason.no_moment)


def test_a_step_after_a_moment_is_made_however_late() -> None:
    thanks = compile_flow([step(after="2 hours", of="appointment_at")]).steps[0]
    met = replace(ANN, values={"appointment_at": "2026-03-02T09:00"})
    assert decide(thanks, RULES, met, MONDAY_TEN) == Wait(MONDAY_TEN + HOUR, Reason.moment)
    assert isinstance(decide(thanks, RULES, replace(met, values={"appointment_at": "2026-02-01"}), MONDAY_TEN), Go)


def test_a_person_in_an_exclusive_campaign_is_held() -> None:
    assert decide(SMS, RULES, replace(ANN, exclusive_in="vip"), MONDAY_TEN) == Hold(Reason.exclusive, "vip")


def test_a_step_made_under_an_earlier_flow_or_missed_in_downtime_is_skipped() -> None:
    assert decide(SMS, RULES, replace(ANN, is_done=True), MONDAY_TEN) == Skip(Reason.done)
    assert decide(SMS, RULES, replace(ANN, is_late=True), MONDAY_TEN) == Skip(Reason.late)


def test_a_place_that_disagrees_is_open_only_together_or_holds_where_the_campaign_says_so() -> None:
    torn = replace(ANN, conflict=True)
    assert isinstance(decide(SMS, RULES, torn, MONDAY_TEN), Go)
    assert decide(SMS, replace(RULES, hold_conflicts=True), torn, MONDAY_TEN) == Hold(Reason.place_conflict)
    fixed = replace(RULES, hold_conflicts=True, fixed_zone="America/New_York", calendars={})
    assert isinstance(decide(SMS, fixed, torn, MONDAY_TEN), Go)


def test_a_spent_budget_stops_the_lane_until_the_next_day() -> None:
    poor = replace(RULES, budget=100, spent=60, cost={"sms": 50}, calendars={})
    assert decide(SMS, poor, ANN, MONDAY_TEN) == Wait((MONDAY_TEN // DAY + 1) * DAY, Reason.budget, whole_lane=True)


def test_without_a_fitting_caller_id_people_are_held_and_without_room_the_lane_waits() -> None:
    choosy = replace(RULES, chooses_number=True, calendars={})
    assert decide(SMS, choosy, ANN, MONDAY_TEN, CallerIds([], local_presence=True)) == Hold(Reason.no_number)
    busy = CallerIds([CallerId(1, "+12125550199", next_slot_at=MONDAY_TEN + MINUTE)], local_presence=True)
    found = decide(SMS, choosy, ANN, MONDAY_TEN, busy)
    assert found == Wait(MONDAY_TEN + MINUTE, Reason.number_pace, whole_lane=True)
    mail = compile_flow([step(channel="email", subject="s")]).steps[0]
    assert isinstance(decide(mail, choosy, ANN, MONDAY_TEN, busy), Go)


def test_every_reason_has_its_sentence() -> None:
    assert set(WORDS) == set(Reason)


@settings(max_examples=300, deadline=None)
@given(
    moment=st.integers(at("2026-01-01T00:00+00:00"), at("2027-01-01T00:00+00:00")),
    zones=st.lists(st.sampled_from(["America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]), max_size=2),
    touches=st.lists(st.integers(0, 3 * DAY), max_size=4),
    hours=st.sampled_from([None, "10:00-12:00", "22:00-02:00"]),
)
def test_a_wait_never_ends_before_the_answer_changes_and_go_is_always_open(
    moment: int, zones: list[str], touches: list[int], hours: str | None
) -> None:
    """After a personal wait the answer is no longer that wait; before its end it never is Go."""
    one = compile_flow([step(hours=hours)]).steps[0]
    rules = replace(RULES, limits=(TWICE_A_DAY,), calendars={})
    person = replace(ANN, zones=tuple(zones), touches=tuple(sorted((moment - t, "sms") for t in touches)))
    found = decide(one, rules, person, moment)
    match found:
        case Go(_, _, closes_at):
            calendar = rules.calendar(one, person.zones)
            assert calendar is not None
            assert calendar.is_open(moment)
            assert closes_at > moment
        case Wait(until_at, reason):
            assert until_at > moment
            assert not isinstance(decide(one, rules, person, until_at - 1), Go)
            after = decide(one, rules, person, until_at)
            assert isinstance(after, Go) or (isinstance(after, Wait) and after.until_at > until_at), (reason, after)
        case Hold(reason):
            assert reason == Reason.never_opens
        case _:
            pytest.fail(f"unexpected {found}")
