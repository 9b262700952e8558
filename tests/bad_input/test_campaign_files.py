"""Broken campaign files."""

# ruff: noqa: E501 - one case a line reads best

from __future__ import annotations

import pytest

from tests.bad_input.installation import CAMPAIGN, Installation, swapped

_ZONE = '"America/New_York"'
_TEXT = "text = \"Hi {{ first_name | default: 'there' }}\"\n"
_HOURS = 'hours = "09:00-17:00"\n'
_BLACKOUT = '["us-federal-holidays"]'
#: what is swapped in the good file → every mistake that is named, where, and how it is written right.
CAMPAIGNS: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "an unknown key": (("budget =", "budgett ="), ["limits.budgett", "is not a known key", "'budget'"]),
    "an unknown table": (("[limits]", "[limit]"), ["limit: is not a known key", "'limits'"]),
    "an unknown key with nothing near": (("after =", "colour = 'x'\nafter ="), ["step[2] (text).colour", "known: id"]),
    "hours that no clock shows": (('"09:00-17:00"', '"9-25"'), ["window.hours", '"9-25" is not a time of day', "24:00"]),
    "hours that mean two things": (('"09:00-17:00"', '"9-5"'), ["window.hours", "is ambiguous", '"9am-5pm"']),
    "hours by a day that is none": ((_HOURS, 'hours = { monday = "09:00-17:00" }\n'), ["hours.monday", "'mon'"]),
    "hours and days that disagree": ((_HOURS, 'hours = { sat = "9am-1pm" }\n'), ["window: days and hours", "leave days"]),
    "no hours": ((_HOURS, ""), ["window.hours: is missing"]),
    "no window": (("[window]\n", "", 'days = ["mon", "tue"]\n' + _HOURS, "", 'timezone = "contact"\n', "",
                   f"fallback_timezone = {_ZONE}\nblackout = {_BLACKOUT}\n", ""), ["window: is missing"]),
    "a day spelled out": (('"mon"', '"monday"'), ["window.days[1]", "'monday' is not one of 'mon'", "did you mean 'mon'"]),
    "days as a range": (('["mon", "tue"]', '"mon-fri"'), ["window.days", "'mon-fri' should be a list", '["mon", "tue"']),
    "no day at all": (('["mon", "tue"]', "[]"), ["window: days is empty", "no contact would ever be possible"]),
    "a zone that is none": ((_ZONE, '"EST5"'), ["window.fallback_timezone", "unknown time zone 'EST5'", "'EST'"]),
    "a zone by its city": ((_ZONE, '"New York"'), ["window.fallback_timezone", "'America/New_York'"]),
    "no zone for the unknown": ((f"fallback_timezone = {_ZONE}\n", ""), ["fallback_timezone is missing", '= "hold"']),
    "a blackout misspelt": ((_BLACKOUT, '["us-federal-holliday"]'), ["window.blackout[1]", "'us-federal-holidays'"]),
    "a blackout in another country's way": ((_BLACKOUT, '["24.12.2026"]'), ["blackout[1]", "write it like 2026-12-24"]),
    "a blackout that is a year": ((_BLACKOUT, "[2026]"), ["window.blackout[1]: 2026 is neither a date like"]),
    "a blackout with a time of day": ((_BLACKOUT, "[2026-12-24T10:00:00]"), ["blackout[1]", "date alone, like 2026-12-24"]),
    "a blackout that is no list": ((_BLACKOUT, '"us-federal-holidays"'), ["window.blackout", "should be a list"]),
    "a day that is not in the calendar": ((_BLACKOUT, "[2026-02-30]"), ["line 10", "no such date"]),
    "a date said twice": ((_BLACKOUT, '[2026-12-24]\noverride = [{ date = 2026-12-24, hours = "9am-1pm" }]'),
                          ["window: 2026-12-24 appears twice in override and blackout; keep one"]),
    "no steps": (('[[step]]\nid = "call"\nchannel = "phone"\nagent = "sales"\nretry = { busy = "30 min", limit = 2 }\n', "",
                  '[[step]]\nid = "text"\nchannel = "sms"\nafter = "1 day"\n' + _TEXT, ""), ["step: is missing"]),
    "an empty list of steps": (('[[step]]\nid = "call"\nchannel = "phone"\nagent = "sales"\nretry = { busy = "30 min", limit = 2 }\n', "",
                  '[[step]]\nid = "text"\nchannel = "sms"\nafter = "1 day"\n' + _TEXT, "", 'name =', 'step = []\nname ='), ["step: is empty"]),
    "one bracket too few": (('[[step]]\nid = "call"', '[step]\nid = "call"'), ["'[[step]]'", "appears twice", "two brackets"]),
    "steps": (("[[step]]", "[[steps]]", "[[step]]", "[[steps]]"), ["steps: is not a known key", "did you mean 'step'"]),
    "a step's id used twice": (('id = "text"', 'id = "call"'), ["two steps have the id 'call'", "its own id"]),
    "a step without an id": (('id = "text"\n', ""), ["step[2].id: is missing"]),
    "a step's id with a space": (('id = "text"', 'id = "Second Call"'), ["step[2] (Second Call).id", "like 'second-call'"]),
    "a channel that is none": (('"sms"', '"fax"'), ["step[2] (text).channel", "'fax' is not one of 'phone', 'sms' or 'email'"]),
    "a text message without text": ((_TEXT, ""), ["step[2] (text)", "by sms needs text", 'text = "…"']),
    "a call that has words instead of an agent": (('agent = "sales"', 'text = "hi"'), ["step[1] (call)", "needs agent and has no text"]),
    "liquid that is not closed": (("{{ first_name | default: 'there' }}", "{{ first_name "), ["step[2] (text)", "not valid liquid"]),
    "a condition with one = too few": (('after = "1 day"', "when = \"last.outcome = 'busy'\""), ["(text).when", "compare with =="]),
    "a delay misspelt": (('"1 day"', '"1 dya"'), ["step[2] (text).after", "'dya' is not a unit of time", "days or weeks"]),
    "a delay that is a number": (('"1 day"', "1"), ["step[2] (text).after", "'1' is not a delay", '"1 day"']),
    "a delay of a lifetime": (('"1 day"', '"9999 days"'), ["step[2] (text).after", "longer than ten years"]),
    "a budget without a currency": (('"200 USD/day"', '"200"'), ["limits.budget", 'write it like "200 USD/day"']),
    "a budget of nothing": (('"200 USD/day"', '"0 USD/day"'), ["limits.budget", "is not a budget"]),
    "a pace without a time": (('"20/hour"', "20"), ["limits.pace", "'20' is not a rate", '"20/hour"']),
    "a pace of nothing": (('"20/hour"', '"0/hour"'), ["limits.pace", "pause the campaign instead"]),
    "a retry that names no outcome": (('busy = "30 min", ', ""), ["step[1] (call).retry: names no outcome", 'no_answer = "2 hours"']),
    "a retry after what is no outcome": (("busy =", "bussy ="), ["step[1] (call).retry.bussy", "did you mean 'busy'"]),
    "a retry without end": (("limit = 2", "limit = 1000"), ["step[1] (call).retry.limit", "1000", "20"]),
    "exits without the opt-out": ((', "opted_out"]', "]"), ["exit: on must contain 'opted_out'"]),
    "an exit misspelt": (('"opted_out"', '"optout"'), ["exit.on[2]", "did you mean 'opted_out'"]),
    "a caller ID as people write it": (("[limits]", '[numbers]\nnumbers = ["212 555 0123"]\n[limits]'), ["numbers.numbers[1]", '"+12125550123"']),
    "a moment before nothing": (('after = "1 day"', 'before = "1 day"'), ["step[2]", 'of = "appointment_at"']),
    "a moment before and after": (('after = "1 day"', 'after = "1 day"\nbefore = "2 days"\nof = "visit"'), ["either before or after, not both"]),
    "a field as people write it": (('after = "1 day"', 'before = "1 day"\nof = "Visit date"'), ["step[2]", '"appointment_at"']),
    "a gap that is none": (("[limits]", '[limits]\ngap = "often"'), ["limits.gap", "is not a delay"]),
    "a way to resume that is none": (("[limits]", '[limits]\non_resume = "flood"'), ["limits.on_resume", "drip"]),
    "a way to come again that is none": (('on = ["answered"', 'reenter = "sometimes"\non = ["answered"'), ["exit.reenter", "after 90 days"]),
    "a goal that is no condition": (('on = ["answered"', 'goal = "stage ="\non = ["answered"'), ["exit.goal"]),
    "a rule that is none": (("[limits]", '[law]\nwaive = [{ rule = "TX.hour", because = "our counsel said so", by = "x" }]\n[limits]'), ["law.waive[1].rule", "TX.hours"]),
    "a rule waived without a reason": (("[limits]", '[law]\nwaive = [{ rule = "TX.hours", because = "ok", by = "x" }]\n[limits]'), ["law.waive[1].because", "in a full sentence"]),
    "a priority beyond the scale": (('name = "Spring fair"', 'name = "Spring fair"\npriority = 101'), ["priority", "100"]),
    "a cost by a channel that is none": (("[limits]", "[limits]\ncost = { fax = 1 }"), ["limits.cost.fax", "known: phone, sms, email"]),
    "a ref with capitals": (('"fair"', '"Spring Fair"'), ["ref: 'Spring Fair'", "write it like 'spring-fair'"]),
    "no name": (('name = "Spring fair"\n', ""), ["name: is missing"]),
    "an empty name": (('"Spring fair"', '""'), ["name: is empty"]),
    "a name that is too long": (('"Spring fair"', f'"{"x" * 121}"'), ["name: is too long: at most 120"]),
    "a name that is a number": (('"Spring fair"', "7"), ["name: 7 should be text in quotes"]),
    "a name said twice": (('ref = "fair"', 'name = "Summer fair"'), ["line 3", "appears twice; keep one"]),
    "text without quotes": (('"Spring fair"', "Spring fair"), ["line 2", "write text between straight quotes"]),
    "text in a word processor's quotes": (('"Spring fair"', "“Spring fair”"), ["line 2", "straight quotes"]),
    "a quote that is not closed": (('"Spring fair"', '"Spring fair'), ["line 2", "a quote is not closed"]),
    "a bracket that is not closed": (("[window]", "[window"), ["line 5", "expected ']'"]),
    "a colon instead of =": (("name =", "name:"), ["line 2", 'write name = "…", with = instead of :']),
}  # fmt: skip


