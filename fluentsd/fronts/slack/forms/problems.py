"""Mistakes of a file, placed beside inputs: `step[2] (call).hours: cannot read …` belongs to the block `step.hours`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

#: `path: words`, where a path may have `[2]` and `(name)` after each part.
_LINE = re.compile(r"(?P<path>[a-z_]+(?:\[\d+\])?(?: \([^)]*\))?(?:\.[\w\[\]]+)*): (?P<words>.+)", re.DOTALL)
_ITEM = re.compile(r"(?P<list>[a-z_]+(?:\.[a-z_]+)*)\[(?P<nth>\d+)\](?: \([^)]*\))?")
#: Characters of an error beside an input.
WORDS_AT_MOST = 300


def placed(
    problems: Iterable[str], ids: Sequence[str], prefixes: Sequence[str], nth: int | None = None
) -> dict[str, str]:
    """Block id → what is wrong there, of the mistakes below `prefixes`. With `nth`, only those of this entry of a list,
    from 0, and those of the file as a whole, such as two entries of one name. A mistake of no single input is shown at
    the first of its table."""
    found: dict[str, str] = {}
    for line in problems:
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        path = prefixes[0] if match["path"] == "file" and nth is not None else match["path"]
        item = _ITEM.match(path)
        if item is not None and nth is not None:
            if int(item["nth"]) != nth + 1:
                continue
            path = item["list"] + path[item.end() :]
        if not any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in prefixes):
            continue
        id_ = _nearest(re.sub(r"\[\d+\]", "", path), ids, match["words"])
        words = f"{found[id_]}; {match['words']}" if id_ in found else match["words"]
        found[id_] = words[:WORDS_AT_MOST]
    return found


def _nearest(path: str, ids: Sequence[str], words: str) -> str:
    """The input of a path, else one around it, else the one inside it that the words name, else the first."""
    if path in ids:
        return path
    around = [one for one in ids if path.startswith(f"{one}.")]
    inside = [one for one in ids if one.startswith(f"{path}.")]
    named = [one for one in inside if re.search(rf"\b{one.rpartition('.')[2]}\b", words)]
    return next(iter([*around, *named, *inside, *ids]), path)
