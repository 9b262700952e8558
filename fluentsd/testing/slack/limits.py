"""Checks of outgoing payloads: slack_sdk's own models, and Slack's documented limits that the models do not check."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

MESSAGE = {"section", "header", "context", "actions", "divider", "image", "table", "rich_text", "markdown", "input"}
MODAL = MESSAGE - {"table", "markdown"}
KEYS = {
    "section": {"type", "text", "fields", "accessory", "block_id", "expand"},
    "header": {"type", "text", "block_id"},
    "context": {"type", "elements", "block_id"},
    "actions": {"type", "elements", "block_id"},
    "divider": {"type", "block_id"},
    "input": {"type", "label", "element", "hint", "optional", "block_id", "dispatch_action"},
    "button": {"type", "text", "action_id", "value", "url", "style", "confirm", "accessibility_label"},
    "confirm": {"title", "text", "confirm", "deny", "style"},
}


def problems(payload: Mapping[str, Any], surface: str) -> list[str]:
    """What Slack would refuse in a message ("message") or view ("modal", "home"); empty if nothing."""
    blocks = payload.get("blocks", [])
    found = list(_model_problems(payload, blocks, surface))
    most = 50 if surface == "message" else 100
    if len(blocks) > most:
        found.append(f"{len(blocks)} blocks")
    if surface == "message" and not payload.get("text"):
        found.append("no text for notifications")
    if len(payload.get("text") or "") > 4000:
        found.append("text over 4000 characters")
    if surface == "message" and len(json.dumps(blocks)) > 13_200:
        found.append("msg_blocks_too_long")
    if surface != "message" and len(json.dumps(payload)) > 250_000:
        found.append("view over 250 kB")
    allowed = MESSAGE if surface == "message" else MODAL
    ids: Counter[str] = Counter(block["block_id"] for block in blocks if "block_id" in block)
    found += [f"duplicate block_id {id_}" for id_, count in ids.items() if count > 1]
    for block in blocks:
        kind = block.get("type")
        if kind not in allowed:
            found.append(f"block {kind!r} on {surface}")
        if strange := set(block) - KEYS.get(str(kind), set(block)):
            found.append(f"{kind} has {strange}")
        found += _block_problems(block, surface)
    if surface == "modal":
        found += _modal_problems(payload, blocks)
    for element in _elements(blocks):
        found += _element_problems(element)
    return found


def _model_problems(payload: Mapping[str, Any], blocks: list[Any], surface: str) -> Iterator[str]:
    try:
        for block in blocks:
            parsed = Block.parse(block)
            if parsed is None:
                yield f"unknown block {block.get('type')!r}"
            else:
                parsed.validate_json()
        if surface != "message":
            View(**payload).validate_json()
    except (SlackObjectFormationError, TypeError) as why:
        yield f"slack_sdk: {why}"


def _block_problems(block: Mapping[str, Any], surface: str) -> Iterator[str]:
    kind, text = block.get("type"), block.get("text") or {}
    limit = {"section": 3000, "header": 150}.get(str(kind))
    if limit and not (1 <= len(text.get("text", "")) <= limit) and "fields" not in block:
        yield f"{kind} with {len(text.get('text', ''))} characters"
    for one in block.get("fields", ()):
        if not 1 <= len(one["text"]) <= 2000:
            yield "field too long or empty"
    if len(block.get("fields", ())) > 10:
        yield "more than ten fields"
    if kind == "context":
        if not 1 <= len(block["elements"]) <= 10:
            yield "context needs one to ten elements"
        if any(not one.get("text") for one in block["elements"] if one["type"] != "image"):
            yield "empty context element"
    words = [block[name]["text"] for name in ("label", "hint") if kind == "input" and name in block]
    if any(not 1 <= len(one) <= 2000 for one in words):
        yield "label or hint of an input empty or over 2000"
    if kind == "actions":
        if not 1 <= len(block["elements"]) <= 25:
            yield "actions needs 1 to 25 elements"
        ids = Counter(one.get("action_id") for one in block["elements"])
        yield from (f"duplicate action_id {id_}" for id_, count in ids.items() if count > 1)


def _modal_problems(view: Mapping[str, Any], blocks: list[Any]) -> Iterator[str]:
    for part in ("title", "submit", "close"):
        if part in view and not 1 <= len(view[part]["text"]) <= 24:
            yield f"{part} over 24 characters"
    if any(block.get("type") == "input" for block in blocks) and "submit" not in view:
        yield "inputs without submit"
    if len(view.get("private_metadata", "")) > 3000:
        yield "private_metadata over 3000"


def suggestion_problems(answer: Mapping[str, Any]) -> list[str]:
    """What Slack would refuse of the options for a select that searches."""
    groups = answer.get("option_groups")
    found = [f"suggestion has {strange}"] if (strange := set(answer) - {"options", "option_groups"}) else []
    if groups is not None and len(groups) > 100:
        found.append("more than 100 groups of options")
    lists = [answer.get("options", [])] if groups is None else [group["options"] for group in groups]
    found += [f"group label of {len(one['label']['text'])} characters" for one in groups or ()
              if not 1 <= len(one["label"]["text"]) <= 75]  # fmt: skip
    for options in lists:
        if len(options) > 100 or (groups is not None and not options):
            found.append(f"{len(options)} options")
        found += [words for one in options for words in _option_problems(one)]
    return found


def error_problems(view: Mapping[str, Any], errors: Mapping[str, str]) -> list[str]:
    """What Slack would refuse of the mistakes in a submitted view: each belongs to an input that is there."""
    inputs = {block.get("block_id") for block in view.get("blocks", ()) if block.get("type") == "input"}
    found = [f"an error for {block!r}, which is no input" for block in errors if block not in inputs]
    return found + [f"an error of {len(words)} characters" for words in errors.values() if not 1 <= len(words) <= 3000]


def _option_problems(option: Mapping[str, Any]) -> Iterator[str]:
    if not 1 <= len(option["text"]["text"]) <= 75 or not 1 <= len(option.get("value", "")) <= 150:
        yield "option text empty or over 75, or value empty or over 150"
    if "description" in option and not 1 <= len(option["description"]["text"]) <= 75:
        yield "option description empty or over 75"


def _elements(blocks: list[Any]) -> Iterator[Mapping[str, Any]]:
    for block in blocks:
        yield from (one for one in block.get("elements", ()) if isinstance(one, Mapping))
        for name in ("accessory", "element"):
            if name in block:
                yield block[name]


def _element_problems(element: Mapping[str, Any]) -> Iterator[str]:
    if element.get("type") == "button":
        if strange := set(element) - KEYS["button"]:
            yield f"button has {strange}"
        if not 1 <= len(element["text"]["text"]) <= 75:
            yield "button text over 75"
        if len(element.get("value", "")) > 2000 or not 1 <= len(element.get("action_id", "x")) <= 255:
            yield "button value over 2000, or action_id over 255"
        if element.get("style") not in (None, "primary", "danger"):
            yield f"button style {element.get('style')!r}"
    if len(element.get("initial_value", "")) > element.get("max_length", 3000) or element.get("max_length", 1) > 3000:
        yield "initial_value over max_length, or max_length over 3000"
    if element.get("type") == "overflow" and len(element["options"]) > 5:
        yield "more than five options of an overflow menu"
    chosen = [*element.get("initial_options", ()), *filter(None, [element.get("initial_option")])]
    for option in (*element.get("options", ()), *chosen):
        yield from _option_problems(option)
    if "options" in element and any(one not in element["options"] for one in chosen):
        yield "an initial option that is not among the options"
    if element.get("type") in ("checkboxes", "radio_buttons") and len(element["options"]) > 10:
        yield "more than ten checkboxes or radio buttons"
    if len(element.get("placeholder", {}).get("text", "")) > 150:
        yield "placeholder over 150"
    if len(element.get("options", ())) > 100:
        yield "more than 100 options"
    confirm = element.get("confirm")
    if confirm is not None:
        if missing := {"title", "text", "confirm", "deny"} - set(confirm):
            yield f"confirm without {missing}"
        elif (
            len(confirm["title"]["text"]) > 100 or len(confirm["text"]["text"]) > 300
            or len(confirm["confirm"]["text"]) > 30 or len(confirm["deny"]["text"]) > 30
        ):  # fmt: skip
            yield "a text of confirm is too long"
