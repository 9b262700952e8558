"""A person's own words, out of mails as the programs people use write them."""

from __future__ import annotations

import time

import pytest
from fluentsd_channel_email.html_text import answer_of
from fluentsd_channel_email.replies import KEEP_AT_MOST, new_words
from hypothesis import given
from hypothesis import strategies as st

OURS = "Hello Ada,\nshall we talk?\n\n-- \nExample Ltd\nUnsubscribe: https://x.example/u/0123"
QUOTED = "\n".join(f"> {line}".rstrip() for line in OURS.splitlines())


@pytest.mark.parametrize(
    "above",
    [
        "On Mon, Jan 5, 2026 at 3:00 PM Dana <dana@example.com> wrote:",
        "On Mon, Jan 5, 2026 at 3:00 PM Dana from a house with a long name\n<dana@example.com> wrote:",
        "On 5 Jan 2026, at 15:00, Dana <dana@example.com> wrote:",
        "Am Mo., 5. Jan. 2026 um 15:00 Uhr schrieb Dana <\ndana@example.com>:",
        "Am 05.01.26 um 15:00 schrieb Dana:",
        "Le lun. 5 janv. 2026 à 15:00, Dana <dana@example.com> a écrit :",
        "El lun, 5 ene 2026 a las 15:00, Dana (<dana@example.com>) escribió:",
        "Il giorno lun 5 gen 2026 alle ore 15:00 Dana <dana@example.com> ha scritto:",
        "Op ma 5 jan 2026 om 15:00 schreef Dana <dana@example.com>:",
        "Den mån 5 jan. 2026 kl 15:00 skrev Dana <dana@example.com>:",
        "Dana <dana@example.com> wrote:",
    ],
)
@pytest.mark.parametrize("below", [QUOTED, OURS])
def test_what_stands_under_an_attribution_is_ours(above, below):
    assert new_words(f"Yes, call me at 3.\n\n{above}\n\n{below}\n") == "Yes, call me at 3."


@pytest.mark.parametrize(
    "head",
    [
        "-----Original Message-----\nFrom: Dana <dana@example.com>\nSent: Monday",
        "-----Ursprüngliche Nachricht-----\nVon: Dana",
        "________________________________\nFrom: Dana <dana@example.com>\nSent: Monday, January 5, 2026\nTo: A",
        "From: Dana <dana@example.com>\nDate: Monday, January 5, 2026\nTo: Ada",
        "*From:* Dana <dana@example.com>\n*Sent:* Monday",
        "Von: Dana <dana@example.com>\nGesendet: Montag, 5. Januar 2026",
        "De : Dana <dana@example.com>\nEnvoyé : lundi 5 janvier 2026",
        "Begin forwarded message:",
    ],
)
def test_what_stands_under_the_head_of_the_old_mail_is_ours(head):
    assert new_words(f"Yes please.\r\n\r\n{head}\r\n\r\n{OURS}") == "Yes please."


def test_an_answer_between_and_below_quoted_lines_is_read():
    text = f"On Mon, Jan 5, 2026 at 3:00 PM Dana wrote:\n{QUOTED}\n\nYes.\n> more of it\nAnd at 3, please."
    assert new_words(text) == "Yes.\nAnd at 3, please."


def test_our_footer_is_never_the_persons_word():
    assert new_words("Thanks!\n\nUnsubscribe: https://x.example/u/0123") == "Thanks!"
    assert new_words("Thanks!\nUnsubscribe: reply with the word STOP") == "Thanks!"
    assert new_words(QUOTED) == ""


def test_signatures_and_the_names_of_telephones_are_no_words():
    assert new_words("Stop\n\nSent from my iPhone") == "Stop"
    assert new_words("Stop\nGet Outlook for iOS<https://aka.ms/x>") == "Stop"
    assert new_words("Stop\n-- \nAda Lovelace\n1 Road") == "Stop"


@pytest.mark.parametrize(
    "words",
    [
        "On Monday I can, on Tuesday not.",
        "From: what I hear, it is good.",
        "I am from Le Mans; write me at ada@example.com",
        "On second thought: stop",
        "Am I right? He wrote: nothing.",
        "- one\n- two",
    ],
)
def test_words_that_only_look_like_a_head_stay(words):
    assert new_words(words) == words


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ('<div>Yes</div><br><div class="gmail_quote gmail_quote_container"><div class="gmail_attr">On … wrote:', "Yes"),
        ('<p>Yes</p><div id="appendonsend"></div><hr><div id="divRplyFwdMsg">From: Dana</div><p>Hello</p>', "Yes"),
        ('<div>Yes<blockquote type="cite"><div>Hello Ada</div></blockquote></div>', "Yes"),
        ("<blockquote>Hello Ada</blockquote><p>Yes</p>", "Yes"),
        ('<div class="gmail_quote"><blockquote>Hello</blockquote>below: yes</div>', "below: yes"),
        ('<div class="moz-cite-prefix">On … Dana wrote:</div><blockquote>Hello</blockquote><p>Yes</p>',
         "On … Dana wrote:\n\nYes"),
        ("<p>Yes", "Yes"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_words_of_an_html_answer(markup, words):
    assert answer_of(markup) == words


@given(st.text(max_size=2000))
def test_whatever_is_written_no_word_is_made_up(text):
    said = new_words(text)
    assert len(said) <= KEEP_AT_MOST
    assert {line.strip() for line in said.split("\n")} <= {
        line[:600].strip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    } | {""}


@pytest.mark.slow
@pytest.mark.parametrize("line", ["On 1 " * 50_000, "On 1\n" * 50_000, "_" * 200_000, "From: a\n" * 30_000,
                                  "<" * 200_000,
                                  "-" * 200_000, "a <b@" * 40_000, "Am 1 schrieb " * 20_000, "<a " * 60_000,
                                  "<!" * 90_000, "<!--" * 50_000, "&#" * 90_000, "</" * 90_000, "<a href='" * 20_000,
                                  "<a href='>" * 20_000, "<div class=" * 20_000, "<style>" * 30_000, "<?" * 90_000,
                                  "<![CDATA[" * 20_000, "<!x>" * 50_000])  # fmt: skip
def test_a_hostile_text_takes_no_long_time(line):
    began = time.perf_counter()
    new_words(line)
    answer_of(line)
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    "quotation",
    [
        "Od: Sales <sales@example.com>\nWysłano: środa, 25 listopada 2026\nDo: Jan\nTemat: Hi",
        "От: Sales <sales@example.com>\nОтправлено: 25 ноября 2026\nКому: Иван\nТема: Hi",
        "差出人: Sales <sales@example.com>\n送信日時: 2026年11月25日\n宛先: x\n件名: Hi",
        "Kimden: Sales <sales@example.com>\nGönderildi: x\nKime: y\nKonu: z",
        "ср, 25 нояб. 2026 г. в 10:00, Sales <sales@example.com>:",
        "2026年11月25日(水) 10:00 Sales <sales@example.com>:",
        "25 нояб. 2026, Sales пишет:",
        "----- Исходное сообщение -----",
        "----- Ursprungligt meddelande -----",
    ],
)
def test_a_quotation_is_known_by_its_form_in_any_language(quotation):
    assert new_words(f"Tak, proszę dzwonić.\n\n{quotation}\n\nHello, reply STOP to opt out") == "Tak, proszę dzwonić."


def test_a_signature_with_an_address_is_no_quotation():
    text = "Call me.\n\nE-mail: me@example.com\nsee you"
    assert new_words(text) == text
