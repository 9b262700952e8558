"""The commands of Slack: one function each, from a parsed text to the message that answers it.

A command that reaches people or cannot be undone shows what it would do, with a button that holds the same command and
"yes". What must not live here: parsing (`grammar`), wording (`blocks`), and the way to Slack (`router`).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from fluentsd.domain.time.durations import BadDuration, Delay
from fluentsd.fronts.slack.blocks import lists
from fluentsd.fronts.slack.blocks.card import buttons, card, title
from fluentsd.fronts.slack.blocks.help import help_of
from fluentsd.fronts.slack.blocks.launch import approval, approved, launch
from fluentsd.fronts.slack.blocks.layout import Message, actions, button, message, section
from fluentsd.fronts.slack.blocks.wording import actor, count, moment, ours, safe
from fluentsd.fronts.slack.grammar import Misread, Parsed, parse
from fluentsd.fronts.slack.moments import BadMoment, read_moment, show_moment
from fluentsd.fronts.slack.people import name_of
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.words import Named
from fluentsd.verbs import Refused
from fluentsd.verbs.answers.campaigns import Changed, Counted, Started

Command = Callable[[Session, Parsed], Awaitable[Message]]


async def typed(session: Session, text: str) -> Message:
    """The answer to a typed text, or to the text of a button."""
    parsed = parse(text, await session.campaigns() if text.strip() else ())
    if parsed.command.missing:
        raise Misread(parsed.command.missing)
    return await _COMMANDS[parsed.command.word](session, parsed)


def _ref(parsed: Parsed) -> str:
    assert parsed.campaign is not None  # noqa: S101 - the grammar gives a command that needs one its campaign
    return parsed.campaign.ref


# ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def _overview(session: Session, parsed: Parsed) -> Message:
    found = await session.run("campaign list", {})
    holds = await session.run("holds", {})
    return lists.overview(found.campaigns, holds.holds, session.command_name)


async def _help(session: Session, parsed: Parsed) -> Message:
    return help_of(str(parsed.arguments.get("topic", "")), session.command_name)


_STATES: Mapping[str, tuple[str, ...]] = {"running": ("active",), "done": ("stopped", "completed")}


async def _list(session: Session, parsed: Parsed) -> Message:
    found: tuple[Counted, ...] = (await session.run("campaign list", {})).campaigns
    asked = parsed.arguments
    state = asked.get("state", "all")
    if state != "all":
        found = tuple(one for one in found if one.state in _STATES.get(state, (state,)))
    if asked.get("mine"):
        found = tuple(one for one in found if one.owner.startswith(f"slack:{session.person.id} "))
    words = str(asked.get("words", "")).casefold().split()
    found = tuple(one for one in found if all(word in f"{one.name} {one.ref}".casefold() for word in words))
    return lists.campaigns(found, "" if state == "all" else state)


async def _status(session: Session, parsed: Parsed) -> Message:
    if parsed.campaign is None:
        answer = await _overview(session, parsed)
    else:
        answer = card(await session.run("campaign status", {"ref": _ref(parsed)}))
    return replace(answer, public=bool(parsed.arguments.get("share")))


async def _report(session: Session, parsed: Parsed) -> Message:
    found = await session.run("campaign report", {"ref": _ref(parsed)})
    return lists.report(found, str(parsed.arguments.get("period", "")))


async def _errors(session: Session, parsed: Parsed) -> Message:
    return lists.errors(await session.run("campaign errors", {"ref": _ref(parsed)}), _ref(parsed))


async def _numbers(session: Session, parsed: Parsed) -> Message:
    tag = str(parsed.arguments.get("tag", "")).removeprefix("#")
    return lists.caller_ids((await session.run("numbers list", {})).numbers, tag)


async def _contacts(session: Session, parsed: Parsed) -> Message:
    asked = parsed.arguments
    if "find" in asked:
        found = await session.run("contacts find", {"words": asked["find"]})
        people = found["people"]
        if parsed.campaign is not None:
            people = [one for one in people if any(_ref(parsed) in place.values() for place in one["campaigns"])]
        return lists.people(people, asked["find"], hidden=not session.is_private)
    if "add" in asked:
        raise Misread("people are added from a file on the shell so far: fluentsd contacts import FILE --campaign "
                      + _ref(parsed) if parsed.campaign else "which campaign? contacts <campaign> add")  # fmt: skip
    if "export" in asked:
        raise Misread("an export of a campaign's people does not exist yet; of one person it does, on the shell: "
                      "fluentsd contacts export PERSON")  # fmt: skip
    if parsed.campaign is None:
        raise Misread("whom do you look for? contacts find <number, address or name>")
    totals = await session.run("campaign why", {"ref": _ref(parsed)})
    lines = [f"{count(one['people'])} {one['state']}: {ours(one['sentence'], 200)}" for one in totals["reasons"][:20]]
    return message(f"people of {safe(parsed.campaign.name)}", section("\n".join(lines) or "nobody is enrolled"))


async def _why(session: Session, parsed: Parsed) -> Message:
    person = parsed.arguments.get("person")
    if not person:
        raise Misread("about whom? why <number, address or name>")
    return lists.why(await session.run("contacts why", {"person": person}), str(person))


async def _forecast(session: Session, parsed: Parsed) -> Message:
    return lists.forecast(await session.run("forecast", {"ref": _ref(parsed), "most": 0}), _ref(parsed))


async def _calls(session: Session, parsed: Parsed) -> Message:
    found = await session.run("calls", {"ref": _ref(parsed), "most": 50, **parsed.arguments})
    return lists.calls(found["calls"], _ref(parsed))


async def _replies(session: Session, parsed: Parsed) -> Message:
    ref = {"ref": _ref(parsed)} if parsed.campaign else {}
    return lists.replies((await session.run("campaign replies", ref))["replies"])


async def _log(session: Session, parsed: Parsed) -> Message:
    by = parsed.arguments.get("by")
    target = {"target": _ref(parsed)} if parsed.campaign else {}
    found = await session.run("log", {**target, "most": 1000 if by else 50})
    return lists.log([one for one in found.entries if not by or one.actor.startswith(f"slack:{by} ")])


async def _settings(session: Session, parsed: Parsed) -> Message:
    settings = session.services.settings
    roles = "\n".join(
        f"*{role}*: " + (" ".join(f"<!subteam^{one}>" if one.startswith("S") else f"<@{one}>" for one in ids) or "–")
        for role, ids in settings.roles.items()
    )
    channel = f"<#{settings.channel}>" if settings.channel else "no channel yet: [slack] channel in fluentsd.toml"
    problem = session.services.runtime.fronts["slack"]() if "slack" in session.services.runtime.fronts else ""
    above = settings.second_approver_above
    approval = "off" if above is None else (
        f"above {count(above)}, by {' '.join(f'<@{one}>' for one in settings.approvers)}")  # fmt: skip
    return message(
        "settings", section(f"You are {session.person.role}. Cards go to {channel}."), section(roles),
        section(f"Second approval of a start: {approval}. Connection: {ours(problem) or 'healthy'}."),
        section("They are changed in fluentsd.toml, table [slack], and take effect at the next start of fluentsd."),
    )  # fmt: skip


# ── starting ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def _start(session: Session, parsed: Parsed) -> Message:
    ref = _ref(parsed)
    if not parsed.arguments.get("yes"):
        return launch(await session.run("campaign check", {"ref": ref}))
    try:
        found: Started = await session.run(
            "campaign start", {"ref": ref, "yes": True}, revision=_seen_revision(session)
        )
    except Refused as why:
        if why.suggestion is None or why.suggestion.verb != "campaign approve":
            raise
        return await _ask_approval(session, ref)
    notes = [f"⚠️ {ours(warning, 200)}" for warning in found.warnings[:5]]
    return _done(found, f"*{safe(found.name)}* is started: {count(found.queued)} queued.", *notes)


async def _ask_approval(session: Session, ref: str) -> Message:
    """Ask the approvers in the channel, with what would start; the approval counts for this revision alone."""
    settings = session.services.settings
    found = await session.run("campaign status", {"ref": ref})
    approvers = " ".join(f"<@{one}>" for one in settings.approvers if one != session.person.id)
    asked = approval(found, session.person.id, approvers)
    if settings.channel is None:
        return replace(asked, public=True)
    await session.services.api.call("chat.postMessage", channel=settings.channel, **asked.body())
    return message(f"{safe(found.name)} needs the approval of a second person before it starts; {approvers} are asked in "
                   f"<#{settings.channel}>. Nothing was changed.")  # fmt: skip


async def _approve(session: Session, parsed: Parsed) -> Message:
    ref = _ref(parsed)
    found = await session.run("campaign approve", {"ref": ref}, revision=_seen_revision(session))
    return replace(approved(found, session.person.id), public=True)


def _seen_revision(session: Session) -> int | None:
    """The revision that the launch card showed; None for a typed command."""
    revision = session.interaction.value.get("revision")
    return revision if session.interaction.kind == "action" and isinstance(revision, int) else None


async def _schedule(session: Session, parsed: Parsed) -> Message:
    ref, words = _ref(parsed), str(parsed.arguments.get("when", ""))
    if words.casefold() in ("clear", "off", "never"):
        found = await session.run("campaign pause", {"ref": ref, "because": "unscheduled"})
        return _done(found, f"*{safe(found.name)}* is not scheduled any more.")
    if not words:
        assert parsed.campaign is not None  # noqa: S101 - it has been used above
        pick = {"ref": ref, "name": parsed.campaign.name}
        return message("when?", section(f"When should *{safe(parsed.campaign.name)}* start? Type it: `schedule {safe(ref)} "
                       "tomorrow 9am`, or pick it."), actions(button("Pick a time…", "open:schedule", pick, "primary")))  # fmt: skip
    words, is_sure = re.subn(r"\s+(?:yes|confirm)$", "", words, flags=re.IGNORECASE)
    zone = await _zone(session, ref)
    try:
        at = read_moment(words, zone, session.now)
    except BadMoment as why:
        raise Misread(str(why)) from None
    return await schedule_at(session, ref, at, zone, is_sure=bool(is_sure))


async def schedule_at(session: Session, ref: str, at: int, zone: str = "", *, is_sure: bool = False) -> Message:
    """Show a scheduled start in the campaign's zone and in the reader's, or carry it out."""
    zone = zone or await _zone(session, ref)
    shown = f"{show_moment(at, zone)}"
    if zone != session.person.zone:
        shown += f" ({show_moment(at, session.person.zone)} for you)"
    if at <= session.now:
        raise Misread(f"{shown} is in the past; nothing was changed. Give a time to come", [f"start {ref}"])
    if not is_sure:
        text = f"schedule {ref} {_iso(at, zone)} yes"
        return launch(await session.run("campaign check", {"ref": ref}), when=shown, text=text)
    found = await session.run(
        "campaign schedule", {"ref": ref, "at": at, "yes": True}, revision=_seen_revision(session)
    )
    return _done(found, f"*{safe(found.name)}* starts {shown}.")


def _iso(at: int, zone: str) -> str:
    return dt.datetime.fromtimestamp(at // 1_000_000, ZoneInfo(zone)).isoformat()


async def _zone(session: Session, ref: str) -> str:
    """The zone in which the campaign's moments are meant: its own, or the reader's if each contact has its own."""
    window = (await session.run("campaign show", {"ref": ref})).file.get("window", {})
    zone = str(window.get("timezone") or "contact")
    return session.person.zone if zone == "contact" else zone


# ── pausing and ending ───────────────────────────────────────────────────────────────────────────────────────────


async def _pause(session: Session, parsed: Parsed) -> Message:
    because = str(parsed.arguments.get("because", ""))
    until = await _until(session, parsed)
    if parsed.all:
        return await _for_all(session, parsed, "active", "campaign pause", until, because)
    found = await session.run("campaign pause", {"ref": _ref(parsed), "because": because, **until})
    again = f" It resumes {moment(until['until'])}." if until else ""
    return _done(
        found, f"*{safe(found.name)}* is {found.state}: no contacts until it is resumed.{again}", *_withdrawn(found)
    )


def _withdrawn(found: Changed) -> list[str]:
    return [f"{count(found.withdrawn, 'ringing call was', 'ringing calls were')} withdrawn."] if found.withdrawn else []


async def _until(session: Session, parsed: Parsed) -> dict[str, int]:
    """The moment of `for` or `until`, as the argument of the verb."""
    asked = parsed.arguments
    if "for" in asked:
        try:
            return {"until": Delay.parse(asked["for"]).after(session.now, session.person.zone)}
        except BadDuration as why:
            raise Misread(str(why)) from None
    if "until" in asked:
        zone = session.person.zone if parsed.all else await _zone(session, _ref(parsed))
        try:
            return {"until": read_moment(asked["until"], zone, session.now)}
        except BadMoment as why:
            raise Misread(str(why)) from None
    return {}


async def _resume(session: Session, parsed: Parsed) -> Message:
    if parsed.all:
        return await _for_all(session, parsed, "paused", "campaign resume", {}, "")
    found = await session.run("campaign resume", {"ref": _ref(parsed)})
    late = f"{count(found.late)} fell due meanwhile: {found.late_policy}." if found.late else ""
    return _done(found, f"*{safe(found.name)}* goes on.", late)


async def _stop(session: Session, parsed: Parsed) -> Message:
    ref, because = _ref(parsed), str(parsed.arguments.get("because", ""))
    if parsed.arguments.get("yes"):
        found = await session.run("campaign stop", {"ref": ref, "because": because})
        return _done(found, f"*{safe(found.name)}* is stopped; people keep their progress.", *_withdrawn(found))
    found = await session.run("campaign status", {"ref": ref})
    if found.state not in ("active", "paused", "scheduled"):
        raise Refused(f"{ref} is {found.state}, so there is nothing to stop; nothing was changed")
    text = f"stop {ref}{f' because {because}' if because else ''} yes"
    return message(
        f"stop {safe(found.name)}?", section(f"{title(found)}\nStop it? {count(found.queued)} would get no more contacts. "
        "They keep their progress, and the campaign can be reopened."),
        actions(button("Stop", "say:stop", {"text": text}, "danger"), button("Cancel", "close", {})),
    )  # fmt: skip


async def _reopen(session: Session, parsed: Parsed) -> Message:
    found = await session.run("campaign reopen", {"ref": _ref(parsed)})
    return _done(found, f"*{safe(found.name)}* is open again, and paused; resume it when it should go on.")


async def _for_all(
    session: Session, parsed: Parsed, state: str, verb: str, more: Mapping[str, Any], because: str
) -> Message:
    """Pause or resume every campaign that can be, after a question with their number."""
    affected = [one for one in await session.campaigns() if one.state == state]
    word = parsed.command.word
    if not affected:
        raise Refused(f"no campaign is {state}; nothing was changed")
    if not parsed.arguments.get("yes"):
        asked = parsed.arguments
        words = "".join(f" {name} {asked[name]}" for name in ("for", "until", "because") if name in asked)
        names = "\n".join(f"• {safe(one.name)} · c{one.id}" for one in affected[:20])
        return message(
            f"{word} all?", section(f"*{word.capitalize()} {count(len(affected), 'campaign', 'campaigns')}?*\n{names}"),
            actions(button(f"{word.capitalize()} all", "say:all", {"text": f"{word} all{words} yes"}, "danger"),
                    button("Cancel", "close", {})),
        )  # fmt: skip
    lines = []
    for one in affected:
        reason = {"because": because} if verb == "campaign pause" else {}
        lines.append(await _one_of_all(session, one, verb, {"ref": one.ref, **reason, **more}))
    return message(f"{word} all", section("\n".join(lines)))


async def _one_of_all(session: Session, one: Named, verb: str, arguments: Mapping[str, Any]) -> str:
    """One campaign of all; a refusal of one does not keep the others."""
    try:
        found = await session.again(one.ref).run(verb, arguments)
    except Refused as why:
        return f"• *{safe(one.name)}*: {ours(str(why), 200)}"
    return f"• *{safe(one.name)}* is {found.state}"


# ── the rest ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def _test(session: Session, parsed: Parsed) -> Message:
    found = await session.run("campaign test", {"ref": _ref(parsed), "to": parsed.arguments["to"]})
    return message(f"a test of step `{safe(found['step'])}` is on its way by {found['channel']}")


async def _owner(session: Session, parsed: Parsed) -> Message:
    user = parsed.arguments.get("user")
    owner = str(parsed.arguments.get("group", ""))
    if user:
        owner = f"slack:{user} {name_of(await session.services.people.profile(user))}"
    found = await session.run("campaign owner", {"ref": _ref(parsed), "owner": owner})
    return _done(found, f"*{safe(found.name)}* belongs to {actor(owner)} now.")


async def _suppress(session: Session, parsed: Parsed) -> Message:
    await session.run("suppression add", dict(parsed.arguments))
    return message("this number or address is never contacted again, on no channel")


async def _copy(session: Session, parsed: Parsed) -> Message:
    new_ref = re.sub(r"[^a-z0-9]+", "-", str(parsed.arguments["new"]).casefold()).strip("-")
    found = await session.run("campaign copy", {"ref": _ref(parsed), "new_ref": new_ref})
    return message(f"{safe(found.name)} is a draft now, as `{safe(found.ref)}`, without people",
                   section(f"*{safe(found.name)}* is a draft now: c{found.id}, `{safe(found.ref)}`, without people."),
                   *buttons(found))  # fmt: skip


async def answer(session: Session, ref: str, person: str, text: str) -> Message:
    """Answer a person's reply."""
    await session.run("campaign answer", {"ref": ref, "person": person, "text": text})
    return message("your answer is on its way")


