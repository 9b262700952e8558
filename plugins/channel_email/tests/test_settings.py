"""Every mistake in the e-mail channel's table is found at once, in words that say how to mend it."""

from __future__ import annotations

import pytest
from fluentsd_channel_email import ConfigProblem, read_settings

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
        ({"conections": 3}, "conections: is not a key that is known here; did you mean 'connections'?"),
        ({"kind": "sms"}, "it sends e-mail"),
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


def test_a_password_is_not_shown():
    assert "sesame" not in repr(read_settings({**GOOD, "username": "dana", "password": "sesame"}))
