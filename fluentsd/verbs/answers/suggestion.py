"""A verb that a refusal or an answer suggests; each front words it in its own way (a shell command, a button)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A verb by its name, and the arguments that are known. An argument that is None, and a required one that is not
    in `arguments`, is one that the person has to give."""

    verb: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
