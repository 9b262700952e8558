"""The bytes of a mail: readable, with its attempt's token, and without injected headers."""

from __future__ import annotations

from email import message_from_bytes, policy

import pytest
from fluentsd_channel_email.addressing import BadAddress, read_address, read_mailbox
from fluentsd_channel_email.compose import compose, message_findings
from fluentsd_channel_email.html_text import text_of
from fluentsd_channel_email.settings import read_settings
from hypothesis import given
from hypothesis import strategies as st

from fluentsd.api import Attempt, Message

AT = 1_767_625_200_000_000


def letter(config=None, token="t1", link=None, **words):
    settings = read_settings({"host": "mail.example.com", "from": "Dana <dana@example.com>", **(config or {})})
    message = Message("email", **{"to": "ada@example.com", "subject": "Hello", "text": "How are you?", **words})
    return compose(settings, message, Attempt(token, "email", message.to, 0), AT, link)


def parsed(made):
    return message_from_bytes(made.data.replace(b"\r\n", b"\n"), policy=policy.default)


def test_the_headers_are_what_a_bulk_sender_owes():
    mail = parsed(letter({"reply_to": "Sales <sales@example.com>"}))
    assert mail["From"] == "Dana <dana@example.com>"
    assert mail["Reply-To"] == "Sales <sales@example.com>"
    assert mail["Date"] == "Mon, 05 Jan 2026 15:00:00 +0000"
    assert mail["Message-ID"] == "<t1@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] is None


def test_a_message_may_have_a_from_and_a_reply_to_of_its_own():
    own = {"sender": "Kim <kim@example.com>", "reply_to": "Desk <desk@example.net>"}
    mail = parsed(letter({"reply_to": "sales@example.com"}, **own))
    assert (mail["From"], mail["Reply-To"]) == (own["sender"], own["reply_to"])
    assert parsed(letter({"from_domains": ["example.org"]}, sender="kim@example.org"))["From"] == "kim@example.org"


@pytest.mark.parametrize(
    ("own", "why"),
    [
        ({"sender": "kim@example.org"}, "example.org is not an allowed From domain"),
        ({"sender": "Kim"}, "the sender is not a valid address"),
        ({"sender": "Kim <kim@example.com>\r\nBcc: all@example.com"}, "the sender is not a valid address"),
        ({"reply_to": "nobody"}, "the reply_to is not a valid address"),
    ],
)
def test_a_from_that_is_not_ours_is_refused_before_and_when_it_is_sent(own, why):
    with pytest.raises(ValueError, match=why):
        letter(**own)
    settings = read_settings({"host": "mail.example.com", "from": "dana@example.com"})
    [said] = message_findings(settings, Message("email", "ada@example.com", **own))
    assert not said.ok
    assert why in said.what


def test_a_reply_to_other_than_the_inbox_is_a_remark():
    settings = read_settings({"host": "mail.example.com", "from": "dana@example.com", "inbox": INBOX})
    [said] = message_findings(settings, Message("email", "ada@example.com", reply_to="desk@example.net"))
    assert (said.ok, said.what) == (
        True,
        "replies go to desk@example.net, but the inbox is sales+in@example.com",
    )
    assert message_findings(settings, Message("email", "ada@example.com", reply_to="Desk <sales+in@example.com>")) == []


def test_unsubscribe_is_one_click_and_both_footers_carry_it():
    config = {"unsubscribe": "https://x.example/u/{token}", "postal_address": "Dana & Co\n1 Road"}
    mail = parsed(letter(config, html="<html><body><p>Hi</p></body></html>"))
    assert mail["List-Unsubscribe"] == "<https://x.example/u/t1>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.get_body(("plain",)).get_content().endswith("1 Road\nUnsubscribe: https://x.example/u/t1\n")
    html = mail.get_body(("html",)).get_content()
    assert 'Dana &amp; Co<br>1 Road<br><a href="https://x.example/u/t1">Unsubscribe</a></p></body>' in html


INBOX = {"host": "imap.example.com", "username": "u", "password": "p", "address": "sales+in@example.com"}
LONG = "https://" + "x" * 60 + ".example/u/" + "t" * 200


def test_our_own_link_and_a_mail_to_the_inbox_both_unsubscribe():
    made = letter({"inbox": INBOX}, link="https://x.example/u/t1", html="<p>Hi</p>")
    mail = parsed(made)
    assert mail["List-Unsubscribe"] == (
        "<https://x.example/u/t1>, <mailto:sales+in@example.com?subject=unsubscribe-t1>"
    )
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "Unsubscribe: https://x.example/u/t1" in mail.get_body(("plain",)).get_content()


def test_with_an_inbox_alone_a_reply_unsubscribes():
    mail = parsed(letter({"inbox": INBOX, "postal_address": "1 Road"}, html="<p>Hi</p>"))
    assert mail["List-Unsubscribe"] == "<mailto:sales+in@example.com?subject=unsubscribe-t1>"
    assert mail["List-Unsubscribe-Post"] is None
    assert mail.get_body(("plain",)).get_content().endswith("1 Road\nUnsubscribe: reply with the word STOP\n")
    html = mail.get_body(("html",)).get_content()
    assert 'href="mailto:sales+in@example.com?subject=unsubscribe-t1">Unsubscribe</a>' in html


