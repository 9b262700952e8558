"""HubSpot's contact properties as fields, and its contacts as records. Pure: no requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal
from zoneinfo import available_timezones

from fluentsd.api import Meaning, OptOutRule, Record, SourceField

#: The usual properties and their meanings, phones in the order in which they are tried.
USUAL: Mapping[str, Meaning] = {
    "phone": "phone", "mobilephone": "phone", "email": "email", "firstname": "first_name", "lastname": "last_name",
    "city": "city", "state": "state", "zip": "zip", "country": "country", "hs_timezone": "timezone",
    "hs_email_optout": "opt_out_email", "company": "", "lifecyclestage": "", "hs_lead_status": "",
}  # fmt: skip
#: Properties that are read for the plugin itself.
STAMP, MERGED = "lastmodifieddate", "hs_merged_object_ids"
_KINDS: Mapping[str, Literal["text", "number", "flag", "date", "moment", "choice"]] = {
    "bool": "flag", "number": "number", "date": "date", "datetime": "moment", "enumeration": "choice",
}  # fmt: skip
_FLAG_FORMS = ("booleancheckbox",)


class Catalogue:
    """The properties of an account's contacts: which of them are read, and what they mean."""

    def __init__(
        self, properties: Sequence[Mapping[str, Any]], wanted: Iterable[str], rules: Sequence[OptOutRule]
    ) -> None:
        self.rules = rules
        known = {str(one["name"]): one for one in properties if one.get("name") and not one.get("archived")}
        ruled = [rule.field for rule in rules]
        self.read = tuple(name for name in dict.fromkeys([*USUAL, *wanted, *ruled]) if name in known)
        self.missing = tuple(name for name in dict.fromkeys([*wanted, *ruled]) if name not in known)
        self.fields = [
            _field(known[name], name in self.read) for name in [*self.read, *sorted(set(known) - {*self.read})]
        ]
        self.kinds = {one.name: one.kind for one in self.fields}
        labels = {one.name: one.label for one in self.fields}
        for meaning in dict.fromkeys(rule.meaning for rule in rules):
            mine = [rule for rule in rules if rule.meaning == meaning]
            label = " or ".join(labels.get(rule.field, rule.field) for rule in mine)
            writable = any(known.get(rule.field) and _writable(known[rule.field]) for rule in mine)
            self.fields.append(SourceField(meaning, label, "flag", meaning=meaning, writable=writable))
        absent = {rule.meaning for rule in rules if rule.field not in known}
        self.unreadable: frozenset[Meaning] = frozenset(
            absent | ({"opt_out_email"} if "hs_email_optout" not in known else set())
        )

    @property
    def properties(self) -> list[str]:
        """The names to ask for."""
        return [*dict.fromkeys([*self.read, STAMP, MERGED])]

    def record(self, contact: Mapping[str, Any], address: str, asked: Iterable[str] = ()) -> Record:
        """One contact as a record; `asked` are other ids under which it was found."""
        given = contact.get("properties") or {}
        ref = str(contact["id"])
        fields: dict[str, Any] = {name: _value(given.get(name), self.kinds[name]) for name in self.read}
        if "hs_timezone" in fields:
            fields["hs_timezone"] = zone_of(fields["hs_timezone"])
        for meaning in dict.fromkeys(rule.meaning for rule in self.rules):
            fields[meaning] = any(
                rule.holds(_many(given.get(rule.field))) for rule in self.rules if rule.meaning == meaning
            )
        merged = [one for one in str(given.get(MERGED) or "").split(";") if one]
        aliases = tuple(one for one in dict.fromkeys([*merged, *asked]) if one != ref)
        changed = moment(given.get(STAMP) or contact.get("updatedAt"))
        url = f"{address}{ref}" if address else ""
        return Record(ref, fields, changed, aliases, "contact", url, self.unreadable)


def _field(one: Mapping[str, Any], is_read: bool) -> SourceField:
    name = str(one["name"])
    kind = "flag" if one.get("fieldType") in _FLAG_FORMS else _KINDS.get(str(one.get("type")), "text")
    options = tuple(str(each.get("value")) for each in one.get("options") or []) if kind == "choice" else ()
    meaning = USUAL.get(name, "")
    return SourceField(name, str(one.get("label") or name), kind, options, meaning, is_read, _writable(one))


def _writable(one: Mapping[str, Any]) -> bool:
    return not one.get("calculated") and not (one.get("modificationMetadata") or {}).get("readOnlyValue")


def _value(given: Any, kind: str) -> Any:
    if given is None or given == "":
        return None
    if kind == "flag":
        return str(given).strip().casefold() not in ("false", "no", "0")
    return given


def _many(given: Any) -> Any:
    """The values of a property with several checkboxes, which HubSpot joins with semicolons."""
    return given.split(";") if isinstance(given, str) and ";" in given else given


def moment(given: Any) -> int | None:
    """An instant of HubSpot (ISO 8601, or epoch milliseconds) in epoch microseconds."""
    if given is None or given == "":
        return None
    text = str(given)
    if text.lstrip("-").isdecimal():
        return int(text) * 1000
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return round(at.timestamp() * 1000) * 1000


@cache
def _zones() -> Mapping[str, str]:
    return {name.casefold(): name for name in available_timezones()}


def zone_of(given: Any) -> Any:
    """HubSpot's "america_slash_new_york" as a time zone's name; what is none stays as it is."""
    if not isinstance(given, str):
        return given
    return _zones().get(given.replace("_slash_", "/").replace("_hyphen_", "-").casefold(), given)
