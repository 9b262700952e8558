"""A provider's own words in our errors, without personal data: they are logged and shown. Pure."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")
_NUMBER = re.compile(r"(?<![\w-])\+?\d[\d\s().-]{5,}\d(?![\w-])")
LONGEST = 300


def without_personal_data(text: str) -> str:
    """At most 300 characters of a text, with "<address>" for each e-mail and "<number>" for each long number."""
    return _NUMBER.sub("<number>", _ADDRESS.sub("<address>", text))[:LONGEST]
