"""The cards of replies and hot leads: masked, with what can be done, and what became of them.

A card has the person's history beside its headline, the three answers that are given most, and the others in a menu.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluentsd.fronts.slack.blocks.layout import Block, Message, actions, button, context, menu, message, section
from fluentsd.fronts.slack.blocks.wording import (
    actor,
    by_channel,
    inert,
    lasts,
    link,
    masked,
    moment,
    plain,
    point,
    safe,
    without_points,
    word,
    yours,
)
from fluentsd.verbs.answers.attempts import Attempt
from fluentsd.verbs.answers.people import Lead, Reply

#: What a conversation of a hot lead came to.
_CAME_TO: Mapping[str, str] = {
    "interested": "🔥 {} is *interested*", "callback": "📞 {} *asks for a call back*", "angry": "😠 {} was *angry*",
}  # fmt: skip
#: Of a person who has called us.
WAITS = "No campaign contacts this person until somebody decides how it goes on."
#: The words of a link to a person's record.
IN_CRM = "Open in the CRM"
_NOUN: Mapping[str, str] = {"reply": "reply", "lead": "hot lead"}


def reply(one: Reply, owner: str) -> Message:
    """A person's reply. `owner`: as a mention."""
    name, words = _campaign(one), masked(one.text or "(no text)", 1500)
    who, by = who_of(one), by_channel(one.channel or "")
    if one.outcome == "opted_out":
        return message(
            f"an opt-out in {plain(name, 60)}",
            section(f"🚫 {who} asked in *{safe(name)}* by {by} not to be contacted any more\n>{words}",
                    accessory=_history(one)),
            context("On the suppression list for every campaign. No answer may be sent; nothing is left to do."),
            _about(one, owner),
            actions(_handle(one)),
        )  # fmt: skip
    return message(
        f"a reply in {plain(name, 60)}",
        section(f"💬 {who} answered in *{safe(name)}* by {by}\n>{words}", accessory=_history(one)),
        _about(one, owner),
        actions(*ways(one)),
    )


def lead(one: Lead, owner: str) -> Message:
    """A hot lead: what the call came to, in the words of its analysis."""
    name, who = _campaign(one), who_of(one)
    came_to = _CAME_TO.get(str(one.disposition), "{} is a hot lead").format(who)
    lasted = f", {lasts(one.duration_s)}" if one.duration_s else ""
    zone = "" if "," in one.zones else one.zones
    asked = f"\nasked to be called {moment(one.callback_at, zone)}" if one.callback_at else ""
    summary = f"\n>{masked(one.summary, 1000)}" if one.summary else "\n_There is no summary._"
    call = "has called us, and the call was" if one.called_us else "call"
    text = f"{came_to} · *{safe(name)}* · {call} {word(one.outcome or '')}{lasted}{summary}{asked}"
    blocks = [section(text, accessory=_history(one)), _about(one, owner)]
    if one.called_us and not one.taken_over_by:
        blocks.append(context(WAITS))
    if one.outcome == "opted_out":
        blocks.insert(1, context("On the suppression list for every campaign. No message may be sent."))
        buttons = [_handle(one), *_listen(one)]
    else:
        buttons = ways(one)
    return message(f"a hot lead in {plain(name, 60)}: {word(one.disposition)}", *blocks, actions(*buttons))


def caller(one: Attempt, contact: int | None) -> Message:
    """A call that a person made to us; `contact` is None for a number that several people share."""
    who, by = point(one.to or ""), safe(one.agent or one.answered_by)
    came_to = f", {word(one.disposition)}" if one.disposition else ""
    summary = f"\n>{masked(one.summary, 1000)}" if one.summary else ""
    text = f"📞 {who} has called us, answered by {by}: {safe(one.outcome or '–')}{came_to}{summary}"
    if contact is None:
        shared = "Several people share this number; look for them, then give each back with `give-back`."
        return message("a call to us", section(text), context(f"{yours(one.claimed_at)} · {WAITS} {shared}"))
    about = {"person": f"#{contact}"}
    return message(
        "a call to us",
        section(text, accessory=button("History", "say:person", {"text": f"person #{contact}"})),
        context(f"{yours(one.claimed_at)} · {WAITS}"),
        actions(button("Go on", "person:resume", about), button("Take over", "person:take", about)),
    )


