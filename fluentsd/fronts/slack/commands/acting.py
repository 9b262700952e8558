"""The other commands that change something: test, owner, suppress, copy, what a channel shows, and answers to replies
and leads."""

from __future__ import annotations

import re

from fluentsd.domain.time.moments import show_moment
from fluentsd.fronts.slack.blocks.card import buttons, receipt
from fluentsd.fronts.slack.blocks.layout import Message, actions, button, message, section
from fluentsd.fronts.slack.blocks.wording import actor, link, moment, point, safe
from fluentsd.fronts.slack.grammar import Misread, Parsed
from fluentsd.fronts.slack.people import name_of
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.web_api import SlackRefused
from fluentsd.verbs import Refused
from fluentsd.verbs.catalogue import SHOWN

#: When the digest is posted if no time is given.
DIGEST_AT = "09:00"


async def test(session: Session, parsed: Parsed) -> Message:
    found = await session.run("campaign test", {"ref": parsed.ref, "to": parsed.arguments["to"]})
    return message(f"a test of step `{safe(found['step'])}` is on its way by {found['channel']}")


async def owner(session: Session, parsed: Parsed) -> Message:
    user = parsed.arguments.get("user")
    owner = str(parsed.arguments.get("group", ""))
    if user:
        owner = f"slack:{user} {name_of(await session.services.people.profile(user))}"
    found = await session.run("campaign owner", {"ref": parsed.ref, "owner": owner})
    return receipt(found, f"*{safe(found.name)}* belongs to {actor(owner)} now.")


async def suppress(session: Session, parsed: Parsed) -> Message:
    await session.run("suppression add", dict(parsed.arguments))
    return message("this number or address is never contacted again, on no channel")


async def copy(session: Session, parsed: Parsed) -> Message:
    new_ref = re.sub(r"[^a-z0-9]+", "-", str(parsed.arguments["new"]).casefold()).strip("-")
    found = await session.run("campaign copy", {"ref": parsed.ref, "new_ref": new_ref})
    return message(
        f"{safe(found.name)} is a draft now, as `{safe(found.ref)}`, without people",
        section(f"*{safe(found.name)}* is a draft now: c{found.id}, `{safe(found.ref)}`, without people."),
        *buttons(found),
    )


async def answer(session: Session, ref: str, person: str, text: str, channel: str | None = None) -> Message:
    """Answer a person's reply, or a hot lead by a channel."""
    by = {"channel": channel} if channel else {}
    await session.run("campaign answer", {"ref": ref, "person": person, "text": text, **by})
    return message("your answer is on its way")


async def call_back(session: Session, ref: str, person: str, at: int) -> Message:
    """Contact a person at a promised moment."""
    await session.run("campaign callback", {"ref": ref, "person": person, "at": at})
    return message(f"the person is contacted {show_moment(at, session.person.zone)}, ahead of the flow's schedule")


async def take_over(session: Session, parsed: Parsed) -> Message:
    """Hold a person in all campaigns."""
    found = await session.run("contacts take-over", {"person": parsed.arguments["person"]})
    back = {"ref": "", "person": f"#{found['contact']}"}
    return message(
        "you have taken this person over",
        section(f"You have taken {_named(parsed)} over: no campaign contacts them until you say that they go on."),
        actions(button("Go on", "person:resume", back)),
    )


async def give_back(session: Session, parsed: Parsed) -> Message:
    await session.run("contacts resume", {"person": parsed.arguments["person"]})
    return message(f"the campaigns go on with {_named(parsed)}")


def _named(parsed: Parsed) -> str:
    person = str(parsed.arguments["person"])
    return point(person) if "@" in person or sum(map(str.isdigit, person)) >= 7 else safe(person)


async def listen(session: Session, parsed: Parsed) -> Message:
    return await recording(session, str(parsed.arguments["attempt"]))


async def recording(session: Session, attempt: str) -> Message:
    """A link to a recording, for this person alone. It is made for each request, and no repetition gets an old one."""
    found = await session.run("listen", {"attempt": attempt}, repeatable=False)
    if not found["link"]:
        raise Refused(
            "this installation has no public address, so the recording cannot be heard from here. An admin sets "
            "[http] public_url in fluentsd.toml"
        )
    words = f"🔊 {link(found['link'], 'Listen to the call')}, until {moment(found['until_at'])}."
    return message("the recording", section(f"{words} The audit log keeps who asked for it."))


async def alerts(session: Session, parsed: Parsed) -> Message:
    """Show messages about campaigns in this channel, or stop that. The first message is posted before it is kept, so a
    channel that the app is not in is told at once."""
    asked, channel = parsed.arguments, _this_channel(session)
    refs, is_on = list(asked.get("refs", ())), asked["where"] == "here"
    kinds = list(asked.get("kinds") or SHOWN) if is_on else []
    names = ", ".join(safe(ref) for ref in refs) or "all campaigns"
    if is_on:
        await _may_post(session, channel, "Messages about campaigns are posted here from now on.")
    await session.run("slack alerts", {"channel": channel, "campaign": refs, "kind": kinds})
    if is_on:
        return message(f"this channel shows {', '.join(kinds)} of {names}")
    left = [one for one in await session.services.routes.of(refs[0] if refs else "", "replies") if one != channel]
    others = f"They are shown in {' '.join(_channel(one) for one in left)}." if left else (
        "⚠️ No channel shows replies and hot leads of them now; `replies` lists what waits.")  # fmt: skip
    return message("off", section(f"Nothing about {names} is posted here any more. {others}"))


async def digest(session: Session, parsed: Parsed) -> Message:
    """The daily digest in this channel, at a time in the reader's zone, or none."""
    channel, is_on = _this_channel(session), parsed.arguments["where"] == "here"
    at = f"{parsed.arguments.get('at', DIGEST_AT)} {session.person.zone}" if is_on else ""
    if is_on:
        await _may_post(session, channel, f"The digest is posted here every day at {safe(at)}.")
    await session.run("slack digest", {"channel": channel, "at": at})
    session.services.routes.changed.notify()
    return message(f"the digest comes every day at {safe(at)}" if is_on else "no digest is posted here any more")


def _this_channel(session: Session) -> str:
    channel = session.interaction.channel
    if not channel:
        raise Misread("this belongs to a channel; type it in the channel that is meant")
    return channel


async def _may_post(session: Session, channel: str, words: str) -> None:
    """Post in a channel, or refuse because the app cannot."""
    try:
        await session.services.api.call("chat.postMessage", channel=channel, **message(words).body())
    except SlackRefused as why:
        raise Refused(
            f"the app cannot post in this channel ({why.error}); nothing was changed. Type /invite @the-app here, then "
            "repeat it"
        ) from None


def _channel(id_: str) -> str:
    return f"<#{id_}>" if id_[:1] in "CG" else "a direct message"
