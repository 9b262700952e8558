"""Moments as people write and read them: "tomorrow 9am", "Tue 15:00", "12/1 9:00 ET", "in 2 hours". Pure.

The time of day is read here, strictly, because a wrong hour is worse than a question; the day is read by dateparser.
A moment is in the given zone unless it names an offset or a zone. Days and months are in the American order.
"""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

from fluentsd.domain.time.durations import SECOND, BadDuration, Delay
from fluentsd.domain.time.zones import UnknownZone, zone_names
from fluentsd.domain.time.zones import zone as zone_named

_TIME = re.compile(
    r"(?<![\d/:.-])(?:\bat\s+)?\b(?:(?P<word>noon|midnight)|(?P<h>\d{1,2})(?:[:.](?P<m>\d{2}))?\s*(?P<half>[ap]\.?m\.?|[ap]\b)"
    r"|(?P<h24>\d{1,2}):(?P<m24>\d{2}))(?![\d/:])",
    re.IGNORECASE,
)
_WEEKDAY = r"(?:(?:on|next|this)\s+)?(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?"
_MONTH = r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"\
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"  # fmt: skip
_DAY = re.compile(
    rf"today|tonight|tomorrow|{_WEEKDAY}|\d{{4}}-\d{{1,2}}-\d{{1,2}}|\d{{1,2}}/\d{{1,2}}(?:/\d{{4}})?"
    rf"|\d{{1,2}}\.\d{{1,2}}\.(?:\d{{4}})?"
    rf"|(?:the\s+)?\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH}(?:\s+\d{{4}})?"
    rf"|{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?(?:\s+\d{{4}})?",
    re.IGNORECASE,
)
#: "2h": the same as "in 2h".
_SPAN = re.compile(r"\d+\s?(?:m|mins?|minutes?|h|hrs?|hours?|d|days?)")
#: Days by which a date without a year may be over before it means the next year.
_OVER = dt.timedelta(days=180)
_SHORT = {"tmrw": "tomorrow", "tmr": "tomorrow", "tom": "tomorrow", "tdy": "today"}
#: Zones that people write in letters. "EST" is not here: it is an hour off in summer.
_LETTERS = {
    "et": "America/New_York", "ct": "America/Chicago", "mt": "America/Denver", "pt": "America/Los_Angeles",
    "eastern": "America/New_York", "central": "America/Chicago", "mountain": "America/Denver",
    "pacific": "America/Los_Angeles", "utc": "UTC", "gmt": "UTC",
}  # fmt: skip
_FIXED = {"est": "ET", "edt": "ET", "cst": "CT", "cdt": "CT", "mst": "MT", "mdt": "MT", "pst": "PT", "pdt": "PT"}
EXAMPLES = '"tomorrow 9am", "Tue 15:00", "12/1 9:00" or "2026-12-01T09:00"'


class BadMoment(ValueError):
    """The words are no moment, or leave the day or the time open; the message says what is missing."""


def read_moment(text: str, zone: str, now: int, *, days: bool = False) -> int:
    """Epoch microseconds. `now`: epoch microseconds. A time without a day is the next such time; with `days`, a day
    without a time is its first instant. Raises `BadMoment`; the moment may lie in the past, which is the verb's
    affair."""
    words = " ".join(_SHORT.get(word, word) for word in text.strip().strip('"').casefold().split())
    words, zone = _named_zone(words, zone)
    here = zone_named(zone)
    if exact := _iso(words, here):
        return _micros(exact)
    if words.startswith("in ") or _SPAN.fullmatch(words):
        return _elapsed(words.removeprefix("in "), zone, now)
    today = dt.datetime.fromtimestamp(now / SECOND, here)
    time, rest = _time_of_day(words)
    rest = re.sub(r"^(?:on|at)\s+|\s+(?:on|at)$|,", "", rest).strip()
    if time is None:
        bare = re.search(r"(?:^|\s)(?:at\s+)?(\d{1,2})$", words)
        if bare and not _DAY.fullmatch(rest):
            raise BadMoment(f"{text!r}: is {bare[1]} in the morning? Write {bare[1]}am, {bare[1]}pm or {bare[1]}:00")
        if not rest or not _DAY.fullmatch(rest):
            raise BadMoment(f"{text!r} is not a moment; write it like {EXAMPLES}")
        day = _day(rest, dt.time(), text, today)
        if days:
            return _micros(dt.datetime.combine(day, dt.time(), here))
        raise BadMoment(f'{text!r} names a day without a time; add one: "{rest} 9am"')
    if not rest:
        moment = dt.datetime.combine(today.date(), time, here)
        return _micros(moment if moment > today else dt.datetime.combine(today.date() + dt.timedelta(1), time, here))
    return _micros(_local(dt.datetime.combine(_day(rest, time, text, today), time, here)))


def _named_zone(words: str, zone: str) -> tuple[str, str]:
    """The words without the zone that they end with, and that zone; the given one if they name none."""
    rest, _, last = words.rpartition(" ")
    last = last.strip("()")
    if not rest or (last not in _LETTERS and last not in _FIXED and "/" not in last):
        return words, zone
    if last in _FIXED:
        raise BadMoment(f"{last.upper()} is not a zone here, because clocks change; write {_FIXED[last]}")
    if last in _LETTERS:
        return rest, _LETTERS[last]
    if re.fullmatch(r"[\d/]+", last):
        return words, zone  # a date: "9am 12/1"
    known = next((name for name in zone_names() if name.casefold() == last), None)
    if known is None:
        try:
            zone_named(last.title())
        except UnknownZone as why:
            raise BadMoment(str(why)) from None
    return rest, known or zone


