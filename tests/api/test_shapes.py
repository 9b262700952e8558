"""The documented form of an answer: what is missing or of another kind is said in one plain sentence."""

from __future__ import annotations

from typing import Any

import pytest

from fluentsd.api import COUNT, FLAG, ID, NUMBER_ID, TEXT, Malformed, Maybe, Shape, count_of, malformed, mismatch

PAGE: Shape = {"results": [{"id": ID, "name": Maybe(TEXT)}], "more": Maybe(FLAG), "paging": Maybe({"total": COUNT})}


@pytest.mark.parametrize(
    "body",
    [
        {"results": []},
        {"results": [{"id": "1"}, {"id": 2, "name": None, "other": []}], "more": None},
        {"results": [], "more": False, "paging": {"total": "12"}},
    ],
)
def test_an_answer_of_the_form_is_accepted(body: Any) -> None:
    assert mismatch(body, PAGE) == ""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, "it is null, not an object"),
        ([], "it is a list, not an object"),
        ("<html>", "it is text, not an object"),
        ({}, 'it has no "results"'),
        ({"results": None}, '"results" is null, not a list'),
        ({"results": {"id": 1}}, '"results" is an object, not a list'),
        ({"results": [None]}, 'an entry of "results" is null, not an object'),
        ({"results": [{"name": "A"}]}, 'an entry of "results" has no "id"'),
        ({"results": [{"id": ""}]}, '"id" is text, not an id (in an entry of "results")'),
        ({"results": [{"id": True}]}, '"id" is true or false, not an id (in an entry of "results")'),
        ({"results": [], "more": "yes"}, '"more" is text, not true or false'),
        ({"results": [], "paging": {}}, '"paging" has no "total"'),
        ({"results": [], "paging": {"total": -1}}, '"total" is a number, not a count (in "paging")'),
    ],
)
def test_another_form_is_named(body: Any, words: str) -> None:
    assert mismatch(body, PAGE) == words


def test_the_number_of_a_record_is_digits() -> None:
    assert [mismatch(one, NUMBER_ID) for one in (7, "7")] == ["", ""]
    assert mismatch("x7", NUMBER_ID)


@pytest.mark.parametrize(
    ("given", "count"), [(3, 3), ("3", 3), (3.0, 3), (3.5, None), (-1, None), (True, None), (None, None), ("³", None)]
)
def test_a_count_is_a_whole_number(given: Any, count: int | None) -> None:
    assert count_of(given) == count


def test_the_error_names_provider_call_and_fault() -> None:
    error = malformed("Acme", "GET /people", 'it has no "results"')
    assert isinstance(error, Malformed)
    assert str(error).startswith('Acme\'s answer to GET /people cannot be used: it has no "results". Nobody leaves')
