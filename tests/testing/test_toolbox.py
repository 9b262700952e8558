"""Tools for a plugin under test: virtual time when the test has it, threads, one client."""

from __future__ import annotations

import threading

from fluentsd.clock import SimClock
from fluentsd.testing import SkippingClock, TrioClock, tools


async def test_time_runs_ahead_under_a_virtual_clock(tmp_path, autojump_clock):
    clock = tools(folder=tmp_path).clock
    began = clock.now()
    await clock.sleep_until(began + 7 * 86400 * 1_000_000)
    assert clock.now() == began + 7 * 86400 * 1_000_000


def test_outside_a_run_time_stands_still():
    clock = TrioClock(5)
    assert (clock.now(), clock.now()) == (5, 5)


async def test_blocking_code_runs_in_a_thread_and_a_simulated_clock_knows(tmp_path):
    clock = SimClock(0)
    seen = []

    def work(word):
        seen.append((word, threading.current_thread() is threading.main_thread(), clock._busy))

    await tools(clock, folder=tmp_path).run_sync(work, "hello")
    assert seen == [("hello", False, 1)]
    assert clock._busy == 0


async def test_there_is_one_client_and_it_is_made_when_asked_for(tmp_path):
    hands = tools(folder=tmp_path)
    assert hands.http() is hands.http()
    await hands.http().aclose()


async def test_a_skipping_clock_moves_by_sleeping_alone() -> None:
    clock = SkippingClock(5)
    await clock.sleep_until(9)
    await clock.sleep_until(7)
    assert clock.now() == 9
