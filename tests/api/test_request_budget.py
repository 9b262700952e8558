"""The pace of requests, the slow-down after a refusal, and the share of the day."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from fluentsd.api import RequestBudget, Unavailable, next_utc_midnight, retry_after
from fluentsd.api.request_budget import Pace, allowance, take_slot
from fluentsd.testing import TrioClock

SECOND = 1_000_000


@given(
    st.integers(1, 5 * SECOND),
    st.integers(1, 10),
    st.lists(st.integers(0, 3 * SECOND), min_size=2, max_size=60),
)
def test_no_span_of_time_has_more_requests_than_pace_and_burst(interval: int, burst: int, gaps: list[int]) -> None:
    starts, due_at, now = list[int](), 0, 0
    for gap in gaps:
        now += gap
        start, due_at = take_slot(Pace(interval, burst), due_at, now)
        assert start >= now
        starts.append(start)
    for first in range(len(starts)):
        for last in range(first, len(starts)):
            allowed = burst + (starts[last] - starts[first]) // interval
            assert last - first + 1 <= allowed


def test_retry_after_reads_seconds_and_dates_and_has_bounds() -> None:
    now = 1_767_625_200 * SECOND  # Mon, 05 Jan 2026 15:00:00 GMT
    assert retry_after("7", now) == 7.0
    assert retry_after("Mon, 05 Jan 2026 15:00:30 GMT", now) == 30.0
    assert retry_after("Mon, 05 Jan 2026 14:00:00 GMT", now) == 0.0
    assert [retry_after(text, now, 3) for text in (None, "", "soon", "nan", "inf")] == [3] * 5
    assert retry_after("999999999", now) == 86_400.0


def test_a_share_is_never_nothing() -> None:
    assert (allowance(1000, 0.4), allowance(1, 0.4)) == (400, 1)


async def ask(budget: RequestBudget, times: int, *, urgent: bool = False) -> None:
    for _ in range(times):
        async with budget.request(urgent=urgent):
            pass


async def test_requests_keep_the_pace(autojump_clock: trio.testing.MockClock) -> None:
    clock = TrioClock()
    budget, began = RequestBudget(clock, SECOND, burst=3), clock.now()
    await ask(budget, 3)
    assert clock.now() == began
    await ask(budget, 4)
    assert clock.now() - began == 4 * SECOND


async def test_no_more_requests_at_once_than_allowed(autojump_clock: trio.testing.MockClock) -> None:
    budget, open_now, most = RequestBudget(TrioClock(), 1, concurrency=2), 0, 0

    async def one() -> None:
        nonlocal open_now, most
        async with budget.request():
            open_now += 1
            most = max(most, open_now)
            await trio.sleep(1)
            open_now -= 1

    async with trio.open_nursery() as nursery:
        for _ in range(7):
            nursery.start_soon(one)
    assert most == 2


async def test_a_refusal_stops_everyone_and_then_slows_down(autojump_clock: trio.testing.MockClock) -> None:
    clock = TrioClock()
    budget, began = RequestBudget(clock, SECOND), clock.now()
    await ask(budget, 1)
    budget.refused(20, "too many requests")
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ask, budget, 1)
    assert clock.now() - began == 24 * SECOND  # 20, then one in two seconds
    for _ in range(200):
        budget.succeeded()
    before = clock.now()
    await ask(budget, 3)
    assert clock.now() - before <= 4 * SECOND


async def test_a_waiter_of_a_refused_time_waits_again(autojump_clock: trio.testing.MockClock) -> None:
    clock = TrioClock()
    budget, began = RequestBudget(clock, 10 * SECOND), clock.now()
    await ask(budget, 1)

    async def refuse() -> None:
        await trio.sleep(5)
        budget.refused(30, "too many requests")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(refuse)
        nursery.start_soon(ask, budget, 1)
    assert clock.now() - began >= 35 * SECOND


async def test_a_long_refusal_is_an_error_and_no_wait(autojump_clock: trio.testing.MockClock) -> None:
    clock = TrioClock()
    budget, began = RequestBudget(clock, SECOND), clock.now()
    budget.refused(600, "slow down")
    with pytest.raises(Unavailable, match="slow down") as caught:
        await ask(budget, 1)
    assert caught.value.after == 600
    assert clock.now() == began


async def test_the_share_of_the_day_ends_in_an_error_until_the_reset(autojump_clock: trio.testing.MockClock) -> None:
    clock = TrioClock()
    budget = RequestBudget(clock, 1, daily=10, share=0.4)
    await ask(budget, 4)
    with pytest.raises(Unavailable, match=r"4 of 4 requests of today") as caught:
        await ask(budget, 1)
    left = (next_utc_midnight(clock.now()) - clock.now()) / SECOND
    assert caught.value.after == left
    await ask(budget, 1, urgent=True)  # consent and opt-outs may use the quota of others
    assert budget.used().today == 5
    await trio.sleep(left)
    await ask(budget, 1)
    assert budget.used().today == 1


async def test_what_others_use_counts(autojump_clock: trio.testing.MockClock) -> None:
    budget = RequestBudget(TrioClock(), 1, daily=1000)
    await ask(budget, 1)
    budget.learn_day(1000, left=150)
    with pytest.raises(Unavailable, match="80 % of its 1000 requests"):
        await ask(budget, 1)
    await ask(budget, 1, urgent=True)
    await trio.sleep(901)
    await ask(budget, 1)  # asks again how much is left
    budget.learn_day(1000, left=900)
    await ask(budget, 1)


async def test_a_daily_refusal_lasts_until_the_reset_even_for_the_urgent(
    autojump_clock: trio.testing.MockClock,
) -> None:
    clock = TrioClock()
    budget = RequestBudget(clock, 1, daily=1000)
    budget.refused_for_the_day("the daily limit of the account is reached")
    with pytest.raises(Unavailable, match="daily limit") as caught:
        await ask(budget, 1, urgent=True)
    assert caught.value.after == (next_utc_midnight(clock.now()) - clock.now()) / SECOND


async def test_the_count_survives_a_restart(tmp_path: Path, autojump_clock: trio.testing.MockClock) -> None:
    clock, file = TrioClock(), tmp_path / "requests.json"
    await ask(RequestBudget(clock, 1, daily=1000, file=file), 7)
    assert RequestBudget(clock, 1, daily=1000, file=file).used().today == 7
    file.write_text("{ not JSON")
    assert RequestBudget(clock, 1, daily=1000, file=file).used().today == 0


async def test_a_rolling_quota_that_is_used_up_is_tried_once_a_minute_for_what_is_urgent(
    autojump_clock: object,
) -> None:
    clock = TrioClock()
    budget = RequestBudget(clock, 0)
    budget.refused_for_the_day("used up", clock.now() + 3600 * SECOND, rolling=True)
    with pytest.raises(Unavailable) as caught:
        await ask(budget, 1, urgent=True)
    assert 59 <= caught.value.after <= 60
    with pytest.raises(Unavailable) as caught:
        await ask(budget, 1)
    assert caught.value.after > 3500
    await trio.sleep(60)
    await ask(budget, 3, urgent=True)
    with pytest.raises(Unavailable):
        await ask(budget, 1)
