"""A held start: a database that may be an older copy contacts nobody until a person releases it.

Under the lock and before the engine, the database is compared with its high-water mark; when the mark knows more
claims, or cannot be found, people whom this database believes to be waiting may have been contacted already. Where the
mark was put back together with the database (a snapshot of the whole machine), only the providers know better. Those
that can are asked before the first claim what was sent to contacts since. In either case a hold with the scope
`installation` is placed: claims, manual replies and test messages are refused, while look-ups, webhooks and verbs go
on. A database without people is never held.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence

import trio

from fluentsd.api import Kind, ListsAttempts, Made
from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.runtime import Runtime
from fluentsd.store import holds, nodes, origin
from fluentsd.store.db import Connection
from fluentsd.store.db.high_water import HighWaterMark, Mark, UnreadableMark
from fluentsd.store.nodes import EVERYTHING, INSTALLATION
from fluentsd.store.origin import Origin

_FIX = "Restore the newest copy, or, if it is lost, release the installation"


#: Seconds that a start waits for the providers.
ANSWER_WITHIN = 10
#: How many of a provider's newest messages or calls are compared.
LOOK_AT = 200
#: Providers give whole seconds, and their clocks may be a little ahead of ours.
SKEW = 2 * SECOND


async def compare_with_mark(runtime: Runtime, place: str) -> None:
    """Hold everything if the database may be older than what was sent, and open its mark. `place` names the database's
    file or server, so that another database that is put there is noticed."""
    found, runtime.known_until = await runtime.store.read(origin.look), await runtime.store.read(origin.last_known)
    why, mark = _judge(runtime.high_water, found, place)
    if found.database is None:
        mark = mark._replace(database=secrets.token_hex(8))

    async def unit(conn: Connection) -> None:
        if found.database is None:
            await origin.name_database(conn, mark.database)
        if why and not await holds.is_held(conn, INSTALLATION, EVERYTHING, runtime.clock.now()):
            await holds.place(
                conn, INSTALLATION, EVERYTHING, reason=f"{why}. {_FIX}", by="fluentsd", at=runtime.clock.now()
            )

    if why or found.database is None:
        await runtime.store.run(unit)
    runtime.high_water.open(mark)
    if reason := await runtime.store.read(held_because, runtime.clock.now()):
        runtime.log.error("installation.held", reason=reason, effect="nobody is contacted")


async def compare_with_providers(runtime: Runtime) -> None:
    """Hold everything if a provider lists a message or call to a contact that this database does not know. A provider
    that cannot tell in time proves nothing, and the start goes on."""
    if await runtime.store.read(held_because, runtime.clock.now()) != "" or not runtime.known_until:
        return
    found: list[tuple[Kind, Made]] = []

    async def ask(channel_state: ChannelState, lists: ListsAttempts) -> None:
        try:
            with trio.fail_after(ANSWER_WITHIN):
                made = await lists.made_since(runtime.known_until + SKEW, LOOK_AT)
        except Exception as why:  # noqa: BLE001 - whatever a plugin or provider does, the start goes on
            doing = f"{channel_state.kind}: the provider cannot be asked what was sent since the last claim"
            runtime.log.warning("provider.not_compared", channel=channel_state.kind, reason=f"{doing} ({why!r})")
            return
        found.extend((channel_state.kind, one) for one in await _unknown(runtime, channel_state.kind, made))

    async with trio.open_nursery() as nursery:
        for channel_state in runtime.channels.values():
            if lists := channel_state.abilities.lists_attempts:
                nursery.start_soon(ask, channel_state, lists)
    if not found:
        return
    kind, newest = max(found, key=lambda one: one[1].at)
    what = "a call" if kind == "phone" else "a message"
    reason = (
        f"this database is an older copy: the provider of {kind} lists {what} to one of its contacts from "
        f"{_utc(newest.at)} that it does not know; people who seem to wait may have been contacted already. {_FIX}"
    )
    at = runtime.clock.now()
    await runtime.store.run(
        lambda conn: holds.place(conn, INSTALLATION, EVERYTHING, reason=reason, by="fluentsd", at=at)
    )
    runtime.log.error("installation.held", reason=reason, effect="nobody is contacted")


async def _unknown(runtime: Runtime, kind: Kind, made: Sequence[Made]) -> list[Made]:
    """What was sent from our own numbers to contacts of ours, and is no attempt of ours."""

    async def read(conn: Connection) -> list[Made]:
        known = await origin.known_refs(conn, kind, [one.ref for one in made])
        own = await origin.caller_ids(conn)
        left = [one for one in made if one.ref not in known and (one.sender is None or one.sender in own)]
        theirs = await origin.contacts_unaware(conn, kind, {one.to for one in left})
        return [one for one in left if one.to in theirs]

    return await runtime.store.read(read) if made else []


async def held_because(conn: Connection, at: int) -> str:
    """Why everything is held; "" when it is not."""
    found = [hold["reason"] for hold in await holds.open_holds(conn, at) if hold["scope"] == INSTALLATION]
    return str(found[0]) if found else ""


def _judge(marks: HighWaterMark, found: Origin, place: str) -> tuple[str, Mark]:
    """Why this start is held ("" if it is not), and the mark to keep from now on."""
    fresh = Mark(found.database or "", found.claims, found.claimed_at, place)
    if found.database is None:  # new, or made before there were marks
        before = marks.at_place(place)
        if found.has_people and before:
            return "another database was here before, and this one is an older copy or a different one", fresh
        return "", fresh
    try:
        known = marks.find(found.database)
    except UnreadableMark as damaged:
        return f"{damaged} is damaged, so it cannot be told whether this database is the newest copy", fresh
    if known is None:
        if not found.has_people:
            return "", fresh
        file = marks.path(found.database)
        return f"{file} is missing, so it cannot be told whether this database is the newest copy", fresh
    if known.claims > found.claims:
        return _older(known, found), known._replace(place=place)
    return "", known._replace(place=place) if known.claims == found.claims else fresh


def _older(known: Mark, found: Origin) -> str:
    last = f"its last one is from {_utc(found.claimed_at)}" if found.claimed_at else "it has none at all"
    return (
        f"this database is an older copy: contacts were made until {_utc(known.at)}, and {last}; people who seem to "
        "wait may have been contacted already"
    )


def is_older(marks: HighWaterMark, database: str | None, claims: int, place: str) -> bool:
    """Whether the next start on a copy with this id and number of claims will be held."""
    return bool(_judge(marks, Origin(database, claims, 0, has_people=True), place)[0])


def _utc(at: int) -> str:
    return f"{dt.datetime.fromtimestamp(at / 1_000_000, dt.UTC):%Y-%m-%d %H:%M:%S} UTC"


async def release(conn: Connection, runtime: Runtime) -> int:
    """What a release does beside lifting the hold: the copy that was left behind is from now on the older one. Returns
    how many attempts are still being looked up; then nothing may be released yet."""
    if unproved := await origin.looked_up(conn):
        return unproved
    await nodes.raise_claims(conn, runtime.node, runtime.high_water.claims)
    return 0


__all__ = ["compare_with_mark", "compare_with_providers", "held_because", "is_older", "release"]
