"""Jobs whose answer comes in time, late, or in between."""

from __future__ import annotations

import structlog
import trio
import trio.testing

from fluentsd.fronts.slack.jobs import Jobs, Late


async def test_an_answer_in_the_moment_in_which_the_time_is_over_is_not_lost(nursery: trio.Nursery) -> None:
    jobs = Jobs(structlog.wrap_logger(structlog.ReturnLogger()))
    await nursery.start(jobs.run)
    got: list[int] = []

    async def late(value: int) -> None:
        got.append(value)

    for n in range(50):  # Trio runs the tasks of one moment in an order of chance

        async def job(value: int = n) -> int:
            return value

        try:
            got.append(await jobs.within(0.0, job, late))
        except Late:
            await trio.testing.wait_all_tasks_blocked()
    assert got == list(range(50))
