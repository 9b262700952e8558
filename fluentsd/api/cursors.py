"""The cursors of a source's walks and changes: small JSON objects with a kind, good over a restart. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def write_cursor(kind: str, **parts: Any) -> str:
    """A cursor as text."""
    return json.dumps({"kind": kind, **parts}, separators=(",", ":"))


def read_cursor(text: str, *kinds: str) -> Mapping[str, Any]:
    """A cursor of one of `kinds`; raises ValueError for every other text."""
    found = json.loads(text)
    if not isinstance(found, dict) or found.get("kind") not in kinds:
        raise ValueError("this cursor was never given; begin again")
    return found
