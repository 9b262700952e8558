"""Prints sources, their segments and fields, and how their sync stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluentsd.cli.format import when
from fluentsd.verbs.answers import sources as answers

if TYPE_CHECKING:
    from fluentsd.cli.screen import Screen

#: Characters of the bar of a first walk.
BAR = 10


def listing(screen: Screen, answer: answers.Listing) -> None:
    if not answer.sources:
        screen.say("there is no source; connect one: fluentsd source connect NAME")
        return
    rows = [
        [one.source, _origin(one), str(one.segments), when(one.as_of_at), str(one.held), _usage(one),
         _problem(one) or _troubled(one)]
        for one in answer.sources
    ]  # fmt: skip
    screen.table(["Source", "From", "#Segments", "@As of", "#Held", "Requests today", "State"], rows)
    _hint(screen, answer)


def _troubled(one: answers.Source) -> str:
    if not one.unreadable:
        return "ok"
    return f"{one.unreadable} of {one.segments} segments cannot be read; see: fluentsd sync status"


def _hint(screen: Screen, answer: answers.Listing) -> None:
    for one in answer.sources:
        if not one.origin:
            screen.say(f"connect it: fluentsd source connect {one.source}", "yellow")


def _origin(one: answers.Source) -> str:
    return f"{one.plugin} ({one.origin})".strip() if one.origin else ""


def _problem(one: answers.Source | answers.Followed) -> str:
    """What is wrong, and when it is tried again."""
    return f"{one.problem} (next try {when(one.next_try_at)})" if one.problem and one.next_try_at else one.problem or ""


def _usage(one: answers.Source) -> str:
    used = one.requests
    if not used:
        return ""
    most = used.allowed or used.daily
    return f"{used.today:,} of {most:,}" if most else f"{used.today:,}"


def connected(screen: Screen, answer: answers.Connected) -> None:
    checked(screen, answer)
    screen.say(f"{answer.source} is connected; its keys are encrypted", "green")
    _taken_in(screen, answer)


def disconnected(screen: Screen, answer: answers.Disconnected) -> None:
    screen.say(f"{answer.source} is disconnected and its keys are deleted; revoke them at the CRM too", "green")
    if answer.campaigns:
        screen.say(f"the people of {', '.join(answer.campaigns)} wait until it is connected again", "yellow")
    _taken_in(screen, answer)


def _taken_in(screen: Screen, answer: answers.Connected | answers.Disconnected) -> None:
    if answer.problem:
        screen.say(f"the daemon could not reload: {answer.problem}", "red")
    else:
        screen.say("the daemon reloads now" if answer.reloads else "it counts when the daemon starts", "dim")


def segments(screen: Screen, answer: answers.Segments) -> None:
    for sentence in answer.unlisted:
        screen.say(sentence, "yellow")
    if not answer.segments:
        screen.say(f"{answer.source} has no segment that these credentials can read", "yellow")
        return
    rows = [[one.id, one.kind, one.name, "" if one.size is None else f"{one.size:,}"] for one in answer.segments]
    screen.table(["Id", "Kind", "Name", "#Records"], rows)
    name = answer.source
    screen.say(f'follow one in a campaign file: [[segment]] source = "{name}"  segment = "ID or name"', "dim")


def fields(screen: Screen, answer: answers.Fields) -> None:
    rows = [[one.name, one.label, one.kind, one.meaning] for one in answer.fields if one.fetched]
    screen.table(["Field", "Label", "Kind", "Meaning"], rows)
    if answer.unknown:
        screen.say(f"in the settings, but not a field: {', '.join(answer.unknown)}", "yellow")
    bare = [channel for channel in ("phone", "sms", "email") if channel not in answer.protected]
    if bare:
        screen.say(f"no field says who has opted out of {', '.join(bare)}", "yellow")


def checked(screen: Screen, answer: answers.Checked | answers.Connected) -> None:
    for one in answer.findings:
        fix = f"; {one.fix}" if one.fix else ""
        screen.say(f"{'ok' if one.ok else 'wrong'}: {one.what}{fix}", "green" if one.ok else "red")


def status(screen: Screen, answer: answers.Status) -> None:
    if not answer.segments:
        screen.say("no campaign follows a segment")
        return
    rows = [
        [one.source, one.segment, ", ".join(one.campaigns), f"{one.people:,}", _news(one), f"{one.missing:,}",
         when(one.as_of_at), _state(one)]
        for one in answer.segments
    ]  # fmt: skip
    screen.table(["Source", "Segment", "Campaigns", "#People", "#News", "#Missing", "@As of", "State"], rows)
    if any(one.held for one in answer.segments):
        screen.say("allow a change that is held: fluentsd sync release SOURCE", "dim")


def line(screen: Screen, one: answers.Followed, zone: str = "") -> None:
    """A segment in the status of a campaign that follows it."""
    read = f"{one.people:,} in it, as of {when(one.as_of_at, zone)}" if one.as_of_at is not None else "not read yet"
    screen.say(f"follows {one.segment} of {one.source}: {read}")
    if one.held:
        screen.say(f"  held: it {one.held}; allow it: fluentsd sync release {one.source}", "yellow")
    if one.problem:
        screen.say(f"  {_problem(one)}; see: fluentsd source check {one.source}", "yellow")


def _state(one: answers.Followed) -> str:
    if one.held:
        return f"held: {one.held}"
    if one.problem:
        return _problem(one)
    return _progress(one) if one.is_walking else "ok"


def _news(one: answers.Followed) -> str:
    """Who joined and left in the newest change, "+12 −3"."""
    parts = [f"{sign}{people:,}" for sign, people in (("+", one.joined), ("−", one.left)) if people]
    return " ".join(parts)


def _progress(one: answers.Followed) -> str:
    """How far a walk is; with a bar while the segment is read for the first time and its size is known."""
    named, size = one.named or 0, one.size
    if not size:
        return f"reading all of it: {named:,}"
    progress = f"reading all of it: {named:,} of {size:,}"
    if one.walked_at is not None:
        return progress
    full = min(BAR, BAR * named // size)
    return f"{'█' * full}{'░' * (BAR - full)} {progress}"


def asked(screen: Screen, answer: answers.Asked) -> None:
    names = ", ".join(answer.segments)
    screen.say(f"reading {names} now" if answer.running else f"{names} will be read when the daemon runs", "green")


def held(screen: Screen, answer: answers.Held) -> None:
    screen.say(f"the sync of {answer.source} is held: {answer.because}", "yellow")


def released(screen: Screen, answer: answers.Released) -> None:
    for one in answer.changes:
        screen.say(f"allowed: {one.segment} {one.change}", "green")
    if answer.lifted:
        screen.say(f"the sync of {answer.source} goes on", "green")
