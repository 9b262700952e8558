"""Commands that look: each reads with a verb and words the answer. Nothing here changes anything."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from fluentsd.domain.time.durations import SECOND
from fluentsd.fronts.slack import arguments
from fluentsd.fronts.slack.blocks import attempts, lists, people, sync
from fluentsd.fronts.slack.blocks import report as blocks_report
from fluentsd.fronts.slack.blocks.card import card
from fluentsd.fronts.slack.blocks.duties import duties as duties_of
from fluentsd.fronts.slack.blocks.help import help_of
from fluentsd.fronts.slack.blocks.layout import Message, actions, button, message, section
from fluentsd.fronts.slack.blocks.person import history_of, why_of
from fluentsd.fronts.slack.blocks.wording import count, ours, safe
from fluentsd.fronts.slack.command_table import Misread, Parsed
from fluentsd.fronts.slack.commands import export, open_forms
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.wizard.pickers import read_segments
from fluentsd.fronts.slack.wizard.segments import Known
from fluentsd.verbs.answers.campaigns import Counted


async def overview(session: Session, parsed: Parsed) -> Message:
    found = await session.run("campaign list", {})
    holds = await session.run("holds", {})
    leads = len((await session.run("campaign leads", {"most": 100})).leads)
    replies = len((await session.run("campaign replies", {"most": 100})).replies)
    rows = (await session.run("sync status", {})).segments
    troubles = sync.attention((await session.run("source list", {})).sources, rows, may_release=session.may("manager"))
    return lists.overview(found.campaigns, holds.holds, session.command_name, leads, replies, troubles,
                          is_manager=session.may("manager"))  # fmt: skip


async def help(session: Session, parsed: Parsed) -> Message:
    return help_of(str(parsed.arguments.get("topic", "")), session.command_name)


_STATES: Mapping[str, tuple[str, ...]] = {"ended": ("stopped", "completed")}


async def list(session: Session, parsed: Parsed) -> Message:
    found: tuple[Counted, ...] = (await session.run("campaign list", {})).campaigns
    asked = parsed.arguments
    state = asked.get("state", "all")
    if state != "all":
        found = tuple(one for one in found if one.state in _STATES.get(state, (state,)))
    if asked.get("mine"):
        found = tuple(one for one in found if one.owner.startswith(f"slack:{session.person.id} "))
    words = str(asked.get("words", "")).casefold().split()
    found = tuple(one for one in found if all(word in f"{one.name} {one.ref}".casefold() for word in words))
    if words and not found:
        typed, near = " ".join(words)[:80], difflib.get_close_matches(words[0], arguments.STATES, 1, 0.7)
        problem = f"no campaign has {typed!r} in its name, and it is none of the states {', '.join(arguments.STATES)}"
        raise Misread(problem, [f"list {one}" for one in near] or ["list"])
    narrows = "" if state == "all" else state
    if asked.get("mine"):
        narrows = f"yours and {narrows}" if narrows else "yours"
    holds = (await session.run("holds", {})).holds
    return lists.campaigns(found, holds, narrows, parsed.page, is_manager=session.may("manager"))


async def status(session: Session, parsed: Parsed) -> Message:
    if parsed.campaign is None:
        answer = await overview(session, parsed)
    else:
        answer = card(await session.run("campaign status", {"ref": parsed.ref}))
    return replace(answer, public=bool(parsed.arguments.get("share")))


async def report(session: Session, parsed: Parsed) -> Message:
    """The report, of all attempts, of the last seven days, or of today in the campaign's zone."""
    since: dict[str, int] = {}
    match parsed.arguments.get("period"):
        case "7d":
            since = {"since": session.now - 7 * 24 * 3600 * SECOND}
        case "today":
            here = dt.datetime.fromtimestamp(session.now / SECOND, ZoneInfo(await session.zone_of(parsed.ref)))
            since = {"since": round(here.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()) * SECOND}
    holds = (await session.run("holds", {})).holds
    found = await session.run("campaign report", {"ref": parsed.ref, **since})
    return blocks_report.report(found, holds, session.person.zone, parsed.arguments.get("period", "all"))


