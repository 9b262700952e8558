"""Every mistake in the e-mail channel's table is found at once, each with its fix."""

from __future__ import annotations

import pytest
from fluentsd_channel_email.settings import read_settings

from fluentsd.api import ConfigProblem

INBOX = {"host": "imap.example.com", "username": "dana", "password": "sesame"}
GOOD = {"host": "mail.example.com", "from": "Dana <dana@example.com>"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"host": None}, "host: is missing"),
        ({"host": "smtp://mail"}, "is not a host"),
        ({"from": None}, "from: is missing"),
        ({"from": "Dana"}, "from: 'Dana' has no @"),
        ({"from": "Dana\n<dana@example.com>"}, "line break"),
        ({"port": 0}, "port: 0 is not a port"),
        ({"port": "25"}, "port: '25' is not a port"),
        ({"tls": True}, 'True should be "starttls", "tls" or "none"'),
        ({"username": "dana"}, "username and password: one is missing"),
        ({"answer_timeout": 0}, "answer_timeout: 0 should be a number of seconds"),
        ({"connections": 0}, "connections: 0 should be a whole number"),
        ({"bounce_domain": "not a domain"}, "is not a domain name"),
        ({"unsubscribe": "https://x.example/u"}, "should be a link with {token} in it"),
        ({"conections": 3}, "conections: is not a known key; did you mean 'connections'?"),
        ({"kind": "sms"}, "this plugin sends e-mail"),
        ({"verp": "yes"}, "verp: 'yes' should be true or false"),
        ({"purpose": "fun"}, 'should be "marketing" or "transactional"'),
        ({"inbox": "imap.example.com"}, "should be a table, [channel.email.inbox]"),
        ({"inbox": {**INBOX, "host": None}}, "inbox.host: None is not a host"),
        ({"inbox": {"host": "imap.example.com"}}, "inbox.password: is missing"),
        ({"inbox": {**INBOX, "tls": "ssl"}}, "inbox.tls: 'ssl' should be"),
        ({"inbox": {**INBOX, "poll": "1 day"}}, 'inbox.poll: \'1 day\' should be a pause from "1 s" to "25 min"'),
        ({"inbox": {**INBOX, "poll": 60}}, "inbox.poll: 60 should be a pause"),
        ({"inbox": {**INBOX, "folder": ""}}, "is not a folder name"),
        ({"inbox": {**INBOX, "processed_folder": "INBOX"}}, "inbox.processed_folder: is the same as inbox.folder"),
        ({"inbox": {**INBOX, "foldr": "x"}}, "inbox.foldr: is not a known key; did you mean 'folder'?"),
        ({"inbox": {**INBOX, "address": "nobody"}}, "inbox.address: 'nobody' has no @"),
    ],
)
def test_a_mistake_is_named(change, words):
    config = {key: value for key, value in {**GOOD, **change}.items() if value is not None}
    with pytest.raises(ConfigProblem) as why:
        read_settings(config)
    assert words in str(why.value)


def test_all_mistakes_come_at_once_and_no_secret_is_told():
    with pytest.raises(ConfigProblem) as why:
        read_settings({"username": "dana", "password": 12345678, "port": -1, "x": 1})
    assert len(why.value.mistakes) == 6
    assert "12345678" not in str(why.value)


@pytest.mark.parametrize(("tls", "port"), [("none", 25), ("starttls", 587), ("tls", 465)])
def test_the_usual_port_goes_with_the_kind_of_tls(tls, port):
    assert read_settings({**GOOD, "tls": tls}).port == port


@pytest.mark.parametrize(("tls", "port"), [("none", 143), ("starttls", 143), ("tls", 993)])
def test_the_usual_port_of_an_inbox_goes_with_the_kind_of_tls(tls, port):
    inbox = read_settings({**GOOD, "inbox": {**INBOX, "tls": tls}}).inbox
    assert (inbox.port, inbox.folder, inbox.poll) == (port, "INBOX", 60)


def test_mail_for_the_inbox_goes_where_replies_go_unless_told_otherwise():
    assert read_settings({**GOOD, "inbox": INBOX}).inbox_address.spec == "dana@example.com"
    assert read_settings({**GOOD, "reply_to": "r@example.com", "inbox": INBOX}).inbox_address.spec == "r@example.com"
    assert (
        read_settings({**GOOD, "inbox": {**INBOX, "address": "in@example.com"}}).inbox_address.spec == "in@example.com"
    )
    assert read_settings(GOOD).inbox_address is None


def test_a_bounce_domain_means_verp_unless_told_otherwise():
    assert not read_settings(GOOD).verp
    assert read_settings({**GOOD, "bounce_domain": "b.example.com"}).verp
    assert not read_settings({**GOOD, "bounce_domain": "b.example.com", "verp": False}).verp


def test_a_password_is_not_shown():
    assert "sesame" not in repr(read_settings({**GOOD, "inbox": INBOX}))
    assert "sesame" not in repr(read_settings({**GOOD, "username": "dana", "password": "sesame"}))
