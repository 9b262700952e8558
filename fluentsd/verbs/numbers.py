"""Caller IDs: add, label, list, remove; import the numbers of the providers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import trio

from fluentsd.api import Kind, ListsNumbers, Owned, in_words
from fluentsd.domain.gate import Reason
from fluentsd.domain.time.durations import BadDuration, Rate
from fluentsd.engine.runtime import Runtime
from fluentsd.store import holds, numbers
from fluentsd.store.db import Connection
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.call import Call, Refused
from fluentsd.verbs.execute import Answer, change, facts_changed
from fluentsd.verbs.moments import end_of

#: Time limit in seconds for one provider to list its numbers.
LISTED_WITHIN = 60.0
_E164 = re.compile(r"\+[1-9]\d{6,14}")


async def listing(runtime: Runtime, call: Call) -> Answer:
    """Every caller ID in use, with its hold."""

    async def unit(conn: Connection) -> Answer:
        held = {h["target"]: h for h in await holds.open_holds(conn, call.at) if h["scope"] == "number"}
        return {"numbers": [one | _held(held.get(one["e164"])) for one in await numbers.inventory(conn)]}

    return await runtime.store.read(unit)


def _held(hold: Answer | None) -> Answer:
    return {"held": hold["reason"] if hold else "", "held_until_at": hold["until_at"] if hold else None}


async def add(runtime: Runtime, call: Call, number: str, tag: list[str], label: str | None, pace: str | None) -> Answer:
    """Add a number, add tags to it, or change its label or pace."""
    e164 = e164_of(number)
    if pace is not None:
        try:
            Rate.parse(pace)
        except BadDuration as why:
            raise Refused(str(why)) from None

    async def unit(conn: Connection) -> Answer:
        await numbers.upsert(conn, e164, label=label, pace=pace, tags=tag)
        return {"number": e164, "tags": tag}

    answer = await change(runtime, call, "numbers add", e164, unit)
    await facts_changed(runtime, call, reason=Reason.no_number)
    runtime.look_again()
    return answer


async def untag(runtime: Runtime, call: Call, number: str, tag: list[str]) -> Answer:
    """Remove tags from a number."""
    e164 = e164_of(number)

    async def unit(conn: Connection) -> Answer:
        if not await numbers.untag(conn, e164, tag):
            raise Refused(f"{e164} has no tag {', '.join(tag)}")
        return {"number": e164, "untagged": tag}

    return await change(runtime, call, "numbers untag", e164, unit)


async def remove(runtime: Runtime, call: Call, number: str) -> Answer:
    """Stop using a number; its history stays."""
    e164 = e164_of(number)

    async def unit(conn: Connection) -> Answer:
        if not await numbers.retire(conn, e164, call.at):
            raise Refused(f"{e164} is not a caller ID; see the list of them", Suggestion("numbers list"))
        return {"number": e164, "removed": True}

    return await change(runtime, call, "numbers remove", e164, unit)


async def rest(runtime: Runtime, call: Call, number: str, for_: str | None, until: int | None, because: str) -> Answer:
    """Hold a number: nothing leaves from it until a time, or until a person releases it. What is on its way goes on."""
    e164, until = e164_of(number), end_of(for_, until, call.at, "UTC")
    if until is not None and until <= call.at:
        raise Refused("that time is in the past; nothing was changed. Give a future time for the end of the rest")

    async def unit(conn: Connection) -> Answer:
        if e164 not in {one["e164"] for one in await numbers.inventory(conn)}:
            raise Refused(f"{e164} is not a caller ID; see the list of them", Suggestion("numbers list"))
        reason = because or "it rests"
        placed = await holds.place(conn, "number", e164, reason=reason, by=call.actor, at=call.at, until_at=until)
        if not placed:
            raise Refused(f"{e164} is held for this reason already; nothing was changed")
        return {
            "number": e164,
            "rests": True,
            **({"until_at": until} if until else {}),
            "_details": {"because": reason, "until_at": until},
        }

    answer = await change(runtime, call, "numbers rest", e164, unit)
    runtime.look_again()
    return answer


def e164_of(text: str) -> str:
    """A number in international form; `Refused` when it is none."""
    from fluentsd.domain.contacts.points import (  # imported here, because its tables take 3 MB
        BadPoint,
        phone,
    )

    try:
        return phone(text).e164
    except BadPoint as why:
        raise Refused(f"{text!r} is not a phone number: {why.reason}") from None


# ── numbers of the providers ─────────────────────────────────────────────────────────────────────────────────────


async def sync(runtime: Runtime, call: Call, tag: list[str], dry_run: bool) -> Answer:
    """Import the numbers of the channels' providers as caller IDs. New ones get the provider's label and tags and
    `tag`; known ones keep their label and tags and get `tag`. Nothing is removed or reactivated: numbers that no
    provider has, and numbers removed here, are only reported."""
    able = {
        kind: channel_state.abilities.lists_numbers
        for kind, channel_state in runtime.channels.items()
        if channel_state.abilities.lists_numbers is not None
    }
    if not able:
        raise Refused("no channel can list its provider's numbers; add them yourself", Suggestion("numbers add"))
    owned, failed = await _list_numbers(able)
    if len(failed) == len(able):
        raise Refused("; ".join(f"{kind}: {why}" for kind, why in failed.items()) + "; nothing was changed")

    async def unit(conn: Connection) -> Answer:
        result = _compare(owned, await numbers.in_use(conn), whole=not failed)
        tags = {(one["number"], t) for one in result["added"] for t in one["tags"]}
        tags |= {(e164, t) for e164 in (*(one["number"] for one in result["added"]), *result["known"]) for t in tag}
        if not dry_run:
            await numbers.add(conn, {one["number"]: one["label"] for one in result["added"]})
            ours = {*result["known"], *(one["number"] for one in result["added"])}
            await numbers.note_carries(conn, {e164: ",".join(sorted(owned[e164].carries)) for e164 in sorted(ours)})
            result["tagged"] = await numbers.tag(conn, tags)
        counts = {name: len(result[name]) for name in ("added", "known", "retired", "missing", "left_out")}
        return {**result, "counts": counts, "failed": failed, "dry_run": dry_run, "_details": {**counts, "tags": tag}}

    if dry_run:
        answer = await runtime.store.read(unit)
        del answer["_details"]
        return answer
    answer = await change(runtime, call, "numbers sync", "", unit)
    await facts_changed(runtime, call, reason=Reason.no_number)
    runtime.look_again()
    return answer


async def _list_numbers(channels: Mapping[Kind, ListsNumbers]) -> tuple[dict[str, Owned], dict[str, str]]:
    """The numbers of all providers together, and the errors by channel; one failure does not affect the others."""
    found: dict[str, Owned] = {}
    failed: dict[str, str] = {}
    for kind, channel in channels.items():
        try:
            with trio.fail_after(LISTED_WITHIN):
                listed: Sequence[Owned] = await channel.numbers()
            found |= {one.e164: _merge(found.get(one.e164, one), one) for one in listed}
        except trio.TooSlowError:
            failed[kind] = f"the provider did not list its numbers within {LISTED_WITHIN:g} s"
        except Exception as why:  # noqa: BLE001 - the guard at the edge of each channel
            failed[kind] = in_words(why)
    return found, failed


def _merge(one: Owned, other: Owned) -> Owned:
    """The same number, listed by two channels."""
    tags = tuple(dict.fromkeys((*one.tags, *other.tags)))
    return replace(one, label=one.label or other.label, carries=one.carries | other.carries, tags=tags)


def _compare(owned: Mapping[str, Owned], in_use: Mapping[str, bool], *, whole: bool) -> Answer:
    """The providers' numbers compared with ours. Missing numbers are reported only for a complete (`whole`) list."""
    unfit = {e164: why for e164, one in owned.items() if (why := _unfit(one))}
    able = {e164: one for e164, one in sorted(owned.items()) if e164 not in unfit}
    return {
        "added": [_as_answer(one) for e164, one in able.items() if e164 not in in_use],
        "known": [e164 for e164 in able if in_use.get(e164)],
        "retired": [e164 for e164 in able if in_use.get(e164) is False],
        "missing": [e164 for e164, used in in_use.items() if used and e164 not in owned] if whole else [],
        "left_out": [{"number": e164, "why": why} for e164, why in sorted(unfit.items())],
        "tagged": 0,
    }


def _unfit(one: Owned) -> str:
    """The reason why a number cannot be a caller ID; empty when it can."""
    if not _E164.fullmatch(one.e164):
        return "not a number in international form"
    return "" if one.carries else "carries neither messages nor calls"


def _as_answer(one: Owned) -> Answer:
    return {"number": one.e164, "label": one.label, "tags": list(one.tags), "carries": sorted(one.carries)}
