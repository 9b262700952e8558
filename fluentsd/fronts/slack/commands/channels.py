"""Commands that say what a channel shows: messages about campaigns, and the daily digest."""

from __future__ import annotations

from fluentsd.fronts.slack.blocks.layout import Message, message, section
from fluentsd.fronts.slack.blocks.wording import safe
from fluentsd.fronts.slack.command_table import Misread, Parsed
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.web_api import SlackRefused
from fluentsd.verbs import Refused
from fluentsd.verbs.options import SHOWN

#: When the digest is posted if no time is given.
DIGEST_AT = "09:00"


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
        "⚠️ No channel shows replies and hot leads of them now; `replies` lists those not handled.")  # fmt: skip
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
