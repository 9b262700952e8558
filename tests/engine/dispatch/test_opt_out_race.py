"""An opt-out that arrives while hundreds of attempts are being claimed: no claim after its commit."""

from __future__ import annotations

import random
from collections import Counter

import pytest
import trio
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.api import Attempt, Inbound, Message, Outcome, Receipt
from fluentsd.store import contacts, tables
from tests.engine.stage import DAY, MONDAY, SMS, Stage, person, spec

PEOPLE, STOPPING = 400, 80
MAIL = {"id": "mail", "channel": "email", "subject": "s", "text": "t"}


async def _attempts_of(conn: AsyncConnection, value: str) -> int:
    (mine,) = await contacts.owners(conn, value)
    counted = select(func.count()).select_from(tables.attempt).where(tables.attempt.c.contact_id == mine)
    return int((await conn.execute(counted)).scalar_one())


@pytest.mark.slow
async def test_nothing_is_marked_after_an_opt_out_has_been_committed(stage: Stage) -> None:
    chance, at_commit = random.Random(4), Counter[str]()

    async def slowly(message: Message, attempt: Attempt) -> Receipt:
        await trio.lowlevel.checkpoint()
        stage.sms.accept(message, attempt)
        return Receipt(f"ref-{attempt.token}", Outcome.sent)

    stage.sms.always = slowly
    steps = [SMS, *(SMS | {"id": f"s{n}", "after": "1 min"} for n in range(2)), MAIL]
    await stage.launch(spec(*steps), *(person(n) for n in range(PEOPLE)))

    async def stops(n: int) -> None:
        address = f"+1212555{n:04d}"
        for _ in range(chance.randrange(60)):
            await trio.lowlevel.checkpoint()
        await stage.inbox.take(Inbound(Outcome.opted_out, address=address, text="STOP"))
        at_commit[address] = await stage.runtime.store.read(_attempts_of, address)

    async with trio.open_nursery() as nursery:
        for n in chance.sample(range(PEOPLE), STOPPING):
            nursery.start_soon(stops, n)
        await stage.until(MONDAY + 10)
    found = await stage.until_ended()
    assert len(at_commit) == STOPPING
    for address, before in at_commit.items():
        assert await stage.runtime.store.read(_attempts_of, address) == before, address
    sent = Counter(attempt.to for attempt, *_ in stage.sms.accepted)
    assert all(sent[address] <= before for address, before in at_commit.items())
    assert any(before for before in at_commit.values()), "no opt-out came after a first message"
    assert any(before == 0 for before in at_commit.values()), "no opt-out came before a first message"
    assert (found["exited"], found["completed"]) == (STOPPING, PEOPLE - STOPPING)
    assert stage.clock.now() < MONDAY + DAY