@pytest.mark.parametrize(("swaps", "parts"), CAMPAIGNS.values(), ids=CAMPAIGNS.keys())
def test_a_broken_campaign_file(installation: Installation, swaps: tuple[str, ...], parts: list[str]) -> None:
    path = installation.given("bad.toml", swapped(CAMPAIGN, swaps))
    message = installation.refuses("campaign", "apply", str(path))
    assert message.startswith(str(path))
    assert "nothing was changed" in message
    assert "2 mistakes" not in message
    for part in parts:
        assert part in message


#: a file that is something else → what is said of it
NO_CAMPAIGNS: dict[str, tuple[bytes, list[str]]] = {
    "empty": (b"", ["is empty", "fluentsd campaign new FILE"]),
    "only blank lines": (b"\n \n\n", ["is empty", "fluentsd campaign new FILE"]),
    "UTF-16": (CAMPAIGN.encode("utf-16"), ["is UTF-16 text; save it as UTF-8"]),
    "Latin-1": (CAMPAIGN.replace("fair", "Frühling", 1).encode("latin-1"), ["is not UTF-8 text (line 2)"]),
    "a workbook": (b"PK\x03\x04\x14\x00\x06\x00", ["is not a text file"]),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", ["is not UTF-8 text"]),
    "a list of people": (b"First Name,To Number\nEcho,+12125550111\n", ["a list of people", "contacts import FILE"]),
    "JSON": (b'{"name": "Spring fair"}\n', ["line 1", "looks like JSON", "TOML"]),
    "YAML": (b"name: Spring fair\nwindow:\n  hours: 9-5\n", ["line 1", "with = instead of :"]),
    "brackets without end": (b"name = " + b"[" * 5000, ["nested too deeply"]),
    "digits without end": (b"name = " + b"1" * 5000, ["nested too deeply"]),
    "a novel": (b"# and so on\n" * 100_000, ["is larger than 1 MiB"]),
}


