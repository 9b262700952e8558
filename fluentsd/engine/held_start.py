"""A held start: a database that may be an older copy contacts nobody until a person releases it.

Run once, under the lock and before the engine. The database is compared with its high-water mark; when the mark knows
more claims, or cannot be found, people whom this database believes to be waiting may have been contacted already. Then
a hold with the scope `installation` is placed: claims, manual replies and test messages are refused, while look-ups,
webhooks and verbs go on. A database without people is never held.
"""

from __future__ import annotations

import datetime as dt
import secrets

from fluentsd.engine.runtime import Runtime
from fluentsd.store import holds, nodes, origin
from fluentsd.store.db import Connection
from fluentsd.store.db.high_water import HighWaterMark, Mark, UnreadableMark
from fluentsd.store.nodes import EVERYTHING, INSTALLATION
from fluentsd.store.origin import Origin

_FIX = "Restore the newest copy, or, if it is lost, release the installation"


async def compare_with_mark(runtime: Runtime, place: str) -> None:
    """Hold everything if the database may be older than what was sent, and open its mark. `place` names the database's
    file or server, so that another database that is put there is noticed."""
    found = await runtime.store.read(origin.look)
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


__all__ = ["compare_with_mark", "held_because", "is_older", "release"]
