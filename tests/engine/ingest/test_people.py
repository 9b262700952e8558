"""People of a batch: right ones are taken as they are, what no database stores is cleaned, and the rest is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fluentsd.domain.contacts.upserts import ContactUpsert
from fluentsd.engine.ingest.import_run import Malformed
from fluentsd.engine.ingest.people import upserts_of
from fluentsd.fronts.control.protocol import encode
from tests.domain.contacts.test_upserts import of_record

ANN: dict[str, Any] = {
    "key": "17",
    "points": [["phone", "+12125550123"], ["email", "ann@example.com"]],
    "zones": ["America/New_York"],
    "zone_basis": "area code",
    "states": ["US-NY"],
    "conflict": False,
    "language": "en",
    "fields": '{"first_name":"Ann"}',
    "opt_outs": [["sms", "DNC: yes"]],
}


def one(**more: Any) -> ContactUpsert:
    (upsert,) = upserts_of([ANN | more])
    return upsert


def test_a_right_person_is_taken_as_it_is() -> None:
    assert one() == ContactUpsert(
        "17", (("phone", "+12125550123"), ("email", "ann@example.com")), ("America/New_York",), "area code", ("US-NY",),
        False, "en", '{"first_name":"Ann"}', (("sms", "DNC: yes"),),
    )  # fmt: skip
    assert one(fields={"first_name": "Ann"}).fields == ANN["fields"]
    assert one(opt_outs=None).opt_outs == ()


def test_texts_that_no_database_stores_are_cleaned() -> None:
    assert one(fields='{"note":"a\\u0000b"}').fields == '{"note":"a�b"}'
    assert json.loads(one(fields={"note": "a\ud800b"}).fields) == {"note": "a�b"}
    assert one(points=[["email", "a\0@example.com"]]).points == (("email", "a�@example.com"),)
    assert one(opt_outs=[["*", "no\0"]]).opt_outs == (("*", "no�"),)
    assert one(key="1\0", language="e\udfff").key == "1�"
    assert one(fields='{"note":"a\\\\u0000b"}').fields == '{"note":"a\\\\u0000b"}', "a backslash and a word, as typed"


@pytest.mark.parametrize(
    "wrong",
    [
        {"points": []}, {"points": "+12125550123"}, {"points": [["phone"]]}, {"points": [["fax", "1"]]},
        {"points": [["phone", ""]]}, {"points": [["phone", 1]]}, {"points": [{"phone": "1"}]}, {"points": {"a": 1}},
        {"key": None}, {"key": 1}, {"zones": "America/New_York"}, {"zones": [1]}, {"zones": ["Mars/Base"]},
        {"zones": {"a": 1}}, {"states": ["US-NY,US-NJ"]}, {"states": [["US-NY"]]}, {"language": "x" * 17},
        {"zone_basis": None}, {"zone_basis": "x" * 33}, {"conflict": 1}, {"fields": "[]"}, {"fields": "{} {}"},
        {"fields": "{"}, {"fields": '{"a":1}'}, {"fields": {"a": ["b"]}}, {"fields": 7}, {"fields": "[" * 100_000},
        {"opt_outs": "sms"}, {"opt_outs": [["fax", "no"]]}, {"opt_outs": [["sms", 1]]}, {"opt_outs": [["sms"]]},
    ],
)  # fmt: skip
def test_a_malformed_person_is_named_by_place_only(wrong: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="person 1 of the batch") as refusal:
        upserts_of([ANN, ANN | wrong])
    assert "2125550123" not in str(refusal.value)


@pytest.mark.parametrize("wrong", [None, [], "Ann", 7])
def test_who_is_no_object_is_refused(wrong: object) -> None:
    with pytest.raises(Malformed, match="person 0 of the batch is not an object"):
        upserts_of([wrong])


def test_upserts_of_this_process_are_taken_as_they_are() -> None:
    people = [of_record(), of_record("18", first_name="Ann")]
    assert upserts_of(people) is people
    with pytest.raises(Malformed, match="person 0 of the batch is not an object"):
        upserts_of([people[0], ANN])


def test_a_person_is_the_same_after_the_control_socket() -> None:
    ann = of_record(first_name="Ann", mail="ann@example.com", note="ä\n", tongue="en")
    (sent,) = json.loads(encode({"people": [ann]}))["people"]
    (received,) = upserts_of([sent])
    assert (*received.points,) == (*ann.points,)
    ann.points = received.points
    assert received == ann