async def call_back(session: Session, ref: str, person: str, at: int) -> Message:
    """Contact a person at a promised moment."""
    await session.run("campaign callback", {"ref": ref, "person": person, "at": at})
    return message(f"the person is contacted {show_moment(at, session.person.zone)}, ahead of the flow's schedule")


async def _not_yet(session: Session, parsed: Parsed) -> Message:
    channel = session.services.settings.channel
    where = f"<#{channel}>" if channel else "no channel"
    raise Misread(f"{parsed.command.word} cannot be changed from Slack yet; cards and alerts go to {where}. "
                  "An admin changes it in fluentsd.toml: [slack] channel")  # fmt: skip


def _done(found: Any, *lines: str) -> Message:
    """The receipt of a change, with the buttons that are possible now."""
    return message(" ".join(lines[:1]), section("\n".join(line for line in lines if line)), *buttons(found))


_COMMANDS: Mapping[str, Command] = {
    "overview": _overview, "help": _help, "list": _list, "status": _status, "start": _start, "approve": _approve, "schedule": _schedule,
    "pause": _pause, "resume": _resume, "stop": _stop, "reopen": _reopen, "contacts": _contacts, "why": _why,
    "numbers": _numbers, "report": _report, "forecast": _forecast, "calls": _calls, "replies": _replies,
    "errors": _errors, "test": _test, "owner": _owner, "suppress": _suppress, "log": _log, "settings": _settings,
    "copy": _copy, "alerts": _not_yet, "digest": _not_yet,
}  # fmt: skip
