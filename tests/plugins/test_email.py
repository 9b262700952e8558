"""E-mail end to end: the runtime on a real database, a real SMTP session, replies from a real IMAP server."""

from __future__ import annotations

import importlib.util
from collections.abc import Awaitable, Callable
from dataclasses import replace
from email.message import EmailMessage
from email.utils import formatdate
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio
from fluentsd_channel_email.channel import EmailChannel
from fluentsd_channel_email.inbound import Reader
from fluentsd_channel_email.settings import read_settings
from sqlalchemy import select

from fluentsd.clock import SimClock, SystemClock
from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.nursery import running
from fluentsd.engine.runtime import Runtime
from fluentsd.store import tables
from fluentsd.testing import SmtpSink, tools
from plugins.channel_email.tests.conftest import ImapServer
from tests.databases import open_whole
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, Stage, person, spec, staged

STEPS = [
    {"id": "first", "channel": "email", "subject": "Hello {{ first_name }}", "text": "Are you there?"},
    {"id": "second", "channel": "email", "after": "1 week", "subject": "Again", "text": "Are you?"},
]
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
FILE = spec(*STEPS, window={"days": DAYS, "hours": "00:00-24:00"}, exit={"unreachable_after": 1})


def answer(sent: EmailMessage, text: str, **headers: str) -> bytes:
    """A reply of the person to a mail."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = (
        sent["To"],
        sent["From"],
        headers.pop("Subject", f"Re: {sent['Subject']}"),
    )
    mail["In-Reply-To"] = sent["Message-ID"]
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail.as_bytes()


def bounce(sent: EmailMessage) -> bytes:
    """A delivery status notification: no such mailbox."""
    status = (
        f"Reporting-MTA: dns; mx.example.com\n\nFinal-Recipient: rfc822; {sent['To']}\nAction: failed\nStatus: 5.1.1\n"
    )
    lines = [
        "From: MAILER-DAEMON@mx.example.com", f"To: {sent['From']}", "Subject: Undelivered", "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"', "",
        "--b", "Content-Type: text/plain", "", "No such user", "--b", "Content-Type: message/delivery-status", "",
        status, "--b", "Content-Type: text/rfc822-headers", "", f"Message-ID: {sent['Message-ID']}", "", "--b--", "",
    ]  # fmt: skip
    return "\r\n".join(lines).replace("\r\n", "\n").replace("\n", "\r\n").encode()


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    with trio.fail_after(30):
        while not await is_so():  # noqa: ASYNC110 - as a person looks
            await trio.sleep(0.05)


@pytest.mark.slow
async def test_mails_go_out_and_inbound_mail_changes_the_right_enrollments(tmp_path: Path) -> None:
    if importlib.util.find_spec("pymap") is None:
        pytest.skip("needs a real IMAP server: pip install pymap")
    server, clock = ImapServer(), SystemClock()
    try:
        with SmtpSink() as sink:
            settings: dict[str, Any] = {
                "kind": "email", "host": "127.0.0.1", "port": sink.port, "tls": "none", "from": "us@example.com",
                "postal_address": "Example Inc, 1 Example Street", "inbox": server.inbox(),
            }  # fmt: skip
            channel = EmailChannel(read_settings(settings), tools(clock, folder=tmp_path, kind="email"))
            async with open_whole(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}") as store:
                log = structlog.wrap_logger(structlog.ReturnLogger())
                runtime = Runtime(store, clock, {"email": ChannelState("email", channel)}, log=log)
                async with running(runtime, grace=1.0) as inbox:
                    stage = Stage(runtime, clock, {}, inbox)  # type: ignore[arg-type]
                    await _there_and_back(stage, sink, server)
                await channel.aclose()
    finally:
        server.stop()
        server.release()


async def _there_and_back(stage: Stage, sink: SmtpSink, server: ImapServer) -> None:
    await stage.launch(FILE, *(person(n) for n in range(1, 6)))

    async def all_sent() -> bool:
        return len(sink.mails) == 5

    await until(all_sent)
    sent = {mail.message["To"]: mail.message for mail in sink.mails}
    server.put(
        answer(sent["p1@example.com"], "Call me on Monday."),
        bounce(sent["p2@example.com"]),
        answer(sent["p3@example.com"], "Please take me off your list."),
        answer(
            sent["p4@example.com"], "I am on leave for two weeks.", Auto_Submitted="auto-replied", Date=formatdate()
        ),
    )

    async def all_read() -> bool:
        [away] = (await stage.do("contacts why", person="p4@example.com"))["campaigns"]
        return (await stage.overview())["exited"] == 3 and away["reason"] == "away"

    await until(all_read)
    found = await stage.overview()
    assert found["exited_by_reason"] == {"replied": 1, "unreachable": 1, "opted_out": 1}
    assert found["queued"] == 2, "an automatic answer and silence end nothing"
    told = (await stage.do("contacts why", person="p4@example.com"))["campaigns"][0]
    assert told["reason"] == "away"
    assert 13 * DAY < told["next_at"] - stage.clock.now() < 15 * DAY
    (reply,) = [r for r in (await stage.do("campaign replies"))["replies"] if "Monday" in r["text"]]
    assert reply["person"] == "p1@example.com"
    stops = await stage.runtime.store.read(_stops)
    assert "p3@example.com" in stops
    assert "p1@example.com" not in stops
    await stage.do("campaign answer", ref="test", person="p1@example.com", text="Monday it is, {{ first_name }}.")

    async def answered() -> bool:
        return len(sink.mails) == 6

    await until(answered)
    assert sink.mails[-1].message["To"] == "p1@example.com"
    assert "Monday it is, P1." in sink.mails[-1].message.get_body(("plain",)).get_content()  # type: ignore[union-attr]


async def _stops(conn: Any) -> set[str]:
    return set((await conn.execute(select(tables.suppression.c.value))).scalars())


async def test_the_next_mail_goes_out_when_the_day_of_their_return_opens(database_url: str) -> None:
    """On simulated time: their mailbox answers as mailboxes do, and the mail that was due on Tuesday waits."""
    clock, steps = SimClock(MONDAY), [STEPS[0], STEPS[1] | {"after": "1 day"}]
    reader = Reader.of(read_settings({"host": "x", "from": "us@example.com"}))
    async with open_whole(database_url, busy=clock.busy) as store, staged(store, clock) as stage:
        await stage.launch(spec(*steps, exit={"on": ["replied", "opted_out"]}), person(1))
        await stage.until(MONDAY + MINUTE)
        sent = EmailMessage()
        sent["To"], sent["From"], sent["Subject"] = "p1@example.com", "us@example.com", "Hello"
        sent["Message-ID"] = f"<{stage.email.accepted[0][0].token}@example.com>"
        words = "I am out of the office and will be back on Thursday, March 12th. Kind regards"
        mail = answer(
            sent, words, Subject="Automatic reply: Hello", Auto_Submitted="auto-generated",
            Date="Mon, 02 Mar 2026 10:01:00 -0500", X_Auto_Response_Suppress="All",
        )  # fmt: skip
        for inbound in reader.read(mail).inbounds:
            await stage.email.tell(inbound)
        await stage.until(MONDAY + 2 * DAY)
        nine_of_thursday = MONDAY + 10 * DAY - 2 * HOUR  # the clocks went forward in between
        told = (await stage.do("contacts why", person="p1@example.com"))["campaigns"][0]
        assert (told["reason"], told["next_at"], told["step"]) == ("away", nine_of_thursday, "second")
        assert "the person is away" in told["sentence"]
        await stage.until(nine_of_thursday + MINUTE)
        assert [(a.step, at) for a, _, at in stage.email.accepted] == [
            ("first", MONDAY),
            ("second", nine_of_thursday),
        ]
        assert (await stage.until_ended())["exited"] == 0


async def test_mails_to_one_domain_keep_its_pace_and_none_is_postponed_twice(tmp_path: Path) -> None:
    """One every ten seconds to a domain whose people are all due at once: simulated time, a real SMTP conversation."""
    people, clock = 30, SimClock(MONDAY)
    with SmtpSink() as sink:
        settings: dict[str, Any] = {
            "kind": "email", "host": "127.0.0.1", "port": sink.port, "tls": "none", "from": "us@example.com",
            "purpose": "transactional", "pace_per_domain": {"example.com": "6/minute"},
        }  # fmt: skip
        given = replace(tools(clock, folder=tmp_path, kind="email"), run_sync=partial(_busily, clock))
        channel = EmailChannel(read_settings(settings), given)
        async with open_whole(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}", busy=clock.busy) as store:
            log = structlog.wrap_logger(structlog.ReturnLogger())
            runtime = Runtime(store, clock, {"email": ChannelState("email", channel)}, log=log)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(clock.run)
                async with running(runtime, grace=1.0) as inbox:
                    stage = Stage(runtime, clock, {}, inbox)
                    await stage.launch(spec(STEPS[0]), *(person(n) for n in range(people)))
                    await stage.until_ended()
                    calls = (await stage.do("history", most=1000))["calls"]
                nursery.cancel_scope.cancel()
        await channel.aclose()
    assert len(sink.mails) == people
    sent = sorted(call["settled_at"] for call in calls if call["outcome"] == "sent")
    assert len(sent) == people
    assert sent[-1] - MONDAY == pytest.approx((people - 1) * 10_000_000, abs=1_500_000)
    assert max(call["try_no"] for call in calls) <= 2


async def _busily(clock: SimClock, fn: Callable[..., Any], *args: Any) -> Any:
    with clock.busy():
        return await trio.to_thread.run_sync(fn, *args)
