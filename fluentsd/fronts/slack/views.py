"""Modals: opened by a button, checked when they are submitted.

A modal asks for the one argument that a button cannot hold (a text, a moment), then runs the same verb as a command.
It is opened with what the button holds, so nothing is read while the trigger lives.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from fluentsd.domain.time.durations import SECOND
from fluentsd.fronts.slack import clicks
from fluentsd.fronts.slack.blocks.duties import duties
from fluentsd.fronts.slack.blocks.help import refusal
from fluentsd.fronts.slack.blocks.layout import (
    Block,
    Message,
    date_time_input,
    message,
    modal,
    option,
    plain_text,
    section,
    text_input,
    without_close,
)
from fluentsd.fronts.slack.blocks.wording import by_channel, safe
from fluentsd.fronts.slack.commands import persons, starting
from fluentsd.fronts.slack.interaction import Interaction
from fluentsd.fronts.slack.session import Session
from fluentsd.fronts.slack.wizard import navigation, opening
from fluentsd.fronts.slack.wizard.view_state import PREFIX
from fluentsd.verbs import Refused
from fluentsd.verbs.call import Role


async def open_view(session: Session) -> Message | None:
    """Open the modal that a button names, on top of the one with the button, if it stands in one."""
    interaction = session.interaction
    value, name = dict(interaction.value), interaction.name.split(":")[1]
    if name == "new":
        await opening.begin(session)
    elif name == "edit":
        await opening.resume(session, str(value.get("ref", "")), str(value.get("page", "")))
    elif name == "number":
        await opening.open_number(session)
    elif name == "text":
        await opening.open_text(session, str(value.get("channel", "")), str(value.get("name", "")))
    elif name == "agent":
        await opening.open_agent(session, str(value.get("name", "")))
    elif name == "duties":
        await _open(session, in_modal(interaction, message("One moment…")), partial(_duties, value))
    elif name in _FORMS:
        make, role = _FORMS[name]
        session.need(role)
        await _open(session, make(session, value))
    else:
        return clicks.unknown(session)
    return None


async def _open(session: Session, view: Block, more: Callable[[Session], Awaitable[Block]] | None = None) -> None:
    """Open a view while the trigger lives, then put in its place what takes longer to read."""
    interaction, call = session.interaction, session.services.api.call
    method = "views.push" if interaction.is_in_modal else "views.open"
    opened = await call(method, trigger_id=interaction.trigger_id, view=view)
    if more is not None:
        await call("views.update", view_id=(opened.get("view") or {}).get("id"), view=await more(session))


async def _duties(value: Mapping[str, Any], session: Session) -> Block:
    try:
        shown = duties(await session.run("campaign check", {"ref": str(value.get("ref", ""))}))
    except Refused as why:
        shown = refusal(str(why))
    return modal("Legal points", "shown", {}, shown.body()["blocks"], close="Close")


def _schedule(session: Session, value: Mapping[str, Any]) -> dict[str, Any]:
    hour = 3600 * SECOND
    tomorrow = (session.now // hour + 24) * 3600
    return modal(
        "Schedule",
        "schedule",
        value,
        [
            section(
                f"When should *{safe(value.get('name', ''))}* start? The time is in your "
                "zone; it is shown in the campaign's before anything happens."
            ),
            date_time_input("when", "Start", tomorrow),
        ],
        "Continue",
    )


def _reply(session: Session, value: Mapping[str, Any]) -> dict[str, Any]:
    made = [text_input("text", "Your answer", lines=True)]
    if to := value.get("to"):  # buttons of earlier versions do not say it
        quoted = f"\n>{safe(value['said'], 300)}" if value.get("said") else ""
        made.insert(0, section(f"*{safe(to)}*{quoted}"))
    if not value.get("lead"):  # on the channel of the reply
        return modal("Reply", "reply", value, made, "Send")
    by = [option(by_channel(kind), kind) for kind in ("sms", "email") if kind in session.services.runtime.channels]
    if not by:
        words = "Neither texts nor e-mails are set up here. Call the person, then press *Mark as handled*."
        return modal("Reply", "shown", {}, [section(words)], close="Close")
    select = {"type": "static_select", "options": by, "initial_option": by[0], "action_id": "by"}
    made.append({"type": "input", "block_id": "by", "label": plain_text("Send it as", 75), "element": select})
    return modal("Reply", "reply", value, made, "Send")


def _callback(session: Session, value: Mapping[str, Any]) -> dict[str, Any]:
    hour = 3600 * SECOND
    return modal(
        "Call back", "callback", value, [date_time_input("when", "When?", (session.now // hour + 1) * 3600)], "Save"
    )


def _suppress(session: Session, value: Mapping[str, Any]) -> dict[str, Any]:
    """The question before a number or address is suppressed; the form remembers the card that it settles, if the click
    was at one."""
    words = "The number or address goes on the suppression list, for every channel and campaign."
    return modal("Never contact again?", "suppress", {**value, **_card(session)}, [section(words)], "Never contact")


def _unsuppress(session: Session, value: Mapping[str, Any]) -> dict[str, Any]:
    """The reason why an entry of the suppression list was a mistake."""
    words = (
        "This takes back your own entry of the last day; an admin takes back any entry of a user. What the person, a "
        "CRM or a list said stays."
    )
    asked = text_input("because", "What was the mistake?", "A sentence; it is kept with the entry.", lines=True)
    return modal("Undo", "unsuppress", {**value, **_card(session)}, [section(words), asked], "Take back")


def _card(session: Session) -> dict[str, str]:
    """The card on which a form was opened, that it settles; nothing, if it was at none."""
    at = session.interaction
    return {} if at.is_ephemeral or not at.message_ts else {"channel": at.channel, "ts": at.message_ts}


_FORMS: Mapping[str, tuple[Callable[[Session, Mapping[str, Any]], Block], Role]] = {
    "schedule": (_schedule, "manager"), "reply": (_reply, "manager"), "callback": (_callback, "manager"),
    "suppress": (_suppress, "manager"), "unsuppress": (_unsuppress, "manager"),
}  # fmt: skip


async def submitted(session: Session) -> Message | Mapping[str, Any] | None:
    """Carry out a submitted modal: the message that answers it, or the acknowledgement itself."""
    interaction = session.interaction
    if interaction.name.startswith(PREFIX):
        return await navigation.submitted(session)
    value = interaction.value
    ref = str(value.get("ref", ""))
    match interaction.name:
        case "schedule" | "callback" if not _is_moment(interaction.state("when")):
            return refusal("pick a day and a time; nothing was changed")
        case "schedule":
            at = interaction.state("when")
            return await starting.schedule_at(session, ref, int(at) * SECOND)
        case "reply":
            text = str(interaction.state("text") or "")
            return await persons.answer(session, ref, str(value.get("person", "")), text, interaction.state("by"))
        case "callback":
            at = int(interaction.state("when")) * SECOND
            return await persons.call_back(session, value, at)
        case "suppress":
            one = await persons.never_again(session, value)
            if value.get("ts"):
                undo, place = persons.unsuppress(one), (str(value["channel"]), str(value["ts"]))
                await clicks.settle(session, str(one.ref), "never contacted again", undo, *place)
            return message("this number or address is never contacted again, on any channel")
        case "unsuppress":
            answer = await persons.take_back(session, value, str(interaction.state("because") or ""))
            if value.get("ts"):
                card, channel, ts = await persons.open_card(session, value), str(value["channel"]), str(value["ts"])
                await session.services.api.call("chat.update", channel=channel, ts=ts, **card.body())
            return answer
    return message("this form is not known any more; open it again")


def _is_moment(value: Any) -> bool:
    """Whether a picker holds an instant: seconds since the epoch."""
    return isinstance(value, int) or (isinstance(value, str) and value.isascii() and value.isdigit())


def shown(interaction: Interaction, answer: Message | Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The acknowledgement of a submitted modal: its answer takes the place of the form; a refusal stands beside its
    first input, so that nothing that was entered is lost."""
    if not isinstance(answer, Message):
        return answer
    blocks = interaction.view.get("blocks") or ()
    first = next((one.get("block_id") for one in blocks if one.get("type") == "input"), None)
    if answer.is_refusal and first and interaction.name.startswith(PREFIX):
        return {"response_action": "errors", "errors": {str(first): answer.text.removeprefix("🚫 ")}}
    return {"response_action": "update", "view": in_modal(interaction, answer)}


def in_modal(interaction: Interaction, answer: Message) -> Block:
    """An answer as a modal of its own."""
    title = str((interaction.view.get("title") or {}).get("text") or "fluentsd")
    is_modal = interaction.view.get("type") == "modal"
    blocks = [kept for one in answer.body().get("blocks", []) if (kept := without_close(one))]
    return modal(title if is_modal else "fluentsd", "shown", {}, blocks, close="Close")


def with_note(view: Mapping[str, Any], note: Message) -> Block:
    """A view as it is, with a note above it."""
    kept = ("type", "callback_id", "title", "close", "submit", "private_metadata", "notify_on_close")
    blocks = [one for one in view.get("blocks") or () if not str(one.get("block_id", "")).startswith("note.")]
    above = [one | {"block_id": f"note.{n}"} for n, one in enumerate(note.body().get("blocks", []))]
    same = {name: view[name] for name in kept if view.get(name)}
    return same | {"blocks": [*above, *blocks][:100]}
