"""Outgoing payloads beside the JSON Schema of Slack's own types: unknown fields, elements that a block does not take,
texts and lists that are too long. The schema is `block_kit.json`, which `docs/block_kit.py` writes.

What must not live here: rules that a schema cannot say, as that ids differ (`limits`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any, Literal

from jsonschema_rs import Draft7Validator

Kind = Literal["message", "modal", "home", "suggestions"]
_DEFINITIONS = {"message": "Message", "modal": "ModalView", "home": "HomeView", "suggestions": "Suggestions"}


@cache
def _validator(kind: str) -> Draft7Validator:
    schema = json.loads((resources.files("fluentsd.testing.slack") / "block_kit.json").read_text("utf-8"))
    return Draft7Validator(schema | {"$ref": f"#/definitions/{_DEFINITIONS[kind]}"})


def violations(payload: Any, kind: Kind) -> Iterator[str]:
    """What the schema does not allow, each with its place: `blocks/0/text/text: "…" is longer than 3000 characters`."""
    for error in _validator(kind).iter_errors(json.loads(json.dumps(payload))):
        place = "/".join(str(part) for part in error.instance_path)
        words = error.message if len(error.message) <= 200 else f"{error.message[:60]}…{error.message[-120:]}"
        yield f"{place}: {words}"
