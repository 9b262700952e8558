"""The suppression list: show, add, import, lift. Every entry has its evidence, and no entry is ever deleted.

The audit log keeps the verbs' old names (`stop-list add`): erasure finds entries by them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.campaigns.exits import exit_everywhere
from fluentsd.engine.runtime import Runtime
from fluentsd.store import contacts, counters, segments, suppression
from fluentsd.store.db import Connection
from fluentsd.store.enrollments import queries
from fluentsd.store.erasure import erase as erasure
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.execute import Answer, change

#: How long a user may take back the own entry.
UNDO_WITHIN = 24 * 3600 * SECOND


async def listing(runtime: Runtime, call: Call, words: str | None, since: int, most: int) -> Answer:
    """The entries in force."""
    rows = await runtime.store.read(suppression.listing, words or "", since, max(1, min(most, 10_000)))
    return {"entries": rows}


async def why(runtime: Runtime, call: Call, point: str) -> Answer:
    """All entries of one number or address, lifted ones too."""
    _, value = read_point(point)

    async def unit(conn: Connection) -> list[dict[str, Any]]:
        names = await erasure.names_of(conn, runtime.erasure_ledger.hashed, value)
        return [entry | {"value": value} for entry in await suppression.history(conn, names)]

    entries = await runtime.store.read(unit)
    in_force = [entry for entry in entries if entry["lifted_at"] is None]
    sentence = (
        f"{value} is on the suppression list for {_channels(in_force)}"
        if in_force
        else f"{value} was on the suppression list and is not now"
        if entries
        else f"{value} was never on the suppression list"
    )
    return {"point": value, "sentence": sentence, "entries": entries}


def _channels(entries: Sequence[Mapping[str, Any]]) -> str:
    named = sorted({entry["channel"] for entry in entries})
    return "every channel" if "*" in named else " and ".join(named)


async def add(runtime: Runtime, call: Call, point: str, channel: str, because: str) -> Answer:
    """Never contact a number or address again; with every channel, all whose point it is leave every campaign."""
    kind, value = read_point(point)
    if not because.strip():
        raise Refused(
            "give the reason; it is kept as the entry's evidence",
            Suggestion("suppression add", {"point": value, "channel": channel, "because": None}),
        )

    async def unit(conn: Connection) -> Answer:
        left = await _add_entries(conn, call, [(kind, value)], channel, because)
        return {"point": value, "channel": channel, "campaigns": sorted(left), "_details": {"because": because}}

    answer = await change(runtime, call, "suppression add", kind, unit)
    runtime.enrollment_ended(set(answer["campaigns"]))
    return answer


async def take(runtime: Runtime, call: Call, points: Sequence[str], channel: str, because: str) -> Answer:
    """Add one batch of an import. Invalid numbers and addresses are returned in `bad`."""
    good, bad = list[tuple[str, str]](), list[dict[str, str]]()
    from fluentsd.domain.contacts.points import (
        points_in,  # imported here: it loads 3 MB of numbering plans, which a daemon may never need
    )

    for text in points:
        found, wrong = points_in(text)
        good += found
        bad += [{"text": text, "reason": reason} for reason in wrong]

    async def unit(conn: Connection) -> Answer:
        known = await suppression.already(conn, [value for _, value in good], channel)
        fresh = list(dict.fromkeys(point for point in good if point[1] not in known))
        left = await _add_entries(conn, call, fresh, channel, because)
        details = {"added": len(fresh), "because": because}
        return {"added": len(fresh), "known": len(good) - len(fresh), "campaigns": sorted(left), "_details": details}

    answer = await change(runtime, call, "suppression import", "", unit)
    runtime.enrollment_ended(set(answer["campaigns"]))
    return answer | {"bad": bad}


async def _add_entries(
    conn: Connection, call: Call, points: Sequence[tuple[str, str]], channel: str, because: str
) -> set[int]:
    """Add entries, and with every channel ("*") end the enrollments of their contacts; returns these campaigns."""
    evidence = {"said": because}
    entry = {"by": call.actor, "at": call.at, "channel": channel, "evidence": evidence}
    await suppression.add(conn, points, reason=suppression.BY_OPERATOR, **entry)  # type: ignore[arg-type]
    if channel != "*":
        return set()
    deltas = counters.Deltas()
    everybody = {contact_id for _, value in points for contact_id in await contacts.owners(conn, value)}
    left = await exit_everywhere(conn, everybody, "opted_out", call.at, deltas) if everybody else set[int]()
    await counters.add(conn, deltas)
    return left


async def undo(runtime: Runtime, call: Call, point: str, because: str) -> Answer:
    """Take back an entry that a user has made by mistake. What the person, a CRM or an imported list said is never
    taken back here, and nobody is enrolled again."""
    _, value = read_point(point)
    if len(because.strip()) < 10:
        raise Refused(
            "explain in a sentence what the mistake was; it is kept with the entry. Nothing was changed",
            Suggestion("suppression undo", {"point": value, "because": None}),
        )

    async def unit(conn: Connection) -> Answer:
        names = await erasure.names_of(conn, runtime.erasure_ledger.hashed, value)
        entries = [one for one in await suppression.history(conn, names) if one["lifted_at"] is None]
        mine = _may_undo(value, entries, call)
        kept = {"by": call.actor, "because": because, "at": call.at}
        lifted = await suppression.lift_entries(conn, [one["id"] for one in mine], **kept)  # type: ignore[arg-type]
        left = [one for one in entries if one not in mine]
        if not left:
            await erasure.lift_suppression(conn, names)
        sentence = f"{value} may be contacted again"
        if left:
            sentence = f"{value} stays on the suppression list for {_channels(left)}: {_said_by(left[0])}"
        still = sorted({one["channel"] for one in left})
        notes = await _not_put_back(conn, value, {int(one["at"]) for one in mine})
        details = {"because": because, "lifted": lifted}
        about = {"point": value, "lifted": lifted, "still": still}
        return about | {"sentence": sentence, "notes": notes, "_details": details}

    return await change(runtime, call, "suppression undo", "", unit)


def _may_undo(value: str, entries: Sequence[Mapping[str, Any]], call: Call) -> list[Mapping[str, Any]]:
    """The entries that this user may take back. Raises `Refused` with why there is none."""
    if not entries:
        raise Refused(f"{value} is not on the suppression list; nothing was changed")
    by_users = [one for one in entries if one["reason"] == suppression.BY_OPERATOR]
    if not by_users:
        raise Refused(
            f"{_said_by(entries[0])}, and that is not taken back as a mistake; nothing was changed. If the person asks "
            "to be contacted again, an admin lifts it with their words",
            Suggestion("suppression remove", {"point": value, "because": None}),
        )
    if call.may("admin"):
        return by_users
    mine = [one for one in by_users if _is_same(one["by"], call.actor)]
    if not mine:
        raise Refused(f"{by_users[0]['by']} has entered {value}; they or an admin take it back. Nothing was changed")
    fresh = [one for one in mine if call.at - one["at"] <= UNDO_WITHIN]
    if not fresh:
        raise Refused(f"you entered {value} more than a day ago, so an admin takes it back; nothing was changed")
    return fresh


def _is_same(one: str, other: str) -> bool:
    """Whether two actors are one user; the name of a user of Slack, behind the id, may change."""
    return one == other or (one.startswith("slack:") and one.partition(" ")[0] == other.partition(" ")[0])


def _said_by(entry: Mapping[str, Any]) -> str:
    """Who said that a number or address is not contacted."""
    by, reason = str(entry["by"]), str(entry["reason"])
    if by == "contact":
        return "the person has asked for it"
    if by.startswith(suppression.FROM_SOURCE):
        return f"{by.removeprefix(suppression.FROM_SOURCE)} says so in the person's record"
    return reason if reason.startswith(suppression.BY_LIST) else f"{by} has entered it ({reason})"


async def _not_put_back(conn: Connection, value: str, entered_at: Collection[int]) -> list[str]:
    """What taking back entries of these times does not do for the people of a number or address."""
    people = await contacts.owners(conn, value)
    notes = []
    if left := await queries.count_exits(conn, people, "opted_out", entered_at):
        campaigns = "1 campaign" if left == 1 else f"{left} campaigns"
        notes.append(f"the person left {campaigns} by it and is not put back; another campaign may contact them")
    for name in await segments.crms_of(conn, people):
        told = f"{name} may have been told: clear the opt-out in the person's record there"
        notes.append(f"{told}, or its next reading brings it back")
    return notes


async def remove(runtime: Runtime, call: Call, point: str, because: str) -> Answer:
    """Lift the entries of a number or address; the act is recorded with its reason. It enrolls nobody again."""
    _, value = read_point(point)
    if len(because.strip()) < 10:
        raise Refused(
            "explain in a sentence why this person may be contacted again; it is kept with the entry",
            Suggestion("suppression remove", {"point": value, "because": None}),
        )

    async def unit(conn: Connection) -> Answer:
        names = await erasure.names_of(conn, runtime.erasure_ledger.hashed, value)
        lifted = await suppression.lift(conn, names, by=call.actor, because=because, at=call.at)
        if not lifted:
            raise Refused(f"{value} is not on the suppression list")
        await erasure.lift_suppression(conn, names)
        return {"point": value, "lifted": lifted, "_details": {"because": because}}

    return await change(runtime, call, "suppression remove", "", unit)


def read_point(text: str) -> tuple[str, str]:
    """(kind, value) in the list's format; `Refused` for text that is neither a number nor an address."""
    from fluentsd.domain.contacts.points import BadPoint

    try:
        return _read(text)
    except BadPoint as problem:
        raise Refused(f"{text!r} is neither a number nor an address: {problem.reason}") from None


def _read(text: str) -> tuple[str, str]:
    from fluentsd.domain.contacts.points import email, email_key, phone

    return ("email", email_key(email(text))) if "@" in text else ("phone", phone(text, "US").e164)
