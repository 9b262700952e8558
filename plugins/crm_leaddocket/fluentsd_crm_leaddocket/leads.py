"""Lead Docket's leads as records, and its alphabet. Pure.

A lead of a list has names and phones but no consent; that is in its contact, which only `refresh` reads. Times have no
zone and are UTC.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from fluentsd.api import ANY, ID, NUMBER_ID, Maybe, Meaning, Record, Shape, SourceField
from fluentsd_crm_leaddocket.settings import Settings

#: The fields of a lead in a list, and their meanings; phones in the order in which they are tried. `PhoneNumber` is one
#: of the others, and stands in lists only: last, so that the order is the same when the lead is read by itself.
USUAL: Mapping[str, Meaning] = {
    "MobilePhone": "phone", "HomePhone": "phone", "WorkPhone": "phone", "PhoneNumber": "phone", "Email": "email",
    "FirstName": "first_name", "LastName": "last_name", "PreferredContactMethod": "", "StatusName": "",
    "SubStatusName": "", "CaseType": "", "Code": "",
}  # fmt: skip
#: What the contact adds.
OF_CONTACT: Mapping[str, Meaning] = {
    "DoNotText": "opt_out_sms", "Deceased": "opt_out", "Language": "", "Tags": "", "City": "city", "State": "state",
    "Zip": "zip", "SubscribeToMailingList": "",
}  # fmt: skip
#: The documented form of a lead and of its contact, as far as it is read.
LEAD: Shape = {"Id": NUMBER_ID, "ContactId": Maybe(NUMBER_ID), "Contact": Maybe({"Id": Maybe(NUMBER_ID)})}
CONTACT: Shape = {"Id": Maybe(ID), "Tags": Maybe([ANY]), "CustomFields": Maybe([{"Value": Maybe(ANY)}])}
#: What `Activity.fields` may set: the parts of a change of status.
OF_STATUS = ("Status", "Substatus", "SubstatusReason")
#: A flag that only a rule makes an opt-out; a contact that does not say it has none to read.
_MAILING = "SubscribeToMailingList"
_FLAGS = ("DoNotText", "Deceased", _MAILING)
_REPLACED = {
    "\u2018": "'", "\u2019": "'", "\u201a": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2013": "-",
    "\u2014": "-", "\u2026": "...", "\u20ac": "EUR", "\u00df": "ss", "\u00d8": "O", "\u00f8": "o", "\u0141": "L",
    "\u0142": "l", "\u2022": "*", "<": "(", ">": ")", "~": "-", "^": "", "`": "'",
}  # fmt: skip
#: What Lead Docket's text fields take.
ACCEPTED = re.compile(r"""[-\w\s"'=!@#%&,:;.${\[(|)\]}*+?/\\]*""", re.ASCII)


def fields_of(settings: Settings) -> list[SourceField]:
    """All fields of a record."""
    found = [SourceField(name, name, meaning=meaning) for name, meaning in USUAL.items()]
    found += [
        SourceField(name, name, "flag" if name in _FLAGS else "text", meaning=meaning)
        for name, meaning in OF_CONTACT.items()
    ]
    found += [SourceField(name, name) for name in settings.fields if name not in {*USUAL, *OF_CONTACT}]
    found += [SourceField(name, name, fetched=False, writable=True) for name in OF_STATUS]
    meanings = dict.fromkeys(rule.meaning for rule in settings.opt_outs)
    return [*found, *(SourceField(one, one, "flag", meaning=one) for one in meanings)]


def custom_fields_of(settings: Settings) -> list[str]:
    """The custom fields of contacts that the settings name."""
    named = [*settings.fields, *(rule.field for rule in settings.opt_outs)]
    return [name for name in dict.fromkeys(named) if name not in {*USUAL, *OF_CONTACT}]


def record_of(
    lead: Mapping[str, Any],
    contact: Mapping[str, Any] | None,
    settings: Settings,
    defined: Collection[str] = (),
) -> Record:
    """A lead as a record; without its contact, what only that has is left out and named unreadable. `defined`: the
    firm's custom fields of contacts. One of them that a contact's list does not have is empty there."""
    fields: dict[str, Any] = {name: lead.get(name) for name in USUAL}
    values: dict[str, Any] = dict(fields)
    if contact is not None:
        for name in USUAL:
            fields[name] = fields[name] or contact.get(name)
        tags = [_tag(one) for one in contact.get("Tags") or []]
        custom = {
            str(one.get("Name") or one.get("FieldName")): one.get("Value") for one in contact.get("CustomFields") or []
        }  # fmt: skip
        if contact.get("CustomFields") is not None:
            custom = {**dict.fromkeys(defined), **custom}
        fields |= {name: contact.get(name) for name in OF_CONTACT}
        fields |= {name: None if contact.get(name) is None else bool(contact[name]) for name in _FLAGS}
        fields["Tags"] = ", ".join(tags)
        fields |= {name: custom.get(name) for name in settings.fields if name not in {*USUAL, *OF_CONTACT}}
        values = {**custom, **fields, "Tags": tags}
        if contact.get(_MAILING) is None:
            del values[_MAILING]
    unreadable: set[Meaning] = set()
    for meaning in dict.fromkeys(rule.meaning for rule in settings.opt_outs):
        mine = [rule for rule in settings.opt_outs if rule.meaning == meaning]
        if all(rule.field in values for rule in mine):
            fields[meaning] = any(rule.holds(values[rule.field]) for rule in mine)
        else:
            unreadable.add(meaning)
    if contact is None or contact.get("DoNotText") is None:
        unreadable.add("opt_out_sms")
    ref = str(lead["Id"])
    url = f"{settings.base_url}/Leads/Edit/{ref}"
    return Record(ref, fields, moment(lead.get("LastUpdateDate")), (), "lead", url, frozenset(unreadable))


def _tag(one: Any) -> str:
    return str(one.get("TagText") or one.get("Name") or "") if isinstance(one, Mapping) else str(one)


def moment(given: Any) -> int | None:
    """An instant of Lead Docket, which is UTC and does not say so, in epoch microseconds."""
    try:
        at = datetime.fromisoformat(str(given))
    except ValueError:
        return None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000) * 1000


def folded(text: str) -> str:
    """A text in Lead Docket's alphabet: accents go, quotes and dashes become plain, all else is left out."""
    replaced = "".join(_REPLACED.get(one, one) for one in text)
    plain = unicodedata.normalize("NFKD", replaced).encode("ascii", "ignore").decode()
    return "".join(one for one in "".join(_REPLACED.get(one, one) for one in plain) if ACCEPTED.fullmatch(one))
