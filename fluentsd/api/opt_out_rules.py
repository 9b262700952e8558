"""What counts as an opt-out in a CRM that has no field of its own for it: rules of a source's settings.

`[source.<name>.opt_out]` names a field for each channel, with the values that mean "do not contact". A source gives its
records one flag for each rule, named by its meaning, so that the rest of fluentsd needs to know no CRM's words. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fluentsd.api.source import Meaning
from fluentsd.plugin_config import Table

#: The key of a rule and its meaning.
CHANNELS: Mapping[str, Meaning] = {
    "all": "opt_out", "phone": "opt_out_phone", "sms": "opt_out_sms", "email": "opt_out_email",
}  # fmt: skip
#: Texts that mean "no opt-out"; every other text means one, so that a doubt never leads to a contact.
NO = frozenset({"", "0", "0.0", "false", "no", "n", "f", "off", "none", "null", "inactive", "unchecked"})


@dataclass(frozen=True, slots=True)
class OptOutRule:
    """A person must not be contacted by `channel` ("all", "phone", "sms", "email") while `field` has one of `values`;
    without values, while it says yes."""

    channel: str
    field: str
    values: tuple[str, ...] = ()

    @property
    def meaning(self) -> Meaning:
        """The meaning of the flag, which is also its name."""
        return CHANNELS[self.channel]

    def holds(self, value: Any) -> bool:
        """Whether this value of the field is an opt-out; a list holds if one of its values does."""
        if isinstance(value, (list, tuple)):
            return any(self.holds(one) for one in value)
        if not self.values:
            return says_yes(value)
        return str(value).strip().casefold() in {one.strip().casefold() for one in self.values}


def says_yes(value: Any) -> bool:
    """Whether a value is a yes: True, a number that is not 0, a text that is not one of `NO`."""
    if isinstance(value, str):
        return value.strip().casefold() not in NO
    return bool(value)


def read_opt_out_rules(table: Table) -> tuple[OptOutRule, ...]:
    """The rules of the inner table `opt_out`; mistakes go to the table. Forms: `phone = "do_not_call"` or
    `phone = { field = "Status", values = ["Do not call"] }`, or a list of those."""
    inner = table.inner("opt_out", tuple(CHANNELS))
    if inner is None:
        return ()
    found: list[OptOutRule] = []
    for channel in CHANNELS:
        found += inner.take(channel, [], lambda value, channel=channel: _rules(channel, value))  # type: ignore[misc]
    return tuple(found)


def _rules(channel: str, value: Any) -> list[OptOutRule]:
    if isinstance(value, list):
        return [rule for one in value for rule in _rules(channel, one)]
    if isinstance(value, str) and value.strip():
        return [OptOutRule(channel, value.strip())]
    if isinstance(value, Mapping) and set(value) <= {"field", "values"} and isinstance(value.get("field"), str):
        values = value.get("values", [])
        if isinstance(values, list) and all(isinstance(one, (str, int)) for one in values):
            return [OptOutRule(channel, value["field"].strip(), tuple(str(one) for one in values))]
    raise ValueError('should be the name of a field, or { field = "Status", values = ["Do not call"] }')
