"""What a model answers is checked against its schema; a null is a value that was left out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fluentsd.api import read_json

SCHEMA = {
    "type": "object", "required": ["summary"],
    "properties": {
        "summary": {"type": "string"}, "disposition": {"type": "string", "enum": ["interested"]}, "any": {},
        "fields": {"type": "object", "properties": {"budget": {"type": "number"}, "soon": {"type": "boolean"}}},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"summary": "x", "disposition": None, "fields": None}, {"summary": "x"}),
        ({"summary": "x", "fields": {"budget": None, "soon": True}}, {"summary": "x", "fields": {"soon": True}}),
        ({"summary": "x", "any": None}, {"summary": "x", "any": None}),  # a schema without a type has null, too
    ],
)
def test_a_null_is_what_the_model_left_out(given: dict[str, Any], kept: dict[str, Any]) -> None:
    assert read_json(json.dumps(given), SCHEMA) == kept


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"summary": None}, "must be of type string"),
        ({"summary": "x", "strange": None}, "have no strange"),
        ({"summary": "x", "fields": {"strange": None}}, "have no strange"),
        ({"summary": "x", "fields": {"budget": "a lot"}}, "must be of type number"),
        (None, "not an object"),
    ],
)
def test_a_null_opens_no_door(given: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_json(json.dumps(given), SCHEMA)
