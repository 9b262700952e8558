"""The entries of a campaign file that are lists: steps, segments, waivers. Reading, adding, moving, removing. Pure.

A form shows one entry as if the file had no others: `{"step": {…}}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fluentsd.fronts.slack.forms.fields import Field
from fluentsd.fronts.slack.forms.paths import value_at, with_value
from fluentsd.fronts.slack.wizard.pages import BY_KEY, step_fields
from fluentsd.fronts.slack.wizard.view_state import Place

_FIRST_ID = {"phone": "call", "sms": "text", "email": "email"}


def entries(file: Mapping[str, Any], path: str) -> list[dict[str, Any]]:
    """The entries of a list of the file, by its path; whatever is not a table is left out."""
    found = value_at(file, path)
    return [dict(one) for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def entry_form(file: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """The file of the form of one entry: an existing one, or a new one."""
    path = BY_KEY[place.page].entries
    there = entries(file, path)
    if 0 <= place.nth < len(there) and not place.new:
        entry = there[place.nth]
    elif place.page == "step" and place.new in _FIRST_ID:
        entry = {"id": _free_id(there, _FIRST_ID[place.new]), "channel": place.new}
        if [one for one in there if not _follows(one)]:
            entry["after"] = "1 day"
    else:
        entry = {}
    return with_value({}, path, _joined(entry) if place.page == "segment" else entry)


def entry_fields(file: Mapping[str, Any], place: Place, form: Mapping[str, Any]) -> tuple[Field, ...]:
    """The fields of the form of one entry."""
    if place.page != "step":
        return BY_KEY[place.page].fields
    flow = [one for one in entries(file, "step") if not _follows(one)]
    earlier = flow if place.new else flow[: max(place.nth, 0)]
    return step_fields(form, str(earlier[-1].get("channel", "")) if earlier else "", is_new=bool(place.new),
                       has_call=any(one.get("channel") == "phone" for one in flow))  # fmt: skip


def with_entry(file: Mapping[str, Any], place: Place, form: Mapping[str, Any]) -> dict[str, Any]:
    """The file with one entry changed or added."""
    path = BY_KEY[place.page].entries
    entry = value_at(form, path) or {}
    entry = _split(entry) if place.page == "segment" else _tidy(entry)
    there = entries(file, path)
    if place.new or not 0 <= place.nth < len(there):
        there.append(entry)
    else:
        there[place.nth] = entry
    return with_value(file, path, _ordered(there))


def place_in_list(file: Mapping[str, Any], place: Place, form: Mapping[str, Any]) -> int:
    """Where `with_entry` puts the entry."""
    path = BY_KEY[place.page].entries
    there = entries(file, path)
    nth = len(there) if place.new or not 0 <= place.nth < len(there) else place.nth
    kept = [*there[:nth], value_at(form, path) or {}, *there[nth + 1 :]]
    return sorted(range(len(kept)), key=lambda one: (_follows(kept[one]), one)).index(nth)


def _ordered(there: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Follow-ups after calls stand behind the steps of the flow."""
    return sorted(there, key=_follows)


def _follows(entry: Mapping[str, Any]) -> bool:
    return bool(entry.get("after_call"))


def moved(file: Mapping[str, Any], path: str, nth: int, by: int) -> dict[str, Any]:
    """The file with one entry in another place."""
    there = entries(file, path)
    if 0 <= nth < len(there) and 0 <= nth + by < len(there):
        there.insert(nth + by, there.pop(nth))
    return with_value(file, path, _ordered(there))


def without(file: Mapping[str, Any], path: str, nth: int) -> dict[str, Any]:
    """The file without one entry."""
    there = entries(file, path)
    if 0 <= nth < len(there):
        there.pop(nth)
    return with_value(file, path, there)


def _free_id(there: list[dict[str, Any]], wanted: str) -> str:
    taken = {str(one.get("id")) for one in there}
    return next(id_ for n in range(1, 99) if (id_ := wanted if n == 1 else f"{wanted}-{n}") not in taken)


def _tidy(step: Mapping[str, Any]) -> dict[str, Any]:
    """A step without retries that name no outcome."""
    retry = step.get("retry")
    is_empty = isinstance(retry, Mapping) and not set(retry) - {"limit"}
    return {name: value for name, value in step.items() if name != "retry" or not is_empty}


def _joined(segment: Mapping[str, Any]) -> dict[str, Any]:
    """A segment as its form has it: the source and the id in one value."""
    if not segment.get("source"):
        return dict(segment)
    return {**segment, "segment": f"{segment['source']}: {segment.get('segment', '')}"}


def _split(segment: Mapping[str, Any]) -> dict[str, Any]:
    source, _, id_ = str(segment.get("segment") or "").partition(": ")
    found = {**segment, "source": source, "segment": id_}
    consent = found.get("consent")
    if isinstance(consent, Mapping) and not consent.get("basis"):
        found.pop("consent")
    return found
