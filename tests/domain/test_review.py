"""The review of a campaign file: what is legal and can never mean what was meant."""

from __future__ import annotations

from typing import Any

import pytest

from fluentsd.domain.campaign import read_campaign
from fluentsd.domain.review import Review, review

CALL = {"id": "call", "channel": "phone", "agent": "a"}
MAIL = {"id": "mail", "channel": "email", "subject": "s", "text": "t"}


def reviewed(*steps: dict[str, Any], window: dict[str, Any] | None = None, **more: Any) -> Review:
    hours = {"hours": "09:00-17:00", "fallback_timezone": "America/New_York"} | (window or {})
    return review(read_campaign({"name": "x", "window": hours, "step": list(steps)} | more))


@pytest.mark.parametrize(
    ("when", "part"),
    [
        ("last.outcome == 'opened'", "'opened' is not an outcome; opens and clicks are not measured"),
        ("last.outcome == 'noanswer'", "did you mean 'no_answer'?"),
        ("last.outcome == 'No Answer'", "did you mean 'no_answer'?"),
        ('steps.call.outcome != "voice mail"', "did you mean 'voicemail'?"),
        ("'clicked' == steps['call'].outcome", "opens and clicks are not measured"),
        ("steps.cal.outcome == 'busy'", "there is no step 'cal'; did you mean 'call'?"),
        ("steps.intro.outcome == 'busy'", "there is no step 'intro'; there are: call, mail"),
        ("last.outcome contains 'xyz'", "outcomes are answered, voicemail"),
    ],
)
def test_a_condition_that_compares_with_no_outcome_is_an_error(when: str, part: str) -> None:
    [error] = reviewed(CALL, MAIL | {"when": when}).errors
    assert error.startswith("step mail: when: ")
    assert part in error


@pytest.mark.parametrize(
    ("step", "part"),
    [
        (MAIL | {"when": "last.outcome == 'delivered'"}, "a step by phone never ends as 'delivered'"),
        (MAIL | {"when": "steps.mail.outcome == 'sent'"}, "mail comes later, so it has no outcome yet"),
        (MAIL | {"text": "Hi [First Name]"}, "text has [First Name], which is sent as it is; for a person's field "
                                             "write {{ first_name }}"),
        (MAIL | {"text": "Hi %FIRST%"}, "text has %FIRST%"), (MAIL | {"text": "Hi *|FNAME|*"}, "text has *|FNAME|*"),
        (MAIL | {"subject": "<<Name>>, hi"}, "subject has <<Name>>"), (MAIL | {"text": "Hi ${name}"}, "has ${name}"),
        (MAIL | {"text": "Hi {First Name}"}, "has {First Name}"),
        (MAIL | {"text": "Hi %FirstName%"}, "write {{ first_name }}"), (MAIL | {"text": "Hi %first%"}, "has %first%"),
        (MAIL | {"text": "Hi {!Contact.FirstName}"}, "has {!Contact.FirstName}"),
        (MAIL | {"text": "Hi #FNAME#"}, "has #FNAME#"), (MAIL | {"text": "Hi <First Name>"}, "has <First Name>"),
        (MAIL | {"text": "{Hi|Hello} there"}, "has {Hi|Hello}, which is sent as it is; no word is chosen"),
        (MAIL | {"html": "<p>[[first_name]]"}, "[[first_name]]"),
        (MAIL | {"hours": "19:00-09:00"}, "step mail: hours: 19:00-09:00 runs through the night, until 09:00"),
    ],
)  # fmt: skip
def test_what_was_hardly_meant_is_a_warning(step: dict[str, Any], part: str) -> None:
    found = reviewed(CALL, step)
    assert found.errors == ()
    [warning] = found.warnings
    assert part in warning


@pytest.mark.parametrize(
    "text",
    [
        "Hi {{ first_name | default: 'there' }}", "50% off, 20% off", "we are #1, see #solar",
        "{% if city %}x{% endif %}", "Dana <dana@example.com>", "a {} and a { b, c }", "100%sure%", "[link](https://example.com)",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_merge_field_is_no_warning(text: str) -> None:
    assert reviewed(CALL, MAIL | {"text": text}).warnings == ()


@pytest.mark.parametrize(
    ("window", "part"),
    [
        ({"hours": "19:00-09:00"}, "window.hours: 19:00-09:00 runs through the night"),
        ({"timezone": "EST"}, "EST is UTC-5 hours all year, without summer time; write America/New_York"),
        ({"fallback_timezone": "Etc/GMT+5"}, "window.fallback_timezone: Etc/GMT+5 is UTC-5 hours all year"),
        ({"timezone": "MST"}, "write America/Denver"),
    ],
)
def test_a_window_that_was_hardly_meant_is_a_warning(window: dict[str, Any], part: str) -> None:
    [warning] = reviewed(CALL, window=window).warnings
    assert part in warning


@pytest.mark.parametrize(
    "more",
    [
        {"text": "Hi {first_name}, {{ last_name | default: '' }} [1] 20%, see [our page](https://example.com) [sic!]"},
        {"html": "<style>p[title] {color: red}</style><!--[if mso]><![endif]--><p>{{ first_name }}</p>"},
        {"when": "last.outcome == 'voicemail' or last.outcome == 'no_answer'"},
        {"when": "last.outcome != 'answered' and status == 'opened'"}, {"when": "last.outcome == ''"},
    ],
)  # fmt: skip
def test_what_is_right_is_left_alone(more: dict[str, Any]) -> None:
    assert reviewed(CALL, MAIL | more, window={"timezone": "America/Phoenix"}) == Review((), ())
