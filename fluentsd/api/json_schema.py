"""Checks a model's answer against a JSON schema: the part of JSON Schema that skills and analyses use. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict, "array": list
}  # fmt: skip
#: The longest JSON of arguments, characters.
ARGUMENTS_AT_MOST = 8000


def read_json(raw: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The object in a JSON text; ValueError says what is wrong, for the model. Models write null for what they leave
    out, so a null counts as left out, where the schema allows that."""
    if len(raw) > ARGUMENTS_AT_MOST:
        raise ValueError("the arguments are too long")
    try:
        found = json.loads(raw or "{}")
    except (ValueError, RecursionError):
        raise ValueError("the arguments are not JSON") from None
    if not isinstance(found, dict):
        raise ValueError("the arguments are not an object")
    found = _without_nulls(found, schema)
    check_json(found, schema)
    return found


def _without_nulls(value: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The object without nulls of properties that may be left out and have a type."""
    known, required = schema.get("properties", {}), schema.get("required", ())
    kept = {}
    for name, inner in value.items():
        property_schema = known.get(name, {})
        if inner is None and name not in required and isinstance(property_schema.get("type"), str):
            continue
        kept[name] = _without_nulls(inner, property_schema) if isinstance(inner, dict) else inner
    return kept


def check_json(value: Any, schema: Mapping[str, Any], place: str = "arguments") -> None:
    """Raise ValueError unless a value keeps a schema. Properties that an object's schema does not name are refused."""
    wanted = schema.get("type")
    expected = _TYPES.get(wanted) if isinstance(wanted, str) else None
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{place} must be a finite number")
    if expected is not None and (not isinstance(value, expected) or (isinstance(value, bool) and wanted != "boolean")):
        raise ValueError(f"{place} must be of type {wanted}")
    if "enum" in schema and value not in schema["enum"]:
        raise ValueError(f"{place} must be one of {', '.join(map(str, schema['enum']))}")
    if isinstance(value, str) and len(value) > int(schema.get("maxLength", ARGUMENTS_AT_MOST)):
        raise ValueError(f"{place} is too long")
    if isinstance(value, dict):
        _check_object(value, schema, place)
    for item in value if isinstance(value, list) else ():
        check_json(item, schema.get("items", {}), f"an item of {place}")


def _check_object(value: dict[str, Any], schema: Mapping[str, Any], place: str) -> None:
    known = schema.get("properties", {})
    if missing := [name for name in schema.get("required", ()) if name not in value]:
        raise ValueError(f"{place} need {', '.join(missing)}")
    if strange := sorted(value.keys() - known.keys()):
        raise ValueError(f"{place} have no {', '.join(strange)[:100]}")
    for name, inner in value.items():
        check_json(inner, known[name], name)
