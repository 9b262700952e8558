"""Dates in a text, in ten languages: 30.11.2026, Nov 30th, 23 to 27 novembre, 12/1, 11月27日.

The input is normalised: lower case, no accents, "-" for every dash. A day without a year is the next one, unless that
is most of a year away: then it is the last one. "12/1" is two days if the order is unknown. Every pattern matches a
bounded length, so that a hostile text costs no more than a long one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

#: Months by name and abbreviation; CLDR's, without accents.
_MONTHS = (
    "january jan januar janner enero janvier janv janeiro gennaio gen januari stycznia января",
    "february feb februar febrero fevrier fevr fevereiro fev febbraio februari lutego февраля",
    "march mar marz marzo mars marco maart mrt marca марта",
    "april apr abril abr avril avr aprile kwietnia апреля",
    "may mai mayo maio mag maggio mei maja мая",
    "june jun juni junio juin junho giugno giu czerwca июня",
    "july jul juli julio juillet juil julho luglio lug lipca июля",
    "august aug agosto ago aout augustus sierpnia августа",
    "september sep sept septiembre septembre setembro set settembre wrzesnia сентября",
    "october oct oktober okt octubre octobre outubro out ottobre ott pazdziernika октября",
    "november nov noviembre novembre novembro listopada ноября",
    "december dec dezember dez diciembre dic decembre dezembro dicembre grudnia декабря",
)
_MONTH_OF = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
_MONTH = "|".join(sorted(_MONTH_OF, key=len, reverse=True))
_WEEKDAYS = (
    "monday montag lunes lundi segunda-feira lunedi maandag poniedzialek poniedzialku понедельник понедельника 月曜",
    "tuesday dienstag martes mardi terca-feira martedi dinsdag wtorek wtorku вторник вторника tue tues terca 火曜",
    "wednesday mittwoch miercoles mercredi quarta-feira mercoledi woensdag sroda srode srody среда "
    "среду среды wed quarta 水曜",
    "thursday donnerstag jueves jeudi quinta-feira giovedi donderdag czwartek czwartku четверг "
    "четверга thu thur thurs quinta 木曜",
    "friday freitag viernes vendredi sexta-feira venerdi vrijdag piatek piatku пятница пятницу пятницы fri sexta 金曜",
    "saturday samstag sonnabend sabado samedi sabato zaterdag sobota sobote soboty суббота субботу субботы 土曜",
    "sunday sonntag domingo dimanche domenica zondag niedziela niedziele niedzieli воскресенье воскресенья 日曜",
)
_WEEKDAY_OF = {name: number for number, names in enumerate(_WEEKDAYS) for name in names.split()}
_WEEKDAY = "|".join(sorted(_WEEKDAY_OF, key=len, reverse=True))
#: Suffixes of a day's number, and words between day and month.
_NTH, _OF = r"(?:st|nd|rd|th|er|o|°|\.)?", r"(?: of | de | del | do | of the |[ .]{1,2})"
#: Words between the first and the last day of a range.
_TO = r" ?(?:-|to|until|till|through|thru|and|&|bis|und|al|a|y|hasta|au|et|e|ate|tot|t/m|tot en met|en|do|по|до) ?"
_YEAR = r"(?:,?(?: de | del |/| )(?P<year>20\d\d))?"
_MENTION = re.compile(
    rf"(?<![\w/.-])(?:"
    rf"(?P<iso>20\d\d)[-/.](?P<iso_month>\d\d?)[-/.](?P<iso_day>\d\d?)"
    rf"|(?:(?P<from>\d\d?){_NTH}{_TO})?(?P<day>\d\d?){_NTH}{_OF}(?P<month>{_MONTH})\b\.?{_YEAR}"
    rf"|(?P<month_first>{_MONTH})\.? (?:the )?(?P<day_after>\d\d?)(?:st|nd|rd|th)?\b"
    rf"(?:{_TO}(?P<to>\d\d?)(?:st|nd|rd|th)?\b(?! ?(?:{_MONTH})\b))?(?:,? (?P<year_after>20\d\d))?"
    r"|(?P<one>\d\d?)(?P<by>[./]|-(?=\d\d?(?:-\d| t/m))|(?<=t/m \d\d)-|(?<=t/m \d)-) ?(?P<two>\d\d?)"
    rf"(?:(?P=by) ?(?P<year_last>20\d\d|\d\d)|\.)?"
    rf")(?![\w/]|\.\d)"
)
#: A day and a weekday in Japanese, and the edge between its letters and others, where it has no blanks.
_JAPANESE_DAY = re.compile(r"(?:(20\d\d) ?年 ?)?(1[0-2]|0?[1-9]) ?月 ?(\d\d?) ?日(?: ?\([月火水木金土日]\))?")
_JAPANESE_WEEKDAY = re.compile(r"([月火水木金土日]曜)日?")
_JAPANESE_EDGE = re.compile(r"(?<=[0-9/.])(?=[\u3040-\u30ff\u4e00-\u9fff])|(?<=[\u3040-\u30ff\u4e00-\u9fff])(?=[0-9])")
_CLOCK = re.compile(r" ?(?:uhr|h\b|am\b|pm\b|a\.m|p\.m)")
#: A day without a year that is further ahead than this is in the past.
_AHEAD = timedelta(days=300)


@dataclass(frozen=True, slots=True)
class Mention:
    """A date at `start` to `end` of the text, with one or two readings; `is_end`: the last day of a range."""

    start: int
    end: int
    days: tuple[date, ...]
    is_end: bool = False


def plain(text: str) -> str:
    """The text normalised for the patterns: lower case, no accents, one kind of dash, quote and blank; an empty line
    ends a sentence."""
    text = unicodedata.normalize("NFKD", text.casefold().replace("ł", "l"))
    text = _JAPANESE_DAY.sub(_in_english, text)
    text = _JAPANESE_EDGE.sub(" ", _JAPANESE_WEEKDAY.sub(r" \1 ", text))
    text = "".join(c for c in text if not unicodedata.combining(c))
    text = re.sub("[\u2010-\u2015\u2212]", "-", re.sub("[\u2018\u2019\u00b4`]", "'", text))
    text = re.sub(r"\n\s{0,20}\n", " . ", text)
    return " ".join(text.split())


def _in_english(found: re.Match[str]) -> str:
    """A Japanese day as " 1 december 2026 "."""
    year, month, day = found.groups(default="")
    return f" {day} {_MONTHS[int(month) - 1].split()[0]} {year} "


def mentions(text: str, on: date, *, day_first: bool) -> list[Mention]:
    """The dates in a normalised text of the day `on`, in order. `day_first`: 1/12 is in December."""
    found = list(_MENTION.finditer(text))
    order = True if day_first else _order(found)
    return [mention for match in found if (mention := _read(match, text, on, order)) is not None]


def weekdays(text: str) -> Iterator[tuple[int, int, int]]:
    """Names of weekdays: start, end, and number (Monday is 0)."""
    for match in re.finditer(rf"\b(?:{_WEEKDAY})\b", text):
        yield match.start(), match.end(), _WEEKDAY_OF[match[0]]


def months(text: str, on: date) -> Iterator[tuple[int, int, date]]:
    """The first day of a month without a day: "in June 2027"."""
    for match in re.finditer(rf"\b(?:in|im|en|em|a) (?:de )?({_MONTH})\b(?! \d\d?\b)(?: (?:de )?(20\d\d))?", text):
        day = _dated(int(match[2]) if match[2] else None, _MONTH_OF[match[1]], 1, on)
        if day is not None:
            yield match.start(), match.end(), day


def _order(found: list[re.Match[str]]) -> bool | None:
    """Whether days come before months in this text, if one of its dates shows it."""
    for match in found:
        if match["one"] and match["by"] != ".":
            one, two = int(match["one"]), int(match["two"])
            if one > 12 >= two:
                return True
            if two > 12 >= one:
                return False
    return None


def _read(match: re.Match[str], text: str, on: date, order: bool | None) -> Mention | None:
    if _CLOCK.match(text, match.end()) or match[0] == "24/7":
        return None
    days = [day for parts in _parts(match, order) if (day := _dated(*parts, on)) is not None]
    is_end = bool(match["from"] or match["to"])
    return Mention(match.start(), match.end(), tuple(days), is_end) if days else None


def _parts(match: re.Match[str], order: bool | None) -> list[tuple[int | None, int, int]]:
    """(year, month, day) of each reading."""
    year = next((int(match[g]) for g in ("iso", "year", "year_after", "year_last") if match[g]), None)
    if year is not None and year < 100:
        year += 2000
    if match["iso"]:
        return [(year, int(match["iso_month"]), int(match["iso_day"]))]
    if match["month"]:
        return [(year, _MONTH_OF[match["month"]], int(match["day"]))]
    if match["month_first"]:
        return [(year, _MONTH_OF[match["month_first"]], int(match["to"] or match["day_after"]))]
    one, two = int(match["one"]), int(match["two"])
    if match["by"] == ".":
        order = True
    readings = [(year, two, one)] if order is not False else []
    return readings + ([(year, one, two)] if not order else [])


def _dated(year: int | None, month: int, day: int, on: date) -> date | None:
    """The date; without a year, in the nearest fitting year. None when there is no such day."""
    years = (year,) if year is not None else (on.year - 1, on.year, on.year + 1)
    near = [one for each in years if (one := _day(each, month, day)) is not None]
    if year is not None or not near:
        return near[0] if near else None
    ahead = [one for one in near if on <= one <= on + _AHEAD]
    return ahead[0] if ahead else max((one for one in near if one < on), default=near[0])


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
