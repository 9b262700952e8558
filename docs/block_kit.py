"""Writes `fluentsd/testing/slack/block_kit.json`, the JSON Schema of all that an app sends to Slack, from Slack's own
types for TypeScript (@slack/types, MIT), whose comments tell the longest texts and lists. With npm, in any folder:

    npm install @slack/types@3.2.0 ts-json-schema-generator@2.4.0
    npx ts-json-schema-generator --path node_modules/@slack/types/dist/index.d.ts --type '*' --no-type-check \\
        -o types.json
    python docs/block_kit.py types.json

This module adds what the types lack: the data visualization block, written from its reference page, and the message
itself; and it lets `type` choose among blocks and elements, so that a mistake is named where it is made.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "fluentsd" / "testing" / "slack" / "block_kit.json"
ROOTS = ("Message", "ModalView", "HomeView", "Suggestions")
VERSION = "3.2.0"
_AT_MOST = re.compile(r"(?:max(?:imum)?|limit|up to)\b[^.]*?(\d[\d,]*)", re.IGNORECASE)
_AT_LEAST = re.compile(r"minimum\b[^.,]*?(\d+)", re.IGNORECASE)
_OF_EACH = re.compile(r"Maximum length for the text in each item is (\d+)")
_OF_A_ROW = re.compile(r"max of (\d+) table cells")


def _text(at_most: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": at_most}


def _list(items: Any, at_most: int) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": at_most}


def _table(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"type": "object", "properties": required | (optional or {}), "required": sorted(required),
            "additionalProperties": False}  # fmt: skip


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/definitions/{name}"}


def _of_series(kind: str) -> dict[str, Any]:
    return _table({"type": {"const": kind}, "series": _list(_ref("DataSeries"), 12), "axis_config": _ref("AxisConfig")})


#: docs.slack.dev/reference/block-kit/blocks/data-visualization-block, as of 2026-11.
ADDED: dict[str, Any] = {
    "DataVisualizationBlock": _table(
        {"type": {"const": "data_visualization"}, "title": _text(50),
         "chart": {"anyOf": [_ref(f"{kind}Chart") for kind in ("Pie", "Bar", "Area", "Line")]}},
        {"block_id": _text(255)},
    ),
    "PieChart": _table({"type": {"const": "pie"}, "segments": _list(
        _table({"label": _text(20), "value": {"type": "number", "exclusiveMinimum": 0}}), 12)}),
    "BarChart": _of_series("bar"), "AreaChart": _of_series("area"), "LineChart": _of_series("line"),
    "DataSeries": _table(
        {"name": _text(20), "data": _list(_table({"label": _text(20), "value": {"type": "number"}}), 20)}),
    "AxisConfig": _table({"categories": _list(_text(20), 20) | {"uniqueItems": True}},
                         {"x_label": _text(50), "y_label": _text(50)}),
    # chat.postMessage, chat.postEphemeral, chat.update, response_url, and the acknowledgement of a command
    "Message": {"type": "object", "properties": {
        "text": _text(40_000), "blocks": {"type": "array", "items": _ref("KnownBlock"), "maxItems": 50},
        "channel": {"type": "string"}, "user": {"type": "string"}, "ts": {"type": "string"},
        "thread_ts": {"type": "string"}, "response_type": {"enum": ["ephemeral", "in_channel"]},
        "replace_original": {"type": ["boolean", "string"]}, "delete_original": {"type": ["boolean", "string"]},
        "unfurl_links": {"type": ["boolean", "string"]}, "unfurl_media": {"type": ["boolean", "string"]},
        "metadata": {}, "token": {"type": "string"}}, "required": ["text"], "additionalProperties": False},
    # the acknowledgement of a select that searches
    "Suggestions": {"type": "object", "properties": {
        "options": {"type": "array", "items": _ref("PlainTextOption"), "maxItems": 100},
        "option_groups": {"type": "array", "items": _ref("OptionGroup"), "maxItems": 100}},
        "minProperties": 1, "maxProperties": 1, "additionalProperties": False},
}  # fmt: skip


def schema(types: dict[str, Any]) -> dict[str, Any]:
    """The schema made of the generator's definitions."""
    found = json.loads(json.dumps(types))
    found["AnyBlock"] = _ref("KnownBlock")  # the types let an app make up blocks, and Slack does not
    found["KnownBlock"]["anyOf"].append(_ref("DataVisualizationBlock"))
    for name in ("PlainTextOption", "MrkdwnOption"):  # the reference page of the option object; the types say 75
        found[name]["properties"]["value"]["description"] = "Maximum length for this field is 150 characters."
    for definition in list(found.values()):
        for one in (definition, *definition.get("anyOf", ())):
            _limit(one)
    found |= ADDED
    kept: dict[str, Any] = {}
    waiting = list(ROOTS)
    while waiting:
        name = waiting.pop()
        if name not in kept:
            kept[name] = _chosen_by_type(_bare(found[name]), found)
            waiting += re.findall(r"#/definitions/([^\"]+)", json.dumps(kept[name]))
    return {"$schema": "http://json-schema.org/draft-07/schema#",
            "$comment": f"Written by docs/block_kit.py from @slack/types {VERSION}, MIT License, Copyright Slack "
                        "Technologies, LLC: see block_kit.LICENSE.",
            "definitions": dict(sorted(kept.items()))}  # fmt: skip