def who_of(one: Reply | Lead) -> str:
    """`India Elm (••• 0102)`; the number or address alone if no name is known."""
    return f"*{safe(one.name, 60)}* ({point(one.person or '')})" if one.name else point(one.person or "")


def undo(ref: str, contact: int | None, attempt: str, words: str = "Undo") -> Block:
    """The button that opens a reply or lead again."""
    return button(words, "reply:undo", {"ref": ref, "person": f"#{contact}", "attempt": attempt})


def open_again(ref: str, contact: int | None, attempt: str) -> Block:
    """The same, of what may have been answered: an answer that was sent cannot be undone."""
    return undo(ref, contact, attempt, "Open again")


def settled(kind: str, by: str, undo: Block | None = None) -> Message:
    """A card after somebody has dealt with it, or when its words are kept no more (`by` is "")."""
    if not by:
        return message(f"a {_NOUN[kind]} that is kept no more", context(f"a {_NOUN[kind]}: its words are kept no more"))
    said = context(f"✅ {_NOUN[kind]} · handled by {actor(by)}")
    return message(f"a {_NOUN[kind]}: handled", said, *([actions(undo)] if undo else []))


def settled_here(by: str, ref: str, what: str, undo: Block) -> Message:
    """A card whose button was pressed: what was done, by whom, and the way back."""
    said = context(f"✅ *{safe(ref)}* · {what} by {actor(by)}")
    return message(f"in {plain(ref, 60)}: {what}", said, actions(undo))


def reminder(kind: str, one: Reply | Lead, owner: str) -> Message:
    """The one reminder of what nobody has handled."""
    noun, name = _NOUN[kind], _campaign(one)
    return message(
        f"a {noun} in {plain(name, 60)} is not handled yet",
        section(f"⏰ {owner} this {noun} in *{safe(name)}* has waited for a business hour, and nobody has handled it."),
    )


def _campaign(one: Reply | Lead) -> str:
    """The name of the campaign; what a person wrote before any attempt belongs to none."""
    return str(one.campaign_name or one.ref)


def _about(one: Reply | Lead, owner: str) -> Block:
    parts = [yours(one.created_at), f"owner {owner}"]
    if one.record:
        parts.append(link(str(one.record), IN_CRM))
    if one.taken_over_by:
        parts.append(f"🤝 taken over by {actor(one.taken_over_by)}; no campaign contacts this person")
    else:
        parts.append("*not handled yet*")
    return context(" · ".join(parts))


def ways(one: Reply | Lead) -> list[Block]:
    """The three answers that are given most, and the menu of the others; the last of it cannot be undone. A call back
    is offered where the person's flow has a call."""
    is_lead = isinstance(one, Lead)
    go_on, take = ("Go on", "person:resume"), ("Take over", "person:take")
    call = ("Call back…", "open:callback")
    waits = isinstance(one, Lead) and one.called_us  # a call of the person holds their steps
    first = go_on if one.taken_over_by or waits else call if is_lead and one.can_call else take
    others = [] if one.taken_over_by or first == take else [take]
    others += [call] if one.can_call and first != call else []
    others += [("Listen", "person:listen")] if isinstance(one, Lead) and one.recording else []
    short = {"person": f"#{one.contact}", "attempt": one.attempt}
    return [
        button("Reply…", "open:reply", _key(one) | _answered(one) | ({"lead": True} if is_lead else {}), "primary"),
        button(*first, _key(one)),
        _handle(one),
        menu("person:menu", *((words, act, short) for words, act in [*others, ("Suppress…", "open:suppress")])),
    ]


def _history(one: Reply | Lead) -> Block:
    """The way to the person: everything about them, to the one who presses it."""
    return button("History", "say:person", {"text": f"person #{one.contact}"})


def _key(one: Reply | Lead) -> dict[str, Any]:
    return {"ref": one.ref, "person": f"#{one.contact}", "attempt": one.attempt}


def _answered(one: Reply | Lead) -> dict[str, str]:
    """Whom an answer goes to and what they said, for the form that covers the card; masked as on the card."""
    words = one.summary if isinstance(one, Lead) else one.text
    name = inert(one.name) if one.name else point(one.person or "")
    return {"to": name, "said": inert(without_points(words or ""), 300)}


def _handle(one: Reply | Lead) -> Block:
    return button("Mark as handled", "reply:handled", _key(one))


def _listen(one: Lead) -> list[Block]:
    return [button("Listen", "person:listen", _key(one))] if one.recording else []
