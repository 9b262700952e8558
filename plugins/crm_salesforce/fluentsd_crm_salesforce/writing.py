"""Writes activities as completed tasks, values to leads and contacts, and opt-outs to Salesforce's own fields.

With `external_id` a task is created by its key, and Salesforce itself keeps it from being there twice. Without, ids are
remembered in a ledger, and each description ends with our key, by which a task with a lost answer is found.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fluentsd.api import (
    ACTIVITY_TITLES,
    ID,
    Activity,
    NeedsHuman,
    Part,
    Rejected,
    Shape,
    WriteLedger,
    activity_facts,
    written_id,
    written_mark,
)
from fluentsd_crm_salesforce.client import SalesforceClient
from fluentsd_crm_salesforce.records import OBJECTS, PREFIXES, Object, Records, is_person
from fluentsd_crm_salesforce.settings import Settings

#: Salesforce's longest subject and description.
SUBJECT, DESCRIPTION = 255, 32_000
_SUBTYPES = {"call": "Call", "email": "Email"}
#: Salesforce's own fields of opt-outs.
_CREATED: Shape = {"id": ID}
_OPT_OUTS = {"phone": "DoNotCall", "email": "HasOptedOutOfEmail"}


class Writing:
    """The writes of one org."""

    def __init__(self, client: SalesforceClient, records: Records, settings: Settings, ledger: WriteLedger) -> None:
        self._client, self._records, self._settings, self._ledger = client, records, settings, ledger

    async def write(self, activity: Activity, key: str) -> str:
        """Write an activity once; returns the id of its task."""
        if not is_person(activity.record):
            raise Rejected(f"{activity.record!r} is not the id of a lead or contact")

        async def parts() -> Sequence[Part]:
            return await self._parts(activity)

        async def task(in_doubt: bool) -> str:
            if self._settings.external_id:
                return await self._upsert(activity, key)
            found = await self._find(activity, key) if in_doubt else None
            if found:
                return found
            body, urgent = _task(activity, key), activity.kind == "opt_out"
            reply = await self._client.write("POST", "sobjects/Task", body, urgent=urgent, shape=_CREATED)
            return str(reply.body["id"])

        return await self._ledger.all_parts(key, parts, task)

    async def _parts(self, activity: Activity) -> list[Part]:
        """The fields that are set, together and one by one, and those that the user may not set."""
        values, refused = dict(activity.fields), list[Part]()
        if activity.kind == "opt_out":
            own, refused = await self._opt_out_values(activity)
            values |= own
        pieces = [Part(f"the field {name}", self._update(activity, {name: value})) for name, value in values.items()]
        if len(pieces) > 1:
            pieces = [Part(f"the fields {', '.join(values)}", self._update(activity, values), pieces)]
        return [*pieces, *refused]

    def _update(self, activity: Activity, values: Mapping[str, Any]) -> Callable[[], Awaitable[object]]:
        path = f"sobjects/{PREFIXES[activity.record[:3]]}/{activity.record}"
        return lambda: self._client.write("PATCH", path, values, urgent=activity.kind == "opt_out")

    async def _upsert(self, activity: Activity, key: str) -> str:
        path = f"sobjects/Task/{self._settings.external_id}/fluentsd-{written_id(key)}"
        urgent = activity.kind == "opt_out"
        reply = await self._client.write("PATCH", path, _task(activity, key), urgent=urgent)
        if isinstance(reply.body, dict) and reply.body.get("id"):
            return str(reply.body["id"])
        return str(
            (await self._client.get(path, urgent=urgent, shape={"Id": ID})).body["Id"]
        )  # it was there: Salesforce answers without a body

    async def _find(self, activity: Activity, key: str) -> str | None:
        """The id of a task with our key, if there is one."""
        task = _task(activity, key)
        where = f"WhoId = '{activity.record}' AND ActivityDate = {task['ActivityDate']}"
        soql, urgent = f"SELECT Id, Description FROM Task WHERE {where} ORDER BY Id", activity.kind == "opt_out"
        reply = await self._client.query(soql, urgent=urgent, row={"Id": ID})
        ours = written_mark(key)
        return next((str(row["Id"]) for row in reply.body if ours in str(row.get("Description") or "")), None)

    async def _opt_out_values(self, activity: Activity) -> tuple[dict[str, Any], list[Part]]:
        """The fields that an opt-out sets, and a part that is refused for each that the user may not set."""
        wanted: set[str] = set(activity.channels) or {"phone", "sms", "email"}
        if wanted >= {"phone", "sms", "email"}:
            wanted.add("all")
        name = PREFIXES[activity.record[:3]]
        described = await self._records.described(name)
        values: dict[str, Any] = {field: True for channel, field in _OPT_OUTS.items() if channel in wanted}
        for rule in self._settings.opt_outs:
            if rule.channel in wanted and not await self._is_of_another(name, rule.field):
                field = described.fields.get(rule.field)
                is_flag = field is not None and field.kind == "flag"
                values[rule.field] = True if is_flag else (rule.values or ("Yes",))[0]
        can = {one for one in values if one in described.fields and described.fields[one].writable}
        refused = [Part(f"the field {one}", _not_editable(name, one)) for one in values if one not in can]
        return {one: value for one, value in values.items() if one in can}, refused

    async def _is_of_another(self, name: Object, field: str) -> bool:
        """Whether a field is one of the other object alone."""
        if field in (await self._records.described(name)).fields:
            return False
        for other in OBJECTS:
            try:
                if other != name and field in (await self._records.described(other)).fields:
                    return True
            except NeedsHuman as why:
                if not why.only_this:
                    raise
        return False


def _not_editable(name: str, field: str) -> Callable[[], Awaitable[object]]:
    async def write() -> None:
        raise Rejected(f"the user of the app may not edit it on {name}s; give the user Edit on {field}")

    return write


def _task(activity: Activity, key: str) -> dict[str, Any]:
    day = datetime.fromtimestamp(activity.at / 1_000_000, UTC).strftime("%Y-%m-%d")
    title = ACTIVITY_TITLES[activity.kind]
    subject = f"{title}: {activity.summary}" if activity.summary else title
    task: dict[str, Any] = {
        "WhoId": activity.record, "Subject": subject[:SUBJECT], "Status": "Completed", "ActivityDate": day,
        "TaskSubtype": _SUBTYPES.get(activity.kind, "Task"), "Description": _description(activity, key),
    }  # fmt: skip
    if activity.kind == "call":
        task["CallType"] = "Outbound" if activity.direction == "out" else "Inbound"
        words = activity.disposition or activity.outcome
        task |= {"CallDisposition": words.replace("_", " ")[:255]} if words else {}
        task |= {} if activity.duration_s is None else {"CallDurationInSeconds": activity.duration_s}
    return task


def _description(activity: Activity, key: str) -> str:
    lines = [*activity_facts(activity, leave_out=("Seconds",)), activity.text]
    text = "\n".join(line for line in lines if line)
    return f"{text[: DESCRIPTION - 100]}\n{written_mark(key)}"
