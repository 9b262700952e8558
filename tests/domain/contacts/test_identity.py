"""When two rows are the same person: names first, then points, the same in every order of the rows."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluentsd.domain.contacts.identity import (
    Likeness,
    Profile,
    choose,
    identities,
    in_words,
    is_same_person,
    likeness,
    name_in,
    named_among,
    tell_apart,
)
from fluentsd.domain.contacts.names import comparable


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Ann Poe", "ANN  POE", "same"),
        ("Ann Poe", "Poe Ann", "same"),
        ("Ann", "Ann Poe", "same"),
        ("Ann Marie Poe", "Ann Poe", "same"),
        ("Dr. Ann Poe, MD", "Ann M Poe", "same"),
        ("Siân O'Neill", "sian oneill", "same"),
        ("Bob Smith", "Robert Smith", "same"),
        ("Liz", "Elizabeth Poe", "same"),
        ("Anne-Marie Poe", "Anne Marie Poe", "same"),
        ("John Poe Jr", "John Poe Sr", "different"),
        ("Ann Poe", "Bob Poe", "different"),
        ("Carl Poe", "Carla Poe", "different"),
        ("P1", "P10", "different"),
        ("Mary Smith", "Mary Jones", "different"),
        ("A. Poe", "Ann Poe", "open"),
        ("A. Poe", "Bob Poe", "different"),
        ("Poe", "Ann Poe", "open"),
        ("", "Ann Poe", "open"),
        ("N/A Unknown", "Ann Poe", "open"),
        ("Mr.", "Ann Poe", "open"),
    ],
)
def test_names_are_compared_as_people_write_them(one: str, other: str, expected: str) -> None:
    words = comparable(one.replace("N/A", "NA")), comparable(other)
    assert likeness(*words).name == expected
    assert likeness(*reversed(words)).name == expected


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_comparison_has_no_order_and_every_name_is_like_itself(one: str, other: str) -> None:
    first, second = comparable(one), comparable(other)
    assert likeness(first, second) == likeness(second, first)
    assert likeness(first, first) == (Likeness.same if first else Likeness.open)


def test_the_name_in_the_fields_is_the_full_one_or_its_parts() -> None:
    assert name_in({"first_name": "Ann", "last_name": "Poe"}) == ("ann", "poe")
    assert name_in({"first_name": "Ann", "full_name": "Ann Poe"}) == ("ann", "poe")
    assert name_in({"company": "Poe & Sons"}) == ()


def row(name: str, *points: str, id: str = "") -> Profile:
    kinds = {("email" if "@" in point else "phone", point) for point in points}
    return Profile(kinds, [comparable(name)], {id} if id else set())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        # a household and a switchboard
        (row("Ann Poe", "X", "ann@"), row("Bob Poe", "X", "bob@"), False),
        (row("Ann Poe", "X", "info@"), row("Bob Roe", "Y", "info@"), False),
        (row("Ann Poe", "X", "ann@"), row("Bob Poe", "X"), False),
        # one person, written twice
        (row("Ann Poe", "X", "ann@"), row("ANN POE", "X"), True),
        (row("Ann Poe", "X", "ann@"), row("", "X"), True),
        (row("", "X", "ann@"), row("", "X"), True),
        (row("Ann Poe", "X", "ann@"), row("Ann Poe", "X", "other@"), True),
        (row("Ann Poe", "X"), row("Ann Poe", "Y"), False),
        # names are missing, or leave it open: a household is plausible when both have their own mailbox or phone
        (row("", "X", "ann@"), row("", "X", "bob@"), False),
        (row("", "X", "ann@"), row("Bob Poe", "X", "bob@"), False),
        (row("", "X", "info@"), row("", "Y", "info@"), False),
        (row("A. Poe", "X", "ann@"), row("Ann Poe", "X", "ann.poe@"), False),
        (row("A. Poe", "X"), row("Ann Poe", "X", "ann@"), True),
        (row("", "X", "Y", "ann@"), row("", "Y", "Z", "ann@"), True),
        # nothing but the name tells them apart
        (row("Jhon Poe", "X", "john@"), row("John Poe", "X", "john@"), True),
        (row("Ann Poe", "X"), row("Bob Poe", "X"), True),
        (row("Ann Poe", "X", id="1"), row("Bob Poe", "X", id="2"), False),
        # ids of the source
        (row("Ann Poe", "X", id="1"), row("Bob Roe", "Y", id="1"), True),
        (row("Ann Poe", "X", id="1"), row("Ann Poe", "X", id="2"), True),
        (row("Ann Poe", "X", id="1"), row("Bob Poe", "X"), True),
    ],
)
def test_the_rule(one: Profile, other: Profile, same: bool) -> None:
    assert is_same_person(one, other) is same
    assert is_same_person(other, one) is same


def test_of_several_the_one_with_the_name_is_meant_then_the_nearest_then_the_oldest() -> None:
    ann, bob = row("Ann Poe", "X", "ann@"), row("Bob Poe", "X", "bob@")
    assert choose(row("Bob Poe", "X"), {1: ann, 2: bob}) == 2
    assert choose(row("", "X", "bob@"), {1: ann, 2: bob}) == 2
    assert choose(row("", "X"), {2: bob, 1: ann}) == 1
    assert choose(row("Carl Poe", "X"), {1: ann, 2: bob}) is None
    assert choose(row("Bob Poe", "Y"), {1: ann, 2: bob}) is None


FAMILY = (
    row("Ann Poe", "X", "ann@"), row("Bob Poe", "X", "bob@"), row("", "X"), row("ann poe", "ann@"),
    row("Carl Roe", "Y", "bob@"),
)  # fmt: skip


def test_the_order_of_the_rows_does_not_matter() -> None:
    for rows in permutations(FAMILY):
        assert tell_apart(rows).shared == {"phone": 1, "email": 1}, rows


def test_points_of_several_people_are_counted_in_words() -> None:
    assert in_words({}) == in_words({"phone": 0}) == ""
    assert in_words({"phone": 1}) == "1 phone belongs to several people"
    assert in_words({"phone": 3}) == "3 phones belong to several people"
    assert in_words({"email": 2, "phone": 1}) == "1 phone and 2 mailboxes belong to several people"


def test_a_person_beside_others_is_known_by_point_and_name_or_by_all_points_together() -> None:
    assert identities(["X", "a@"], [("ann", "poe"), ()]) == {"X": ["X\nann poe"], "a@": ["a@\nann poe"]}
    assert identities(["X", "a@"], [()]) == {"X": ["X\na@\n"], "a@": ["X\na@\n"]}
    assert "X" not in identities(["X"], [])["X"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(212) 555-0101", "+12125550101"),
        ("+1 212.555.0101 ext. 7", "+12125550101"),
        ("212-555-0199; 212-555-0101 (mobile)", "+12125550101"),
        ("020 7946 0018", "+442079460018"),
        ("+44 (0)20 7946 0018", "+442079460018"),
        ("0049 30 901820", "+4930901820"),
        ("Ann <Ann@Example.com>, joe@example.com", "ann@example.com"),
    ],
)
def test_a_field_names_a_point_however_it_is_written(text: str, value: str) -> None:
    point = ("email" if "@" in value else "phone", value)
    others = [("phone", "+12125550177"), ("email", "nn@example.com")]
    assert named_among([point, *others], {"other": text}) == {point}


def test_a_short_number_in_a_field_names_no_phone() -> None:
    assert named_among([("phone", "+12125550101")], {"score": "101", "room": "50101", "zip": "0101"}) == set()
