"""Replies in ten languages, written before the rules: none is missed and none misheard."""

from __future__ import annotations

import tomllib
from pathlib import Path

from fluentsd_channel_email.inbound import Reader, Sort
from fluentsd_channel_email.settings import read_settings

from fluentsd.api import is_reaction
from fluentsd.optout import asks_to_stop

CORPUS = tomllib.loads((Path(__file__).parent / "written.toml").read_text(encoding="utf-8"))
FURTHER = tomllib.loads((Path(__file__).parent / "further.toml").read_text(encoding="utf-8"))
READER = Reader.of(read_settings({"host": "x", "from": "dana@example.com", "bounce_domain": "b.example.com"}))


def texts(kind: str) -> list[str]:
    return [text for language in CORPUS.values() for text in language[kind]]


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


def test_no_opt_out_is_missed():
    assert [text for text in texts("stop") if not heard(text)] == []
    assert [text for text in texts("mail_stop") if not heard_in_mail(text)] == []


def test_no_other_text_is_misheard():
    assert [text for text in texts("go_on") + texts("reaction") if heard(text)] == []
    assert [text for text in texts("mail_go_on") if heard_in_mail(text)] == []


def test_the_further_lists_are_heard_too():
    assert [text for held in FURTHER.values() for text in held["stop"] if not heard(text)] == []
    assert [text for held in FURTHER.values() for text in held["go_on"] if heard(text)] == []


def test_reactions_are_no_replies():
    assert [text for text in texts("reaction") if not is_reaction(text)] == []