def _time_of_day(words: str) -> tuple[dt.time | None, str]:
    """The one time of day in the words, and the words without it. Raises `BadMoment` for an impossible one."""
    found = list(_TIME.finditer(words))
    if not found:
        return None, words
    if len(found) > 1:
        raise BadMoment(f"{words!r} has two times; write one")
    match = found[0]
    rest = f"{words[: match.start()]} {words[match.end() :]}".strip()
    if match["word"]:
        return dt.time(12 if match["word"] == "noon" else 0), rest
    hour, minute = int(match["h"] or match["h24"]), int(match["m"] or match["m24"] or 0)
    if match["half"]:
        if not 1 <= hour <= 12:
            raise BadMoment(f"{match[0].strip()!r} is not a time of day")
        hour = hour % 12 + (12 if match["half"][0] == "p" else 0)
    try:
        return dt.time(hour, minute), rest
    except ValueError:
        raise BadMoment(f"{match[0].strip()!r} is not a time of day") from None


def _day(words: str, time: dt.time, text: str, today: dt.datetime) -> dt.date:
    """The day that the words name: of weekdays the next one, of dates without a year the one that is not long over."""
    if words == "tonight":
        return today.date()
    if named := re.fullmatch(rf"({_WEEKDAY})\s+(.*\d.*)", words):
        date = _day(named[2], time, text, today)
        if f"{date:%a}".lower() not in named[1]:
            raise BadMoment(f"{text!r}: {date:%b %-d %Y} is a {date:%A}")
        return date
    if week := re.fullmatch(rf"next week\s+(?P<a>{_WEEKDAY})|(?P<b>{_WEEKDAY})\s+next week", words):
        monday = today + dt.timedelta(7 - today.weekday())
        return _day(week["a"] or week["b"], dt.time(23, 59), text, monday)
    if not _DAY.fullmatch(words):
        raise BadMoment(f"{text!r} is not a moment: {words!r} is not a day; write it like {EXAMPLES}")
    if dotted := re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})?", words):  # day.month. is never month.day.
        words = f"{dotted[2]}/{dotted[1]}{f'/{dotted[3]}' if dotted[3] else ''}"
    if (slashed := re.fullmatch(r"(\d{1,2})/(\d{1,2})(.*)", words)) and int(slashed[1]) > 12 >= int(slashed[2]):
        words = f"{slashed[2]}/{slashed[1]}{slashed[3]}"  # no month has that number
    import dateparser  # here: it takes long to import, and most commands have no moment

    is_weekday = re.fullmatch(_WEEKDAY, words) is not None
    plain = re.sub(r"^(?:on|this|next|the)\s+|\bof\s+", "", words)
    if is_weekday and plain[:3] == f"{today:%a}".lower() and not words.startswith("next") and time > today.time():
        return today.date()
    settings = {
        "RELATIVE_BASE": today.replace(tzinfo=None, hour=12), "DATE_ORDER": "MDY",
        "PREFER_DATES_FROM": "future" if is_weekday else "current_period",
    }  # fmt: skip
    found = dateparser.parse(plain, languages=["en"], settings=settings)
    numbers = re.findall(r"\d+", words)
    if (
        found is None
        or (numbers and str(found.day) not in {number.lstrip("0") for number in numbers})
        or ("/" in words and found.month != int(numbers[0]))
    ):
        raise BadMoment(f"{text!r} is not a moment: there is no day {words!r} (month/day, like 12/1)")
    day: dt.date = found.date()
    has_year = any(len(number) == 4 for number in numbers)
    if numbers and not has_year and today.date() - day > _OVER:
        day = day.replace(year=day.year + 1) if (day.month, day.day) != (2, 29) else day
    return day


def _local(moment: dt.datetime) -> dt.datetime:
    """The moment, refused if the clock skips it."""
    if moment.astimezone(dt.UTC).astimezone(moment.tzinfo).replace(tzinfo=None) != moment.replace(tzinfo=None):
        raise BadMoment(f"{moment:%H:%M} does not exist on {moment:%b %-d} in {moment.tzinfo}: the clock changes")
    return moment


def _iso(words: str, here: ZoneInfo) -> dt.datetime | None:
    if not re.match(r"\d{4}-\d{1,2}-\d{1,2}[t ]\d", words):
        return None
    try:
        found = dt.datetime.fromisoformat(words.upper())
    except ValueError:
        return None
    return found if found.tzinfo else _local(found.replace(tzinfo=here))


def _elapsed(words: str, zone: str, now: int) -> int:
    try:
        return Delay.parse(words).after(now, zone)
    except BadDuration as why:
        raise BadMoment(str(why)) from None


def _micros(moment: dt.datetime) -> int:
    return round(moment.timestamp() * SECOND)


def show_moment(at: int, zone: str) -> str:
    """A moment for people: "Tue Dec 1 2026, 09:00 America/New_York"."""
    return f"{dt.datetime.fromtimestamp(at / SECOND, zone_named(zone)):%a %b %-d %Y, %H:%M} {zone}"


def iso(at: int, zone: str) -> str:
    """A moment for programs, with its offset: "2026-12-01T09:00:00-05:00"."""
    return dt.datetime.fromtimestamp(at // SECOND, zone_named(zone)).isoformat()
