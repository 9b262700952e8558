"""A sandbox carrier: acceptance, events and memory, on a virtual clock."""

from __future__ import annotations

import errno
import os
from collections import Counter
from contextlib import asynccontextmanager

import pytest
import trio
from fluentsd_channel_sandbox import Carrier, CarrierBroke, read_ledger, read_settings

from fluentsd.api import (
    Absent,
    Attempt,
    CannotTell,
    Found,
    Inbound,
    Message,
    Outcome,
    Rejected,
    Unavailable,
)
from fluentsd.testing import SimClock, tools

SECOND = 1_000_000
START = 1_767_625_200 * SECOND


def attempt(n, kind="sms", *, token=None, try_no=1, at=START):
    return Attempt(token or f"token-{n}", kind, f"+1415555{n:04d}", at, step="first", try_no=try_no)


def message(n, kind="sms", until=None):
    return Message(kind, f"+1415555{n:04d}", text=f"Hello {n}", valid_until_at=until)


@asynccontextmanager
async def time_passes():
    clock = SimClock(START)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(clock.run)
        yield clock
        nursery.cancel_scope.cancel()


def carrier(clock, folder, **config):
    return Carrier(read_settings({"kind": "sms", **config}), tools(clock, folder=folder))


@asynccontextmanager
async def listening(channel):
    came: list[Inbound] = []

    async def deliver(inbound):
        came.append(inbound)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(channel.listen, deliver)
        yield came
        nursery.cancel_scope.cancel()


async def test_the_same_seed_meets_the_same_people_whatever_the_tokens(tmp_path):
    async def story(folder, seed, salt):
        async with time_passes() as clock:
            channel = carrier(clock, folder, seed=seed)
            async with listening(channel) as came:
                for n in range(200):
                    await channel.send(message(n), attempt(n, token=f"{salt}{n}"))
                await clock.sleep_until(START + 4 * 3600 * SECOND)
            return sorted((i.address, i.at, i.outcome, i.text) for i in came)

    first = await story(tmp_path / "a", 7, "x")
    assert first == await story(tmp_path / "b", 7, "another")
    assert first != await story(tmp_path / "c", 8, "x")
    outcomes = Counter(outcome for _, _, outcome, _ in first)
    assert outcomes[Outcome.delivered] > 150
    assert outcomes[Outcome.replied] > 0
    assert outcomes[Outcome.opted_out] > 0


async def test_weights_become_shares_of_people(tmp_path):
    async with time_passes() as clock:
        channel = carrier(
            clock, tmp_path, kind="phone", outcomes={"answered": 3, "voicemail": 1}, ledger=False, ring=10, talk=60
        )
        async with listening(channel) as came:
            for n in range(2000):
                receipt = await channel.send(message(n, "phone"), attempt(n, "phone"))
                assert receipt.outcome is None
            await clock.sleep_until(START + 71 * SECOND)
    assert 1400 < Counter(i.outcome for i in came)[Outcome.answered] < 1600
    assert {i.outcome for i in came} == {Outcome.answered, Outcome.voicemail}
    assert {i.at for i in came} == {START + 70 * SECOND}
    assert {i.duration_s for i in came} == {60}


async def test_a_call_is_found_without_an_outcome_until_it_ends(tmp_path):
    async with time_passes() as clock:
        channel = carrier(clock, tmp_path, kind="phone", outcomes={"answered": 1}, ring=10, talk=60, cost_micros=13000)
        await channel.send(message(1, "phone"), attempt(1, "phone"))
        during = await channel.lookup(attempt(1, "phone"))
        assert isinstance(during, Found)
        assert during.receipt.outcome is None
        await clock.sleep_until(START + 70 * SECOND)
        after = await channel.lookup(attempt(1, "phone"))
        assert isinstance(after, Found)
        assert (after.receipt.outcome, after.receipt.duration_s) == (Outcome.answered, 60)
        assert after.receipt.cost_micros == 13000


