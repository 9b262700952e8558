"""Selects that search: the options that fit what a person has typed, within Slack's three seconds.

Lists of a CRM come from a cache that says its age, because a CRM may be slow or away while its picker is open; all
other lists are read from the database. What must not live here: what is done with a choice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import trio

from fluentsd.domain.statutes import all_rules
from fluentsd.domain.time.blackouts import all_presets, preset_words
from fluentsd.domain.time.durations import SECOND
from fluentsd.fronts.slack.blocks.layout import Block, option, plain_text
from fluentsd.fronts.slack.blocks.wording import count, plain
from fluentsd.fronts.slack.forms.conditions import goal_of_field, goal_of_step, goal_words
from fluentsd.fronts.slack.forms.kinds import Kind, Pick, Picks, fits
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.wizard import amounts
from fluentsd.fronts.slack.wizard.entries import entries
from fluentsd.fronts.slack.wizard.known_people import CAMPAIGN, EXISTING, SOURCE
from fluentsd.fronts.slack.wizard.numbers_and_texts import NUMBER
from fluentsd.fronts.slack.wizard.pages import BY_KEY, ENDED_IN
from fluentsd.fronts.slack.wizard.segments import Known
from fluentsd.fronts.slack.words import has_words

#: Options of one answer, and of one source in it.
AT_MOST, OF_ONE = 100, 50
#: Selects by the ids of their actions.
_KINDS: Mapping[str, Kind] = {
    one.id: one.kind for fields in (*(page.fields for page in BY_KEY.values()), EXISTING, NUMBER) for one in fields
}


async def suggestions(session: Session) -> Mapping[str, Any]:
    """The answer to a select that searches: by the field's path, which is the id of its action."""
    words = session.interaction.text.strip()
    kind = _KINDS.get(session.interaction.name)
    if not isinstance(kind, (Pick, Picks)):
        return {"options": []}
    if kind.of == "segment":
        return {"option_groups": await _segments(session, words)}
    named = kind.words if isinstance(kind, Pick) else {}
    fitting = [option(says, key) for key, says in named.items() if has_words(words, key, says)]
    found = [*fitting, *(one for one in await _OPTIONS[kind.of](session, words) if one["value"] not in named)]
    return {"options": found[:AT_MOST]}


async def _zones(session: Session, words: str) -> list[Block]:
    wanted = words.casefold().replace(" ", "_")
    return [option(zone, zone) for zone in _all_zones() if wanted in zone.casefold()]


