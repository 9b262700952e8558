"""Differences between two campaign files, path by path, and the people to whom each applies."""

from __future__ import annotations

from typing import Any

from fluentsd.domain.campaign import CampaignFile

#: A changed flow applies to people who enter from now on; all other changes apply to everybody at once.
ENTERED_LATER = "people who enter from now on"
EVERYBODY = "everybody, at once"


def differences(before: CampaignFile, after: CampaignFile) -> list[dict[str, Any]]:
    """Each changed value: path, old, new, and the people to whom it applies. Steps are matched by id."""
    old, new = (_flat(spec.model_dump(mode="json")) for spec in (before, after))
    return [
        {
            "path": path,
            "old": old.get(path),
            "new": new.get(path),
            "counts_for": ENTERED_LATER if path.startswith("step.") else EVERYBODY,
        }
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    ]


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        pairs = [(f"{path}.{key}" if path else key, inner) for key, inner in value.items()]
    elif path == "segment" and isinstance(value, list):
        named = {f"segment.{one['source']}: {one['segment']}": one for one in value}
        pairs = [
            (name, {k: v for k, v in one.items() if k not in ("source", "segment")}) for name, one in named.items()
        ]
        return {p: v for name, inner in pairs for p, v in _flat(inner, name).items() if v}
    elif isinstance(value, list) and value and isinstance(value[0], dict) and "id" in value[0]:
        order = {f"{path}.order": [step["id"] for step in value]}
        pairs = [(f"{path}.{step['id']}", {k: v for k, v in step.items() if k != "id"}) for step in value]
        return order | {p: v for name, inner in pairs for p, v in _flat(inner, name).items()}
    else:
        return {path: value}
    return {p: v for name, inner in pairs for p, v in _flat(inner, name).items()}
