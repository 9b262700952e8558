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

from fluentsd.domain.time.durations import SECOND
from fluentsd.fronts.slack.blocks.layout import Block, option, plain_text
from fluentsd.fronts.slack.blocks.wording import plain
from fluentsd.fronts.slack.forms.kinds import Pick, Picks, fits
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.wizard.known_people import CAMPAIGN, EXISTING, SOURCE
from fluentsd.fronts.slack.wizard.pages import BY_KEY
from fluentsd.fronts.slack.wizard.segments import Known

#: Options of one answer, and of one source in it.
AT_MOST, OF_ONE = 100, 50


async def suggestions(session: Session) -> Mapping[str, Any]:
    """The answer to a select that searches: by the field's path, which is the id of its action."""
    path, words = session.interaction.name, session.interaction.text.strip()
    page = BY_KEY.get(path.partition(".")[0]) or BY_KEY["step"]
    kind = next((one.kind for one in (*page.fields, *EXISTING) if one.path == path), None)
    if not isinstance(kind, (Pick, Picks)):
        return {"options": []}
    if kind.of == "segment":
        return {"option_groups": await _segments(session, words)}
    named = kind.words if isinstance(kind, Pick) else {}
    fitting = [option(says, key) for key, says in named.items() if words.casefold() in f"{key} {says}".casefold()]
    return {"options": [*fitting, *await _OPTIONS[kind.of](session, words)][:AT_MOST]}


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


_OPTIONS: Mapping[str, Callable[[Session, str], Awaitable[list[Block]]]] = {
    "zone": _zones, "agent": _agents, "template": _templates, "number": _numbers, "tag": _tags,
    "origin": _origins,
}  # fmt: skip


def _fitting(
    values: Sequence[str], words: str, more: Mapping[str, str] | None = None, *, typed: bool = False
) -> list[Block]:
    """The values whose name or second line holds the words; with `typed`, also the words themselves."""
    wanted, says = words.casefold(), more or {}
    found = [one for one in values if wanted in f"{one} {says.get(one, '')}".casefold() and fits(one)]
    made = [option(plain(one, 75), one, plain(says.get(one, ""), 75)) for one in found]
    return [
        *made,
        *([option(plain(f"use “{words}”", 75), words)] if typed and fits(words) and words not in values else []),
    ]


async def _read_segments(session: Session, source: str) -> Known:
    """The segments of a source as it names them now. Raises `Refused`, `StoreUnavailable`."""
    found = (await session.run("source segments", {"source": source})).segments
    return Known(tuple((one.id, f"{one.name} ({one.kind})", one.size) for one in found), session.now)


async def _segments(session: Session, words: str) -> list[Block]:
    """A group for each source, which says the age of its list."""
    groups: list[Block] = []
    cache, wanted = session.services.wizard.segments, words.casefold()
    for source in session.services.runtime.sources:
        known, why = await cache.of(source, partial(_read_segments, session, source))
        if known is None:
            made = [option(f"{source} cannot be read", "-", plain(why, 75))]
            groups.append(_group(source, [made[0] | {"value": f"{source}: "}]))
            continue
        fitting = [row for row in known.segments if wanted in row[1].casefold() and fits(f"{source}: {row[0]}")]
        made = [option(plain(name, 75), f"{source}: {id_}", _size(size)) for id_, name, size in fitting[:OF_ONE]]
        age = f"{source}, list of {_clock(known.at, session.person.zone)}" + (f": {why}" if why else "")
        groups += [_group(age, made)] if made else []
    return groups[:AT_MOST]


def _group(label: str, made: list[Block]) -> Block:
    return {"label": plain_text(plain(label, 75), 75), "options": made}


def _size(size: int | None) -> str:
    return "" if size is None else f"{size:,} people"


def _clock(at: int, zone: str) -> str:
    return f"{dt.datetime.fromtimestamp(at / SECOND, ZoneInfo(zone)):%H:%M}"
