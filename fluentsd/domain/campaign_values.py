"""Single values of a campaign file: how each is checked, with an error that shows a valid one.

What is checked is kept as it was written, because an export shows it so. What must not live here: tables, and rules
between values (`domain.campaign`).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator

from fluentsd.domain import statutes
from fluentsd.domain.follow_ups import read_after_call
from fluentsd.domain.membership import leaves_after
from fluentsd.domain.render import TemplateProblem, template
from fluentsd.domain.time import windows
from fluentsd.domain.time.blackouts import check_preset
from fluentsd.domain.time.durations import Budget, Delay, Rate

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def _read(parse: Callable[[str], Any]) -> BeforeValidator:
    """Check by parsing, keep the text: an export shows the text as it was written. A bare number is checked as its
    text, because the parser's message is better than "should be text" (`pace = 20`)."""

    def check(value: Any) -> Any:
        if isinstance(value, str) or (isinstance(value, (int, float)) and not isinstance(value, bool)):
            parse(str(value))
        return value

    return BeforeValidator(check)


def _date(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        raise ValueError(f"{value} has a time of day; write the date alone, like {value.date()}")
    if isinstance(value, str):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a date; write it like 2026-12-24") from None
    return value


def _blackout(value: Any) -> Any:
    if isinstance(value, dt.date):
        return _date(value)
    if isinstance(value, str) and value[:1].isdigit():
        return _date(value)
    if isinstance(value, str):
        return check_preset(value)
    raise ValueError(f"{value!r} is neither a date like 2026-12-24 nor a preset like 'us-federal-holidays'")


def _slug(text: str) -> str:
    if not _SLUG.fullmatch(text):
        like = plain(text) or "spring-fair"
        allowed = "lower-case letters, digits, - and _, at most 63"
        raise ValueError(f"{text!r} may have only {allowed}; write it like {like!r}")
    return text


def plain(text: str) -> str:
    """A name as a slug: lower-case letters, digits and hyphens; "" when nothing is left."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].rstrip("-")


def _list_of_days(value: Any) -> Any:
    if isinstance(value, str):
        raise ValueError(f'{value!r} should be a list of days: ["mon", "tue", "wed", "thu", "fri"]')
    return value


def _condition(text: str) -> None:
    try:
        template(text, "condition")
    except TemplateProblem as why:
        hint = "; compare with ==, like last.outcome == 'busy'" if re.search(r"(?<![=!<>])=(?!=)", text) else ""
        raise ValueError(f"{why}{hint}") from None


def _phone(text: str) -> str:
    if not re.fullmatch(r"\+[1-9]\d{6,14}", text):
        raise ValueError(f'{text!r} is not a number in international form; write it like "+12125550123"')
    return text


def _field_name(text: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", text):
        raise ValueError(f'{text!r} is not a field name; write it as in templates, like "appointment_at"')
    return text


def _reason(text: str) -> str:
    if len(text.strip()) < 10:
        raise ValueError("give the reason in a full sentence (at least 10 characters); it is kept for audits")
    return text


def _reenter(text: str) -> str:
    if text not in ("never", "always") and not (text.startswith("after ") and Delay.parse(text[6:])):
        raise ValueError(f'{text!r} is not "never", "always" or "after …", like "after 90 days"')
    return text


def _after_call(given: Any) -> Any:
    """Check the condition of a follow-up, keep what was written."""
    if isinstance(given, str) or (isinstance(given, list) and all(isinstance(word, str) for word in given)):
        read_after_call(given)
    return given


def _rule(text: str) -> str:
    return statutes.rule(text).id


def _zone(text: str) -> bool:
    return text == "contact" or bool(windows.zone(text))


Slug = Annotated[str, AfterValidator(_slug)]
HoursText = Annotated[str, _read(windows.Hours.parse)]
DelayText = Annotated[str, _read(Delay.parse)]
RateText = Annotated[str, _read(Rate.parse)]
ZoneText = Annotated[str, _read(windows.zone)]
Condition = Annotated[str, _read(_condition)]
Days = Annotated[list[Day], BeforeValidator(_list_of_days)]
Date = Annotated[dt.date, BeforeValidator(_date)]
E164 = Annotated[str, AfterValidator(_phone)]
Blackout = Annotated[str | dt.date, BeforeValidator(_blackout)]
FieldName = Annotated[str, AfterValidator(_field_name)]
Reason = Annotated[str, AfterValidator(_reason)]
AfterCall = Annotated[str | list[str], BeforeValidator(_after_call)]
WindowZone = Annotated[str, _read(_zone)]
Reenter = Annotated[str, _read(_reenter)]
Leaves = Annotated[str, _read(leaves_after)]
BudgetText = Annotated[str, _read(Budget.parse)]
RuleId = Annotated[str, _read(_rule)]