async def test_a_ringing_call_can_be_cancelled_and_one_picked_up_cannot(tmp_path):
    async with time_passes() as clock:
        channel = carrier(clock, tmp_path, kind="phone", outcomes={"answered": 1}, ring=10, talk=60)
        async with listening(channel) as came:
            for n in (1, 2):
                await channel.send(message(n, "phone"), attempt(n, "phone"))
            await clock.sleep_until(START + 9 * SECOND)
            assert await channel.cancel(attempt(1, "phone"))
            assert not await channel.cancel(attempt(1, "phone"))
            await clock.sleep_until(START + 10 * SECOND)
            assert not await channel.cancel(attempt(2, "phone"))
            await clock.sleep_until(START + 100 * SECOND)
        assert {i.token: i.outcome for i in came} == {"token-1": Outcome.no_answer, "token-2": Outcome.answered}
        assert len(came) == 2
        answer = await channel.lookup(attempt(1, "phone"))
        assert isinstance(answer, Found)
        assert answer.receipt.outcome == Outcome.no_answer


async def test_a_text_that_would_come_after_the_window_expires(tmp_path):
    async with time_passes() as clock:
        channel = carrier(clock, tmp_path, outcomes={"replied": 1}, delivery=30)
        async with listening(channel) as came:
            await channel.send(message(1, until=START + 10 * SECOND), attempt(1))
            await clock.sleep_until(START + 3 * 3600 * SECOND)
    assert [(i.outcome, i.at) for i in came] == [(Outcome.failed, START + 10 * SECOND)]


async def test_the_ledger_tells_what_was_accepted_outside_the_window(tmp_path):
    async with time_passes() as clock:
        channel = carrier(clock, tmp_path)
        await channel.send(message(1, until=START), attempt(1))
        await channel.send(message(2, until=START - 1), attempt(2))
    entries = read_ledger(tmp_path / "ledger-sms.jsonl").entries
    assert [entry.outside_window for entry in entries] == [False, True]


