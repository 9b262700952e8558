"""Automatic replies: absences with their end, and replies that only prove the arrival of our mail."""

from __future__ import annotations

import time
import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from fluentsd_channel_email.inbound import Arrival, Reader, Sort
from fluentsd_channel_email.out_of_office.dates import mentions, plain
from fluentsd_channel_email.out_of_office.reader import SOME_DAYS, back_on
from fluentsd_channel_email.settings import read_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from fluentsd.api import Inbound, Outcome

CORPUS = tomllib.loads((Path(__file__).parent / "automatic.toml").read_text(encoding="utf-8"))
ANSWERS = [(group, answer) for group, held in CORPUS.items() for answer in held["answers"]]
USUAL_DAY = "2026-11-20"
TOKEN = "0193ab12cd34" + "0123456789abcdef0123"
READER = Reader.of(read_settings({"host": "x", "from": "dana@example.com", "bounce_domain": "b.example.com"}))


def read(answer, **headers):
    """The answer as a mail that comes back."""
    on = datetime.fromisoformat(answer.get("on", USUAL_DAY)).replace(hour=12, tzinfo=UTC)
    said = {"From": "Ada <ada@example.net>", "To": "dana@example.com", "Subject": answer["subject"],
            "Date": f"{on:%a, %d %b %Y %H:%M:%S} +0000", "In-Reply-To": f"<{TOKEN}@b.example.com>",
            "Auto-Submitted": "auto-replied", "Content-Type": "text/plain; charset=utf-8"}  # fmt: skip
    said |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in said.items() if value is not None]
    return READER.read(("\n".join(lines) + "\n\n" + answer["text"]).encode())


def midnight(day):
    return round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1_000_000)


def test_the_corpus_is_large_and_says_nothing_twice():
    assert len(ANSWERS) >= 80
    assert len({(answer["subject"], answer["text"]) for _, answer in ANSWERS}) == len(ANSWERS)
    assert {"german", "spanish", "french", "portuguese", "italian", "dutch"} < CORPUS.keys()


@pytest.mark.parametrize(("group", "answer"), ANSWERS, ids=lambda value: value if isinstance(value, str) else "")
def test_every_answer_is_understood(group, answer):
    arrival = read(answer)
    if group == "not_arrived":
        assert arrival == Arrival(Sort.automatic)
        return
    (said,) = arrival.inbounds
    assert (said.outcome, said.token, said.text) == (Outcome.delivered, TOKEN, "")
    on = date.fromisoformat(answer.get("on", USUAL_DAY))
    if group == "no_absence":
        assert (arrival.sort, said.away_until_at) == (Sort.automatic, None)
    else:
        back = on + SOME_DAYS if answer["back"] == "?" else date.fromisoformat(answer["back"])
        assert (arrival.sort, said.away_until_at) == (Sort.absence, midnight(back))


AWAY = {"subject": "Hello", "text": "I am out of the office and back on 30 November."}


@pytest.mark.parametrize(
    "robot",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated"},
        {"X_Autoreply": "yes"},
        {"X_MS_Exchange_Generated_Message_Source": "Mailbox Rules Agent"},
        {"X_MS_Exchange_Inbox_Rules_Loop": "ada@example.net"},
        {"Return_Path": "<>"},
        {"Subject": "Out of Office: Hello"},
        {"Subject": "=?utf-8?q?R=C3=A9ponse_automatique_=3A_Hello?="},
        {"Subject": "Abwesend"},
    ],
)
def test_robots_are_known_by_what_they_say_of_themselves(robot):
    arrival = read(AWAY, **{"Auto_Submitted": None} | robot)
    assert arrival.sort == Sort.absence
    assert arrival.inbounds[0].away_until_at == midnight(date(2026, 11, 30))


def test_a_person_who_writes_of_an_absence_has_replied():
    arrival = read(AWAY, Auto_Submitted=None)
    assert (arrival.sort, arrival.inbounds[0].outcome) == (Sort.reply, Outcome.replied)
    assert arrival.inbounds[0].away_until_at is None


def test_our_own_mail_quoted_below_or_named_in_the_subject_says_nothing_of_them():
    quoted = (
        "Thank you, we have your message.\n\nOn Fri, 20 Nov 2026, Dana wrote:\n> I am out of the office until 30 Nov"
    )
    assert read(AWAY | {"text": quoted}).inbounds[0].away_until_at is None
    ours = AWAY | {"subject": "Automatic reply: We are out of office until 24 December", "text": "Got it."}
    assert read(ours).inbounds[0].away_until_at is None


