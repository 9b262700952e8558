"""Help, refusals and mistyped commands: what happened, what changed (nothing), and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fluentsd.fronts.slack.blocks.layout import (
    BUTTON_SHOWN,
    Block,
    Message,
    actions,
    button,
    context,
    header,
    message,
    paragraphs,
    section,
)
from fluentsd.fronts.slack.blocks.wording import inert, ours, plain, safe, spoken, with_people, without_points
from fluentsd.fronts.slack.command_table import BY_WORD, COMMANDS, DID_YOU_MEAN, Command, Misread, commands_in
from fluentsd.verbs.answers.suggestion import Suggestion
from fluentsd.verbs.catalogue import VERBS


def help_of(topic: str, name: str) -> Message:
    """Help about one command, or the list of all. `name`: the slash command as it is installed."""
    words = topic.casefold().split()
    command = BY_WORD.get(words[0].strip("/.,:;!?")) if words else None
    if command is None:
        lines = [f"`{_usage(one, name)}`  {safe(one.help)}" for one in COMMANDS]
        ways = (
            "A campaign is its id (c42), its name, or words that fit only one. Moments: tomorrow 9am, Tue 15:00, 12/1 "
            "9:00. Durations: 30m, 2h, 3d. Buttons do the same as commands."
        )
        note = f"*{safe(topic)}* is not a command; these exist:" if topic else "What you can type"
        return message("help", header("Help"), section(note), *paragraphs(lines), context(ways))
    lines = [f"`{_usage(command, name)}`", safe(command.help)]
    if command.aliases:
        lines.append(f"also: {', '.join(command.aliases)}")
    if command.verb:
        lines.append(f"needs the role {VERBS[command.verb].role}")
    return message(f"help for {command.word}", section("\n".join(lines)))


def _usage(command: Command, name: str) -> str:
    return f"{plain(name)} {command.usage}".replace("<", "&lt;").replace(">", "&gt;")


def refusal(text: str, offers: Sequence[str] = (), name: str = "") -> Message:
    """A refusal or a mistyped command; `offers` are commands, each with its button. A button never changes anything at
    once: a command that changes something asks first, or can be undone."""
    text = with_people(text)
    blocks: list[Block] = [section(f"🚫 {ours(spoken(without_points(text)))}")]
    if offers:
        made = [button(_label(offer, name), f"say:{n}", {"text": offer}) for n, offer in enumerate(offers[:5])]
        blocks.append(actions(*made))
    return replace(message(inert(spoken(text), 300), *blocks), is_refusal=True)


def _label(offer: str, name: str) -> str:
    """A command on its button; without the name of the slash command where its end, "9am" or "9pm", would be hidden."""
    typed = f"{name} {offer}".strip()
    return typed if len(typed) <= BUTTON_SHOWN else offer


def misread(why: Misread, name: str) -> Message:
    """A text that is no command: what was typed, what may be meant, and the buttons for it."""
    if not why.typed:
        return refusal(str(why), why.offers, name)
    asked = ours(str(why).partition(" is not a command. ")[2])
    for word in commands_in(why.offers) if asked.startswith(DID_YOU_MEAN) else ():
        asked = asked.replace(f" {word}", f" *{word}*", 1)
    typed = safe(without_points(why.typed).replace("`", "'"), 40)
    shown = refusal(str(why), why.offers, name)
    return replace(shown, blocks=(section(f"🤔 `{typed}` is not a command. {asked}"), *shown.blocks[1:]))


def denied(needs: str, has: str, admins: Sequence[str]) -> Message:
    """The refusal of what a role does not allow, with the people who can help: ids of users and user groups."""
    text = f"this needs the role {needs}, and yours is {has}; nothing was changed"
    who = " or ".join(f"<!subteam^{one}>" if one.startswith("S") else f"<@{one}>" for one in admins[:3])
    help_ = f"{who} can give you the role." if who else "Roles are given in `[slack] roles` of fluentsd.toml."
    return replace(message(text, section(f"🚫 {text}"), context(help_)), is_refusal=True)


def offers_of(suggestion: Suggestion | None) -> list[str]:
    """A verb that a refusal suggests, as a command of this front; none if it has none or needs more arguments."""
    if suggestion is None:
        return []
    command = next((one for one in COMMANDS if one.verb == suggestion.verb), None)
    if command is None and suggestion.verb == "campaign check":
        command = BY_WORD["start"]
    ref = suggestion.arguments.get("ref")
    if command is None or (command.ref == "must" and not ref):
        return []
    if suggestion.verb == "contacts find":
        words = suggestion.arguments.get("words")
        return [f"contacts find {words}"] if words else []
    if "<person>" in command.more:
        person = suggestion.arguments.get("person")
        return [command.usage.replace("<person>", str(person))] if person else []
    if command.more.startswith("<"):  # what it needs is known to the person alone
        return []
    return [f"{command.word} {ref or ''}".strip()]