async def test_a_later_ending_does_not_hold_up_an_earlier_one(tmp_path):
    async with time_passes() as clock:
        channel = carrier(clock, tmp_path, outcomes={"delivered": 1}, delivery="1 s-1 hour")
        async with listening(channel) as came:
            for n in range(300):
                await channel.send(message(n), attempt(n))
                await clock.sleep_until(clock.now() + SECOND // 10)
            await clock.sleep_until(START + 2 * 3600 * SECOND)
    assert len(came) == 300
    assert [i.at for i in came] == sorted(i.at for i in came)


async def test_accepted_then_error_and_hang_are_accepted(tmp_path):
    async with time_passes() as clock:
        broken = carrier(clock, tmp_path, faults={"accept_then_error": 1})
        with pytest.raises(CarrierBroke):
            await broken.send(message(1), attempt(1))
        hanging = carrier(clock, tmp_path, faults={"accept_then_hang": 1})
        with trio.move_on_after(0):
            await hanging.send(message(2), attempt(2))
    reading = read_ledger(tmp_path / "ledger-sms.jsonl")
    assert reading.per_token() == {"token-1": 1}  # cancelled before it began: never accepted


async def test_refusals_have_their_own_lines_and_a_new_request_draws_again(tmp_path):
    async with time_passes() as clock:
        channel = carrier(clock, tmp_path, faults={"unavailable": 0.5})
        tries = Counter()
        for n in range(100):
            while True:
                try:
                    await channel.send(message(n), attempt(n))
                    break
                except Unavailable:
                    tries[n] += 1
    reading = read_ledger(tmp_path / "ledger-sms.jsonl")
    assert len(reading.refused) == tries.total() > 50
    assert {entry.why for entry in reading.refused} == {"unavailable"}
    assert reading.duplicates == 0
    assert set(reading.per_try().values()) == {1}


async def test_a_dead_number_is_refused_for_good(tmp_path):
    async with time_passes() as clock:
        channel = carrier(clock, tmp_path, faults={"refuse_dead": 1})
        with pytest.raises(Rejected) as why:
            await channel.send(message(1), attempt(1))
        assert why.value.dead
        assert await channel.lookup(attempt(1)) == Absent()


async def test_the_throttle_refuses_what_is_too_much_and_says_when_to_come_back(tmp_path):
    async with time_passes() as clock:
        channel = carrier(clock, tmp_path, faults={"throttle": "3/second"})
        for n in range(3):
            await channel.send(message(n), attempt(n))
        with pytest.raises(Unavailable) as why:
            await channel.send(message(3), attempt(3))
        await clock.sleep_until(clock.now() + round(why.value.after * SECOND))
        await channel.send(message(3), attempt(3))


async def test_a_lagging_list_shows_nothing_and_proves_nothing_until_it_is_complete(tmp_path):
    async with time_passes() as clock:
        channel = carrier(clock, tmp_path, faults={"list_lag": 5})
        assert channel.lookup_after == 5 * SECOND
        await channel.send(message(1), attempt(1))
        assert isinstance(await channel.lookup(attempt(1)), CannotTell)
        again = carrier(clock, tmp_path, faults={"list_lag": 5})
        await clock.sleep_until(START + 4 * SECOND)
        assert isinstance(await again.lookup(attempt(1, at=START - 3600 * SECOND)), CannotTell)
        await clock.sleep_until(START + 5 * SECOND)
        assert isinstance(await again.lookup(attempt(1)), Found)
        assert await again.lookup(attempt(2)) == Absent()


async def test_a_fuzzy_carrier_never_denies(tmp_path):
    async with time_passes() as clock:
        channel = carrier(clock, tmp_path, lookup="fuzzy")
        assert not channel.lookup_is_final
        assert isinstance(await channel.lookup(attempt(1)), CannotTell)


async def test_latency_lies_on_both_sides_of_the_acceptance(tmp_path):
    async with time_passes() as clock:
        channel = carrier(clock, tmp_path, faults={"latency": 2})
        await channel.send(message(1), attempt(1))
        assert clock.now() == START + 2 * SECOND
    assert read_ledger(tmp_path / "ledger-sms.jsonl").entries[0].at == START + 1 * SECOND


async def test_after_a_restart_look_ups_answer_and_only_undelivered_events_come(tmp_path):
    config = {"outcomes": {"replied": 1}, "delivery": 10, "reply": "1 hour"}
    async with time_passes() as clock:
        first = carrier(clock, tmp_path, **config)
        async with listening(first) as came:
            await first.send(message(1), attempt(1))
            await clock.sleep_until(START + 60 * SECOND)
        assert [i.outcome for i in came] == [Outcome.delivered]
        await first.send(message(2), attempt(2))  # nobody listens any more
        second = carrier(clock, tmp_path, **config)
        assert isinstance(await second.lookup(attempt(2)), Found)
        async with listening(second) as came:
            await clock.sleep_until(START + 2 * 3600 * SECOND)
        assert [(i.token, i.outcome) for i in came] == [
            ("token-2", Outcome.delivered),
            ("token-1", Outcome.replied),
            ("token-2", Outcome.replied),
        ]


async def test_a_failed_delivery_is_repeated(tmp_path):
    async with time_passes() as clock:
        channel = carrier(clock, tmp_path, outcomes={"delivered": 1}, delivery=1)
        await channel.send(message(1), attempt(1))

        async def refuse(inbound):
            raise OSError("no room")

        with pytest.raises(ExceptionGroup):
            await channel.listen(refuse)
        async with listening(channel) as came:
            await clock.sleep_until(START + 5 * SECOND)
        assert len(came) == 1


async def test_a_ledger_that_cannot_be_written_accepts_nothing(tmp_path, monkeypatch):
    def full(fd, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    async with time_passes() as clock:
        channel = carrier(clock, tmp_path)
        monkeypatch.setattr(os, "write", full)
        try:
            with pytest.raises(Unavailable, match="No space left"):
                await channel.send(message(1), attempt(1))
        finally:
            monkeypatch.undo()
        assert await channel.lookup(attempt(1)) == Absent()


async def test_in_memory_nothing_is_written(tmp_path):
    async with time_passes() as clock:
        channel = carrier(clock, tmp_path, ledger=False)
        await channel.send(message(1), attempt(1))
        assert channel.ledger.accepted("token-1") == 1
    assert list(tmp_path.iterdir()) == []
