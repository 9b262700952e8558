"""Presets: campaign files to begin with, as the package brings them. A file begins with a comment that says what the
campaign does.

No verbs: presets are part of the program, not of an installation."""

from __future__ import annotations

import itertools
import re
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

_FOLDER = files("fluentsd") / "presets"


@dataclass(frozen=True, slots=True)
class Preset:
    """A campaign to begin with. `summary`: what it does, in a sentence or two; `file`: the campaign file."""

    name: str
    title: str
    summary: str
    file: dict[str, Any]


def names() -> list[str]:
    """The names of all presets, in order."""
    return sorted(entry.name.removesuffix(".toml") for entry in _FOLDER.iterdir() if entry.name.endswith(".toml"))


def text_of(name: str) -> str:
    """The file of a preset that exists."""
    return (_FOLDER / f"{name}.toml").read_text("utf-8")


def preset(name: str) -> Preset:
    """A preset that exists."""
    text = text_of(name)
    file = tomllib.loads(text)
    return Preset(name, file["name"], _summary(text), file)


def _summary(text: str) -> str:
    """The first sentences of the comment above the file, at least forty characters of them."""
    lines = itertools.takewhile(lambda line: line.startswith("#"), text.splitlines())
    summary = ""
    for sentence in re.split(r"(?<=\.)\s", " ".join(line.lstrip("# ") for line in lines)):
        if len(summary) < 40:
            summary = f"{summary} {sentence}".strip()
    return summary
