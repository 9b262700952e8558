"""Texts are counted as the network splits them."""

from __future__ import annotations

import pytest
from fluentsd_channel_sms.segments import count
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("", "GSM-7", 0, 0),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("€" * 80, "GSM-7", 160, 1),
        ("€" * 81, "GSM-7", 162, 2),
        ("€^{}[]~\\|", "GSM-7", 18, 1),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 306, 3),  # the € would be split, so a unit stays empty
        ("Ç", "GSM-7", 1, 1),
        ("ç", "UCS-2", 1, 1),
        ("ñ àé@£\n", "GSM-7", 7, 1),
        ("á", "UCS-2", 1, 1),
        ("\u2019" + "a" * 69, "UCS-2", 70, 1),
        ("\u2019" + "a" * 70, "UCS-2", 71, 2),
        ("😀" * 35, "UCS-2", 70, 1),
        ("😀" * 36, "UCS-2", 72, 2),
        ("😀" * 67, "UCS-2", 134, 3),  # 33 of them in 67 units: none is cut in two
        ("\t", "UCS-2", 1, 1),
    ],
)
def test_known_texts(text, encoding, units, segments):
    counted = count(text)
    assert (counted.encoding, counted.units, counted.segments) == (encoding, units, segments)


def test_typographic_characters_are_named_with_their_remedy():
    counted = count("Don\u2019t miss it \u2014 today")
    assert counted.dear == ("\u2019", "\u2014")
    assert "'\u2019' to \"'\"" in counted.advice
    assert "'\u2014' to '-'" in counted.advice


def test_no_advice_where_typing_cannot_help():
    assert count("Don\u2019t 😀").advice == ""
    assert count("plain").advice == ""


@given(st.text(min_size=1, max_size=1600))
def test_segments_hold_the_text_and_are_no_more_than_needed(text):
    counted = count(text)
    alone, joined = (160, 153) if counted.encoding == "GSM-7" else (70, 67)
    assert counted.units <= (alone if counted.segments == 1 else joined * counted.segments)
    assert counted.segments == 1 or counted.units > (joined - 1) * (counted.segments - 1)
