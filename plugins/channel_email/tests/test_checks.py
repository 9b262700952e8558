"""Marketing mails without their required parts are refused; the checks of both servers."""

from __future__ import annotations

import pytest
from fluentsd_channel_email.channel import EmailChannel
from fluentsd_channel_email.settings import read_settings

from fluentsd.api import Attempt, Message, NeedsHuman, Receipt
from fluentsd.testing import SmtpSink, tools

POST = {"postal_address": "Example Ltd, 1 Example Road"}
LINK = {"unsubscribe": "https://x.example/{token}"}
INBOX = {"inbox": {"host": "imap.invalid", "username": "u", "password": "p"}}
PACKAGE = "https://calls.example.com"


@pytest.fixture
def sink():
    with SmtpSink() as sink:
        yield sink


def build(sink, tmp_path, *, public_url=None, **config):
    table = {"host": sink.host, "port": sink.port, "tls": "none", "from": "dana@example.com", **config}
    return EmailChannel(read_settings(table), tools(folder=tmp_path, kind="email", public_url=public_url))


async def send(channel):
    message = Message("email", "ada@example.net", subject="Hello", text="How are you?")
    try:
        return await channel.send(message, Attempt("0123abc", "email", message.to, 0))
    finally:
        await channel.aclose()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "no postal address"),
        ({**LINK}, "no postal address"),
        ({**LINK, "postal_address": "  "}, "no postal address"),
        ({**POST}, "no way to unsubscribe"),
    ],
)
async def test_a_marketing_mail_without_a_required_part_is_not_sent(sink, tmp_path, config, words):
    with pytest.raises(NeedsHuman, match=words):
        await send(build(sink, tmp_path, **config))
    assert sink.connections == 0


@pytest.mark.parametrize("config", [{**POST, **LINK}, {**POST, **INBOX}, {"purpose": "transactional"}])
async def test_a_mail_with_the_required_parts_is_sent(sink, tmp_path, config):
    assert isinstance(await send(build(sink, tmp_path, **config)), Receipt)


async def test_our_own_unsubscribe_link_is_in_the_mail(sink, tmp_path):
    assert isinstance(await send(build(sink, tmp_path, public_url=PACKAGE, **POST)), Receipt)
    assert sink.mails[0].message["List-Unsubscribe"] == f"<{PACKAGE}/u/0123abc>"
    assert sink.mails[0].message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


async def troubles(channel):
    return [finding.what for finding in await channel.check() if not finding.ok]


async def test_check_says_what_send_will_refuse(sink, tmp_path):
    what = await troubles(build(sink, tmp_path))
    assert any("no postal address" in one for one in what)
    assert any("no way to unsubscribe" in one for one in what)
    assert await troubles(build(sink, tmp_path, public_url=PACKAGE, **POST)) == []
    assert await troubles(build(sink, tmp_path, purpose="transactional")) == []


async def test_check_says_whose_domain_does_not_vouch(sink, tmp_path):
    basics = {"public_url": PACKAGE, **POST}
    (what,) = await troubles(build(sink, tmp_path, **{**basics, "from": "dana@gmail.com"}))
    assert "DMARC" in what
    (what,) = await troubles(build(sink, tmp_path, **basics, bounce_domain="bounces.example.net"))
    assert "SPF" in what
    assert await troubles(build(sink, tmp_path, **basics, bounce_domain="b.example.com")) == []


async def test_check_says_that_one_click_needs_an_https_address(sink, tmp_path):
    (what,) = await troubles(build(sink, tmp_path, **POST, unsubscribe="http://x.example/{token}"))
    assert "one-click" in what


@pytest.mark.slow
async def test_check_looks_into_the_inbox_and_changes_nothing(sink, imap, tmp_path):
    imap.put(b"Subject: x\r\n\r\nx")
    basics = {"public_url": PACKAGE, **POST}
    findings = await build(sink, tmp_path, **basics, inbox=imap.inbox()).check()
    assert all(finding.ok for finding in findings)
    assert any("1 mails; new mail is seen at once" in finding.what for finding in findings)
    for wrong, words in (
        ({"password": "wrong"}, "refuses the user name or password"),
        ({"folder": "Nowhere"}, "the folder 'Nowhere' cannot be opened"),
        ({"processed_folder": "Nowhere"}, "the folder 'Nowhere' is missing"),
        ({"tls": "starttls"}, "offers no STARTTLS"),
        ({"port": 1}, "no connection to"),
    ):
        (what,) = await troubles(build(sink, tmp_path, **basics, inbox=imap.inbox(**wrong)))
        assert words in what
        assert "sesame" not in what
    assert [seen for _, seen in imap.held()] == [False]
