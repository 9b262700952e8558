"""The rules of the place are those in the file, in force on their dates, the strictest where the state is unknown."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fluentsd.domain import statutes
from fluentsd.domain.places import readings
from fluentsd.domain.statutes import UnknownRule, all_rules, caps, consent, duties, hours, is_rule, rule, scrub
from fluentsd.domain.time.blackouts import check_preset
from fluentsd.domain.time.durations import Rate
from fluentsd.domain.time.windows import calendar
from fluentsd.domain.time.zones import year_start

ROOT = Path(__file__).parents[2]
STATES = sorted(
    {s.code for s in readings.states().values() if s.country == "US" and s.code not in readings.TERRITORIES}
)


def at(text: str, zone: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).timestamp()) * 1_000_000


def is_open(states: tuple[str, ...], channel: str, zone: str, text: str) -> bool:
    return all(calendar(window, (zone,)).is_open(at(text, zone)) for _, window in hours(states, channel))


def test_the_page_is_drawn_from_the_file():
    spec = importlib.util.spec_from_file_location("rules", ROOT / "docs" / "rules.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs" / "rules.md").read_text("utf-8") == module.draw()


def test_every_row_says_what_it_is_and_where_it_stands():
    table = readings.rules("us.toml")
    ids = [rule.id for rule in all_rules()]
    assert len(ids) == len(set(ids)) == len(table["rule"]) + len(table["duty"])
    for row in all_rules():
        assert row.state in {*STATES, "US", "US-unknown"}, row.id
        assert row.kind in {"hours", "auto-hours", "cap", "auto-cap", "consent", "scrub", "keep", "duty"}, row.id
        assert row.status in {"verified", "secondary", "unverified"}, row.id
        assert row.says.endswith("."), row.id
        assert row.cite, row.id
        assert row.source.startswith("http") or row.source in table["sources"], row.id
        assert row.since is None or row.until is None or row.since < row.until, row.id


def test_nothing_is_verified_that_rests_on_what_others_tell():
    told = {"survey", "firms", "list", "known"}
    assert [row.id for row in all_rules() if row.status == "verified" and row.source in told] == []


def test_every_state_has_hours_or_is_said_to_have_none():
    assert len(STATES) == 51
    own = {row.state for row in all_rules() if row.kind in ("hours", "auto-hours")} - {"US", "US-unknown"}
    federal = readings.rules("us.toml")["federal_hours"]
    assert own | set(federal["states"]) == set(STATES)
    assert not own & set(federal["states"])
    assert set(federal["unproven"]) <= set(federal["states"])


def test_every_holiday_list_is_one():
    for row in readings.rules("us.toml")["rule"]:
        assert [check_preset(name) for name in row.get("holidays", [])] == row.get("holidays", [])


def test_every_rule_that_is_given_is_found_by_its_id():
    for state in STATES:
        for channel in ("phone", "sms"):
            for found, _ in hours((f"US-{state}",), channel):
                assert rule(found.id) is found
                assert is_rule(found.id)
    assert not is_rule("PA")


@pytest.mark.parametrize("text", ["PA.hour", "", "x" * 10_000])
def test_an_unknown_rule_is_refused_with_near_ids(text):
    with pytest.raises(UnknownRule, match=r"PA\.hours"):
        rule(text)


@pytest.mark.parametrize(
    ("states", "channel", "zone", "text", "answer"),
    [
        # the federal hours, to the minute
        (("US-OH",), "phone", "America/New_York", "2026-12-06T07:59", False),
        (("US-OH",), "phone", "America/New_York", "2026-12-06T08:00", True),
        (("US-OH",), "sms", "America/New_York", "2026-12-06T20:59", True),
        (("US-OH",), "sms", "America/New_York", "2026-12-06T21:00", False),
        # Pennsylvania before and after its law of 2026
        (("US-PA",), "phone", "America/New_York", "2026-10-16T20:30", True),
        (("US-PA",), "phone", "America/New_York", "2026-10-11T12:00", True),  # a Sunday
        (("US-PA",), "phone", "America/New_York", "2026-10-12T12:00", False),  # Columbus Day
        (("US-PA",), "phone", "America/New_York", "2026-10-17T20:59", True),
        (("US-PA",), "phone", "America/New_York", "2026-10-18T12:00", False),  # a Sunday
        (("US-PA",), "phone", "America/New_York", "2026-10-19T08:59", False),
        (("US-PA",), "phone", "America/New_York", "2026-10-19T09:00", True),
        (("US-PA",), "sms", "America/New_York", "2026-10-19T19:00", False),
        (("US-PA",), "phone", "America/New_York", "2026-11-03T12:00", False),  # election day
        # Texas has Sundays of its own
        (("US-TX",), "sms", "America/Chicago", "2026-12-06T11:59", False),
        (("US-TX",), "sms", "America/Chicago", "2026-12-06T12:00", True),
        (("US-TX",), "sms", "America/Chicago", "2026-12-07T09:00", True),
        # Rhode Island has Saturdays of its own
        (("US-RI",), "phone", "America/New_York", "2026-12-05T17:00", False),
        (("US-RI",), "phone", "America/New_York", "2026-12-04T17:59", True),
        (("US-RI",), "phone", "America/New_York", "2026-12-06T12:00", False),
        (("US-RI",), "phone", "America/New_York", "2027-08-09T12:00", False),  # Victory Day
        # automated calls, and texts that are none
        (("US-ME",), "phone", "America/New_York", "2026-12-05T12:00", False),
        (("US-ME",), "sms", "America/New_York", "2026-12-05T12:00", True),
        (("US-ME",), "phone", "America/New_York", "2026-12-07T16:59", True),
        (("US-ME",), "phone", "America/New_York", "2026-12-07T17:00", False),
        (("US-SD",), "phone", "America/Denver", "2026-12-05T12:00", False),
        (("US-SD",), "sms", "America/Denver", "2026-12-05T12:00", True),
        (("US-NE",), "phone", "America/Chicago", "2026-12-06T12:59", False),
        # Sundays and holidays in the south
        (("US-AL",), "phone", "America/Chicago", "2027-04-26T12:00", False),
        (("US-LA",), "phone", "America/Chicago", "2027-11-01T12:00", False),
        (("US-MS",), "phone", "America/Chicago", "2026-12-06T12:00", False),
        (("US-MS",), "phone", "America/Chicago", "2026-12-25T12:00", True),
        # every candidate state counts
        (("US-KY", "US-OH"), "phone", "America/New_York", "2026-12-07T09:30", False),
        (("US-FL", "US-OH"), "phone", "America/New_York", "2026-12-07T20:30", False),
        # an unknown state
        (("US",), "phone", "America/New_York", "2026-12-07T09:59", False),
        (("US",), "phone", "America/New_York", "2026-12-07T10:00", True),
        (("US",), "phone", "America/New_York", "2026-12-07T17:00", False),
        (("US",), "sms", "America/New_York", "2026-12-07T17:00", True),
        (("US",), "phone", "America/New_York", "2026-12-05T12:00", False),
        (("US",), "sms", "America/New_York", "2026-12-05T12:00", True),
    ],
)  # fmt: skip
def test_the_hours_of_a_place(states, channel, zone, text, answer):
    assert is_open(states, channel, zone, text) is answer


@pytest.mark.parametrize("channel", ["phone", "sms"])
def test_an_unknown_state_is_as_strict_as_every_state(channel):
    strict = hours(("US",), channel)[-1][1]
    zone, since, until = "America/Chicago", year_start(2027), year_start(2028)
    for state in STATES:
        for found, window in hours((f"US-{state}",), channel):
            if found.until is None or found.until > date(2027, 1, 1):
                both = calendar(strict, (zone,), window).open_time(since, until)
                assert both == calendar(strict, (zone,)).open_time(since, until), found.id


def test_an_unknown_state_has_every_cap():
    for channel in ("phone", "sms"):
        strict = {cap.rate for cap in caps(("US",), channel)}
        assert {cap.rate for state in STATES for cap in caps((f"US-{state}",), channel)} == strict


def test_caps_count_calls_and_texts_together_where_the_row_says_so():
    (florida,) = caps(("US-FL",), "sms")
    assert (florida.rule.id, florida.rate, florida.channels) == ("FL.cap", Rate(3, 86400), {"phone", "sms"})
    (maine,) = caps(("US-ME",), "phone")
    assert (maine.rule.id, maine.rate, maine.channels) == ("ME.auto-cap", Rate(1, 8 * 3600), {"phone"})
    assert caps(("US-ME",), "sms") == caps(("US-OH",), "phone") == ()
    (oregon,) = caps(("US-OR",), "phone")
    assert (oregon.since, oregon.until) == (date(2026, 1, 1), None)


def test_the_federal_row_comes_first_and_once():
    ids = [found.id for found, _ in hours(("US-NY", "US-PA"), "phone")]
    assert ids == ["US.hours", "NY.hours", "PA.hours-2019", "PA.hours"]


@pytest.mark.parametrize("states", [(), ("CA-ON",), ("CA-BC", "CA-ON")])
def test_outside_the_united_states_nothing_is_shipped(states):
    for channel in ("phone", "sms", "email"):
        assert hours(states, channel) == caps(states, channel) == ()
        assert consent(states, channel, "marketing") is None
        assert scrub(states, channel, "") is None
    assert duties(states, ["phone", "sms", "email"]) == ()


def test_a_person_on_either_side_of_the_border_has_the_rules_of_this_side():
    assert hours(("CA-ON", "US-NY"), "phone") == hours(("US-NY",), "phone")


def test_mail_has_no_lawful_hours_and_needs_no_consent():
    assert hours(("US-PA",), "email") == caps(("US-FL",), "email") == ()
    assert consent(("US-PA",), "email", "marketing") is None
    assert scrub(("US-PA",), "email", "") is None


@pytest.mark.parametrize("channel", ["phone", "sms"])
def test_a_sale_needs_written_consent_and_a_notice_any(channel):
    sale, notice = consent(("US-OH",), channel, "marketing"), consent(("US",), channel, "informational")
    assert sale is not None
    assert notice is not None
    assert (sale.rule.id, sale.bases) == ("US.consent", {"written"})
    assert (notice.rule.id, notice.bases) == ("US.consent-informational", {"express", "written"})


def test_a_list_stays_fresh_for_31_days_and_written_consent_makes_it_needless():
    found = scrub(("US-OH",), "phone", "customer")
    assert found is not None
    assert (found[0].id, found[1]) == ("US.dnc", 31 * 86_400 * 1_000_000)
    assert scrub(("US-OH",), "phone", "written") is None


def test_duties_are_those_of_the_states_and_the_channels():
    ids = [found.id for found in duties(["US-WA", "US-TX", "CA-ON"], ["sms"])]
    assert ids == ["US.ai-disclosure", "US.revocation", "US.revoke-all", "US.dnc-subscription", "US.dnc-policy",
                   "US.reassigned", "US.10dlc", "TX.registration", "WA.text-consent"]  # fmt: skip
    assert "AZ.mobile-ban" in {found.id for found in duties(["US-AZ"], ["phone"])}
    assert [found.id for found in duties(["US-AZ"], ["email"])] == ["US.can-spam"]


def test_the_version_is_the_date_at_the_head_of_the_file():
    assert str(readings.rules("us.toml")["as_of"]) == statutes.VERSION
    with pytest.raises(AttributeError):
        _ = statutes.NOTHING


def test_holidays_are_looked_up_only_when_a_window_that_names_them_is_compiled():
    program = "import sys; from fluentsd.domain import statutes as s; s.hours(('US-RI',), 'phone'); "
    program += "sys.exit('holidays' in sys.modules or 'phonenumbers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
