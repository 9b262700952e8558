"""Lines of a card's thread, and alerts."""

from __future__ import annotations

from collections.abc import Mapping

from fluentsd.engine.outbox.targets import Posted
from fluentsd.fronts.slack.blocks import sync
from fluentsd.fronts.slack.blocks.holds import is_first, release, sentence
from fluentsd.fronts.slack.blocks.layout import Block, Message, actions, button, context, message, section
from fluentsd.fronts.slack.blocks.wording import actor, count, held, masked, moment, ours, plain, safe, yours
from fluentsd.verbs.answers.holds import Hold

#: What happened, by topic.
_DONE: Mapping[str, str] = {
    "campaign.scheduled": "scheduled",
    "campaign.unscheduled": "unscheduled",
    "campaign.started": "started",
    "campaign.paused": "paused",
    "campaign.resumed": "resumed",
    "campaign.stopped": "stopped",
    "campaign.completed": "completed",
    "campaign.reopened": "reopened",
    "campaign.archived": "archived",
    "campaign.given": "given",
}


def is_alert(event: Posted) -> bool:
    """Whether an event needs attention, beside what people do to their campaigns."""
    return not event.topic.startswith("campaign.") or bool(event.payload.get("breaker"))


def line(event: Posted, because: str, name: str) -> Message | None:
    """One line of the thread of a campaign's card; None for an event that needs none. `name`: the campaign's."""
    payload = event.payload
    if event.topic == "campaign.paused" and payload.get("breaker"):
        return alert(event, name)
    if (done := _DONE.get(event.topic)) is None:
        return alert(event, name)
    by = str(payload.get("by", ""))
    who = {"fluentsd": "", "schedule": " by its schedule"}.get(by, f" by {actor(by)}")
    text = f"{done}{who}"
    if event.topic == "campaign.given":
        text = f"given to {actor(str(payload['owner']))}{who}"
    if event.topic == "campaign.scheduled":
        text += f" for {yours(payload.get('starts_at'))}"
    if event.topic == "campaign.completed":
        text += (
            f": {count(payload['completed'])} completed, {payload['exited']:,} exited, {payload['errored']:,} in error"
        )
    reason = f" ({masked(because, 200)})" if because else ""
    return message(f"{done}{f' by {plain(by, 60)}' if who else ''}", context(f"{moment(event.at)} · {text}{reason}"))


def alert(event: Posted, name: str) -> Message:
    """What needs attention, with the button that fixes it. `name`: of the campaign that it is about, "" for none."""
    if event.topic.startswith("sync."):
        return sync.alert(event)
    payload, blocks = event.payload, list[Block]()
    because = ours(str(payload.get("because") or payload.get("reason") or ""), 500)
    match event.topic:
        case "campaign.paused":
            ref = str(payload["campaign"])
            text = f"⚠️ *{safe(name)}* was paused by a breaker: {because}"
            blocks = [
                actions(
                    button("Resume", "say:resume", {"text": f"resume {ref}"}, "primary"),
                    button("Attempts", "say:calls", {"text": f"calls {ref}"}),
                )
            ]
        case "hold.placed":
            reason, by = str(payload.get("because") or payload.get("reason") or ""), str(payload["by"])
            hold = Hold(payload["scope"], payload["target"], reason, by, until_at=payload.get("until_at"))
            text = sentence(hold, name)
            more = [button("Report", "say:report", {"text": f"report {hold.target}"})] if is_first(hold) else []
            blocks = [actions(release(hold), *more)]
        case "hold.lifted":
            text = f"✅ the hold on {held(payload['scope'], payload['target'])} is lifted"
        case "number.held" | "number.cooling":
            until = f" until {yours(payload['until_at'])}" if payload.get("until_at") else ""
            text = f"⚠️ the number {safe(payload['label'])} is held{until}: {because}"
            blocks = [actions(button("Numbers", "say:numbers", {"text": "numbers"}))]
        case _:
            text = safe(event.topic)
    return message(plain(text, 300), section(text), *blocks)
