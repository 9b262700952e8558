"""Every path of HubSpot's API that the plugin uses, and the version of each, in one place.

HubSpot supports the numbered versions until 2027 and replaces them by dated ones; a move is a change of this module.
"""

from __future__ import annotations

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
