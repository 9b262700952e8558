"""A fast path for North American numbers in plain spellings, with the library's own patterns.

Nine of ten cells in a list look like "(212) 555-0123", and the library takes some forty steps to find their ten digits.
Here one pattern finds them; validity and type come from the library's own patterns, compiled once and tried in the
library's order. Nothing here is a list kept by hand, and nothing is refused here: a text that is not plainly valid goes
to the library. A test shows that both agree for every area code.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumberType

#: Ten digits as people group them, perhaps after a 1.
_PLAIN = re.compile(
    r"(\+?1[ .\-–]{0,3})?(?:\(([2-9][0-9]{2})\)|([2-9][0-9]{2}))[ .\-–]{0,3}([2-9][0-9]{2})[ .\-–]{0,3}([0-9]{4})"
)
#: A spreadsheet's decimals: "212555.0000" is not ten digits.
_DECIMALS = (".0000",)
#: Regions where a number without a country code is complete; elsewhere the library may add an area code.
_HOME = ("US", "CA")
#: In the library's order; the first match is the type.
_KINDS = (
    ("premium_rate", PhoneNumberType.PREMIUM_RATE),
    ("toll_free", PhoneNumberType.TOLL_FREE),
    ("shared_cost", PhoneNumberType.SHARED_COST),
    ("voip", PhoneNumberType.VOIP),
    ("personal_number", PhoneNumberType.PERSONAL_NUMBER),
    ("pager", PhoneNumberType.PAGER),
    ("uan", PhoneNumberType.UAN),
    ("voicemail", PhoneNumberType.VOICEMAIL),
)


class Plain(NamedTuple):
    """A valid number: E.164, its country, the library's type."""

    e164: str
    region: str
    kind: int


def plain(text: str, region: str) -> Plain | None:
    """The number of a plain spelling; None for texts that the library must read."""
    found = _PLAIN.fullmatch(text)
    if found is None or text.endswith(_DECIMALS):
        return None
    country, enclosed, area, exchange, station = found.groups()
    if region not in _HOME and (country is None or country[0] != "+"):
        return None
    national = f"{enclosed or area}{exchange}{station}"
    judged = _patterns()
    if judged.elsewhere.match(national):
        return None
    for home, pattern, kinds in judged.homes:
        if (matched := pattern.fullmatch(national)) is not None:
            return Plain("+1" + national, home, kinds[matched.lastindex or 0])
    return None


class _Patterns(NamedTuple):
    """The plan's countries known by their patterns, and the leading digits of the other countries."""

    homes: tuple[tuple[str, re.Pattern[str], tuple[int, ...]], ...]
    elsewhere: re.Pattern[str]


@lru_cache(maxsize=1)
def _patterns() -> _Patterns:
    regions: list[tuple[str, Any]] = [
        (region, PhoneMetadata.metadata_for_region(region)) for region in COUNTRY_CODE_TO_REGION_CODE[1]
    ]
    leading = [about.leading_digits for _, about in regions if about.leading_digits]
    homes = tuple((region, *_judge(about)) for region, about in regions if not about.leading_digits)
    return _Patterns(homes, re.compile("|".join(f"(?:{digits})" for digits in leading)))


def _judge(about: Any) -> tuple[re.Pattern[str], tuple[int, ...]]:
    """One pattern whose matching group gives the type, and the types by group; group 0 means unknown."""
    asked = [(_pattern(getattr(about, name)), kind) for name, kind in _KINDS]
    fixed, mobile = _pattern(about.fixed_line), _pattern(about.mobile)
    if fixed and (about.same_mobile_and_fixed_line_pattern or fixed == mobile):
        asked.append((fixed, PhoneNumberType.FIXED_LINE_OR_MOBILE))
    else:
        both = f"(?={mobile}$)(?:{fixed})" if fixed and mobile else None
        asked += [(both, PhoneNumberType.FIXED_LINE_OR_MOBILE), (fixed, PhoneNumberType.FIXED_LINE)]
        asked.append((mobile, PhoneNumberType.MOBILE))
    known = [(text, kind) for text, kind in asked if text]
    general = _pattern(about.general_desc) or "(?!)"
    whole = f"(?={general}$)(?:{'|'.join(f'({_closed(text)})' for text, _ in known)})"
    return re.compile(whole, re.ASCII), (PhoneNumberType.UNKNOWN, *(kind for _, kind in known))


def _pattern(about: Any) -> str | None:
    """The pattern of ten-digit numbers of this type; None if there are none."""
    if about is None or not about.national_number_pattern:
        return None
    if about.possible_length and 10 not in about.possible_length:
        return None
    return f"(?:{_closed(about.national_number_pattern)})"


def _closed(text: str) -> str:
    """The pattern without capturing groups, so that ours can be counted."""
    return re.sub(r"(?<!\\)\((?!\?)", "(?:", text)
