"""Addresses and numbers are taken out of a provider's words; names of fields and codes stay."""

from __future__ import annotations

import pytest

from fluentsd.api import without_personal_data


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Email address ann.lee+x@example.com is invalid", "Email address <address> is invalid"),
        ('{"email":"ann@example.com"}', '{"email":"<address>"}'),
        ("Duplicate phone +1 (415) 555-0101.", "Duplicate phone <number>."),
        ("Duplicate phone 4155550101", "Duplicate phone <number>"),
        ("No such column 'Do_Not_Call_2024001__c'", "No such column 'Do_Not_Call_2024001__c'"),
        ("HTTP 400, at most 500 of 10000", "HTTP 400, at most 500 of 10000"),
    ],
)
def test_what_is_personal_goes_and_the_rest_stays(text: str, left: str) -> None:
    assert without_personal_data(text) == left


def test_a_long_text_is_cut() -> None:
    assert len(without_personal_data("word " * 1000)) == 300
