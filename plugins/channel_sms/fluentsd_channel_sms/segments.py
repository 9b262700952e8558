"""Counts the segments of a text, and finds the characters that make it expensive.

A text whose characters are all in the GSM 7-bit alphabet (3GPP TS 23.038) fits 160 in one segment and 153 in each of
several; the ten of the extension table count twice, and none is split between two segments. One other character, and
everything is UCS-2: 70 and 67 UTF-16 units, where a character outside the basic plane is two units that stay together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: The basic table. Upper-case Ç is in it, lower-case ç is not.
BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: The extension table: an escape and a character.
DOUBLE = frozenset("€^{}[]~\\|\f")
#: Typographic characters of word processors → plain replacements.
PLAIN = {
    "\u2018": "'", "\u2019": "'", "\u201a": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2013": "-",
    "\u2014": "-", "\u2026": "...", "\u00a0": " ", "\u202f": " ", "\u2022": "-", "\u00b4": "'", "`": "'",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Counted:
    """The size of a text; `dear` are the characters, each once, that force UCS-2."""

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    segments: int
    dear: tuple[str, ...] = ()

    @property
    def advice(self) -> str:
        """How to reduce the segments by other characters, or ""."""
        typed = [char for char in self.dear if char in PLAIN]
        if not typed or len(typed) < len(self.dear):
            return ""
        changes = ", ".join(f"{char!r} to {PLAIN[char]!r}" for char in typed)
        return f"typographic characters force the expensive alphabet (70 instead of 160 per segment): change {changes}"


def count(text: str) -> Counted:
    """Count a text's segments; an empty one has none."""
    dear = tuple(dict.fromkeys(char for char in text if char not in BASIC and char not in DOUBLE))
    sizes = [1 + (ord(char) > 0xFFFF) for char in text] if dear else [1 + (char in DOUBLE) for char in text]
    alone, joined = (70, 67) if dear else (160, 153)
    units = sum(sizes)
    segments = int(units > 0) if units <= alone else _packed(sizes, joined)
    return Counted("UCS-2" if dear else "GSM-7", units, segments, dear)


def _packed(sizes: list[int], capacity: int) -> int:
    """The number of segments of `capacity` units, without splitting a character."""
    segments, used = 1, 0
    for size in sizes:
        if used + size > capacity:
            segments, used = segments + 1, 0
        used += size
    return segments