def test_a_long_link_stands_in_its_header_unchanged():
    made = letter({"inbox": INBOX}, link=LONG)
    assert f"List-Unsubscribe: <{LONG}>,\r\n <mailto:".encode() in made.data
    assert parsed(made)["List-Unsubscribe"].startswith(f"<{LONG}>, <mailto:")


@pytest.mark.parametrize("link", ["https://x\r\nBcc: eve@x", "https://x >y", "https://ü", "https://" + "x" * 1000])
def test_a_link_cannot_add_a_header(link):
    with pytest.raises(ValueError, match="is not valid in a header"):
        letter(link=link)


def test_a_postal_address_cannot_add_markup_or_headers():
    mail = parsed(letter({"postal_address": "<script>x</script>\r\nBcc: eve"}, html="<p>Hi</p>"))
    assert "<p>&lt;script&gt;x&lt;/script&gt;<br>Bcc: eve</p>" in mail.get_body(("html",)).get_content()
    assert mail["Bcc"] is None


def test_the_return_path_names_the_attempt_where_wanted():
    assert letter().return_path == "dana@example.com"
    assert letter({"verp": True}).return_path == "bounce+t1@example.com"
    assert letter({"bounce_domain": "b.example.com"}).return_path == "bounce+t1@b.example.com"
    assert letter({"bounce_domain": "b.example.com", "verp": False}).return_path == "dana@example.com"


def test_text_and_html_are_alternatives_and_missing_text_is_derived():
    mail = parsed(letter(text="", html="<p>Hi Ada</p><p>See <a href='https://x.example'>this</a></p>"))
    assert mail.get_content_type() == "multipart/alternative"
    assert mail.get_body(("plain",)).get_content() == "Hi Ada\n\nSee this (https://x.example)\n"
    assert parsed(letter()).get_content_type() == "text/plain"


def test_the_words_of_markup_without_what_nobody_sees():
    markup = (
        "<head><title>T</title><style>p{}</style></head><h1>Hello &amp;  welcome</h1><ul><li>one<li>two</ul>"
        "<script>x</script><a href='https://x.example'>https://x.example</a><br>bye"
    )
    assert text_of(markup) == "Hello & welcome\n\n- one\n- two\n\nhttps://x.example\nbye"


@pytest.mark.parametrize(
    "words",
    [
        {"subject": "Hi\r\nBcc: eve@example.com"},
        {"subject": "Hi\nBcc: eve@example.com\n\nbody"},
        {"subject": "Hi\u2028Bcc: eve@example.com"},
        {"subject": "Größe\r\n Bcc: eve@example.com " + "ä" * 200},
    ],
)
def test_a_subject_cannot_add_a_header(words):
    made = letter(**words)
    mail = parsed(made)
    assert mail["Bcc"] is None
    assert mail["Subject"].startswith(words["subject"][:2])
    assert mail.get_content() == "How are you?\n"


def test_a_sender_cannot_add_a_header():
    with pytest.raises(ValueError, match="the sender is not a valid address"):
        letter(sender="Dana\r\nBcc: eve@example.com <dana@example.com>")


def test_a_token_that_cannot_be_in_an_address_is_refused():
    with pytest.raises(ValueError, match="cannot be part of an address"):
        letter(token="a b")


@given(st.text(max_size=300), st.text(max_size=300))
def test_whatever_the_words_the_headers_are_ours_and_the_lines_are_crlf(subject, text):
    try:
        made = letter(subject=subject, text=text)
    except UnicodeEncodeError:  # lone surrogates are no text
        return
    mail = parsed(made)
    assert sorted(mail.keys()) == sorted(
        ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", *BODY_HEADERS]
    )
    assert made.data.replace(b"\r\n", b"").find(b"\n") == -1
    assert made.data.replace(b"\r\n", b"").find(b"\r") == -1
    assert max(len(line) for line in made.data.split(b"\r\n")) <= 998
    assert made.data.endswith(b"\r\n")


BODY_HEADERS = ("Content-Type", "Content-Transfer-Encoding", "MIME-Version")


NO_ADDRESSES = """
ada
@example.com
a b@example.com
ada@
ada@exa mple.com
ada@-x.com
ada@x..com
a@b@c.com
<ada@example.com>
ada@[127.0.0.1]
ada@example.com\x00
"""


@pytest.mark.parametrize(
    "address", ["", *NO_ADDRESSES.split("\n")[1:-1], "x" * 65 + "@x.com", "ada@" + "x" * 64 + ".com"]
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(BadAddress):
        read_address(address)


def test_addresses_keep_what_matters():
    assert read_address("Ada.Lovelace+x@Example.COM").spec == "Ada.Lovelace+x@example.com"
    assert read_address("ada@bücher.example").domain == "xn--bcher-kva.example"
    assert read_mailbox("Dana D. <dana@example.com>").name == "Dana D."
