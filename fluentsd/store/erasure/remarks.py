"""Remarks: texts that users typed or providers wrote (reasons, proofs, problems), without an erased person's words.

What is about the person is deleted or blanked as a whole (`erase`, `acts`). Here is the rest: a remark about a
campaign, a list, an attempt or another person that names this one. It loses only the words that name the person,
because it may be the evidence of others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import JSON, ColumnElement, Text, and_, cast, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import Column

from fluentsd.domain.contacts.identity import PointKey, kind_of, named_among
from fluentsd.store.attempts.queries import to_contact
from fluentsd.store.erasure.blanking import ERASED
from fluentsd.store.tables import (
    attempt,
    attestation,
    audit,
    enrollment,
    hold,
    outbox_delivery,
    outbox_event,
    record,
    suppression,
)
from fluentsd.text import like

_REMARKS: tuple[Column[Any], ...] = (
    attestation.c.proof, audit.c.details, hold.c.reason, outbox_event.c.payload, outbox_delivery.c.problem,
    suppression.c.evidence, suppression.c.lifted_because,
)  # fmt: skip
#: Keys of JSON values that hold a remark; the others hold refs, states and ids.
_KEYS = frozenset(("because", "said", "reason", "proof", "text", "problem"))
_NUMBER = re.compile(r"(?<!\w)\+?\(?\d(?:[\s().\-]*\d){6,14}(?!\w)")


@dataclass(frozen=True, slots=True)
class Personal:
    """The words that name one person: points, names as sequences of words, and the other texts of their records."""

    points: Sequence[PointKey]
    names: Collection[tuple[str, ...]]
    texts: Sequence[str]

    def left_out_of(self, value: Any) -> Any:
        """The same text, or the remarks in a JSON value, without the words that name the person."""
        match value:
            case str():
                return self._left_out_of_text(value)
            case Mapping():
                return {
                    key: one if isinstance(one, str) and key not in _KEYS else self.left_out_of(one)
                    for key, one in value.items()
                }
            case list():
                return [self.left_out_of(one) for one in value]
            case _:
                return value

    def _left_out_of_text(self, text: str) -> str:
        left = _NUMBER.sub(lambda match: ERASED if named_among(self.points, {"": match[0]}) else match[0], text)
        mailboxes = [(value,) for kind, value in self.points if kind == "email"]
        for words in (*mailboxes, *self.names):
            left = _without(left, r"\W+".join(map(re.escape, words)))
        if left != text:  # it is about the person, so that weaker words mean the person too
            weaker = {*self.texts, *(word for name in self.names for word in name if len(word) > 2)}
            for word in sorted(weaker, key=len, reverse=True):
                left = _without(left, re.escape(word))
        return left

    def may_be_in(self, column: Column[Any]) -> ColumnElement[bool]:
        """A condition that every row whose text names the person meets, and few others."""
        text = func.lower(cast(column, Text))
        is_json = isinstance(column.type, JSON)
        has = [_has(text, end, is_json) for _, value in self.points for end in _ends(value)]
        has += [and_(*(_has(text, word, is_json) for word in name)) for name in self.names]
        return or_(*has)


def _ends(value: str) -> list[str]:
    """A mailbox, or the last four digits of a number as people write them."""
    return [value] if "@" in value else [value[-4:], *(f"{value[-4:-2]}{mark}{value[-2:]}" for mark in " .-")]


def _without(text: str, pattern: str) -> str:
    return re.sub(rf"(?<!\w){pattern}(?!\w)", ERASED, text, flags=re.IGNORECASE)


def _has(text: ColumnElement[str], word: str, is_json: bool) -> ColumnElement[bool]:
    """Whether a text in lower case has a word. SQLite knows the case of ASCII letters only, so that their longest run
    stands for a word with others; a word of another script is looked for in its usual cases."""
    run = max(re.findall(r"[\x00-\x7f]+", word), key=len, default="")
    words = {run.lower()} if len(run) > 1 else {word, word.lower(), word.upper(), word.title()}
    if is_json:
        words = {json.dumps(one)[1:-1] for one in words}
    return or_(*(text.like(like(one), escape="\\") for one in sorted(words)))


async def personal(conn: AsyncConnection, contact_id: int, points: Sequence[str], texts: Sequence[str]) -> Personal:
    """The words that name a person, whose points and texts are known."""
    rows = (await conn.execute(select(record.c.fields).where(record.c.contact_id == contact_id))).scalars()
    names = {name for fields in rows for name in _names(json.loads(fields))}
    return Personal([(kind_of(value), value) for value in points], names, texts)


def _names(fields: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """A name in the order of its words, and with the family name first."""
    first, last = (re.findall(r"[\w'’-]+", fields.get(name, "")) for name in ("first_name", "last_name"))
    for words in ([*first, *last], [*last, *first], re.findall(r"[\w'’-]+", fields.get("full_name", ""))):
        if len(words) > 1 or (words and len(words[0]) > 2 and not (first and last)):
            yield tuple(words)


async def leave_out(conn: AsyncConnection, contact_id: int, person: Personal, shared: Collection[str]) -> None:
    """Take the person's words out of every remark. Points that others share stay in remarks about others."""
    own = replace(person, points=[point for point in person.points if point[1] not in shared])
    for column in _REMARKS if own.points or own.names else ():
        await _leave_out_of(conn, column, own, own.may_be_in(column))
    await _leave_out_of(conn, attempt.c.reason, person, and_(to_contact(contact_id), attempt.c.reason != ""))
    theirs = and_(enrollment.c.contact_id == contact_id, enrollment.c.reason != "")
    await _leave_out_of(conn, enrollment.c.reason, person, theirs)


async def _leave_out_of(
    conn: AsyncConnection, column: Column[Any], person: Personal, which: ColumnElement[bool]
) -> None:
    key = list(column.table.primary_key)
    for *ids, value in (await conn.execute(select(*key, column).where(which))).all():
        left = person.left_out_of(value)
        if left != value:
            mine = [one == is_ for one, is_ in zip(key, ids, strict=True)]
            await conn.execute(update(column.table).where(*mine).values({column.name: left}))
