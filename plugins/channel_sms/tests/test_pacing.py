"""Each sender keeps its pace, no send waits longer than the limit, and equal texts go one at a time."""

from __future__ import annotations

import pytest
import trio
from fluentsd_channel_sms.pacing import SECOND, OneAtATime, Pace

from fluentsd.api import Rejected, Unavailable
from fluentsd.testing import TrioClock


async def starts(pace, clock, *senders):
    """When each of these gets its turn, in seconds; None where it was sent away."""
    began, came = clock.now(), {}

    async def one(number, sender):
        try:
            await pace.wait_turn(sender)
            came[number] = (clock.now() - began) / SECOND
        except Unavailable:
            came[number] = None

    async with trio.open_nursery() as nursery:
        for number, sender in enumerate(senders):
            nursery.start_soon(one, number, sender)
            await trio.testing.wait_all_tasks_blocked()
    return [came[number] for number in range(len(senders))]


async def test_a_sender_starts_one_after_another(autojump_clock):
    clock = TrioClock()
    assert await starts(Pace(clock, SECOND, 10 * SECOND), clock, *"aaaa") == pytest.approx([0, 1, 2, 3])


async def test_each_sender_has_its_own_pace(autojump_clock):
    clock = TrioClock()
    assert await starts(Pace(clock, SECOND, 10 * SECOND), clock, *"abab") == pytest.approx([0, 0, 1, 1])


async def test_a_turn_too_far_away_is_told_at_once_and_takes_no_turn(autojump_clock):
    clock = TrioClock()
    pace = Pace(clock, SECOND, 2 * SECOND)
    assert await starts(pace, clock, *"aaaaa") == [0, 1, 2, None, None]
    await trio.sleep(1)  # the turn after the third is free: those sent away hold none
    assert await starts(pace, clock, "a") == [0]


async def test_who_is_sent_away_is_told_when_to_come_again(autojump_clock):
    pace = Pace(TrioClock(), 10 * SECOND, 0)
    await pace.wait_turn("a")
    with pytest.raises(Unavailable) as why:
        await pace.wait_turn("a")
    assert why.value.only_this
    assert why.value.after == pytest.approx(10)


async def test_without_a_limit_nobody_waits(autojump_clock):
    clock = TrioClock()
    assert await starts(Pace(clock, 0, 0), clock, *"aaaaaa") == [0] * 6


async def test_a_rest_is_not_saved_up(autojump_clock):
    clock = TrioClock()
    pace = Pace(clock, SECOND, 10 * SECOND)
    await pace.wait_turn("a")
    await trio.sleep(100)
    assert await starts(pace, clock, *"aaa") == pytest.approx([0, 1, 2])


async def test_a_second_alike_waits_for_the_first(autojump_clock):
    one = OneAtATime(TrioClock(), 600 * SECOND)
    with one.only("t1", "+1", "Hello"):
        with pytest.raises(Unavailable), one.only("t2", "+1", "Hello"):
            pass
        with one.only("t3", "+2", "Hello"), one.only("t4", "+1", "Goodbye"):
            pass
    with one.only("t2", "+1", "Hello"):
        pass


async def test_a_refusal_frees_the_place(autojump_clock):
    one = OneAtATime(TrioClock(), 600 * SECOND)
    with pytest.raises(Rejected), one.only("t1", "+1", "Hello"):
        raise Rejected("no")
    with one.only("t2", "+1", "Hello"):
        pass


async def test_doubt_keeps_the_place_until_it_is_settled_or_old(autojump_clock):
    one = OneAtATime(TrioClock(), 600 * SECOND)
    for settle in (lambda: one.settle("t1"), None):
        with pytest.raises(OSError, match="lost"), one.only("t1", "+1", "Hello"):
            raise OSError("lost")
        with pytest.raises(Unavailable), one.only("t2", "+1", "Hello"):
            pass
        if settle is None:
            await trio.sleep(601)
        else:
            settle()
        with one.only("t2", "+1", "Hello"):
            pass


async def test_a_cancelled_send_keeps_the_place(autojump_clock):
    one = OneAtATime(TrioClock(), 600 * SECOND)
    with trio.move_on_after(1), one.only("t1", "+1", "Hello"):
        await trio.sleep_forever()
    with pytest.raises(Unavailable), one.only("t2", "+1", "Hello"):
        pass
