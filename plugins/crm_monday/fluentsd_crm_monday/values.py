"""Values of monday's columns: what an item's cell says, and how a value is written to it. Pure.

A cell has a text for people and a raw value as JSON; the raw value counts where the text is free (e-mails have a label)
or may be renamed (a status has the number of its label). What must not live here: boards, requests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import phonenumbers

from fluentsd.api import Meaning

#: What a column means by its type, and by its title in lower case.
BY_TYPE: Mapping[str, Meaning] = {
    "phone": "phone", "email": "email", "country": "country", "world_clock": "timezone",
}  # fmt: skip
BY_TITLE: Mapping[str, Meaning] = {
    "first name": "first_name", "last name": "last_name", "city": "city", "state": "state", "zip": "zip",
    "zip code": "zip", "postal code": "zip", "time zone": "timezone", "timezone": "timezone",
}  # fmt: skip
#: Titles of phones and e-mails in columns of free text, as an imported spreadsheet has them, and in mirrors.
BY_TITLE_OF_TEXT: Mapping[str, Meaning] = {
    "phone": "phone", "phone number": "phone", "mobile": "phone", "mobile phone": "phone", "cell": "phone",
    "cell phone": "phone", "telephone": "phone", "email": "email", "e-mail": "email", "email address": "email",
}  # fmt: skip
_TEXTS = frozenset({"text", "long_text", "numbers", "mirror", "formula"})
#: The number of a status that was never set.
BLANK = "5"
#: The part of the raw value that is a column's value, by type.
_RAW: Mapping[str, str] = {"email": "email", "phone": "phone", "world_clock": "timezone", "country": "countryCode"}
#: The most characters that monday takes for a long text.
LONG_TEXT = 2000


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a board: its id, the name of its field, its type, and the labels of a status by their number."""

    id: str
    name: str
    type: str
    labels: Mapping[str, str]

    @property
    def meaning(self) -> Meaning:
        title = self.name.strip().casefold()
        by_title = BY_TITLE.get(title) or (BY_TITLE_OF_TEXT.get(title, "") if self.type in _TEXTS else "")
        return BY_TYPE.get(self.type) or by_title


def value_of(column: Column, given: Mapping[str, Any]) -> Any:
    """A column's value: its text, a flag of a checkbox, the number of a phone in full."""
    if column.type == "checkbox":
        return bool(given.get("checked")) or str(given.get("text") or "").casefold() in ("v", "true", "yes")
    text, raw = given.get("text") or given.get("display_value"), _raw(given)
    if column.type in _RAW:
        text = raw.get(_RAW[column.type]) or text
    if column.meaning == "phone" and text:
        return _phone(str(text).strip(), str(raw.get("countryShortName") or ""))
    return text or None


def number_of(column: Column, given: Mapping[str, Any]) -> str | None:
    """The number of a status' label; None when the cell does not say it."""
    number, text = _raw(given).get("index"), given.get("text")
    if isinstance(number, int):
        return str(number)
    if text:
        return next((number for number, label in column.labels.items() if label == text), None)
    return BLANK if "text" in given else None


def value_for(column: Column, value: Any) -> Any:
    """A value as monday's JSON for a column of its type; raises ValueError for one that cannot be written."""
    text = "" if value is None else str(value)
    if column.type == "checkbox":
        return {"checked": "true"} if value and text.casefold() not in ("false", "no", "0") else None
    if column.type in ("status", "dropdown"):
        return {"label": text} if column.type == "status" else {"labels": [text]}
    if column.type == "email":
        return {"email": text, "text": text}
    if column.type == "phone":
        return {"phone": text, "countryShortName": _region(column, text)}
    if column.type == "date":
        return {"date": text[:10]}
    if column.type == "long_text":
        return {"text": text[:LONG_TEXT]}
    if column.type in ("text", "numbers"):
        return text
    raise ValueError(f"the column {column.name!r} ({column.type}) cannot be written")


def _raw(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The raw value of a cell, if it is an object."""
    raw = given.get("value")
    if isinstance(raw, str) and raw:
        try:
            raw = json.loads(raw)
        except ValueError:
            return {}
    return raw if isinstance(raw, Mapping) else {}


def _phone(text: str, country: str) -> str:
    """A number in full. monday keeps it as it was typed, with its country beside it, or with the country's code and
    without the plus; what is neither stays as it is."""
    if text.startswith("+"):
        return text
    readings: list[tuple[str, str | None]] = [(text, country.upper())] if country else []
    for written, region in (*readings, (f"+{text}", None)):
        try:
            number = phonenumbers.parse(written, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number) and not number.extension:
            return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return f"+{text}" if text.isdecimal() and len(text) > 10 and not text.startswith("0") else text


def _region(column: Column, text: str) -> str:
    """The country of a number that is written: monday refuses one without it."""
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(text, None))
    except phonenumbers.NumberParseException:
        region = None
    if region is None:
        raise ValueError(f"the column {column.name!r} takes a phone with its country's code, like +12125550101")
    return region
