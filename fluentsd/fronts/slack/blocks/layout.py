"""Block Kit within Slack's limits: every function cuts what is too long, so no message is refused for its size.

What must not live here: escaping (`wording`), and what a message says.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Block = dict[str, Any]
#: Slack's limits (docs.slack.dev/reference/block-kit).
BLOCKS_AT_MOST, SECTION, FIELD, HEADER, BUTTON, CONTEXT, FALLBACK = 50, 3000, 2000, 150, 75, 2000, 3900
OPTION, OPTION_VALUE = 75, 150
#: Characters of a button that every client shows; of more, one with little room shows the beginning.
BUTTON_SHOWN = 30
#: Entries of a menu.
MENU = 5
#: Characters of all blocks of a message as JSON; Slack refuses more with msg_blocks_too_long.
WHOLE_AT_MOST = 12_500


@dataclass(frozen=True, slots=True)
class Message:
    """An answer: `text` is what notifications and screen readers say. `public`: the whole channel sees it. `replace`:
    it takes the place of the message with the clicked button. `is_refusal`: nothing was changed, and it says why.
    `native`: the blocks with Slack's own charts and tables, which `native_blocks` sends; `blocks` is their plain
    form."""

    text: str
    blocks: tuple[Block, ...] = ()
    public: bool = False
    replace: bool = False
    is_refusal: bool = False
    native: tuple[Block, ...] = ()

    def body(self) -> dict[str, Any]:
        """The arguments of `chat.postMessage`, and the base of other answers."""
        return {"text": cut(self.text, FALLBACK), "blocks": fitting(self.blocks)} if self.blocks else {
            "text": cut(self.text, FALLBACK)
        }  # fmt: skip

    def native_body(self) -> dict[str, Any]:
        """The same with native blocks."""
        return {"text": cut(self.text, FALLBACK), "blocks": fitting(self.native)}


#: Nothing is said, because a view has been opened.
SILENT = Message("")


def message(text: str, *blocks: Block, public: bool = False, replace: bool = False) -> Message:
    """A message of blocks; `text` alone if there are none."""
    return Message(text, blocks or (section(text),), public, replace)


def fitting(blocks: Sequence[Block]) -> list[Block]:
    """The blocks that fit into one message, with a note if some do not. Buttons at the end always fit, because they
    are the way on."""
    end = [one for one in blocks[-1:] if one.get("type") == "actions"]
    kept: list[Block] = []
    size = 2 + sum(len(json.dumps(one)) + 2 for one in end)
    for block in blocks[: len(blocks) - len(end)]:
        size += len(json.dumps(block)) + 2
        if size > WHOLE_AT_MOST or len(kept) + len(end) == BLOCKS_AT_MOST - 1 < len(blocks) - 1:
            kept.append(context(f"… and {len(blocks) - len(kept) - len(end)} more lines that do not fit here"))
            break
        kept.append(block)
    return [*kept, *end]


def section(text: str, *fields: str, accessory: Block | None = None) -> Block:
    """A paragraph of mrkdwn, with at most ten fields in two columns."""
    block: Block = {"type": "section"}
    if text:
        block["text"] = {"type": "mrkdwn", "text": cut(text, SECTION)}
    if fields:
        block["fields"] = [{"type": "mrkdwn", "text": cut(one, FIELD)} for one in fields[:10]]
    if accessory:
        block["accessory"] = accessory
    return block


def paragraphs(lines: Sequence[str]) -> list[Block]:
    """Lines as few paragraphs as they fit into, so that none of them is cut off."""
    made: list[str] = []
    for line in (cut(one, SECTION) for one in lines):
        if made and len(made[-1]) + len(line) < SECTION:
            made[-1] += f"\n{line}"
        else:
            made.append(line)
    return [section(one) for one in made]


def header(text: str) -> Block:
    return {"type": "header", "text": plain_text(text, HEADER)}


def context(*texts: str) -> Block:
    """Small grey lines, ten at most."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": cut(one, CONTEXT)} for one in texts[:10]]}


def divider() -> Block:
    return {"type": "divider"}


def actions(*elements: Block) -> Block:
    return {"type": "actions", "elements": list(elements[:25])}


