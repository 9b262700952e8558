"""Typed values become the texts that a table would hold."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from fluentsd.domain.contacts.values import UnknownValue, texts_of


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (None, []),
        ("", []),
        ("  Ann ", ["Ann"]),
        (True, ["true"]),
        (False, ["false"]),
        (0, ["0"]),
        (12125550123, ["12125550123"]),
        (2125550123.0, ["2125550123"]),
        (0.5, ["0.5"]),
        (float("nan"), []),
        (dt.date(2026, 11, 1), ["2026-11-01"]),
        (dt.datetime(2026, 11, 1, 9, 30, tzinfo=dt.UTC), ["2026-11-01T09:30:00+00:00"]),
        (["a", None, 1, ["b"]], ["a", "1", "b"]),
    ],
)
def test_a_value_is_text(value: Any, texts: list[str]) -> None:
    assert texts_of(value) == texts


@pytest.mark.parametrize("value", [{"a": 1}, b"x", [{}]])
def test_what_no_field_has_is_named_by_its_type(value: Any) -> None:
    with pytest.raises(UnknownValue, match=r"a value of the type (dict|bytes) is not supported"):
        texts_of(value)
