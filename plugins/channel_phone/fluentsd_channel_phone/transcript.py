"""The transcript of a call: who said what, and which part of the agent's words the person heard.

What is cut off by the person is marked, never dropped: the model must know that it was not heard, or it would repeat or
assume it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

Who = Literal["agent", "person"]
#: How a part that was not heard is written.
UNHEARD = "[not heard: {}]"


@dataclass(slots=True)
class Line:
    """One turn. `heard` None is all of it."""

    who: Who
    text: str
    heard: str | None = None

    @property
    def written(self) -> str:
        """The line as people read it."""
        if self.heard is None or self.who == "person":
            return self.text.strip()
        rest = self.text[len(self.heard) :] if self.text.startswith(self.heard) else self.text
        parts = [self.heard.strip(), UNHEARD.format(rest.strip()) if rest.strip() else ""]
        return " ".join(filter(None, parts))


@dataclass(slots=True)
class Transcript:
    """The lines of one call."""

    lines: list[Line] = field(default_factory=list)

    def add(self, who: Who, text: str) -> Line:
        """A new turn."""
        self.lines.append(Line(who, text))
        return self.lines[-1]

    def cut(self, reported: str) -> None:
        """Cut the agent's latest turn to what was heard of it, as the provider reports it."""
        line = next((one for one in reversed(self.lines) if one.who == "agent"), None)
        if line is not None and line.heard is None:
            line.heard = heard_of(line.text, reported)

    @property
    def said_last(self) -> str:
        """The person's latest words."""
        return next((line.text for line in reversed(self.lines) if line.who == "person"), "")

    @property
    def written(self) -> str:
        """The whole, one line for each turn."""
        return "\n".join(f"{line.who}: {line.written}" for line in self.lines if line.text.strip())


def heard_of(text: str, reported: str) -> str:
    """The part of `text` that `reported` proves to have been heard. Letters and digits are compared, because a
    provider normalises the rest. What is not in the text is kept as it was reported."""
    wanted = _letters(reported)
    if not wanted:
        return ""
    at = _letters(text).find(wanted)
    return _prefix(text, at + len(wanted)) if at >= 0 else reported


def _letters(text: str) -> str:
    return "".join(_each(text))


def _each(text: str) -> Iterable[str]:
    return (character.casefold() for character in text if character.isalnum())


def _prefix(text: str, letters: int) -> str:
    """The beginning of a text with so many letters and digits (case-folded), and the marks that follow them."""
    seen = 0
    for position, character in enumerate(text):
        if character.isalnum():
            if seen >= letters:
                return text[:position]
            seen += len(character.casefold())
        elif seen >= letters and character.isspace():
            return text[:position]
    return text
