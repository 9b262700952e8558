"""The whole way, there and back, through a mail server of your own; left out unless it is named.

`FLUENTSD_MAIL=<file>.toml` holds a `[channel.email]` table with its inbox, and beside it `nobody`, an address at the
server's own domain that does not exist, and `somebody`, whose mail arrives in the inbox. exim4 with dovecot on one
machine will do, and so will an account at a provider. It sends two mails.
"""

from __future__ import annotations

import os
import tomllib
import uuid

import pytest
import trio
from fluentsd_channel_email.channel import EmailChannel
from fluentsd_channel_email.settings import read_settings

from fluentsd.api import Attempt, Message, Outcome, Rejected
from fluentsd.testing import tools

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("FLUENTSD_MAIL" not in os.environ, reason="needs a mail server: FLUENTSD_MAIL=<file>.toml"),
]
#: Seconds for a mail server to write a report or to carry a mail.
PATIENCE = 100


@pytest.fixture
async def server(tmp_path):
    file = tomllib.loads(await trio.Path(os.environ["FLUENTSD_MAIL"]).read_text("utf-8"))
    table = {key: value for key, value in file["channel"]["email"].items() if key != "plugin"}
    channel = EmailChannel(read_settings({"purpose": "transactional", **table}), tools(folder=tmp_path, kind="email"))
    yield channel, file
    await channel.aclose()


async def first(channel, wanted):
    """The first thing that comes back about an attempt."""
    found = []

    async def deliver(inbound):
        if inbound.token == wanted:
            found.append(inbound)
            scope.cancel()

    with trio.fail_after(PATIENCE), trio.CancelScope() as scope:
        await channel.listen(deliver)
    return found[0]


async def test_both_servers_are_ready(server):
    channel, _ = server
    assert [finding.what for finding in await channel.check() if not finding.ok] == []


async def test_a_mail_to_nobody_is_known_to_be_dead_at_once_or_by_a_report(server):
    channel, file = server
    attempt = Attempt(uuid.uuid4().hex, "email", file["nobody"], 0)
    said = None
    try:
        await channel.send(Message("email", attempt.to, subject="A test", text="Nobody reads this."), attempt)
    except Rejected as why:
        said = why
    said = said or await first(channel, attempt.token)
    assert (said.outcome, said.dead) == (Outcome.bounced, True)


async def test_an_unsubscribe_mail_comes_back_as_one(server):
    channel, file = server
    token = uuid.uuid4().hex
    attempt = Attempt(uuid.uuid4().hex, "email", file["somebody"], 0)
    await channel.send(Message("email", attempt.to, subject=f"unsubscribe-{token}", text="."), attempt)
    assert (await first(channel, token)).outcome == Outcome.opted_out