@pytest.mark.parametrize(("content", "parts"), NO_CAMPAIGNS.values(), ids=NO_CAMPAIGNS.keys())
def test_something_else_in_the_campaign_files_place(
    installation: Installation, content: bytes, parts: list[str]
) -> None:
    path = installation.given("bad.toml", content)
    message = installation.refuses("campaign", "apply", str(path))
    assert message.startswith(str(path))
    assert message.count("\n") == 1
    assert "nothing was changed" in message
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("name", "part"),
    [("nope.toml", "there is no file"), (".", "cannot be read: it is a folder"), ("/dev/null", "it is not a file")],
)
def test_a_campaign_file_that_is_no_file(installation: Installation, name: str, part: str) -> None:
    message = installation.refuses("campaign", "apply", str(installation.desk / name))
    assert part in message
    assert message.count("\n") == 1


def test_all_mistakes_of_a_campaign_file_are_listed_together_in_its_order(installation: Installation) -> None:
    swaps = ('"09:00-17:00"', '"9-25"', '"1 day"', '"1 dya"', '"20/hour"', '"20"', 'name = "Spring fair"', "nmae = 1")
    path = installation.given("bad.toml", swapped(CAMPAIGN, swaps))
    heading, *lines = installation.refuses("campaign", "apply", str(path)).splitlines()
    assert heading == f"{path}: 4 mistakes; nothing was changed"
    assert [line.split(":")[0].strip() for line in lines] == [
        "window.hours", "step[2] (text).after", "limits.pace", "nmae",
    ]  # fmt: skip


def test_there_are_enough_of_them() -> None:
    assert len(CAMPAIGNS) + len(NO_CAMPAIGNS) >= 14
