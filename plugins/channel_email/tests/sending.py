"""What the tests of sending share: an attempt, a message, a server's certificate."""

from __future__ import annotations

from pathlib import Path

from fluentsd.api import Attempt, Message

CERTIFICATE = Path(__file__).with_name("localhost.pem")


def attempt(token="0123abc"):
    return Attempt(token, "email", "ada@example.com", 0, step="first")


def message(to="ada@example.com", **words):
    return Message("email", to, **{"subject": "Hello", "text": "How are you?", **words})


def table(sink, **config):
    basics = {"host": sink.host, "port": sink.port, "tls": "none", "from": "Dana <dana@example.com>"}
    return {**basics, "purpose": "transactional", **config}


async def ended(channel, letter=None, token="0123abc"):
    try:
        return await channel.send(letter or message(), attempt(token))
    except Exception as why:  # noqa: BLE001 - what it raises is what is being tested
        return why
