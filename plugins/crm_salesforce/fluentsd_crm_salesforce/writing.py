"""Writes activities as completed tasks, values to leads and contacts, and opt-outs to Salesforce's own fields.

With `external_id` a task is created by its key, and Salesforce itself keeps it from being there twice. Without, ids are
remembered in a ledger, and each description ends with our key, by which a task with a lost answer is found.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fluentsd.api import (
    ACTIVITY_TITLES,
    Activity,
    Rejected,
    WriteLedger,
    activity_facts,
    written_id,
    written_mark,
)
from fluentsd_crm_salesforce.client import SalesforceClient
from fluentsd_crm_salesforce.records import PREFIXES, Records, is_person
from fluentsd_crm_salesforce.settings import Settings

#: Salesforce's longest subject and description.
SUBJECT, DESCRIPTION = 255, 32_000
_SUBTYPES = {"call": "Call", "email": "Email"}
#: Salesforce's own fields of opt-outs.
_OPT_OUTS = {"phone": "DoNotCall", "email": "HasOptedOutOfEmail"}


class Writing:
    """The writes of one org."""

    def __init__(self, client: SalesforceClient, records: Records, settings: Settings, ledger: WriteLedger) -> None:
        self._client, self._records, self._settings, self._ledger = client, records, settings, ledger

    async def write(self, activity: Activity, key: str) -> str:
        """Write an activity once; returns the id of its task."""
        if not is_person(activity.record):
            raise Rejected(f"{activity.record!r} is not the id of a lead or contact")

        async def create(in_doubt: bool) -> str:
            if fields := {**dict(activity.fields), **await self._opt_out_values(activity)}:
                path = f"sobjects/{PREFIXES[activity.record[:3]]}/{activity.record}"
                await self._client.write("PATCH", path, fields, urgent=activity.kind == "opt_out")
            if self._settings.external_id:
                return await self._upsert(activity, key)
            found = await self._find(activity, key) if in_doubt else None
            if found:
                return found
            reply = await self._client.write("POST", "sobjects/Task", _task(activity, key))
            return str(reply.body["id"])

        return await self._ledger.once(key, create)

    async def _upsert(self, activity: Activity, key: str) -> str:
        path = f"sobjects/Task/{self._settings.external_id}/fluentsd-{written_id(key)}"
        reply = await self._client.write("PATCH", path, _task(activity, key))
        if isinstance(reply.body, dict) and reply.body.get("id"):
            return str(reply.body["id"])
        return str((await self._client.get(path)).body["Id"])  # it was there: Salesforce answers without a body

    async def _find(self, activity: Activity, key: str) -> str | None:
        """The id of a task with our key, if there is one."""
        task = _task(activity, key)
        where = f"WhoId = '{activity.record}' AND ActivityDate = {task['ActivityDate']}"
        reply = await self._client.query(f"SELECT Id, Description FROM Task WHERE {where} ORDER BY Id")
        ours = written_mark(key)
        return next((str(row["Id"]) for row in reply.body if ours in str(row.get("Description") or "")), None)

    async def _opt_out_values(self, activity: Activity) -> dict[str, Any]:
        """The fields that an opt-out sets: those of its channels that the user may write."""
        if activity.kind != "opt_out":
            return {}
        wanted: set[str] = set(activity.channels) or {"phone", "sms", "email"}
        if wanted >= {"phone", "sms", "email"}:
            wanted.add("all")
        described = await self._records.described(PREFIXES[activity.record[:3]])
        values: dict[str, Any] = {name: True for channel, name in _OPT_OUTS.items() if channel in wanted}
        for rule in self._settings.opt_outs:
            if rule.channel in wanted:
                field = described.fields.get(rule.field)
                is_flag = field is not None and field.kind == "flag"
                values[rule.field] = True if is_flag else (rule.values or ("Yes",))[0]
        return {
            name: value
            for name, value in values.items()
            if name in described.fields and described.fields[name].writable
        }


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
