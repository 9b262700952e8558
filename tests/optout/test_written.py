"""Replies in ten languages, written before the rules: opt-outs missed and texts misheard, and of the holdout."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from fluentsd_channel_email import read_settings
from fluentsd_channel_email.inbound import Reader, Sort

from fluentsd.api import is_reaction
from fluentsd.optout import asks_to_stop

CORPUS = tomllib.loads((Path(__file__).parent / "written.toml").read_text(encoding="utf-8"))
READER = Reader.of(read_settings({"host": "x", "from": "dana@example.com", "bounce_domain": "b.example.com"}))
#: Opt-outs missed and others misheard, of all texts and of the holdout.
MISSED, MISHEARD = {"all": 3, "holdout": 3}, {"all": 1, "holdout": 1}
REACTIONS_UNHEARD = {"all": 1, "holdout": 1}


def texts(kind: str, part: str) -> list[str]:
    """The texts of a kind: `all`, or every third, by which no rule is changed."""
    every = [text for language in CORPUS.values() for text in language[kind]]
    return every if part == "all" else every[2::3]


def heard(text: str) -> bool:
    return not is_reaction(text) and asks_to_stop(text)


def heard_in_mail(body: str) -> bool:
    head = "From: Ada <ada@example.net>\nTo: dana@example.com\nSubject: Re: Your quote"
    mail = f"{head}\nDate: Fri, 20 Nov 2026 12:00:00 +0000\nContent-Type: text/plain; charset=utf-8\n\n{body}"
    return READER.read(mail.encode()).sort == Sort.unsubscribe


def test_the_corpus_has_ten_languages_and_two_hundred_replies():
    every = [text for language in CORPUS.values() for held in language.values() for text in held]
    assert len(CORPUS) == 10
    assert len(set(every)) == len(every) >= 200


@pytest.mark.parametrize("part", ["all", "holdout"])
def test_opt_outs_missed(part):
    missed = [text for text in texts("stop", part) if not heard(text)]
    missed += [text for text in texts("mail_stop", part) if not heard_in_mail(text)]
    assert len(missed) <= MISSED[part], missed


@pytest.mark.parametrize("part", ["all", "holdout"])
def test_others_misheard(part):
    misheard = [text for text in texts("go_on", part) + texts("reaction", part) if heard(text)]
    misheard += [text for text in texts("mail_go_on", part) if heard_in_mail(text)]
    assert len(misheard) <= MISHEARD[part], misheard


@pytest.mark.parametrize("part", ["all", "holdout"])
def test_reactions_are_no_replies(part):
    unheard = [text for text in texts("reaction", part) if not is_reaction(text)]
    assert len(unheard) <= REACTIONS_UNHEARD[part], unheard
