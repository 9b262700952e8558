"""The plain reading of North American numbers is the library's reading, for every area code and every spelling."""

from __future__ import annotations

from collections.abc import Callable

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumberFormat, PhoneNumberType

from fluentsd.domain.contacts.points import BadPhone, Phone, phone
from fluentsd.domain.places import nanp
from fluentsd.domain.places.nanp import Plain

SPELLINGS: tuple[Callable[[str, str, str], str], ...] = (
    lambda a, e, n: f"{a}{e}{n}",
    lambda a, e, n: f"({a}) {e}-{n}",
    lambda a, e, n: f"1-{a}-{e}-{n}",
    lambda a, e, n: f"+1 ({a}) {e}-{n}",
    lambda a, e, n: f"{a}.{e}.{n}",
    lambda a, e, n: f"+1{a}{e}{n}",
    lambda a, e, n: f"1{a}{e}{n}",
    lambda a, e, n: f"{a} {e} – {n}",
    lambda a, e, n: f"({a}){e}{n}",
    lambda a, e, n: f"1 ({a}).{e}.{n}",
)


def by_the_library(text: str, region: str) -> Plain | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.UNKNOWN:
        return None
    where = phonenumbers.region_code_for_number(number)
    return Plain(phonenumbers.format_number(number, PhoneNumberFormat.E164), where, kind)


def agrees(text: str, region: str) -> bool:
    """What is read here is what the library reads; whether something is left to it is another question."""
    ours = nanp.plain(text, region)
    return ours is None or ours == by_the_library(text, region)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(2, 10))
def test_every_area_code_is_read_as_the_library_reads_it(first: int) -> None:
    read = 0
    for area in range(first * 100, first * 100 + 100):
        exchanges = (200 + area % 10, 211, 310 + area % 7, 555, 455, 723, 800 + area % 97, 911, 999, 199, 100)
        for nth, exchange in enumerate(exchanges):
            line = f"{(area * 7919 + exchange * 104_729) % 10_000:04d}"
            text = SPELLINGS[(area + nth) % len(SPELLINGS)](str(area), f"{exchange:03d}", line)
            ours, theirs = nanp.plain(text, "US"), by_the_library(text, "US")
            assert ours in (None, theirs), text
            assert ours is not None or theirs is None or theirs.region not in ("US", "CA"), f"{text} is read slowly"
            read += ours is not None
    assert read > 100


@pytest.mark.slow
@pytest.mark.parametrize("spell", SPELLINGS)
@pytest.mark.parametrize("region", ["US", "CA", "BS", "GB", "DO"])
def test_every_spelling_is_read_as_the_library_reads_it(spell: Callable[[str, str, str], str], region: str) -> None:
    for area in (201, 212, 242, 416, 523, 524, 600, 800, 809, 900, 907, 911, 983, 999):
        for exchange in ("200", "211", "410", "555", "999", "011"):
            for line in ("0000", "0123", "9999"):
                text = spell(str(area), exchange, line)
                assert agrees(text, region), text


GAP = r"[ .\-–]{0,3}"
GROUPED = rf"(\+?1{GAP})?(\([2-9][0-9]{{2}}\)|[2-9][0-9]{{2}}){GAP}[2-9][0-9]{{2}}{GAP}[0-9]{{4}}"


@given(st.from_regex(GROUPED, fullmatch=True), st.sampled_from((*COUNTRY_CODE_TO_REGION_CODE[1], "GB", "DE", "MX")))
def test_any_grouping_is_read_as_the_library_reads_it(text: str, region: str) -> None:
    assert agrees(text, region)


@given(st.text(alphabet="0123456789+-. ()–x1", max_size=20))
def test_what_is_no_plain_spelling_is_left_to_the_library(text: str) -> None:
    assert agrees(text, "US")


@pytest.mark.parametrize("text", ["1212555.0000", "+1212555.0000"])
def test_a_spreadsheets_decimals_are_no_digits(text: str) -> None:
    assert nanp.plain(text, "US") is None
    with pytest.raises(BadPhone, match=r"too few digits|no area code"):
        phone(text)


def test_in_the_bahamas_seven_digits_more_are_needed() -> None:
    assert nanp.plain("212 555 0123", "BS") is None
    assert nanp.plain("+1 212 555 0123", "BS") == Plain("+12125550123", "US", PhoneNumberType.FIXED_LINE_OR_MOBILE)


def test_a_plain_premium_number_is_refused_like_any_other() -> None:
    with pytest.raises(BadPhone, match="premium-rate"):
        phone("(900) 234-5678")


def test_an_extension_is_kept_beside_a_plain_number() -> None:
    assert phone("(212) 555-0123 ext. 45") == Phone("+12125550123", "US", phone("2125550123").kind, "45")
