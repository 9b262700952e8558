"""Things that are made on the way: caller IDs with tags, and stored texts with their versions and a rendered sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluentsd.fronts.slack.blocks.layout import Block, context, section
from fluentsd.fronts.slack.blocks.wording import count, ours, plain, safe
from fluentsd.fronts.slack.forms.fields import Field, blocks, filled
from fluentsd.fronts.slack.forms.kinds import Pick, Text
from fluentsd.fronts.slack.forms.texts import Lines
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.wizard.samples import EXAMPLE, message_of
from fluentsd.fronts.slack.wizard.view import wizard_view
from fluentsd.fronts.slack.wizard.view_state import Place
from fluentsd.verbs import Refused

Ack = Mapping[str, Any] | None

NUMBER = (
    Field("number.number", "Number", Text(20), "International: +12125550123. Its tags and label are changed if it is "
          "here already.", required=True),
    Field("number.tag", "Tags", Lines(200, lines=False), "Divided by commas."),
    Field("number.label", "Label", Text(100)),
    Field("number.pace", "Its own pace", Pick("rate", "none", words={"none": "no limit"})),
)  # fmt: skip
TEXT = (
    Field("text.name", "Name", Text(63), "Lower-case letters, digits and hyphens. A name that exists gets a new "
          "version.", required=True),
    Field("text.subject", "Subject", Text(300), required=True, channels=("email",)),
    Field("text.sender", "From", Text(200), 'Like "Dana <dana@example.com>".', channels=("email",)),
    Field("text.reply_to", "Reply-To", Text(200), channels=("email",)),
    Field("text.text", "Text", Text(3000, lines=True), "Variables: {{ first_name | default: 'there' }}.",
          channels=("sms", "email")),
    Field("text.html", "HTML", Text(3000, lines=True), channels=("email",)),
)  # fmt: skip


def number_view(place: Place) -> Block:
    """The form of a caller ID."""
    return wizard_view(place, "A number", blocks(NUMBER, {}), "Save", "Back")


async def number(session: Session, place: Place) -> Ack:
    """Add a caller ID, or change its tags, label or pace."""
    given = filled(NUMBER, {}, session.interaction.answers).get("number") or {}
    await session.run("numbers add", given)
    return None


def text_view(place: Place, file: Mapping[str, Any] | None = None) -> Block:
    """The form of a stored text; `place.new` is its channel."""
    shown = _fields(place.new)
    title = "Text message" if place.new == "sms" else "E-mail"
    return wizard_view(place, title, blocks(shown, {"text": file or {}}), "Save", "Back")


def _fields(channel: str) -> list[Field]:
    return [field for field in TEXT if not field.channels or channel in field.channels]


async def text(session: Session, place: Place) -> Ack:
    """Store the text as a new version, and show it as a person would get it."""
    given = filled(_fields(place.new), {}, session.interaction.answers).get("text") or {}
    file = {"template": [{**given, "channel": place.new}]}
    try:
        found = await session.run("templates apply", {"file": file})
    except Refused as why:
        block = next(
            (f"text.{part}" for part in ("name", "subject", "html", "text") if f".{part}:" in str(why)), "text.text"
        )
        return {"response_action": "errors", "errors": {block: plain(_last(str(why)), 300)}}
    change = found.templates[0]
    made: list[Block] = [section(f"`{safe(change.name)}` is stored as version {change.version}.")]
    used = [
        safe(one.ref) + (f" ({count(one.keep_their_flow)} keep the earlier text)" if one.keep_their_flow else "")
        for one in found.campaigns
    ]
    if used:
        made.append(context(f"used by {', '.join(used[:10])}"))
    made += await _sample(session, change.name)
    made.append(context("To use it in a step, choose it there under *Or a saved text*."))
    return {"response_action": "update",
            "view": wizard_view(Place("stored", place.ref), "Stored", made, submit="", close="Back")}  # fmt: skip


def _last(words: str) -> str:
    """The mistakes of a file without the heading above them."""
    return "; ".join(line.strip() for line in words.splitlines()[1:]) or words


async def _sample(session: Session, name: str) -> list[Block]:
    """The text as an invented person gets it."""
    try:
        found = await session.run("templates preview", {"name": name})
    except Refused as why:
        return [section(f"⚠️ {ours(str(why), 400)}")]
    sent = f"From {safe(found.sender, 120)}" if found.sender else ""
    return [*message_of(found, EXAMPLE), *([context(sent)] if sent else [])]
