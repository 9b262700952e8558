"""What is typed is saved in the order of the keys, whatever order its payloads are handled in."""

from __future__ import annotations

from functools import partial

import trio
import trio.testing
from structlog.testing import ReturnLogger

from fluentsd.fronts.slack.jobs import Jobs
from fluentsd.fronts.slack.wizard.memory import Typing


async def test_the_newest_answers_win_though_their_payload_is_handled_first(nursery: trio.Nursery) -> None:
    jobs, saved = Jobs(ReturnLogger()), list[str]()

    async def save(typed: str) -> None:
        saved.append(typed)

    await nursery.start(jobs.run)
    typing = Typing(jobs)
    for typed, at in (("hel", 3.0), ("he", 2.0), ("hello", 5.0), ("hell", 4.0)):
        typing.note("V1", partial(save, typed), at)
    with trio.fail_after(5):
        while typing.newest:  # noqa: ASYNC110 - it ends by itself
            await trio.sleep(0.005)
    assert saved == ["hello"]
    assert typing.acted_at == {}
    typing.note("V1", partial(save, "closed"))
    await trio.testing.wait_all_tasks_blocked()
    assert saved == ["hello", "closed"]
    nursery.cancel_scope.cancel()
