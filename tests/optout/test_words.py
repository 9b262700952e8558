"""Opt-outs in free text: none in the corpus is missed, and very few false ones are found."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluentsd import api
from fluentsd.optout import READ_AT_MOST, asks_to_stop, plain

CORPUS = tomllib.loads((Path(__file__).parent / "replies.toml").read_text(encoding="utf-8"))


def replies(kind: str) -> list[str]:
    return [reply for group in CORPUS[kind].values() for reply in group["replies"]]


def test_the_corpus_is_large_and_says_nothing_twice():
    every = replies("stop") + replies("go_on")
    assert len(every) >= 500
    assert not set(replies("stop")) & set(replies("go_on"))
    assert len(set(every)) == len(every)


def test_no_request_is_missed():
    assert [reply for reply in replies("stop") if not asks_to_stop(reply)] == []


def test_at_most_one_in_fifty_is_misheard():
    misheard = [reply for reply in replies("go_on") if asks_to_stop(reply)]
    assert len(misheard) / len(replies("go_on")) <= 0.02, misheard


@given(st.sampled_from(replies("stop")), st.sampled_from(["{}!!!", "  {}\n", "{} 🙄", "Hi. {}", "{}. Thanks", "¡{}!"]))
def test_a_request_is_heard_whatever_stands_around_it(reply, around):
    assert asks_to_stop(around.format(reply))


@given(st.sampled_from(replies("stop")))
def test_a_request_is_heard_in_capitals_and_with_typographic_apostrophes(reply):
    assert asks_to_stop(reply.upper())
    assert asks_to_stop(reply.replace("'", "\u2019"))


@given(st.text())
def test_any_text_is_plain_in_the_end(text):
    words = plain(text)
    assert words.startswith("|")
    assert words.endswith("|")
    assert words == " ".join(words.split())


@pytest.mark.parametrize(
    "piece",
    [
        "stop the ",
        "no ",
        "it ",
        "ya no ",
        "| ",
        "a ",
        "dont ",
        "s.t.",
        "take my ",
        "want to ",
        "opt a ",
        "🛑",
        "もう",
        "nao quero ",
        "wenn ich ",
    ],
)
def test_no_text_takes_long_to_read(piece):
    began = time.process_time()
    asks_to_stop(piece * READ_AT_MOST)
    assert time.process_time() - began < 0.2


def test_plugins_reach_it():
    assert api.asks_to_stop("please take me off your list")
    assert not api.asks_to_stop("I'll stop by tomorrow")
