"""The checks of `fluentsd source check` for HubSpot: each read that the plugin needs, with the fix. Changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fluentsd.api import Finding, Invalid, NeedsHuman, NotFound, Unavailable
from fluentsd_crm_hubspot import paths
from fluentsd_crm_hubspot.client import HubspotClient
from fluentsd_crm_hubspot.contacts import Contacts
from fluentsd_crm_hubspot.settings import Settings

_ONE = {
    "filterGroups": [], "limit": 1, "after": "0", "properties": ["hs_object_id"],
    "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
}  # fmt: skip


async def findings(client: HubspotClient, contacts: Contacts, settings: Settings) -> list[Finding]:
    """All findings, in the order of dependency."""

    async def lists() -> None:
        await client.ask(paths.LIST_SEARCH, {"offset": 0, "count": 1, "additionalProperties": []})

    async def read() -> None:
        await client.ask(paths.SEARCH, _ONE, object="contacts")

    async def deals() -> None:
        await client.get(paths.PIPELINES)

    async def fields() -> None:
        await contacts.catalogue(0)

    needed: list[tuple[str, str, Callable[[], Awaitable[None]]]] = [
        ("lists", "crm.lists.read", lists),
        ("contacts", "crm.objects.contacts.read", read),
        ("contact properties", "crm.schemas.contacts.read", fields),
    ]
    found = [await _try(*one) for one in needed]
    if not found[0].ok and all(one.what == found[0].what for one in found):
        return found[:1]
    stages = await _try("deals and pipelines", "crm.objects.deals.read", deals)
    if stages.ok:
        found.append(stages)
    else:
        advice = "for segments by pipeline stage give the key the scope crm.objects.deals.read"
        found.append(Finding(True, "hubspot: deals cannot be read, so no pipeline stage is a segment", advice))
    if found[2].ok:
        found += await _fields(contacts, settings)
    what = "hubspot: write permissions show at the first write; the README lists the scopes"
    return [*found, Finding(True, what)]


async def _try(what: str, scope: str, ask: Callable[[], Awaitable[None]]) -> Finding:
    try:
        await ask()
    except Unavailable as why:
        return Finding(False, f"hubspot: {why}", "check that this machine reaches api.hubapi.com, or try again later")
    except NotFound:
        return Finding(False, f"hubspot: {what}: HubSpot answers 404", "leave base_url out, or correct it")
    except Invalid as why:
        return Finding(False, f"hubspot: {what}: {why}", "update the plugin: HubSpot refuses its request")
    except NeedsHuman as why:
        if "refuses the key" in str(why):
            return Finding(False, "hubspot: HubSpot refuses the key", "create a service key and set token (README)")
        return Finding(False, f"hubspot: {what} cannot be read: {why}", f"give the key the scope {scope}")
    return Finding(True, f"hubspot: {what} can be read")


async def _fields(contacts: Contacts, settings: Settings) -> list[Finding]:
    catalogue, found = await contacts.catalogue(), list[Finding]()
    for name in catalogue.missing:
        ruled = [rule.channel for rule in settings.opt_outs if rule.field == name]
        stops = f"; nobody is contacted ({', '.join(ruled)}) until it can be read" if ruled else ""
        fix = "correct its internal name, or let the key see it (scopes for sensitive data, field permissions)"
        found.append(Finding(False, f"hubspot: there is no readable property {name!r}{stops}", fix))
    mapped = {rule.channel for rule in settings.opt_outs}
    for channel, word in (("phone", "call"), ("sms", "text")):
        if not mapped & {channel, "all"}:
            fix = f'set opt_out.{channel} to a property ("do_not_{word}"); HubSpot has none of its own'
            found.append(Finding(True, f"hubspot: no property says whom not to {word}", fix))
    return found
