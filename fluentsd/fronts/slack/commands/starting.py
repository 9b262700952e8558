"""Commands that start a campaign, now or later. Each shows first what would happen, with a button that holds the same
command and "yes", bound to the revision that is shown."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from zoneinfo import ZoneInfo

from fluentsd.domain.time.moments import BadMoment, read_moment, show_moment
from fluentsd.fronts.slack.blocks.card import receipt
from fluentsd.fronts.slack.blocks.launch import approval, approved, launch
from fluentsd.fronts.slack.blocks.layout import Message, actions, button, message, section
from fluentsd.fronts.slack.blocks.wording import count, moment, ours, safe
from fluentsd.fronts.slack.command_table import Misread, Parsed
from fluentsd.fronts.slack.session import Session
from fluentsd.verbs import Refused
from fluentsd.verbs.answers.campaigns import Started
from fluentsd.verbs.answers.explain import Check

#: States from which a campaign starts, and the command that fits another one.
_BEFORE_START = ("draft", "scheduled")
_INSTEAD = {"paused": "resume", "archived": "list"}


def _refuse_started(parsed: Parsed) -> None:
    """Say at once that a campaign cannot be started, before anybody picks a time or reads a launch card."""
    campaign = parsed.campaign
    if campaign is not None and campaign.state not in _BEFORE_START:
        raise Misread(
            f"{campaign.name!r} is {campaign.state}; a draft or scheduled campaign can be started. Nothing was "
            "changed", [f"{_INSTEAD.get(campaign.state, 'status')} {parsed.ref}"],
        )  # fmt: skip


async def start(session: Session, parsed: Parsed) -> Message:
    ref = parsed.ref
    if not parsed.arguments.get("yes"):
        _refuse_started(parsed)
        check = await session.run("campaign check", {"ref": ref, "at": session.now})
        return _mendable(session, check, launch(check, first=parsed.arguments.get("first"), reader=session.person.zone))
    first = {"first": parsed.arguments["first"]} if "first" in parsed.arguments else {}
    try:
        found: Started = await session.run(
            "campaign start", {"ref": ref, "yes": True, **first}, revision=_seen_revision(session)
        )
    except Refused as why:
        if why.suggestion is None or why.suggestion.verb != "campaign approve":
            raise
        return await _ask_approval(session, ref)
    notes = [f"⚠️ {ours(warning, 200)}" for warning in found.warnings[:5]]
    if first:
        notes.append(f"After {count(first['first'])} it is held until you press *Contact the others*.")
    return receipt(found, f"*{safe(found.name)}* is started: {count(found.queued)} queued.", *notes)


def _mendable(session: Session, check: Check, card: Message) -> Message:
    """A launch card with the way to put right what prevents the start, for people who may."""
    if not check.errors or not session.may("manager"):
        return card
    ref = f"c{check.id}"
    add = [] if check.people else [button("Add people…", "say:add", {"text": f"edit {ref} contacts"}, "primary")]
    return replace(card, blocks=(*card.blocks, actions(*add, button("Edit…", "say:edit", {"text": f"edit {ref}"}))))


async def _ask_approval(session: Session, ref: str) -> Message:
    """Ask the approvers in the channel, with what would start; the approval counts for this revision alone."""
    settings = session.services.settings
    found = await session.run("campaign status", {"ref": ref})
    approvers = " ".join(f"<@{one}>" for one in settings.approvers if one != session.person.id)
    asked = approval(found, session.person.id, approvers)
    if settings.channel is None:
        return replace(asked, public=True)
    await session.services.api.call("chat.postMessage", channel=settings.channel, **asked.body())
    return message(
        f"{safe(found.name)} needs the approval of a second person before it starts; {approvers} are asked in "
        f"<#{settings.channel}>. Nothing was changed."
    )


async def approve(session: Session, parsed: Parsed) -> Message:
    ref = parsed.ref
    found = await session.run("campaign approve", {"ref": ref}, revision=_seen_revision(session))
    return replace(approved(found, session.person.id), public=True)


def _seen_revision(session: Session) -> int | None:
    """The revision that the launch card showed; None for a typed command."""
    revision = session.interaction.value.get("revision")
    return revision if session.interaction.kind == "action" and isinstance(revision, int) else None


async def schedule(session: Session, parsed: Parsed) -> Message:
    ref, words = parsed.ref, str(parsed.arguments.get("when", ""))
    if words.casefold() in ("clear", "off", "never"):
        found = await session.run("campaign pause", {"ref": ref, "because": "unscheduled"})
        return receipt(found, f"*{safe(found.name)}* is not scheduled any more.")
    words = re.sub(r"^(?:for|on|at|to)\s+", "", words, flags=re.IGNORECASE)  # as people say it
    words, is_sure = re.subn(r"\s+(?:yes|confirm)$", "", words, flags=re.IGNORECASE)
    if not is_sure:
        _refuse_started(parsed)
    if not words:
        assert parsed.campaign is not None  # noqa: S101 - it has been used above
        pick = {"ref": ref, "name": parsed.campaign.name}
        return message(
            "when?",
            section(
                f"When should *{safe(parsed.campaign.name)}* start? Type it: `schedule {safe(ref)} "
                "tomorrow 9am`, or pick it."
            ),
            actions(button("Pick a time…", "open:schedule", pick, "primary")),
        )
    zone = await session.zone_of(ref)
    try:
        at = read_moment(words, zone, session.now)
    except BadMoment as why:
        offers = [f"schedule {ref} {one}" for one in moments_like(words, zone, session.now)]
        raise Misread(str(why), offers) from None
    return await schedule_at(session, ref, at, zone, is_sure=bool(is_sure))


def moments_like(words: str, zone: str, now: int) -> list[str]:
    """The moments that a person may mean by words that are none: "tomorrow 9" is 9am or 9pm, "next tuesday" and "12/5"
    are in the morning. Only what can be read is offered."""
    by_part = re.sub(r"\bmorning$", "9am", re.sub(r"\bafternoon$", "2pm", words, flags=re.I), flags=re.I)
    found = []
    for one in (by_part, f"{words}am", f"{words}pm", f"{words} 9am"):
        try:
            if read_moment(one, zone, now) > now:
                found.append(one)
        except BadMoment:
            continue
    return found


async def schedule_at(session: Session, ref: str, at: int, zone: str = "", *, is_sure: bool = False) -> Message:
    """Show a scheduled start in the campaign's zone and in the reader's, or carry it out."""
    zone = zone or await session.zone_of(ref)
    if at <= session.now:
        past = f"{show_moment(at, zone)} is in the past; nothing was changed"
        raise Misread(f"{past}. Give a time to come", [f"start {ref}"])
    shown, reader = moment(at, zone, session.person.zone), session.person.zone
    if not is_sure:
        text = f"schedule {ref} {_iso(at, zone)} yes"
        check = await session.run("campaign check", {"ref": ref, "at": at})
        return _mendable(session, check, launch(check, shown, text, reader=reader))
    found = await session.run(
        "campaign schedule", {"ref": ref, "at": at, "yes": True}, revision=_seen_revision(session)
    )
    return receipt(found, f"*{safe(found.name)}* starts {shown}.")


def _iso(at: int, zone: str) -> str:
    return dt.datetime.fromtimestamp(at // 1_000_000, ZoneInfo(zone)).isoformat()
