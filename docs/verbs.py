"""Draws `verbs.md`: every verb with its parameters and role, from the catalogue. Run: `python docs/verbs.py`."""

from __future__ import annotations

from pathlib import Path

from fluentsd.verbs.catalogue import VERBS
from fluentsd.verbs.verb import Param


def _param(param: Param) -> str:
    value = "/".join(param.options) if param.options else param.kind
    name = param.flag
    if not param.option:
        return f"`{name.upper()}`" if param.required else f"`[{name.upper()}]`"
    text = f"--{name}" if param.kind == "flag" else f"--{name} {value}"
    return f"`{text}`" if param.required else f"`[{text}]`"


def draw() -> str:
    """The page."""
    lines = [
        "# Verbs",
        "",
        "Every action a person can take, with its parameters, in `[ ]` when they may be left out, and the least role",
        "that may do it; with *own*, managers may do it only to their own campaigns and to shared ones. Drawn from",
        "`fluentsd/verbs/catalogue.py` by `docs/verbs.py`.",
        "",
        "| verb | | parameters | role |",
        "|---|---|---|---|",
    ]
    for verb in VERBS.values():
        if not verb.hidden:
            params = " ".join(_param(param) for param in verb.params if param.kind != "data")
            lines.append(f"| `{verb.name}` | {verb.help} | {params} | {verb.role}{', own' if verb.owned else ''} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(__file__).with_suffix(".md").write_text(draw(), "utf-8")
