"""Execution of verbs: one transaction, one audit entry, one answer per request."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from fluentsd.domain.states import IllegalTransition
from fluentsd.domain.templates import NoSuchTemplate
from fluentsd.engine.runtime import Runtime
from fluentsd.store import audit, enrollments
from fluentsd.store.audit import RequestReused
from fluentsd.store.campaigns import Changed, NoSuchCampaign, RefTaken
from fluentsd.store.db import Connection
from fluentsd.unavailable import StoreBusy
from fluentsd.validation import Problems

Answer = dict[str, Any]
T = TypeVar("T")
#: Retries of a transaction that was rolled back by a deadlock.
DEADLOCKS = 3
#: Held enrollments released in one transaction.
HELD_AT_ONCE = 1000


class Refused(Exception):
    """The verb is not possible; the message has the cause and the fix. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Call:
    """The actor and the time of a request. `request_id` makes a repetition harmless; `revision` is the campaign's
    revision that the actor has seen. `digest`: the hash of the verb and its arguments, set by `catalogue.perform`."""

    actor: str
    at: int
    request_id: str | None = None
    revision: int | None = None
    digest: str | None = None


def digest_of(verb: str, arguments: Mapping[str, Any]) -> str:
    """The hash of a verb and its arguments, by which a repeated request is told from another act."""
    whole = json.dumps([verb, arguments], sort_keys=True, default=repr, separators=(",", ":"))
    return hashlib.blake2b(whole.encode(), digest_size=16).hexdigest()


async def change(
    runtime: Runtime, call: Call, verb: str, target: str, unit: Callable[[Connection], Awaitable[Answer]]
) -> Answer:
    """Run `unit` and its audit entry in one transaction; its answer may carry `_details` for the audit only."""

    async def whole(conn: Connection) -> Answer:
        stored: Answer | None = await audit.answered(conn, call.request_id, verb, target, call.digest)
        if stored is not None:
            return stored
        answer = await unit(conn)
        details = answer.pop("_details", None)
        await audit.note(
            conn, at=call.at, actor=call.actor, verb=verb, target=target, request_id=call.request_id,
            digest=call.digest, details=details, answer=answer if call.request_id else None,
        )  # fmt: skip
        return answer

    for _ in range(DEADLOCKS if runtime.store.dialect == "postgresql" else 0):
        try:
            return await refusing(runtime.store.run(whole))
        except StoreBusy:  # a deadlock: this transaction was rolled back, so it runs again
            continue
    return await refusing(runtime.store.run(whole))


async def facts_changed(
    runtime: Runtime, call: Call, *, campaign_id: int | None = None, reason: str | None = None
) -> None:
    """Release enrollments held for a fact that has changed, in batches, so that the gate decides again. Each is
    released once, even when the gate holds it again at once."""
    since = 0
    while released := await runtime.store.run(
        enrollments.release_held, call.at, campaign_id=campaign_id, reason=reason, since=since, most=HELD_AT_ONCE
    ):
        since = released[-1] + 1
        runtime.dispatcher_wakeup.notify()


async def refusing(work: Awaitable[T]) -> T:
    """Turn the engine's errors about a request into `Refused`."""
    try:
        return await work
    except (NoSuchCampaign, NoSuchTemplate, RefTaken, IllegalTransition, Changed, Problems, RequestReused) as why:
        raise Refused(str(why)) from None
