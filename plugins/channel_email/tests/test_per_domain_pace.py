"""Mails to one domain keep its pace; no mail holds a connection while it waits, and none is postponed twice."""

from __future__ import annotations

from contextlib import suppress

import pytest
import trio
from fluentsd_channel_email import per_domain_pace
from fluentsd_channel_email.per_domain_pace import NEAR, Turns
from fluentsd_channel_email.settings import read_settings

from fluentsd.api import ConfigProblem, Unavailable
from fluentsd.testing import TrioClock

SECOND = 1_000_000


async def send(queue, clock, to):
    """Send as the engine does, again after `Unavailable`; returns the time of the send and the number of refusals."""
    away = 0
    while True:
        try:
            await queue.wait_turn(to)
        except Unavailable as why:
            away += why.only_this
            await trio.sleep(why.after)
        else:
            return clock.now(), away


async def everybody(queue, clock, *people):
    went = {}

    async def one(to):
        went[to] = await send(queue, clock, to)

    async with trio.open_nursery() as nursery:
        for to in people:
            nursery.start_soon(one, to)
    return went


async def test_each_domain_has_its_own_queue_in_which_everybody_is_turned_away_once_at_most(autojump_clock):
    clock = TrioClock()
    queue, began = Turns(clock, {"slow.example": 2 * SECOND, "*": SECOND // 10}), clock.now()
    slow = [f"p{n}@Slow.example" for n in range(20)]
    quick = [f"p{n}@quick.example" for n in range(20)]
    went = await everybody(queue, clock, *slow, *quick)
    for people, pace in ((slow, 2 * SECOND), (quick, SECOND // 10)):
        moments = sorted(went[to][0] - began for to in people)
        assert moments == pytest.approx([n * pace for n in range(20)], abs=1000)
    assert max(away for _, away in went.values()) == 1
    assert sum(away for _, away in went.values()) == sum(n * 2 * SECOND > NEAR for n in range(20)) + 9


async def test_without_a_pace_nobody_waits(autojump_clock):
    clock = TrioClock()
    began = clock.now()
    await everybody(Turns(clock, {"slow.example": SECOND}), clock, *(f"p{n}@quick.example" for n in range(50)))
    assert clock.now() - began < 1000


async def test_moments_that_passed_long_ago_do_not_end_in_a_burst(autojump_clock):
    clock = TrioClock()
    queue, people = Turns(clock, {"*": 2 * SECOND}), [f"p{n}@a.example" for n in range(5)]
    for to in people:
        with suppress(Unavailable):
            await queue.wait_turn(to)
    await trio.sleep(3600)  # the campaign was paused
    began = clock.now()
    went = await everybody(queue, clock, *people)
    assert sorted(moment - began for moment, _ in went.values()) == pytest.approx(
        [n * 2 * SECOND for n in range(5)], abs=1000
    )


async def test_moments_nobody_comes_for_are_forgotten(autojump_clock, monkeypatch):
    monkeypatch.setattr(per_domain_pace, "MANY", 10)
    queue = Turns(TrioClock(), {"*": 2 * SECOND})
    for n in range(100):
        await queue.wait_turn(f"first{n}@a{n}.example")
        with pytest.raises(Unavailable):
            await queue.wait_turn(f"second{n}@a{n}.example")
        await trio.sleep(60)
    assert len(queue._kept) <= 12


def test_paces_are_read_by_domain():
    given = {"host": "mail.example.com", "from": "a@example.com"}
    settings = read_settings(given | {"pace_per_domain": {"Gmail.com": "5/second", "*": "90/minute"}})
    assert settings.pace_per_domain == {"gmail.com": 200_000, "*": 666_666}
    for wrong, why in (
        ("5/second", "should be rates by domain"),
        ({"gmail.com": "fast"}, "'fast' is not a rate"),
        ({"g mail": "5/second"}, "is not a domain name"),
    ):
        with pytest.raises(ConfigProblem, match=why):
            read_settings(given | {"pace_per_domain": wrong})