async def errors(session: Session, parsed: Parsed) -> Message:
    return lists.errors(await session.run("campaign errors", {"ref": parsed.ref}), parsed.ref)


async def numbers(session: Session, parsed: Parsed) -> Message:
    tag = str(parsed.arguments.get("tag", "")).removeprefix("#")
    found = (await session.run("numbers list", {})).numbers
    return lists.caller_ids(found, tag, parsed.page, is_manager=session.may("manager"))


async def sources(session: Session, parsed: Parsed) -> Message:
    """The connected CRMs, and the segments that campaigns follow."""
    found = (await session.run("source list", {})).sources
    name = str(parsed.arguments.get("name", "")).casefold()
    chosen = [one for one in found if name in one.source.casefold()]
    if name and not chosen:
        if not found:
            raise Misread(f"no CRM is connected, so none is called {name[:80]!r}. {sync.CONNECT}")
        known = ", ".join(one.source for one in found)
        offers = [f"sources {one.source}" for one in found[:4]]
        raise Misread(f"no source is called {name[:80]!r}; there are: {known}", offers)
    followed = (await session.run("sync status", {})).segments
    return sync.listed(
        chosen, followed, parsed.page, may_read=session.may("operator"), may_release=session.may("manager")
    )


async def segments(session: Session, parsed: Parsed) -> Message:
    """What the CRMs have, as the picker of a campaign's form offers it."""
    words, found = str(parsed.arguments.get("words", "")), dict[str, tuple[Known | None, str]]()
    for source in session.services.runtime.sources:
        read = partial(read_segments, session, source)
        found[source] = await session.services.wizard.segments.of(source, read)
    followed = (await session.run("sync status", {})).segments
    return sync.available(found, followed, words, parsed.page)


async def contacts(session: Session, parsed: Parsed) -> Message:
    asked = parsed.arguments
    if "find" in asked:
        only = {"campaign": parsed.ref} if parsed.campaign is not None else {}
        found = (await session.run("contacts find", {"words": asked["find"], "most": parsed.page.most, **only})).people
        names = {one.ref: one.name for one in await session.campaigns()}
        return people.people(found, asked["find"], parsed.page, names, hidden=not session.is_private)
    if "add" in asked:
        if parsed.campaign is None:
            raise await _which(session, "add")
        return await open_forms.edit(session, replace(parsed, arguments={"part": "contacts"}))
    if "export" in asked:
        if parsed.campaign is None:
            raise await _which(session, "export")
        return await export.people(session, parsed)
    if parsed.campaign is None:
        raise Misread("whom do you look for? contacts find <number, address or name>")
    totals = await session.run("campaign why", {"ref": parsed.ref})
    lines = [f"{count(one.people)} {one.state}: {ours(one.sentence, 200)}" for one in totals.reasons[:20]]
    blocks = [section("\n".join(lines) or "nobody is enrolled")]
    if lines and session.may("manager"):
        blocks.append(actions(button("Send me all as a file", "say:export", {"text": f"contacts {parsed.ref} export"})))
    return message(f"people of {safe(parsed.campaign.name)}", *blocks)


async def _which(session: Session, what: str) -> Misread:
    """The question whose people are meant, with a few campaigns to choose from."""
    offers = [f"contacts {one.ref} {what}" for one in (await session.campaigns())[:5]]
    return Misread(f"which campaign? Usage: contacts <campaign> {what}", offers)


async def why(session: Session, parsed: Parsed) -> Message:
    person = parsed.arguments.get("person")
    if not person:
        raise Misread("about whom? why <number, address or name>")
    return why_of(await session.run("contacts why", {"person": person}), str(person))


async def person(session: Session, parsed: Parsed) -> Message:
    """Everything about one person."""
    found = await session.run("contacts timeline", dict(parsed.arguments))
    about = {"person": f"#{found.contact}"}
    waiting = [*(await session.run("campaign leads", about)).leads,
               *(await session.run("campaign replies", about)).replies]  # fmt: skip
    return history_of(found, waiting, parsed.page, hidden=not session.is_private)


