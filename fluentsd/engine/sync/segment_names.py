"""Finds the segment that a campaign's file names: by its id, by kind and name, or by its name alone. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from fluentsd.api import Segment


class NotFound(LookupError):
    """No segment, or several, have this name; the message has similar names."""


def find_segment(wanted: str, segments: Sequence[Segment]) -> Segment:
    """The segment called `wanted`. Raises `NotFound`."""
    text = wanted.strip()
    for one in segments:
        if text == one.id:
            return one
    key = " ".join(text.split()).casefold()
    named = [one for one in segments if key in _names(one)]
    if len(named) == 1:
        return named[0]
    if named:
        choices = ", ".join(f"{one.id!r} ({one.kind} {one.name!r})" for one in named[:5])
        raise NotFound(f"{len(named)} segments are called {wanted!r}; name one by its id: {choices}")
    every = {name: one for one in segments for name in _names(one)}
    near = difflib.get_close_matches(key, every, n=3, cutoff=0.6)
    names = ", ".join(dict.fromkeys(f"{every[name].kind}:{every[name].name}" for name in near))
    raise NotFound(f"no segment is called {wanted!r}" + (f"; similar: {names}" if names else ""))


def _names(one: Segment) -> tuple[str, str]:
    name = " ".join(one.name.split()).casefold()
    return name, f"{one.kind}:{name}"
