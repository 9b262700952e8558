"""Checks of outgoing payloads: the JSON Schema of Slack's types (`schema`), slack_sdk's own models, and here the rules
that neither knows: which block may stand where, ids that differ, limits of a whole message.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from fluentsd.testing.slack.schema import violations

Surface = Literal["message", "modal", "home"]
_EVERYWHERE = {"section", "header", "context", "actions", "divider", "image", "rich_text", "input"}
BLOCKS: Mapping[Surface, set[str]] = {
    "message": _EVERYWHERE | {"table", "markdown", "data_visualization"},
    "modal": _EVERYWHERE, "home": _EVERYWHERE | {"table", "data_visualization"},
}  # fmt: skip
#: Kinds of blocks for which slack_sdk has no model yet.
_WITHOUT_MODEL = {"data_visualization"}
#: Charts of one message or view.
CHARTS_AT_MOST = 2


def problems(payload: Mapping[str, Any], surface: Surface) -> list[str]:
    """What Slack would refuse in a message or view; empty if nothing."""
    broken = list(violations(payload, surface))
    if broken:
        return broken  # the rules below are about well-formed payloads
    blocks = payload.get("blocks", [])
    found = [*_model_problems(payload, blocks, surface), *_size_problems(payload, blocks, surface)]
    ids: Counter[str] = Counter(block["block_id"] for block in blocks if "block_id" in block)
    found += [f"duplicate block_id {id_}" for id_, count in ids.items() if count > 1]
    charts = [block["chart"] for block in blocks if block["type"] == "data_visualization"]
    if len(charts) > CHARTS_AT_MOST:
        found.append(f"{len(charts)} charts")
    for chart in charts:
        found += _chart_problems(chart)
    for block in blocks:
        if block["type"] not in BLOCKS[surface]:
            found.append(f"block {block['type']!r} on {surface}")
        found += _block_problems(block)
    if surface == "modal" and "submit" not in payload and any(block["type"] == "input" for block in blocks):
        found.append("inputs without submit")
    for element in _elements(blocks):
        found += _element_problems(element)
    return found


def _model_problems(payload: Mapping[str, Any], blocks: list[Any], surface: Surface) -> Iterator[str]:
    known = [block for block in blocks if block["type"] not in _WITHOUT_MODEL]
    try:
        for block in known:
            parsed = Block.parse(block)
            if parsed is None:
                yield f"unknown block {block['type']!r}"
            else:
                parsed.validate_json()
        if surface != "message":
            View(**{**payload, "blocks": known}).validate_json()
    except (SlackObjectFormationError, TypeError) as why:
        yield f"slack_sdk: {why}"


def _size_problems(payload: Mapping[str, Any], blocks: list[Any], surface: Surface) -> Iterator[str]:
    if surface == "message":
        if len(payload["text"]) > 4000:
            yield "text over 4000 characters"
        if len(json.dumps(blocks)) > 13_200:
            yield "msg_blocks_too_long"
    elif len(json.dumps(payload)) > 250_000:
        yield "view over 250 kB"


def _block_problems(block: Mapping[str, Any]) -> Iterator[str]:
    if block["type"] == "section" and not block.keys() & {"text", "fields"}:
        yield "a section without text and fields"
    if block["type"] == "actions":
        ids = Counter(one.get("action_id") for one in block["elements"])
        yield from (f"duplicate action_id {id_}" for id_, count in ids.items() if count > 1)


def _chart_problems(chart: Mapping[str, Any]) -> Iterator[str]:
    """Each series has one value for each category, and a name of its own."""
    series = chart.get("series", ())
    if len({one["name"] for one in series}) < len(series):
        yield "two series of a chart with one name"
    for one in series:
        if [point["label"] for point in one["data"]] != chart["axis_config"]["categories"]:
            yield f"the series {one['name']!r} has other labels than the chart has categories"


def suggestion_problems(answer: Mapping[str, Any]) -> list[str]:
    """What Slack would refuse of the options for a select that searches."""
    return list(violations(answer, "suggestions"))


def error_problems(view: Mapping[str, Any], errors: Mapping[str, str]) -> list[str]:
    """What Slack would refuse of the mistakes in a submitted view: each belongs to an input that is there."""
    inputs = {block.get("block_id") for block in view.get("blocks", ()) if block.get("type") == "input"}
    found = [f"an error for {block!r}, which is no input" for block in errors if block not in inputs]
    return found + [f"an error of {len(words)} characters" for words in errors.values() if not 1 <= len(words) <= 3000]


def _elements(blocks: list[Any]) -> Iterator[Mapping[str, Any]]:
    for block in blocks:
        yield from (one for one in block.get("elements", ()) if isinstance(one, Mapping))
        for name in ("accessory", "element"):
            if name in block:
                yield block[name]


def _element_problems(element: Mapping[str, Any]) -> Iterator[str]:
    if len(element.get("initial_value", "")) > element.get("max_length", 3000) or element.get("max_length", 1) > 3000:
        yield "initial_value over max_length, or max_length over 3000"
    options = [*element.get("options", ()), *(each for group in element.get("option_groups", ())
                                              for each in group["options"])]  # fmt: skip
    chosen = [*element.get("initial_options", ()), *filter(None, [element.get("initial_option")])]
    if any("value" not in option for option in (*options, *chosen)):
        yield "an option without a value"
    if options and any(one not in options for one in chosen):
        yield "an initial option that is not among the options"
    if len({option.get("value") for option in options}) < len(options):
        yield "two options with one value"
    if "confirm" in element and (missing := {"title", "text", "confirm", "deny"} - set(element["confirm"])):
        yield f"confirm without {missing}"
