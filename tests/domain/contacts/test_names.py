"""A name is tidied and never made up."""

from __future__ import annotations

import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fluentsd.domain.contacts.names import _NONE, Names, names


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        (("DOE, JANE",), Names("Jane", "Doe", "Jane Doe")),
        (("Doe, Jane M.",), Names("Jane", "Doe", "Jane M. Doe")),
        (("Jane Doe",), Names("Jane", "Doe", "Jane Doe")),
        (("Jane Doe, MD",), Names("Jane", "Doe", "Jane Doe, MD")),
        (("Dr. Jane M. van der Berg Jr.",), Names("Jane", "van der Berg", "Dr. Jane M. van der Berg Jr.")),
        (("Mr. Smith",), Names("", "Smith", "Mr. Smith")),
        (("Cher",), Names("Cher", "", "Cher")),
        (("McDonald, Ronald",), Names("Ronald", "McDonald", "Ronald McDonald")),
        (("RONALD MCDONALD",), Names("Ronald", "McDonald", "Ronald McDonald")),
        (("ANNE-MARIE O'BRIEN",), Names("Anne-Marie", "O'Brien", "Anne-Marie O'Brien")),
        (("JOHN SMITH III",), Names("John", "Smith", "John Smith III")),
        (("", "JP", "Smith"), Names("JP", "Smith", "JP Smith")),
        (("", "Jean", "DUPONT"), Names("Jean", "Dupont", "Jean Dupont")),
        (("", "DeShawn", "MacLeod"), Names("DeShawn", "MacLeod", "DeShawn MacLeod")),
        (("jane doe",), Names("Jane", "Doe", "Jane Doe")),
        (("", "mary-jane", "o'neil"), Names("Mary-Jane", "O'Neil", "Mary-Jane O'Neil")),
        (("", "ana", "de la cruz"), Names("Ana", "de la Cruz", "Ana de la Cruz")),
        (("", "élodie", "Dupont"), Names("Élodie", "Dupont", "Élodie Dupont")),
        (("mary's dad",), Names("Mary's", "Dad", "Mary's Dad")),
        (("", "MR JOHN", "SMITH"), Names("John", "Smith", "John Smith")),
        (("", "Dr. Jane", "Doe"), Names("Jane", "Doe", "Jane Doe")),
        (("", "Mr. & Mrs.", "Doe"), Names("", "Doe", "Doe")),
        (("", "Ms.", "Doe"), Names("", "Doe", "Doe")),
        (("", "Doe, Jane", ""), Names("Jane", "Doe", "Jane Doe")),
        (("", "", "Doe"), Names("", "Doe", "Doe")),
        (("", "  Jane \t", " Doe\n"), Names("Jane", "Doe", "Jane Doe")),
        (("\u202eJane\u202c Doe",), Names("Jane", "Doe", "Jane Doe")),
        (("Doe, Jane", "Jane", "Doe"), Names("Jane", "Doe", "Jane Doe")),
        (("",), Names("", "", "")),
    ],
)
def test_names_are_tidied(given_, expected):
    assert names(*given_) == expected


@pytest.mark.parametrize(
    "full", ["John & Jane Doe", "Doe, John & Jane", "山田 太郎", "jane@example.com", "Jane2 Doe", ","]
)
def test_a_name_that_cannot_be_split_for_certain_is_left_whole(full):
    assert names(full) == Names("", "", full)


@given(st.text(alphabet=string.ascii_letters + " '-.", max_size=30))
def test_names_add_and_lose_no_letters(full):
    assume(any(map(str.isalpha, full)) and " ".join(full.split()).casefold() not in _NONE)
    assert names(full).full.casefold() == " ".join(full.split()).casefold()
