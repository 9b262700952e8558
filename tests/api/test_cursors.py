"""A cursor survives as text; texts that were never cursors are refused."""

from __future__ import annotations

import pytest

from fluentsd.api import read_cursor, write_cursor


def test_a_cursor_has_its_parts_again() -> None:
    text = write_cursor("walk", of="list:1", last="7", at=[1, None])
    assert read_cursor(text, "since", "walk") == {"kind": "walk", "of": "list:1", "last": "7", "at": [1, None]}


@pytest.mark.parametrize("text", ["", "nonsense", "7", "[]", "null", '{"kind":"since"}', '{"of":1}'])
def test_another_text_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        read_cursor(text, "walk")
