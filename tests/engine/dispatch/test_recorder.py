"""The recorder: reports written together, and one that cannot be written harms only itself."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing
from structlog.testing import capture_logs

from fluentsd.api import Attempt, Message, Outcome, Receipt
from fluentsd.unavailable import StoreClosed, StoreGone
from tests.engine.stage import MINUTE, Stage, person, spec

SMS = {"id": "text", "channel": "sms", "text": "Hello"}


async def test_a_reference_given_twice_keeps_its_first_owner_and_the_others_are_recorded(stage: Stage) -> None:
    def same_for_two(message: Message, attempt: Attempt) -> Receipt:
        stage.sms.accept(message, attempt)
        twice = message.to in ("+12125550003", "+12125550007")
        return Receipt("SM-same" if twice else f"SM-{message.to}", Outcome.sent)

    stage.sms.always = same_for_two
    await stage.launch(spec(SMS), *(person(n) for n in range(1, 11)))
    await stage.until(stage.clock.now() + MINUTE // 2)
    rows = await stage.runtime.store.read(
        lambda conn: conn.exec_driver_sql("SELECT state, provider_ref FROM attempt ORDER BY provider_ref")
    )
    found = [tuple(row) for row in rows]
    assert [ref for _, ref in found].count("SM-same") == 1
    assert [state for state, _ in found].count("settled") == 9
    assert [state for state, ref in found if ref is None] == ["open"]
    assert len(stage.sms.accepted) == 10


async def test_what_a_channel_writes_is_stored_on_every_database(stage: Stage) -> None:
    def odd(message: Message, attempt: Attempt) -> Receipt:
        stage.sms.accept(message, attempt)
        return Receipt("SM\x001\ud800" + "x" * 5_000, Outcome.sent)

    stage.sms.always = odd
    await stage.launch(spec(SMS), person(1))
    await stage.until(stage.clock.now() + MINUTE)
    rows = await stage.runtime.store.read(lambda conn: conn.exec_driver_sql("SELECT state, provider_ref FROM attempt"))
    [(state, ref)] = [tuple(row) for row in rows]
    assert state == "settled"
    assert ref.startswith("SM\N{REPLACEMENT CHARACTER}1")
    assert len(ref) <= 1_000


async def test_an_outage_of_half_an_hour_loses_no_outcome(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half an hour has more tries than a call stack has frames."""
    store, tries = stage.runtime.store, 0
    whole = store.run_whole

    async def gone(*_: Any) -> None:
        nonlocal tries
        tries += 1
        raise StoreGone("gone")

    def sent(message: Message, attempt: Attempt) -> Receipt:
        stage.sms.accept(message, attempt)
        monkeypatch.setattr(store, "run_whole", gone)
        return Receipt("SM1", Outcome.sent)

    stage.sms.always = sent
    await stage.launch(spec(SMS), person(1))
    await stage.until(stage.clock.now() + 30 * MINUTE)
    assert tries > 1_500
    monkeypatch.setattr(store, "run_whole", whole)
    await stage.until(stage.clock.now() + MINUTE)
    rows = await store.read(lambda conn: conn.exec_driver_sql("SELECT state, provider_ref FROM attempt"))
    assert [tuple(row) for row in rows] == [("settled", "SM1")]


@pytest.mark.parametrize("closes", [True, False])
async def test_a_listener_that_delivers_in_a_nursery_ends_with_the_store_and_is_else_named(
    stage: Stage, closes: bool
) -> None:
    ended, error = False, StoreClosed("closed") if closes else ValueError("odd")

    async def listen(_: object) -> None:
        if not ended:
            raise ExceptionGroup("of a nursery", [ExceptionGroup("of another", [error])])

    stage.sms.listen = listen  # type: ignore[method-assign]
    with capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.inbox.listen, stage.runtime.channels["sms"])
            await trio.testing.wait_all_tasks_blocked()
            ended = True
    said = {entry["error"] for entry in logs if entry["event"] == "channel.listener"}
    assert said == (set() if closes else {"ValueError: odd"})
