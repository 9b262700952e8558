"""The parts of a message by channel: required ones and allowed ones.

A step with its own texts and a stored template have the same shapes. Every part is a liquid template, checked here as
far as possible without a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fluentsd.api import Kind
from fluentsd.domain.render import template


@dataclass(frozen=True, slots=True)
class Shape:
    """`needs`: at least one part of each group is required; `may`: all parts that are allowed."""

    needs: tuple[tuple[str, ...], ...]
    may: tuple[str, ...]


SHAPES: Mapping[Kind, Shape] = {
    "phone": Shape((("agent",),), ("agent",)),
    "sms": Shape((("text",),), ("text",)),
    "email": Shape((("subject",), ("text", "html")), ("subject", "sender", "reply_to", "text", "html")),
}
#: Text parts, which a template may hold, in reading order.
TEXTS = ("subject", "sender", "reply_to", "text", "html")
#: Every part.
PARTS = ("agent", *TEXTS)


def check_parts(channel: Kind, given: Mapping[str, str], what: str = "step") -> None:
    """Refuse missing parts, parts that the channel does not have, and invalid templates; raises ValueError."""
    for part in TEXTS:
        template(given.get(part, ""), part)
    shape = SHAPES[channel]
    missing = [group for group in shape.needs if not any(given.get(part, "").strip() for part in group)]
    extra = [part for part in PARTS if given.get(part) and part not in shape.may]
    problems = [f"needs {' and '.join(' or '.join(group) for group in missing)}"] if missing else []
    problems += [f"has no {' or '.join(extra)}"] if extra else []
    if problems:
        example = "; write " + ", ".join(f'{group[0]} = "…"' for group in missing) if missing else ""
        raise ValueError(f"a {what} by {channel} {' and '.join(problems)}{example}")
