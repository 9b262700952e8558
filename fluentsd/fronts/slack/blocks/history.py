"""Lines of a card's thread, alerts, and the cards of replies."""

from __future__ import annotations

from collections.abc import Mapping

from fluentsd.engine.outbox.targets import Posted
from fluentsd.fronts.slack.blocks.layout import Block, Message, actions, button, confirm, context, message, section
from fluentsd.fronts.slack.blocks.wording import actor, count, masked, moment, ours, plain, point, safe
from fluentsd.verbs.answers.people import Reply

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
}


def line(event: Posted, because: str) -> Message | None:
    """One line of the thread of a campaign's card; None for an event that needs none."""
    payload = event.payload
    if event.topic == "campaign.paused" and payload.get("breaker"):
        return alert(event)
    if (done := _DONE.get(event.topic)) is None:
        return alert(event)
    by = str(payload.get("by", ""))
    who = {"fluentsd": "", "schedule": " by its schedule"}.get(by, f" by {actor(by)}")
    text = f"{done}{who}"
    if event.topic == "campaign.scheduled":
        text += f" for {moment(payload.get('starts_at'))}"
    if event.topic == "campaign.completed":
        text += (
            f": {count(payload['completed'])} completed, {payload['exited']:,} exited, {payload['errored']:,} in error"
        )
    reason = f" ({masked(because, 200)})" if because else ""
    return message(f"{done}{f' by {plain(by, 60)}' if who else ''}", context(f"{moment(event.at)} · {text}{reason}"))


def alert(event: Posted) -> Message:
    """What needs attention, with the button that fixes it."""
    payload, blocks = event.payload, list[Block]()
    because = ours(str(payload.get("because") or payload.get("reason") or ""), 500)
    match event.topic:
        case "campaign.paused":
            ref = str(payload["campaign"])
            text = f"⚠️ *{safe(ref)}* was paused by a breaker: {because}"
            blocks = [
                actions(
                    button("Resume", "say:resume", {"text": f"resume {ref}"}, "primary"),
                    button("Attempts", "say:calls", {"text": f"calls {ref}"}),
                )
            ]
        case "hold.placed":
            target = "everything" if payload["scope"] == "installation" else f"{payload['scope']} {payload['target']}"
            until = f" until {moment(payload['until_at'])}" if payload.get("until_at") else ""
            text = f"⚠️ {safe(target)} is held{until} by {actor(str(payload['by']))}: {because}"
            release = {"scope": payload["scope"], "target": payload["target"]}
            dialog = confirm("Release it?", "Contacts continue at once.", "Release")
            go = "first people" in because
            blocks = [
                actions(button("Go on" if go else "Release", "release", release, "primary" if go else "", dialog))
            ]
        case "hold.lifted":
            text = f"✅ the hold on {safe(payload['scope'])} {safe(payload['target'])} is lifted"
        case "number.held" | "number.cooling":
            until = f" until {moment(payload['until_at'])}" if payload.get("until_at") else ""
            text = f"⚠️ the number {safe(payload['label'])} is held{until}: {because}"
            blocks = [actions(button("Numbers", "say:numbers", {"text": "numbers"}))]
        case _:
            text = safe(event.topic)
    return message(plain(text, 300), section(text), *blocks)


def reply(one: Reply, contact: int, owner: str) -> Message:
    """A person's reply: masked, with what can be done."""
    ref = str(one.ref)
    about = {"ref": ref, "person": f"#{contact}"}
    said = masked(one.text or "(no text)", 1500)
    who, when = point(one.person or ""), context(f"{moment(one.created_at)} · owner {actor(owner)}")
    handle = button("Handled", "reply:handled", about)
    if one.outcome == "opted_out":
        return message(
            f"an opt-out in {plain(ref, 60)}",
            section(f"🚫 {who} asked in *{safe(ref)}* by {one.channel} not to be contacted any more\n>{said}"),
            context("On the suppression list for every campaign. No answer may be sent; nothing is left to do."),
            when,
            actions(handle),
        )
    stop = confirm(
        "Never contact this person again?",
        "The number or address goes on the suppression list, for every channel and campaign.",
        "Suppress",
        danger=True,
    )
    return message(
        f"a reply in {plain(ref, 60)}",
        section(f"💬 {who} answered in *{safe(ref)}* by {one.channel}\n>{said}"),
        when,
        actions(
            button("Reply…", "open:reply", about, "primary"),
            handle,
            button("Call back…", "open:callback", about),
            button("Suppress", "reply:suppress", {**about, "attempt": one.attempt}, "danger", stop),
        ),
    )


def handled(who: str, ref: str, what: str) -> Message:
    """A reply card after somebody has dealt with it."""
    return message(
        f"a reply in {plain(ref, 60)}: {what}", context(f"💬 a reply in *{safe(ref)}*: {what} by {actor(who)}")
    )
