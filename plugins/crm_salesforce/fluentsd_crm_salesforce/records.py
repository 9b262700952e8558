"""Leads and contacts as records: the fields of both objects, reads by id, merges and conversions resolved."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from fluentsd.api import ID, TEXT, Maybe, Meaning, NeedsHuman, NotFound, Record, RestReply, Shape, SourceField, Tools
from fluentsd_crm_salesforce.client import Refused, SalesforceClient
from fluentsd_crm_salesforce.settings import Settings

Object = Literal["Lead", "Contact"]
#: The prefix of an object's ids.
PREFIXES: Mapping[str, Object] = {"00Q": "Lead", "003": "Contact"}
OBJECTS: tuple[Object, ...] = ("Contact", "Lead")
#: The usual fields and their meanings, phones in the order in which they are tried.
USUAL: Mapping[str, Meaning] = {
    "Phone": "phone", "MobilePhone": "phone", "Email": "email", "FirstName": "first_name", "LastName": "last_name",
    "City": "city", "State": "state", "PostalCode": "zip", "Country": "country", "MailingCity": "city",
    "MailingState": "state", "MailingPostalCode": "zip", "MailingCountry": "country", "DoNotCall": "opt_out_phone",
    "HasOptedOutOfEmail": "opt_out_email", "Company": "", "Title": "",
}  # fmt: skip
_OPT_OUTS: Mapping[str, Meaning] = {"DoNotCall": "opt_out_phone", "HasOptedOutOfEmail": "opt_out_email"}
_FieldKind = Literal["text", "number", "flag", "date", "moment", "choice"]
_KINDS: Mapping[str, Literal["number", "flag", "date", "moment", "choice"]] = {
    "boolean": "flag", "double": "number", "int": "number", "currency": "number", "percent": "number", "date": "date",
    "datetime": "moment", "picklist": "choice", "multipicklist": "choice",
}  # fmt: skip
_ID = re.compile(r"[a-zA-Z0-9]{15}(?:[a-zA-Z0-9]{3})?")
_COLUMN = re.compile(r"No such column '(\w+)'")
_DESCRIBED: Shape = {"fields": [{"name": TEXT, "picklistValues": Maybe([{}])}]}
_ROW: Shape = {"Id": ID, "MasterRecordId": Maybe(ID), "ConvertedContactId": Maybe(ID)}
REMEMBERED = 3600 * 1_000_000
#: Ids in one query: its address stays below Salesforce's limit of 16,384 characters.
READ_AT_ONCE = 200
#: Rounds in which merges and conversions are followed.
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Described:
    """The fields of one object that the user may read: those that are selected, and what is hidden of opt-outs."""

    fields: Mapping[str, SourceField]
    read: tuple[str, ...]
    unreadable: frozenset[Meaning]


class Records:
    """The leads and contacts of one org."""

    def __init__(self, client: SalesforceClient, settings: Settings, tools: Tools) -> None:
        self._client, self._settings, self._tools = client, settings, tools
        self._described: dict[str, tuple[int, Described]] = {}
        self.instance_url = settings.login_url

    async def catalogue(self) -> list[SourceField]:
        """The fields of contacts, then those that only leads have, then the flags of the opt-out rules. An object that
        the user may not read has none; an error only when both are so."""
        found: dict[str, SourceField] = {}
        for name in OBJECTS:
            try:
                described = await self.described(name)
            except NeedsHuman as why:
                if not why.only_this or (name == OBJECTS[-1] and not found):
                    raise
                continue
            for field in described.fields.values():
                found.setdefault(field.name, field)
        order = [one for one in USUAL if one in found]
        fields = [found[name] for name in [*order, *sorted(set(found) - set(order))]]
        for meaning in dict.fromkeys(rule.meaning for rule in self._settings.opt_outs):
            mine = [rule.field for rule in self._settings.opt_outs if rule.meaning == meaning]
            can = any(found[name].writable for name in mine if name in found)
            fields.append(SourceField(meaning, " or ".join(mine), "flag", meaning=meaning, writable=can))
        return fields

    async def described(self, name: Object, max_age: int = REMEMBERED, hidden: Iterable[str] = ()) -> Described:
        """What the user may read of an object, without the fields of `hidden`. Raises `NeedsHuman` for an object that
        the user may not read."""
        now, known = self._tools.clock.now(), self._described.get(name)
        if known is None or now - known[0] > max_age or hidden:
            try:
                reply = await self._client.get(f"sobjects/{name}/describe", urgent=True, shape=_DESCRIBED)
            except NotFound as why:
                what = f"Salesforce has no {name} for the user of the app; give the user a permission set with Read on"
                raise NeedsHuman(f"{what} {name}s (README)", only_this=True) from why
            rows = {str(one["name"]): one for one in reply.body["fields"] if one["name"] not in set(hidden)}
            self._described[name] = (now, self._describe(rows))
        return self._described[name][1]

    def _describe(self, rows: Mapping[str, Mapping[str, Any]]) -> Described:
        rules = self._settings.opt_outs
        wanted = [*USUAL, *self._settings.fields, *(rule.field for rule in rules)]
        read = tuple(name for name in dict.fromkeys(wanted) if name in rows)
        fields = {name: _field(one, name in read) for name, one in rows.items()}
        unreadable = {meaning for name, meaning in _OPT_OUTS.items() if name not in rows}
        unreadable |= {rule.meaning for rule in rules if rule.field not in rows}
        return Described(fields, read, frozenset(unreadable))

    async def select(
        self, name: Object, rest: str, *, deleted: bool = False, urgent: bool = False
    ) -> tuple[RestReply, Described]:
        """The rows of `SELECT <our fields> FROM name` and `rest`. A field that was hidden since is left out, and an
        opt-out that cannot be read any more is named in the description."""
        hidden: set[str] = set()
        while True:
            described = await self.described(name, 0 if hidden else REMEMBERED, hidden)
            extra = "IsConverted, ConvertedContactId, " if name == "Lead" else ""
            keys = f"Id, SystemModstamp, IsDeleted, MasterRecordId, {extra}"
            columns = [one for one in described.read if one != "Id"]
            soql = f"SELECT {keys}{', '.join(columns)} FROM {name} {rest}"
            try:
                return await self._client.query(soql, deleted=deleted, urgent=urgent, row=_ROW), described
            except Refused as why:
                column = _COLUMN.search(why.words)
                if why.code != "INVALID_FIELD" or column is None or column[1] not in columns:
                    raise
                hidden.add(column[1])

    def record(self, name: Object, row: Mapping[str, Any], described: Described, aliases: Sequence[str] = ()) -> Record:
        """A row as a record."""
        fields = {one: row.get(one) for one in described.read}
        for meaning in dict.fromkeys(rule.meaning for rule in self._settings.opt_outs):
            mine = [rule for rule in self._settings.opt_outs if rule.meaning == meaning]
            fields[meaning] = any(rule.holds(_many(row.get(rule.field))) for rule in mine)
        ref = str(row["Id"])
        url = f"{self.instance_url}/lightning/r/{name}/{ref}/view"
        others = tuple(one for one in dict.fromkeys(aliases) if one != ref)
        opt_outs: list[tuple[str, Meaning]] = [
            *_OPT_OUTS.items(),
            *((rule.field, rule.meaning) for rule in self._settings.opt_outs),
        ]
        missing = {meaning for field, meaning in opt_outs if field in described.read and field not in row}
        unreadable = described.unreadable | missing
        return Record(ref, fields, moment(row.get("SystemModstamp")), others, name.lower(), url, unreadable)

    async def refresh(self, ids: Sequence[str]) -> list[Record]:
        """The records with these ids: a merged one as its winner, a converted lead as its contact. Those of an object
        that the user may not read are unread."""
        found: dict[str, Record] = {}
        asked: dict[str, list[str]] = {one: [] for one in dict.fromkeys(ids) if is_person(one)}
        for _ in range(ROUNDS):
            following: dict[str, list[str]] = {}
            for name in OBJECTS:
                mine = [one for one in asked if PREFIXES[one[:3]] == name and one not in found]
                for start in range(0, len(mine), READ_AT_ONCE):
                    part = mine[start : start + READ_AT_ONCE]
                    listed = ", ".join(f"'{one}'" for one in part)
                    try:
                        reply, described = await self.select(name, f"WHERE Id IN ({listed})", deleted=True, urgent=True)
                    except NeedsHuman as why:
                        if not why.only_this:
                            raise
                        found |= {one: replace(Record.not_read(one), aliases=tuple(asked[one])) for one in part}
                        continue
                    for row in reply.body:
                        ref = str(row["Id"])
                        winner = row.get("MasterRecordId") if row.get("IsDeleted") else row.get("ConvertedContactId")
                        if winner:
                            following.setdefault(str(winner), []).extend([ref, *asked.get(ref, ())])
                        elif not row.get("IsDeleted"):
                            found[ref] = self.record(name, row, described, asked.get(ref, ()))
            for ref, aliases in list(following.items()):
                if ref in found:
                    known = found[ref]
                    merged = tuple(dict.fromkeys([*known.aliases, *aliases]))
                    found[ref] = replace(known, aliases=merged)
                    del following[ref]
            if not following:
                break
            asked = following
        return list(found.values())


def is_person(ref: str) -> bool:
    """Whether an id is that of a lead or contact."""
    return bool(_ID.fullmatch(ref)) and ref[:3] in PREFIXES


def long_id(ref: str) -> str:
    """The 18 characters of an id, of which reports give 15: three more say which of them are capitals."""
    if len(ref) != 15:
        return ref
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    parts = (ref[start : start + 5] for start in (0, 5, 10))
    return ref + "".join(letters[sum(1 << i for i, one in enumerate(part) if one.isupper())] for part in parts)


def moment(given: Any) -> int | None:
    """An instant of Salesforce ("2026-01-05T15:00:00.000+0000") in epoch microseconds."""
    if not given:
        return None
    try:
        return round(datetime.fromisoformat(str(given)).timestamp() * 1000) * 1000
    except ValueError:
        return None


def _field(one: Mapping[str, Any], is_read: bool) -> SourceField:
    name = str(one["name"])
    kind: _FieldKind = _KINDS.get(str(one.get("type")), "text")
    options = tuple(str(each.get("value")) for each in one.get("picklistValues") or [] if each.get("active", True))
    return SourceField(
        name, str(one.get("label") or name), kind, options if kind == "choice" else (), USUAL.get(name, ""), is_read,
        bool(one.get("updateable")),
    )  # fmt: skip


def _many(given: Any) -> Any:
    """The values of a multi-select picklist, which Salesforce joins with semicolons."""
    return given.split(";") if isinstance(given, str) and ";" in given else given
