"""Execution of verbs: the check of role and arguments, one transaction, one audit entry, one answer per request.

`execute` is the only way to run a verb. What must not live here: the declarations (`catalogue`) and the functions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any, TypeVar

from fluentsd.domain.state_machines import IllegalTransition
from fluentsd.domain.templates import NoSuchTemplate
from fluentsd.engine.runtime import Runtime
from fluentsd.store import audit, campaigns, enrollments
from fluentsd.store.audit import RequestReused
from fluentsd.store.campaigns import Changed, NoSuchCampaign, RefTaken
from fluentsd.store.db import Connection
from fluentsd.text import NotStorable, clean, storable
from fluentsd.unavailable import StoreBusy
from fluentsd.validation import Problems
from fluentsd.verbs import moments
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.arguments import INT32, checked_value, short
from fluentsd.verbs.call import Call, Refused, RoleRefused
from fluentsd.verbs.catalogue import VERBS, current_name
from fluentsd.verbs.verb import Verb

Answer = dict[str, Any]
T = TypeVar("T")
#: Retries of a transaction that was rolled back by a deadlock.
DEADLOCKS = 3
#: Held enrollments released in one transaction.
HELD_AT_ONCE = 1000
#: Most characters of a request id.
IDS_AT_MOST = 64


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
        if call.must_own is not None:
            _check_owner(call, await campaigns.owner_of(conn, call.must_own))
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


async def repeated(runtime: Runtime, call: Call) -> Answer | None:
    """The stored answer of a repeated request, for a verb that checks more than its transaction does; else None."""
    if call.digest is None:
        return None
    stored: Answer | None = await refusing(runtime.store.read(audit.answered, call.request_id, digest=call.digest))
    return stored


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
    """Turn the engine's errors about a request into `Refused`. An error's `suggestion` is a verb and its arguments."""
    try:
        return await work
    except (NoSuchCampaign, NoSuchTemplate, RefTaken, IllegalTransition, Changed, Problems, RequestReused) as why:
        verb, arguments = getattr(why, "suggestion", (None, {}))
        raise Refused(str(why), Suggestion(verb, arguments) if verb else None) from None


async def execute(runtime: Runtime, name: str, arguments: Mapping[str, Any], call: Call) -> Answer:
    """Run one verb, by its present or an old name. Raises `Refused` with the cause and the fix; nothing was changed."""
    verb = VERBS.get(current_name(name))
    if verb is None:
        raise Refused(f"there is no verb {short(name)}")
    if not call.may(verb.role):
        message = f"{verb.name} needs the role {verb.role}, and {call.actor} is {call.role}; nothing was changed"
        raise RoleRefused(message, verb.role, call.role)
    try:
        arguments, call = _stored_as_given(verb, arguments), _checked_call(name, call)
    except NotStorable as why:
        raise Refused(f"{name}: {why}") from None
    checked = {param.name: checked_value(name, param, arguments.get(param.name)) for param in verb.params}
    unknown = sorted(set(arguments) - set(checked))
    if unknown:
        raise Refused(f"{name}: no such parameter: {', '.join(unknown)[:200]}")
    if call.request_id and verb.effect == "change":
        call = replace(call, hashed=partial(digest_of, verb.name, checked))
    checked = await moments.resolved(runtime, verb, checked, call.at)
    if verb.owned and checked.get("ref"):
        call = await owning(runtime, call, checked["ref"])
    if verb.effect == "change" and checked.get("ref") and not verb.if_archived:
        await refuse_archived(runtime, checked["ref"])
    return await _function(verb)(runtime, call, **checked)


def _stored_as_given(verb: Verb, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments with every text cleaned, save for people, whom the verb itself cleans. Raises `NotStorable`."""
    people = {param.name for param in verb.params if param.shape == "people"} & arguments.keys()
    cleaned: Mapping[str, Any] = storable({name: value for name, value in arguments.items() if name not in people})
    return {**cleaned, **{name: arguments[name] for name in people}}


async def refuse_archived(runtime: Runtime, ref: str) -> None:
    """Raise `Refused` if the campaign is archived."""
    if await runtime.store.read(campaigns.is_archived, ref):
        raise Refused(
            f"{ref} is archived; nothing was changed. Bring it back first",
            Suggestion("campaign unarchive", {"ref": ref}),
        )


async def owning(runtime: Runtime, call: Call, ref: str) -> Call:
    """The call, refused if the campaign belongs to another person; `change` checks it again in its transaction."""
    if call.may("admin"):
        return call
    call = replace(call, must_own=ref)
    _check_owner(call, await runtime.store.read(campaigns.owner_of, ref, lock=False))
    return call


def _check_owner(call: Call, owner: str | None) -> None:
    """`owner` is None for a campaign that does not exist; the verb says so."""
    if owner is not None and not call.owns(owner):
        raise Refused(
            f"{call.must_own} belongs to {owner}; nothing was changed. Ask {owner} or an admin, who may also make "
            f"{call.actor} or a group like @sales its owner"
        )


def _function(verb: Verb) -> Callable[..., Awaitable[Answer]]:
    """The function of a verb; its module is imported at first use."""
    module, _, name = verb.run.partition(".")
    function: Callable[..., Awaitable[Answer]] = getattr(import_module(f"fluentsd.verbs.{module}"), name)
    return function


def _checked_call(name: str, call: Call) -> Call:
    id_ = call.request_id or ""
    if len(id_) > IDS_AT_MOST or clean(id_) != id_:
        raise Refused(f"{name}: a request id has at most {IDS_AT_MOST} ordinary characters")
    if call.revision is not None and call.revision not in INT32:
        raise Refused(f"{name}: there is no such revision")
    return replace(call, request_id=id_ or None)  # an empty id is none: it would be one id of many requests
