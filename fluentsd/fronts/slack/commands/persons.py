"""What is done about one person: never contact, take over and give back, answer, promise a call, listen to a call."""

from __future__ import annotations

from fluentsd.domain.time.moments import show_moment
from fluentsd.fronts.slack.blocks.layout import Message, actions, button, message, section
from fluentsd.fronts.slack.blocks.wording import link, moment, point, safe
from fluentsd.fronts.slack.command_table import Parsed
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.words import is_point
from fluentsd.verbs import Refused


async def suppress(session: Session, parsed: Parsed) -> Message:
    await session.run("suppression add", dict(parsed.arguments))
    return message("this number or address is never contacted again, on no channel")


async def take_over(session: Session, parsed: Parsed) -> Message:
    """Hold a person in all campaigns."""
    found = await session.run("contacts take-over", {"person": parsed.arguments["person"]})
    back = {"ref": "", "person": f"#{found.contact}"}
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
    return point(person) if is_point(person) else safe(person)


async def listen(session: Session, parsed: Parsed) -> Message:
    return await recording(session, str(parsed.arguments["attempt"]))


async def recording(session: Session, attempt: str) -> Message:
    """A link to a recording, for this person alone. It is made for each request, and no repetition gets an old one."""
    found = await session.run("listen", {"attempt": attempt}, repeatable=False)
    if not found.link:
        raise Refused(
            "this installation has no public address, so the recording cannot be heard from here. An admin sets "
            "[http] public_url in fluentsd.toml"
        )
    words = f"🔊 {link(found.link, 'Listen to the call')}, until {moment(found.until_at)}."
    return message("the recording", section(f"{words} The audit log keeps who asked for it."))


async def answer(session: Session, ref: str, person: str, text: str, channel: str | None = None) -> Message:
    """Answer a person's reply, or a hot lead by a channel."""
    by = {"channel": channel} if channel else {}
    await session.run("campaign answer", {"ref": ref, "person": person, "text": text, **by})
    return message("your answer is on its way")


async def call_back(session: Session, ref: str, person: str, at: int) -> Message:
    """Contact a person at a promised moment."""
    await session.run("campaign callback", {"ref": ref, "person": person, "at": at})
    return message(f"the person is contacted {show_moment(at, session.person.zone)}, ahead of the flow's schedule")
