"""E-mail in both directions through real servers: exim sends, refuses, warns, bounces and replies for an absent person;
dovecot pushes new mail. fluentsd must find the attempt of each mail, and end the right enrollments.
"""

from __future__ import annotations

import smtplib
from collections.abc import AsyncIterator, Awaitable, Callable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio
from fluentsd_channel_email.channel import EmailChannel
from fluentsd_channel_email.settings import read_settings
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.clock import SystemClock
from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.nursery import running
from fluentsd.engine.runtime import Runtime
from fluentsd.store import tables
from fluentsd.testing import tools
from tests.databases import open_whole
from tests.engine.stage import Stage, person, spec
from tests.mta import servers
from tests.mta.servers import AWAY, BUSY, OURS, PASSWORD, THEIRS, USER, Servers

pytestmark = [pytest.mark.mta, pytest.mark.slow]
#: Seconds for all that servers do: they try for six and look every second.
PATIENCE = 60
WRITES, NOBODY, SILENT = "p1", "p2", "p3"
STEPS = [
    {"id": "first", "channel": "email", "subject": "Hello {{ first_name }}", "text": "Are you there?",
     "html": "<p>Are you there, {{ first_name }}?</p>"},
    {"id": "second", "channel": "email", "after": "1 week", "subject": "Again", "text": "Are you?"},
]  # fmt: skip
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
FILE = spec(*STEPS, window={"days": DAYS, "hours": "00:00-24:00"}, exit={"unreachable_after": 1})


def mail_of(name: str) -> str:
    return f"{name}@{THEIRS}"


@pytest.fixture(scope="module")
def mta() -> Any:
    with servers.servers() as found:
        yield found


@pytest.fixture
async def stage(mta: Servers, tmp_path: Path) -> AsyncIterator[Stage]:
    """A runtime with e-mail through the servers. The mailbox is polled every ten minutes, so anything faster was pushed
    by the server (IDLE)."""
    clock = SystemClock()
    inbox = {"host": "127.0.0.1", "port": mta.imap, "tls": "none", "username": USER, "password": PASSWORD,
             "poll": "10 min"}  # fmt: skip
    table = {"kind": "email", "host": "127.0.0.1", "port": mta.ours, "tls": "none", "from": f"Sales <{USER}@{OURS}>",
             "bounce_domain": OURS, "postal_address": "1 High Street", "inbox": inbox}  # fmt: skip
    given = tools(clock, folder=tmp_path, kind="email", public_url="https://fluentsd.example")
    channel = EmailChannel(read_settings(table), given)
    async with open_whole(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}") as store:
        log = structlog.wrap_logger(structlog.ReturnLogger())
        runtime = Runtime(store, clock, {"email": ChannelState("email", channel)}, log=log)
        async with running(runtime, grace=1.0) as box:
            yield Stage(runtime, clock, {}, box)  # type: ignore[arg-type]  # the time is the machine's
    await channel.aclose()


async def until(mta: Servers, is_so: Callable[[], Awaitable[bool]]) -> None:
    with trio.move_on_after(PATIENCE):
        while not await is_so():  # noqa: ASYNC110 - as a person looks
            await trio.sleep(0.1)
        return
    pytest.fail(f"it did not happen in {PATIENCE} s\n{mta.logs()}")


async def outcomes(stage: Stage) -> dict[str, tuple[str, bool]]:
    """The outcome of each person's attempt, and whether the address is marked dead."""

    async def unit(conn: AsyncConnection) -> dict[str, tuple[str, bool]]:
        point, attempt = tables.point, tables.attempt
        statement = select(point.c.value, attempt.c.outcome, point.c.dead_on)
        rows = await conn.execute(statement.join(attempt, attempt.c.point_id == point.c.id))
        return {value.partition("@")[0]: (outcome, "email" in dead_on) for value, outcome, dead_on in rows}

    return await stage.runtime.store.read(unit)


def answer(sent: EmailMessage, words: str) -> EmailMessage:
    """A reply as a person's mail program writes it."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sent["To"], sent["From"], f"Re: {sent['Subject']}"
    mail["In-Reply-To"] = mail["References"] = sent["Message-ID"]
    mail.set_content(f"{words}\n\nOn Monday Sales <{USER}@{OURS}> wrote:\n> Are you there?\n")
    return mail


async def test_real_servers_there_and_back(stage: Stage, mta: Servers) -> None:
    await stage.launch(FILE, *(person(n) for n in range(1, 6)))

    async def arrived() -> bool:
        return all(mta.arrived(name) for name in (WRITES, SILENT, AWAY))

    await until(mta, arrived)
    (sent,) = mta.arrived(WRITES)
    with smtplib.SMTP("127.0.0.1", mta.people) as server:
        server.send_message(answer(sent, "Call me on Monday."))

    async def known() -> bool:
        found = await outcomes(stage)
        wanted = {WRITES: "replied", NOBODY: "bounced", AWAY: "delivered", BUSY: "bounced", SILENT: "sent"}
        return {name: outcome for name, (outcome, _) in found.items()} == wanted

    await until(mta, known)
    assert {name for name, (_, dead) in (await outcomes(stage)).items() if dead} == {NOBODY}
    found = await stage.overview()
    assert found["exited_by_reason"] == {"replied": 1, "unreachable": 2}
    assert found["queued"] == 2, "who is silent and whose robot answered stay in the campaign"
    replies = (await stage.do("campaign replies"))["replies"]
    assert [(reply["person"], reply["text"]) for reply in replies] == [(mail_of(WRITES), "Call me on Monday.")]
    assert len(mta.arrived(SILENT)) == 1


async def test_what_arrived_has_what_bulk_mail_owes(mta: Servers, stage: Stage) -> None:
    await stage.launch(FILE, person(3))

    async def arrived() -> bool:
        return any("P3" in mail["Subject"] for mail in mta.arrived(SILENT)[before:])

    before = len(mta.arrived(SILENT))
    await until(mta, arrived)
    mail = mta.arrived(SILENT)[-1]
    attempt = mail["Message-ID"].strip("<>").partition("@")[0]
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"<https://fluentsd.example/u/{attempt}>" in mail["List-Unsubscribe"]
    assert mail["Return-Path"] == f"<bounce+{attempt}@{OURS}>"
    assert mail.get_body(("plain",)).get_content().startswith("Are you there?")  # type: ignore[union-attr]
    assert "P3" in mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert mail.defects == []
