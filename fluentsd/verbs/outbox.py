"""The outbox: list deliveries that are not done, retry dead letters, drop what nobody shall receive any more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fluentsd.engine.runtime import Runtime
from fluentsd.store import outbox
from fluentsd.store.db import Connection
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.execute import Answer, change

#: Deliveries changed in one transaction; rows of one list.
AT_ONCE, LISTED_AT_MOST = 1000, 1000


async def listing(runtime: Runtime, call: Call, target: str | None, most: int) -> Answer:
    """Deliveries that are not done, dead letters first. `next_at`: the next try, by the target's next probe if it is
    down; null for a dead letter and for a delivery behind an earlier one."""
    at_most = max(1, min(most, LISTED_AT_MOST))

    async def unit(conn: Connection) -> Answer:
        return {"deliveries": await outbox.listing(conn, target, at_most), "counts": await outbox.counts(conn)}

    found = await runtime.store.read(unit)
    down, served = runtime.targets_down, runtime.store.subscriptions.names
    for one in found["deliveries"]:
        due_at = one.pop("due_at")
        one["next_at"] = None if due_at is None else max(due_at, down.get(one["target"], 0))
    targets = {name for name, _ in found["counts"]} | set(served)
    return {
        "deliveries": found["deliveries"],
        "targets": [
            {
                "target": name,
                "waiting": found["counts"].get((name, "waiting"), 0),
                "dead": found["counts"].get((name, "dead"), 0),
                "down_until": down.get(name),
                "configured": name in served,
            }
            for name in sorted(targets)
        ],
    }


async def retry(runtime: Runtime, call: Call, id: int | None, target: str | None, all: bool) -> Answer:
    """Dead letters are due again, with all their tries; a target that is down is probed at once. Later events of the
    same key may have been delivered meanwhile."""
    _one_choice(id, target, all)

    async def some(conn: Connection) -> int:
        return await outbox.retry_dead(conn, target, id, call.at, AT_ONCE)

    answer = await _in_portions(runtime, call, "outbox retry", "retried", some, id, target)
    for name in [target] if target is not None else list(runtime.targets_down):
        runtime.targets_down.pop(name, None)
    runtime.wake_targets(runtime.store.subscriptions.names)
    return answer


async def drop(runtime: Runtime, call: Call, id: int | None, target: str | None, all: bool, waiting: bool) -> Answer:
    """Delete dead letters; with `waiting` also deliveries that wait, as for a target that is no longer configured."""
    _one_choice(id, target, all)
    if waiting and target is None:
        raise Refused(
            "name the target whose waiting events are deleted, because they were never delivered; nothing was changed",
            Suggestion("outbox drop", {"target": None, "waiting": True}),
        )

    async def some(conn: Connection) -> int:
        return await outbox.drop(conn, target, id, call.at, AT_ONCE, waiting=waiting)

    answer = await _in_portions(runtime, call, "outbox drop", "dropped", some, id, target)
    runtime.wake_targets(runtime.store.subscriptions.names)
    return answer


def _one_choice(id_: int | None, target: str | None, all_: bool) -> None:
    if all_ is not (id_ is None and target is None):
        raise Refused("say which: an id, a target (or both), or all; see the list", Suggestion("outbox list"))


async def _in_portions(
    runtime: Runtime,
    call: Call,
    verb: str,
    done: str,
    some: Callable[[Connection], Awaitable[int]],
    id_: int | None,
    target: str | None,
) -> Answer:
    """The first portion with its audit entry, the others after it; a crash leaves them as they were."""
    count = 0

    async def unit(conn: Connection) -> Answer:
        if not (first := await some(conn)):
            raise Refused("there is no such delivery; nothing was changed; see the list", Suggestion("outbox list"))
        return {done: first, "_details": {"id": id_, "target": target}}

    answer = await change(runtime, call, verb, target or "", unit)
    portion = int(answer[done])
    while portion == AT_ONCE:
        portion = await runtime.store.run(some)
        count += portion
    return answer | {done: int(answer[done]) + count}
