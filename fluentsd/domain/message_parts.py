"""What a message is made of, by channel: which parts it has to have and which it may have.

A step that says its own words and a template kept under a name are held to the same shapes. Every part is a liquid
template, checked here as far as it can be without a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fluentsd.api import Kind
from fluentsd.domain.render import template


@dataclass(frozen=True, slots=True)
class Shape:
    """`needs`: of each group one part at least has to be there; `may`: all that are allowed."""

    needs: tuple[tuple[str, ...], ...]
    may: tuple[str, ...]


SHAPES: Mapping[Kind, Shape] = {
    "phone": Shape((("agent",),), ("agent",)),
    "sms": Shape((("text",),), ("text",)),
    "email": Shape((("subject",), ("text", "html")), ("subject", "sender", "reply_to", "text", "html")),
}
#: Parts that are words: what a template may hold, in the order people read them.
TEXTS = ("subject", "sender", "reply_to", "text", "html")
#: Every part there is.
PARTS = ("agent", *TEXTS)


def check_parts(channel: Kind, given: Mapping[str, str], what: str = "step") -> None:
    """Refuse parts that the channel lacks or does not have, or that are no templates: ValueError says which."""
    for part in TEXTS:
        template(given.get(part, ""), part)
    shape = SHAPES[channel]
    missing = [group for group in shape.needs if not any(given.get(part, "").strip() for part in group)]
    strange = [part for part in PARTS if given.get(part) and part not in shape.may]
    said = [f"needs {' and '.join(' or '.join(group) for group in missing)}"] if missing else []
    said += [f"has no {' or '.join(strange)}"] if strange else []
    if said:
        example = "; write " + ", ".join(f'{group[0]} = "…"' for group in missing) if missing else ""
        raise ValueError(f"a {what} by {channel} {' and '.join(said)}{example}")
