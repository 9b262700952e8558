"""Every path of HubSpot's API that the plugin uses, the version of each, and the forms of its answers, in one place.

HubSpot supports the numbered versions until 2027 and replaces them by dated ones; a move is a change of this module.
"""

from __future__ import annotations

from fluentsd.api import COUNT, FLAG, ID, NUMBER_ID, TEXT, Maybe, Shape

_LISTS, _OBJECTS, _ASSOCIATIONS = "/crm/v3/lists", "/crm/v3/objects", "/crm/v4/associations"

LIST_SEARCH = f"{_LISTS}/search"
LIST_MEMBERS = f"{_LISTS}/{{list}}/memberships"
LIST_JOINS = f"{_LISTS}/{{list}}/memberships/join-order"
LISTS_OF_RECORDS = f"{_LISTS}/records/memberships/batch/read"
READ = f"{_OBJECTS}/{{object}}/batch/read"
SEARCH = f"{_OBJECTS}/{{object}}/search"
CREATE = f"{_OBJECTS}/{{object}}"
UPDATE = f"{_OBJECTS}/{{object}}/{{id}}"
CONTACTS_OF_DEALS = f"{_ASSOCIATIONS}/deals/contacts/batch/read"
PIPELINES = "/crm/v3/pipelines/deals"
PROPERTIES = "/crm/v3/properties/contacts"
SIGN_IN = "/oauth/v1/token"
ACCOUNT = "/account-info/v3/details"
UNSUBSCRIBE = "/communication-preferences/v4/statuses/{email}/unsubscribe-all"

#: The object type of contacts in lists.
CONTACTS = "0-1"
#: HubSpot's largest pages.
LISTS_AT_ONCE, MEMBERS_AT_ONCE, READ_AT_ONCE, SEARCH_AT_ONCE = 500, 250, 100, 200

_PAGING: Shape = Maybe({"next": Maybe({"after": ID})})
#: The documented forms of answers. A 207 has `errors` beside its results.
LISTS_FOUND: Shape = {
    "lists": [{"listId": ID, "objectTypeId": Maybe(TEXT), "additionalProperties": Maybe({})}], "hasMore": Maybe(FLAG),
    "offset": Maybe(COUNT), "total": Maybe(COUNT),
}  # fmt: skip
MEMBERS: Shape = {"results": [{"recordId": NUMBER_ID}], "paging": _PAGING, "total": Maybe(COUNT)}
MEMBERSHIPS: Shape = {
    "results": [{"recordId": ID, "recordListMemberships": Maybe([{"listId": ID}])}], "errors": Maybe([{}]),
}  # fmt: skip
OBJECTS: Shape = {"results": [{"id": NUMBER_ID, "properties": Maybe({})}], "errors": Maybe([{}])}
FOUND: Shape = {
    "results": [{"id": NUMBER_ID, "properties": Maybe({})}], "paging": _PAGING, "total": Maybe(COUNT),
}  # fmt: skip
ASSOCIATED: Shape = {
    "results": [{"from": {"id": ID}, "to": [{"toObjectId": ID}], "paging": _PAGING}], "errors": Maybe([{}]),
}  # fmt: skip
PIPELINES_FOUND: Shape = {
    "results": [{"id": ID, "label": TEXT, "stages": Maybe([{"id": ID, "label": TEXT}])}],
}  # fmt: skip
PROPERTIES_FOUND: Shape = {
    "results": [{"name": TEXT, "options": Maybe([{}]), "modificationMetadata": Maybe({})}],
}  # fmt: skip
CREATED: Shape = {"id": ID}
