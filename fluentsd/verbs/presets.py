"""Presets: campaign files to begin with, as the package brings them. A file's first line says what the campaign does.

No verbs: presets are part of the program, not of an installation."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

_FOLDER = files("fluentsd") / "presets"


@dataclass(frozen=True, slots=True)
class Preset:
    """A campaign to begin with. `summary`: one sentence; `file`: the campaign file."""

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
    return Preset(name, file["name"], text.partition("\n")[0].lstrip("# "), file)