@lru_cache(maxsize=1)
def _all_zones() -> tuple[str, ...]:
    """Every zone with a place, those of America first, because Slack shows a hundred."""
    named = (zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/")))
    return tuple(sorted(named, key=lambda zone: (not zone.startswith(("America/", "US/")), zone)))


async def _agents(session: Session, words: str) -> list[Block]:
    """Known agents, and what is typed, because an agent of a provider is known to the provider alone."""
    found = (await session.run("agents list", {})).agents
    names = [one.name for one in found]
    return _fitting(names, words, typed=True)


async def _templates(session: Session, words: str) -> list[Block]:
    blocks = session.interaction.view.get("blocks") or ()
    channel = "email" if any(one.get("block_id") == "step.subject" for one in blocks) else "sms"
    found = [one for one in (await session.run("templates list", {})).templates if one.channel == channel]
    return _fitting([one.name for one in found], words, {one.name: one.subject for one in found})


async def _numbers(session: Session, words: str) -> list[Block]:
    found = (await session.run("numbers list", {})).numbers
    more = {one.e164: " ".join([one.label or "", *(f"#{tag}" for tag in one.tags)]).strip() for one in found}
    return _fitting([one.e164 for one in found], words.removeprefix("#"), more)


async def _tags(session: Session, words: str) -> list[Block]:
    found = (await session.run("numbers list", {})).numbers
    tags = [tag for one in found for tag in one.tags]
    return _fitting(sorted(set(tags)), words.removeprefix("#"), {tag: f"{tags.count(tag)} numbers" for tag in tags})


async def _origins(session: Session, words: str) -> list[Block]:
    """Files, CRMs and campaigns whose people are known."""
    found = await session.run("contacts origins", {})
    says = {f"{SOURCE}{one.name}": f"{one.people:,} records" for one in found.sources if one.people}
    says |= {f"{CAMPAIGN}{one.ref}": f"{one.name} ({one.state})" for one in found.campaigns}
    return _fitting(list(says), words, says)


async def _holidays(session: Session, words: str) -> list[Block]:
    """Countries and their parts. The library that knows them takes a third of a second to load."""
    with session.services.runtime.clock.busy():
        known = await trio.to_thread.run_sync(_all_holidays)
    return [option(says, name) for name, says in known if has_words(words, says, name)]


@lru_cache(maxsize=1)
def _all_holidays() -> tuple[tuple[str, str], ...]:
    return tuple((name, plain(preset_words(name), 75)) for name in all_presets())


async def _rules(session: Session, words: str) -> list[Block]:
    """Rules of law that the gate asks, each with its sentence."""
    asked = (one for one in all_rules() if one.kind not in ("duty", "keep"))
    return [option(f"{one.id}: {one.says}", one.id, one.says) for one in asked
            if has_words(words, one.id, one.says)]  # fmt: skip


async def _goals(session: Session, words: str) -> list[Block]:
    """What is typed of a field of the person, and what each step of the flow may come to."""
    edit = await session.run("campaign open-edit", {"ref": str(session.interaction.value.get("ref", ""))})
    typed = goal_of_field(words)
    steps = [one for one in entries(edit.file, "step") if not one.get("after_call")]
    goals = [goal_of_step(str(one.get("id")), outcome) for one in steps
             for outcome in ENDED_IN.get(str(one.get("channel")), ())]  # fmt: skip
    found = [*([typed] if typed else []), *(one for one in goals if has_words(words, goal_words(one)))]
    return [option(says, one) for one in found if (says := goal_words(one))]


def _amounts(offers: Callable[[str], Mapping[str, str]]) -> Callable[[Session, str], Awaitable[list[Block]]]:
    """The options of a select of delays or rates."""

    async def found(session: Session, words: str) -> list[Block]:
        return [option(says, value) for value, says in offers(words).items()]

    return found


_OPTIONS: Mapping[str, Callable[[Session, str], Awaitable[list[Block]]]] = {
    "zone": _zones, "agent": _agents, "template": _templates, "number": _numbers, "tag": _tags,
    "origin": _origins, "holidays": _holidays, "rule": _rules, "goal": _goals, "delay": _amounts(amounts.delays),
    "rate": _amounts(amounts.rates), "reenter": _amounts(amounts.reentries), "leaves": _amounts(amounts.leavings),
}  # fmt: skip


def _fitting(
    values: Sequence[str], words: str, more: Mapping[str, str] | None = None, *, typed: bool = False
) -> list[Block]:
    """The values whose name or second line holds the words; with `typed`, also the words themselves."""
    says = more or {}
    found = [one for one in values if has_words(words, one, says.get(one, "")) and fits(one)]
    made = [option(plain(one, 75), one, plain(says.get(one, ""), 75)) for one in found]
    return [
        *made,
        *([option(plain(f"use “{words}”", 75), words)] if typed and fits(words) and words not in values else []),
    ]


async def read_segments(session: Session, source: str) -> Known:
    """The segments of a source as it names them now. Raises `Refused`, `StoreUnavailable`."""
    found = (await session.run("source segments", {"source": source})).segments
    return Known(tuple((one.id, one.name, one.kind, one.size) for one in found), session.now)


async def _segments(session: Session, words: str) -> list[Block]:
    """A group for each source, which says the age of its list."""
    groups: list[Block] = []
    cache = session.services.wizard.segments
    for source in session.services.runtime.sources:
        known, why = await cache.of(source, partial(read_segments, session, source))
        if known is None:
            made = [option(f"{source} cannot be read", "-", plain(why, 75))]
            groups.append(_group(source, [made[0] | {"value": f"{source}: "}]))
            continue
        fitting = [
            row for row in known.segments if has_words(words, source, row[1], row[2]) and fits(f"{source}: {row[0]}")
        ]
        made = _told_apart(source, fitting[:OF_ONE])
        age = f"{source}, list of {_clock(known.at, session.person.zone)}" + (f": {why}" if why else "")
        groups += [_group(age, made)] if made else []
    return groups[:AT_MOST]


def _told_apart(source: str, rows: Sequence[tuple[str, str, str, int | None]]) -> list[Block]:
    """Options of segments by name, kind and size; of those with one name also the id."""
    named = [f"{plain(name, 72 - len(kind))} ({kind})" for _, name, kind, _ in rows]
    made = []
    for label, (id_, _, _, size) in zip(named, rows, strict=True):
        apart = [id_.rpartition(":")[2]] if named.count(label) > 1 else []
        more = " · ".join([*([count(size)] if size is not None else []), *apart])
        made.append(option(label, f"{source}: {id_}", plain(more, 75)))
    return made


def _group(label: str, made: list[Block]) -> Block:
    return {"label": plain_text(plain(label, 75), 75), "options": made}


def _clock(at: int, zone: str) -> str:
    return f"{dt.datetime.fromtimestamp(at / SECOND, ZoneInfo(zone)):%H:%M}"