def button(
    text: str,
    action: str,
    value: Mapping[str, Any],
    style: Literal["primary", "danger", ""] = "",
    confirm: Block | None = None,
) -> Block:
    """A button. `action` is its id, unique in its message; `value` comes back with the click. One that asks first says
    so with "…"."""
    words = f"{text}…" if confirm and not text.endswith("…") else text
    block: Block = {"type": "button", "text": plain_text(words, BUTTON), "action_id": action, "value": packed(value)}
    if style:
        block["style"] = style
    if confirm:
        block["confirm"] = confirm
    return block


def asked(act: Block) -> Block:
    """The answers to a question: the act, and Cancel. A red act is the second, where nobody presses it by habit."""
    cancel = button("Cancel", "close", {})
    return actions(cancel, act) if act.get("style") == "danger" else actions(act, cancel)


def option(words: str, value: str, more: str = "") -> Block:
    """An option of a select or menu. `more`: a second line."""
    made: Block = {"text": plain_text(_line(words) or value, OPTION), "value": value[:OPTION_VALUE]}
    return made | ({"description": plain_text(_line(more), OPTION)} if more else {})


def _line(text: str) -> str:
    return " ".join(text.split())


def menu(action: str, *entries: tuple[str, str, Mapping[str, Any]]) -> Block:
    """The menu with what is rarer than a button or cannot be undone, five entries at most. Each entry is a button: its
    words, its own action, and the value that comes back (short, because Slack takes 150 characters)."""
    made = [option(words, packed({"act": act} | dict(value))) for words, act, value in entries[:MENU]]
    return {"type": "overflow", "action_id": action, "options": made}


def pick(action: str, words: str, options: Sequence[tuple[str, Mapping[str, Any]]]) -> Block:
    """A select below a list: what is chosen is opened. `options`: words and value of each, a hundred at most."""
    made = [option(line, packed(value)) for line, value in options[:100]]
    return {"type": "static_select", "action_id": action, "placeholder": plain_text(words, 150), "options": made}


def packed(value: Mapping[str, Any]) -> str:
    """The value of a button or option."""
    return json.dumps(value, separators=(",", ":"))


def confirm(title: str, text: str, yes: str, no: str = "Cancel", *, danger: bool = False) -> Block:
    """The dialog before a button acts."""
    block: Block = {
        "title": plain_text(title, 100),
        "text": {"type": "mrkdwn", "text": cut(text, 300)},
        "confirm": plain_text(yes, 30),
        "deny": plain_text(no, 30),
    }
    return block | ({"style": "danger"} if danger else {})


def modal(
    title: str,
    callback: str,
    value: Mapping[str, Any],
    blocks: Iterable[Block],
    submit: str = "",
    close: str = "Cancel",
) -> Block:
    """A view; without `submit` it can only be closed."""
    view: Block = {
        "type": "modal",
        "callback_id": callback,
        "title": plain_text(title, 24),
        "close": plain_text(close, 24),
        "private_metadata": json.dumps(value, separators=(",", ":"))[:3000],
        "blocks": list(blocks)[:100],
    }
    return view | ({"submit": plain_text(submit, 24)} if submit else {})


def without_close(block: Block) -> Block | None:
    """A block of a message as a modal has it: without the button that deletes the message, as a modal has its own."""
    if block.get("type") != "actions":
        return block
    kept = [one for one in block["elements"] if one.get("action_id") != "close"]
    return {**block, "elements": kept} if kept else None


def text_input(block: str, label: str, hint: str = "", *, lines: bool = False, required: bool = True,
               initial: str = "", at_most: int = 2000) -> Block:  # fmt: skip
    """An input for text in a modal."""
    element: Block = {"type": "plain_text_input", "action_id": "text", "multiline": lines, "max_length": at_most}
    if initial:
        element["initial_value"] = initial[:at_most]
    found: Block = {"type": "input", "block_id": block, "label": plain_text(label, 2000), "element": element}
    return found | {"optional": not required} | ({"hint": plain_text(hint, 2000)} if hint else {})


def date_time_input(block: str, label: str, initial_s: int) -> Block:
    """An input for a moment, in the zone of the reader; seconds since 1970."""
    element = {"type": "datetimepicker", "action_id": "moment", "initial_date_time": initial_s}
    return {"type": "input", "block_id": block, "label": plain_text(label, 2000), "element": element}


def cut(text: str, at_most: int) -> str:
    return text if len(text) <= at_most else text[: at_most - 1] + "…"


def plain_text(text: str, at_most: int) -> Block:
    """A text without formatting."""
    return {"type": "plain_text", "text": cut(text, at_most) or " ", "emoji": False}
