"""Modals: opened by a button, checked when they are submitted.

A modal asks for the one argument that a button cannot hold (a text, a moment), then runs the same verb as a command.
It is opened with what the button holds, so nothing is read while the trigger lives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluentsd.domain.time.durations import SECOND
from fluentsd.fronts.slack.blocks.layout import Message, date_time_input, message, modal, section, text_input
from fluentsd.fronts.slack.blocks.wording import safe
from fluentsd.fronts.slack.commands import acting, starting
from fluentsd.fronts.slack.interaction import Interaction
from fluentsd.fronts.slack.session import Session


async def open_view(session: Session) -> Message | None:
    """Open the modal that a button names."""
    interaction = session.interaction
    value = dict(interaction.value)
    view = _VIEWS[interaction.name.partition(":")[2]](session, value)
    await session.services.api.call("views.open", trigger_id=interaction.trigger_id, view=view)
    return None


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
    return modal("Reply", "reply", value, [text_input("text", "Your answer", lines=True)], "Send")


def _callback(session: Session, value: Mapping[str, Any]) -> dict[str, Any]:
    hour = 3600 * SECOND
    return modal(
        "Call back", "callback", value, [date_time_input("when", "When?", (session.now // hour + 1) * 3600)], "Save"
    )


_VIEWS = {"schedule": _schedule, "reply": _reply, "callback": _callback}


async def submitted(session: Session) -> Message | None:
    """Carry out a submitted modal."""
    interaction = session.interaction
    value, ref = interaction.value, str(interaction.value.get("ref", ""))
    match interaction.name:
        case "schedule":
            at = interaction.state("when")
            return await starting.schedule_at(session, ref, int(at) * SECOND)
        case "reply":
            text = str(interaction.state("text") or "")
            return await acting.answer(session, ref, str(value.get("person", "")), text)
        case "callback":
            at = int(interaction.state("when")) * SECOND
            return await acting.call_back(session, ref, str(value.get("person", "")), at)
    return message("this form is not known any more; open it again")


def shown(interaction: Interaction, answer: Message | None) -> Mapping[str, Any] | None:
    """The acknowledgement of a submitted modal: its answer takes the place of the form."""
    if answer is None:
        return None
    view = modal(
        str(interaction.view.get("title", {}).get("text", "fluentsd")),
        "shown",
        {},
        answer.body().get("blocks", []),
        close="Close",
    )
    return {"response_action": "update", "view": view}