async def forecast(session: Session, parsed: Parsed) -> Message:
    found = await session.run("forecast", {"ref": parsed.ref, "most": 1})
    return lists.forecast(found, parsed.ref, session.person.zone)


async def duties(session: Session, parsed: Parsed) -> Message:
    return duties_of(await session.run("campaign check", {"ref": parsed.ref}))


async def calls(session: Session, parsed: Parsed) -> Message:
    """Attempts of a campaign; without one, the newest of all, with the calls that people made to us."""
    found = await session.run("history", {**_listed(parsed), **parsed.arguments})
    return attempts.calls(found.calls, parsed.ref if parsed.campaign else "all campaigns", parsed.page)


async def replies(session: Session, parsed: Parsed) -> Message:
    found = await session.run("campaign replies", _listed(parsed))
    return people.replies(found.replies, parsed.page)


async def leads(session: Session, parsed: Parsed) -> Message:
    found = await session.run("campaign leads", _listed(parsed))
    return people.leads(found.leads, parsed.page)


def _listed(parsed: Parsed) -> dict[str, Any]:
    """What a list is asked for: of a campaign or of all, as many entries as a page needs."""
    return {"most": parsed.page.most} | ({"ref": parsed.ref} if parsed.campaign else {})


async def agents(session: Session, parsed: Parsed) -> Message:
    """The agents that speak on the phone, each with its form, and the campaigns that use it."""
    found = (await session.run("agents list", {})).agents
    words = str(parsed.arguments.get("words", "")).casefold().split()
    chosen = [one for one in found if all(word in f"{one.name} {one.company}".casefold() for word in words)]
    return lists.agents(chosen, parsed.page, is_manager=session.may("manager"))


async def unknown(session: Session, parsed: Parsed) -> Message:
    found = await session.run("unknown list", _listed(parsed))
    return attempts.unknown(found.calls, parsed.ref, parsed.page)


async def log(session: Session, parsed: Parsed) -> Message:
    by = session.person.id if parsed.arguments.get("me") else parsed.arguments.get("by")
    target = {"target": parsed.ref} if parsed.campaign else {}
    found = await session.run("log", {**target, "most": 1000 if by else parsed.page.most})
    mine = [one for one in found.entries if not by or one.actor.startswith(f"slack:{by} ")]
    return lists.log(mine, parsed.page)


async def settings(session: Session, parsed: Parsed) -> Message:
    settings = session.services.settings
    roles = "\n".join(
        f"*{role}*: " + (" ".join(f"<!subteam^{one}>" if one.startswith("S") else f"<@{one}>" for one in ids) or "–")
        for role, ids in settings.roles.items()
    )
    channel = f"<#{settings.channel}>" if settings.channel else "no channel yet: [slack] channel in fluentsd.toml"
    problem = session.services.runtime.fronts["slack"]() if "slack" in session.services.runtime.fronts else ""
    above = settings.second_approver_above
    approval = (
        "off" if above is None else (f"above {count(above)}, by {' '.join(f'<@{one}>' for one in settings.approvers)}")
    )
    subscriptions = (await session.run("slack subscriptions", {})).subscriptions
    asked = "\n".join(
        f"<#{one.channel}> {safe(one.kind)} of {safe(one.campaign or 'all campaigns')}: "
        f"{safe(one.wanted.replace(',', ', ') or 'off')}"
        for one in subscriptions[:20] if one.channel[:1] in "CG"
    )  # fmt: skip
    return message(
        "settings",
        section(f"You are {session.person.role}. Cards go to {channel}."),
        *([section(f"*Said in channels*\n{asked}")] if asked else []),
        section(roles),
        section(f"Second approval of a start: {approval}. Connection: {ours(problem) or 'healthy'}."),
        section("They are changed in fluentsd.toml, table [slack], and take effect at the next start of fluentsd."),
    )