def test_an_absence_without_our_token_counts_by_address_and_other_automatic_replies_prove_nothing():
    (said,) = read(AWAY, In_Reply_To=None).inbounds
    assert (said.token, said.address) == (None, "ada@example.net")
    assert read(AWAY | {"text": "We have your message."}, In_Reply_To=None) == Arrival(Sort.automatic)
    assert read(AWAY, In_Reply_To=None, List_Id="<news.example>") == Arrival(Sort.automatic)
    assert read(AWAY, In_Reply_To=None, From=None) == Arrival(Sort.automatic)


@pytest.mark.parametrize(
    "more",
    [
        {"From": "MAILER-DAEMON@mx.example.net"},
        {"From": "postmaster@example.net"},
        {"Content_Type": "multipart/report; report-type=disposition-notification; boundary=B"},
    ],
)
def test_what_servers_say_proves_no_arrival(more):
    assert read(AWAY | {"text": "About your message."}, **more) == Arrival(Sort.automatic)


def test_the_day_is_the_writers_own_or_the_servers_stamp():
    tomorrow = AWAY | {"text": "I am out of the office and back tomorrow."}
    for stamp, back in (("Fri, 20 Nov 2026 23:30:00 -0800", 21), ("Sat, 21 Nov 2026 01:00:00 +1100", 22)):
        assert read(tomorrow, Date=stamp).inbounds[0].away_until_at == midnight(date(2026, 11, back))
    stamped = read(tomorrow, Date=None, Received="from x by y; Fri, 20 Nov 2026 23:30:00 +0000")
    assert stamped.inbounds[0].away_until_at == midnight(date(2026, 11, 21))
    assert read(tomorrow, Date="yesterday").inbounds[0] == Inbound(
        Outcome.delivered, token=TOKEN, reason="automatic answer"
    )


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("2026-11-30", ["2026-11-30"]),
        ("30.11.", ["2026-11-30"]),
        ("30. 11. 2026", ["2026-11-30"]),
        ("12/1", ["2027-01-12", "2026-12-01"]),
        ("13/1", ["2027-01-13"]),
        ("1/13", ["2027-01-13"]),
        ("1/10", ["2026-10-01", "2027-01-10"]),
        ("1st of December, 2026", ["2026-12-01"]),
        ("Dec. 1st", ["2026-12-01"]),
        ("1º de dezembro de 2026", ["2026-12-01"]),
        ("29 February", []),
        ("29 February 2028", ["2028-02-29"]),
        ("31.11.2026", []),
        ("24/7", []),
        ("at 10.12 Uhr", []),
        ("555-0100", []),
        ("version 3.11.4", []),
        ("10.0.12.1", []),
    ],
)
def test_days_are_read_as_people_write_them(text, days):
    found = mentions(plain(text), date(2026, 11, 20), day_first=False)
    assert [day.isoformat() for mention in found for day in mention.days] == days


@given(st.dates(date(2026, 1, 1), date(2028, 12, 31)), st.integers(1, 200))
def test_a_day_without_a_year_is_the_one_that_comes(on, ahead):
    day = on + timedelta(days=ahead)
    for text in (f"{day.day} {day:%B}", f"{day:%b} {day.day}", f"{day.day}.{day.month}."):
        (mention,) = mentions(plain(text), on, day_first=True)
        assert mention.days == (day,)
    assert back_on("Away", f"I am out of the office and back on {day:%B} {day.day}.", on) == day
    assert back_on("Away", f"I am out of the office until {day.day} {day:%b}.", on) == day + timedelta(days=1)


@settings(max_examples=300)
@given(st.text(max_size=300), st.text(max_size=60), st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_whatever_is_written_nothing_is_raised(text, subject, on):
    back_on(subject, f"out of the office {text}", on)


@pytest.mark.parametrize(
    "piece", ["1 ", "1/", "1.", "1 to ", "nov ", "november 1 ", "1 november ", "until the the ", "und mit dienst",
              "on, ", "montag, den ", "for the next ", ". ", "1.! 1/", "\n\n", "12/1 ", "back "]
)  # fmt: skip
def test_a_hostile_text_costs_little(piece):
    began = time.process_time()
    back_on("out of office", f"out of the office {piece * 50_000}", date(2026, 11, 20))
    assert time.process_time() - began < 0.5
