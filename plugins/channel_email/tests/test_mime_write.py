"""What is written directly is what Python's email package would have written, and nothing gets out of its place."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage

import pytest
from fluentsd_channel_email import mime_write
from fluentsd_channel_email.addressing import Address, one_line
from fluentsd_channel_email.mime_write import LINE, PLAIN, UTF8, address_header, body, text_header
from hypothesis import example, given
from hypothesis import strategies as st

#: Texts near every border: blanks, encoded words, folding, letters outside ASCII.
SUBJECTS = st.text(st.sampled_from(' abc=?Q_"\\<>()@,;:[]\té漢' + chr(160)), max_size=90).map(one_line)
LOCALS = st.text(st.sampled_from("abc.+-_!#$%&'*/=?^`{|}~é"), min_size=1, max_size=70)
TEXTS = st.lists(st.text(st.sampled_from("abc .=?-\t\x0cé漢\r"), max_size=90), max_size=5).map("\n".join)


def by_the_package(name: str, value: object, utf8: bool) -> bytes:
    mail = EmailMessage(policy=UTF8 if utf8 else PLAIN)
    mail[name] = value
    return mail.as_bytes().removesuffix(b"\r\n")


@given(SUBJECTS, st.booleans())
@example("=?utf-8?q?Hello?=", False)
@example("x" * (LINE - len("Subject: ")), False)
@example("x" * (LINE - len("Subject: ") + 1), False)
@example("", False)
def test_a_text_is_the_same_header(text, utf8):
    assert text_header("Subject", text, utf8=utf8) == by_the_package("Subject", text, utf8)


@given(LOCALS, st.sampled_from(["example.com", "a.b-c.example", f"{'x' * 60}.example"]), SUBJECTS)
@example("a..b", "example.com", "")
@example(".a", "example.com", "")
@example("=?utf-8?q?a?=", "example.com", "")
def test_an_address_is_the_same_header(local, domain, name):
    utf8 = not local.isascii()
    wanted = by_the_package("To", HeaderAddress(name, local, domain), utf8)
    assert address_header("To", Address(local, domain, name), utf8=utf8) == wanted


@pytest.mark.slow
@given(TEXTS, st.one_of(st.just(""), TEXTS))
def test_a_body_reads_the_same(text, html):
    text, html = f"{text}\n", html and f"<p>{html}</p>"
    theirs = EmailMessage(policy=PLAIN)
    theirs.set_content(text)
    if html:
        theirs.add_alternative(html, subtype="html")
    ours = message_from_bytes(body(text, html), policy=policy.default)
    read = message_from_bytes(theirs.as_bytes(), policy=policy.default)
    assert shape(ours) == shape(read)
    assert ours["MIME-Version"] == "1.0"
    assert (ours.defects, ours.get_content_type()) == ([], "multipart/alternative" if html else "text/plain")


def shape(mail: EmailMessage) -> list[tuple[str, str]]:
    parts = (part for part in mail.walk() if not part.is_multipart())
    return [(part.get_content_type(), part.get_content().replace("\r\n", "\n").rstrip("\n")) for part in parts]


@given(TEXTS, TEXTS)
def test_every_line_is_short_ends_properly_and_is_ascii(text, html):
    made = body(f"{text}\n", html)
    assert made.isascii()
    assert made.endswith(b"\r\n")
    assert b"\r" not in made.replace(b"\r\n", b"")
    assert b"\n" not in made.replace(b"\r\n", b"")
    assert max(map(len, made.split(b"\r\n"))) <= 998


def test_an_ordinary_mail_needs_nothing_of_the_package(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mime_write, "EmailMessage", None)
    monkeypatch.setattr(mime_write, "_folded", None)
    assert text_header("Subject", "Are you still looking?") == b"Subject: Are you still looking?\r\n"
    assert address_header("To", Address("ada", "example.com")) == b"To: ada@example.com\r\n"
    assert body("Hello\n").endswith(b"\r\n\r\nHello\r\n")