def _limit(definition: dict[str, Any]) -> None:
    """Put the limits that a comment tells into each property, in place."""
    for name, one in definition.get("properties", {}).items():
        words = re.sub(r"\{@link[^}]*\}", "", re.sub(r"\s+", " ", one.pop("description", "")))
        at_most, at_least = _AT_MOST.search(words), _AT_LEAST.search(words)
        most = int(at_most[1].replace(",", "")) if at_most else None
        if one.get("type") == "string" and most:
            one |= {"maxLength": most} | ({"minLength": int(at_least[1])} if at_least else {})
        elif one.get("type") == "number":
            one |= {"maximum": most} if most else {}
            one |= {"minimum": int(at_least[1])} if at_least else {}
        elif one.get("type") == "array":
            one |= {"maxItems": most} if most else {}
            if each := _OF_EACH.search(words):
                one["items"] = {"allOf": [one["items"], _text_of(int(each[1]))]}
            if row := _OF_A_ROW.search(words):
                one["items"]["maxItems"] = int(row[1])
            if name in ("options", "elements", "fields", "rows"):
                one["minItems"] = 1
        elif most and ("anyOf" in one or "$ref" in one):
            definition["properties"][name] = {"allOf": [one, _text_of(most)]}


def _text_of(at_most: int) -> dict[str, Any]:
    """The limit of the text in a text object."""
    return {"properties": {"text": {"minLength": 1, "maxLength": at_most}}}


def _bare(one: Any) -> Any:
    """A schema without its comments."""
    if isinstance(one, dict):
        return {name: _bare(value) for name, value in one.items()
                if not (name in ("description", "deprecated") and isinstance(value, str))}  # fmt: skip
    return [_bare(each) for each in one] if isinstance(one, list) else one


def _chosen_by_type(one: Any, types: dict[str, Any]) -> Any:
    """A choice among objects that differ in `type`, as one that `type` decides."""
    if isinstance(one, list):
        return [_chosen_by_type(each, types) for each in one]
    if not isinstance(one, dict):
        return one
    made = {name: _chosen_by_type(value, types) for name, value in one.items() if name != "anyOf"}
    if "anyOf" not in one:
        return made
    by_type = {_type(types.get(name, {})): name for name in _members(one, types)}
    if None in by_type or len(by_type) < len(_members(one, types)):
        return made | {"anyOf": _chosen_by_type(one["anyOf"], types)}
    return made | {
        "type": "object", "required": ["type"], "properties": {"type": {"enum": sorted(str(kind) for kind in by_type)}},
        "allOf": [{"if": {"properties": {"type": {"const": kind}}}, "then": _ref(name)}
                  for kind, name in sorted(by_type.items(), key=str)],
    }  # fmt: skip


def _members(choice: dict[str, Any], types: dict[str, Any]) -> list[str]:
    """The names in a choice, with those of the choices inside it; "" for a member without a name."""
    names: list[str] = []
    for each in choice["anyOf"]:
        name = str(each.get("$ref", "")).removeprefix("#/definitions/")
        inner = types.get(name, {})
        names += _members(inner, types) if "anyOf" in inner and not _type(inner) else [name]
    return names


def _type(definition: dict[str, Any]) -> str | None:
    """The `type` of a definition, also of one with several forms (an image by its address or by its file)."""
    if "anyOf" in definition:
        kinds = {_type(each) for each in definition["anyOf"]}
        return kinds.pop() if len(kinds) == 1 else None
    found = definition.get("properties", {}).get("type", {}).get("const")
    return None if found is None else str(found)


def main() -> None:
    types = json.loads(Path(sys.argv[1]).read_text("utf-8"))["definitions"]
    TARGET.write_text(json.dumps(schema(types), separators=(",", ":"), sort_keys=True) + "\n", "utf-8")
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")  # noqa: T201


if __name__ == "__main__":
    main()
