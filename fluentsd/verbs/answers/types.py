"""The class of each verb's answer, found by the verb's name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from fluentsd.verbs.answers.codec import decode


def typed(answers: Mapping[str, str], verb: str, answer: Any) -> Any:
    """The answer of a verb as a value of its class; unchanged if `answers` (verb → "module.Class") has none for it."""
    if verb not in answers:
        return answer
    module, _, name = answers[verb].partition(".")
    found: type[Any] = getattr(import_module(f"{__package__}.{module}"), name)
    return decode(found, answer)
