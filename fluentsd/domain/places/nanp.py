"""North American numbers in their plain spellings, judged by the library's patterns without the library's detours.

Nine of ten cells in a list are "(212) 555-0123" or the like, and for these the library takes some forty steps to find
ten digits. Here they are found at once; whether there is such a number, and of what sort, say the library's own
patterns, compiled once and asked in the library's order. Nothing here is a list kept by hand, and nothing is refused
here: what is not plainly valid is the library's to read. That both answer alike for every area code is tested.
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
#: In these a number without a country code is read as it stands; elsewhere the library may put an area code before it.
_HOME = ("US", "CA")
#: In the order in which the library asks; the first that matches is the type.
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
    """A valid number: as dialled, the country it belongs to, the library's type of it."""

    e164: str
    region: str
    kind: int


def plain(text: str, region: str) -> Plain | None:
    """The number that a plain spelling means; None for everything the library has to look at."""
    found = _PLAIN.fullmatch(text)
    if found is None or text.endswith(_DECIMALS):
        return None
    country, enclosed, area, exchange, line = found.groups()
    if region not in _HOME and (country is None or country[0] != "+"):
        return None
    national = f"{enclosed or area}{exchange}{line}"
    judged = _patterns()
    if judged.elsewhere.match(national):
        return None
    for home, pattern, kinds in judged.homes:
        if (matched := pattern.fullmatch(national)) is not None:
            return Plain("+1" + national, home, kinds[matched.lastindex or 0])
    return None


class _Patterns(NamedTuple):
    """The plan's countries that are told by their patterns, and the leading digits of those told by these."""

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
    """One pattern whose group that matched is the type, and the types by group; group 0 stands for none."""
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
    """What ten digits of this sort look like; None if none do."""
    if about is None or not about.national_number_pattern:
        return None
    if about.possible_length and 10 not in about.possible_length:
        return None
    return f"(?:{_closed(about.national_number_pattern)})"


def _closed(text: str) -> str:
    """Without groups of its own, so that ours can be counted."""
    return re.sub(r"(?<!\\)\((?!\?)", "(?:", text)
