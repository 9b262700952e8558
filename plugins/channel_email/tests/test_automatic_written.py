"""Automatic answers in ten languages, written before the rules: none is taken for a person, and days are read."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime
from pathlib import Path

from fluentsd_channel_email import read_settings
from fluentsd_channel_email.inbound import Reader, Sort
from fluentsd_channel_email.out_of_office.reader import SOME_DAYS

CORPUS = tomllib.loads((Path(__file__).parent / "automatic_written.toml").read_text(encoding="utf-8"))
ANSWERS = [answer for language in CORPUS.values() for answer in language["answers"]]
ON = date(2026, 11, 20)
TOKEN = "0193ab12cd34" + "0123456789abcdef0123"
READER = Reader.of(read_settings({"host": "x", "from": "dana@example.com", "bounce_domain": "b.example.com"}))


def reading(answer: dict[str, str]) -> str | None:
    """What is wrong with the reading, or None."""
    head = ["From: Ada <ada@example.net>", "To: dana@example.com", f"Subject: {answer['subject']}",
            "Date: Fri, 20 Nov 2026 12:00:00 +0000", f"In-Reply-To: <{TOKEN}@b.example.com>",
            "Content-Type: text/plain; charset=utf-8"]  # fmt: skip
    robot = [] if answer.get("bare") else ["Auto-Submitted: auto-replied"]
    arrival = READER.read(("\n".join([*head, *robot]) + "\n\n" + answer["text"]).encode())
    if arrival.sort not in (Sort.automatic, Sort.absence):
        return f"a person's {arrival.sort}"
    (said,) = arrival.inbounds
    away = said.away_until_at
    back = None if away is None else datetime.fromtimestamp(away / 1_000_000, UTC).date()
    named = answer.get("back")
    right = None if named is None else ON + SOME_DAYS if named == "?" else date.fromisoformat(named)
    return None if back == right else f"{back}, not {right}"


def test_the_corpus_has_ten_languages_and_a_hundred_answers():
    assert len(CORPUS) == 11  # and what a second look found
    assert len({(answer["subject"], answer["text"]) for answer in ANSWERS}) == len(ANSWERS) >= 100


def test_no_answer_is_taken_for_a_person_and_the_days_are_right():
    wrong = [(answer["subject"], answer["text"], why) for answer in ANSWERS if (why := reading(answer))]
    assert [one for one in wrong if one[2].startswith("a person's")] == []
    assert len(wrong) <= 1, wrong  # "closed November 26-27. We reopen Monday the 30th": the 28th
