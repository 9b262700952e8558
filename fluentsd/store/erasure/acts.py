"""Acts about a person: entries of the audit log that name them, for an export, and blanked by an erasure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Text, and_, cast, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from fluentsd.store.erasure.blanking import ERASED, blanked, named_in
from fluentsd.store.tables import audit, suppression


async def acts_about(conn: AsyncConnection, contact_id: int, values: Sequence[str]) -> list[Any]:
    """Entries of the audit log that name somebody: the contact's id among their details, a point anywhere, or the act
    a suppression entry comes from."""
    details, answer = cast(audit.c.details, Text), cast(audit.c.answer, Text)
    tests = [details.contains(f'"contact": {contact_id}{end}') for end in ",}"]
    for value in values:
        for text in {value, json.dumps(value)[1:-1]}:
            tests += [column.contains(text, autoescape=True) for column in (details, answer, audit.c.target)]
    entries = select(suppression.c.at, suppression.c.by, suppression.c.lifted_at, suppression.c.lifted_by).where(
        suppression.c.value.in_(values)
    )
    for at, by, lifted_at, lifted_by in await conn.execute(entries):
        for verb, moment, actor in (("add", at, by), ("remove", lifted_at, lifted_by)):
            named = audit.c.verb.in_((f"suppression {verb}", f"stop-list {verb}"))  # stop-list: before its new name
            tests.append(and_(named, audit.c.at == moment, audit.c.actor == actor))
    return list((await conn.execute(select(audit).where(or_(*tests)).order_by(audit.c.id))).all())


async def blank_acts(conn: AsyncConnection, rows: Sequence[Any], words: Sequence[str]) -> None:
    """Of these entries stays who did what and when. An answer keeps its shape, so that a repeated request still is
    not a second act."""
    for row in rows:
        changed = {
            "target": ERASED if named_in(row.target, words) else row.target,
            "details": blanked(row.details, words),
            "answer": blanked(row.answer, words),
            "request_digest": None,  # a hash of the arguments, which may name the person
        }
        await conn.execute(update(audit).where(audit.c.id == row.id).values(**changed))
