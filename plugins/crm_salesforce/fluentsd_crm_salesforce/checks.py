"""The checks of `fluentsd source check` for Salesforce: sign-in, objects, fields, each with its fix. Read-only."""

from __future__ import annotations

from fluentsd.api import Finding, NeedsHuman, NotFound, Unavailable
from fluentsd_crm_salesforce.client import Refused, SalesforceClient
from fluentsd_crm_salesforce.records import OBJECTS, Records
from fluentsd_crm_salesforce.settings import Settings

_PERMISSION = "give the user of the app a permission set with read access to it (README)"


async def findings(client: SalesforceClient, records: Records, settings: Settings) -> list[Finding]:
    """All findings, in the order of dependency."""
    try:
        await client.get("limits")
    except NotFound:
        fix = "correct version; Salesforce keeps those of the last years"
        return [Finding(False, f"salesforce: there is no API version {settings.version}", fix)]
    except Unavailable as why:
        return [Finding(False, f"salesforce: {why}", "check that this machine reaches login_url, or try again later")]
    except NeedsHuman as why:
        return [
            Finding(False, f"salesforce: {why}", "see the README's set-up: External Client App, flow, permission set")
        ]
    found = [Finding(True, f"salesforce: signed in at {settings.login_url}")]
    try:
        found += await _objects(client, records, settings)
    except Unavailable as why:
        found.append(Finding(False, f"salesforce: {why}", "run the check again later"))
    return found


async def _objects(client: SalesforceClient, records: Records, settings: Settings) -> list[Finding]:
    found: list[Finding] = []
    for name in OBJECTS:
        try:
            described = await records.described(name, 0)
        except (NotFound, NeedsHuman):
            found.append(Finding(False, f"salesforce: {name} cannot be read", _PERMISSION))
            continue
        found.append(Finding(True, f"salesforce: {name} can be read"))
        for meaning in sorted(described.unreadable):
            what = f"salesforce: an opt-out field of {name} is hidden ({meaning}): nobody is contacted on its channel"
            found.append(Finding(False, what, "give the user read access to DoNotCall, HasOptedOutOfEmail and opt_out"))
        for field in settings.fields:
            if field not in described.fields:
                what = f"salesforce: {name} has no readable field {field}"
                found.append(Finding(True, what, "correct its API name or the field's security, if it should have one"))
    for needed, what in (("CampaignMember", "campaigns are no segments"), ("Task", "activities cannot be written")):
        try:
            body = (await client.get(f"sobjects/{needed}/describe")).body
        except (NotFound, NeedsHuman):
            found.append(Finding(False, f"salesforce: {needed} cannot be read: {what}", _PERMISSION))
            continue
        if needed == "Task" and not body.get("createable", True):
            found.append(
                Finding(False, "salesforce: tasks cannot be created", "give the user the permission Edit Tasks")
            )
        columns = {str(one["name"]) for one in body.get("fields") or []}
        if needed == "Task" and settings.external_id and settings.external_id not in columns:
            fix = "create a text field on Activity: External ID, unique, case-sensitive; or leave external_id out"
            found.append(Finding(False, f"salesforce: Task has no field {settings.external_id}", fix))
    for title, query in settings.queries.items():
        where = f"WHERE {query.where} " if query.where else ""
        try:
            await client.query(f"SELECT Id FROM {query.object} {where}LIMIT 1")
        except Refused as why:
            found.append(Finding(False, f"salesforce: the query {title!r} is refused: {why.words}", "correct queries"))
    return found
