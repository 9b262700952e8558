"""The checks of `fluentsd check` for Twilio: account, senders, webhooks, registration, each with a fix.

All checks are read-only. When Twilio cannot be reached there is one finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fluentsd.api import Finding, Links
from fluentsd_channel_sms.error_codes import NoAnswer, NotReached, Refusal
from fluentsd_channel_sms.settings import Settings
from fluentsd_channel_sms.wording import in_words

#: Toll-free area codes of North America.
TOLL_FREE = ("+1800", "+1833", "+1844", "+1855", "+1866", "+1877", "+1888")
#: The most numbers of the account that are checked.
NUMBERS = 50
_LOGIN = (401, 403, 404)


async def findings(settings: Settings, links: Links, client: Any) -> list[Finding]:
    """All findings, in the order of dependency."""
    try:
        found = [await _account(settings, client)]
        if settings.service:
            found += await _service(settings, links, client)
        elif settings.sender:
            found += await _sender(settings, links, client)
        else:
            found += await _numbers(links, client)
    except (NotReached, NoAnswer) as why:
        fix = "make sure that this machine reaches https://api.twilio.com (network, DNS, firewall, proxy)"
        return [Finding(False, f"sms: {why}", fix)]
    except Refusal as why:
        if why.status in _LOGIN:
            fix = "correct account_sid and auth_token, or api_key and api_secret"
            return [Finding(False, f"sms: Twilio refuses the login ({why})", fix)]
        return [Finding(False, f"sms: Twilio cannot answer now ({why})", "run the check again in a minute")]
    except Exception as why:  # noqa: BLE001 - an answer the SDK cannot read
        fix = "check base_url, and that no proxy answers in Twilio's place"
        return [Finding(False, f"sms: the answer is not from Twilio: {in_words(why)}", fix)]
    return [*found, *_webhooks(settings, links)]


async def _account(settings: Settings, client: Any) -> Finding:
    account = await client.api.v2010.accounts(settings.account_sid).fetch_async()
    if account.status != "active":
        return Finding(False, f"sms: the account is {account.status}", "open it in Twilio's console")
    if account.type == "Trial":
        fix = "upgrade the account in Twilio's console"
        return Finding(False, "sms: a trial account sends only to verified numbers, with a line of Twilio's text", fix)
    return Finding(True, f"sms: logged in to the account {account.friendly_name!r}")


async def _sender(settings: Settings, links: Links, client: Any) -> list[Finding]:
    sender = settings.sender
    if not sender.startswith("+"):
        return [Finding(True, f"sms: sends as {sender}; it is not checked with Twilio")]
    owned = await client.incoming_phone_numbers.list_async(phone_number=sender, limit=1)
    if not owned:
        fix = "buy it in Twilio's console, or correct sender"
        return [Finding(False, f"sms: {sender} is not a number of this account", fix)]
    return [*_number(owned[0], links), *await _registration(owned[0], client)]


def _number(number: Any, links: Links) -> Iterator[Finding]:
    """One number: whether it can send, and the webhook of its inbound messages."""
    name = number.phone_number
    if not _can_sms(number):
        yield Finding(False, f"sms: {name} cannot send SMS", "choose a number whose capabilities have SMS")
        return
    yield Finding(True, f"sms: {name} can send SMS")
    wanted = links.inbound()
    if wanted and not _leads_to(number.sms_url, wanted):
        what = f"sms: inbound messages to {name} go to {number.sms_url or 'no webhook'}: replies and STOP do not arrive"
        yield Finding(False, what, f'set its "A message comes in" webhook to {wanted} (HTTP POST)')


async def _registration(number: Any, client: Any) -> list[Finding]:
    """The registration of a single number: toll-free verification; 10DLC only through its messaging service."""
    if not number.phone_number.startswith(TOLL_FREE):
        if not number.phone_number.startswith("+1"):
            return []
        what = f"sms: the 10DLC registration of {number.phone_number} is visible only in its messaging service"
        return [Finding(True, what)]
    found = await client.messaging.v1.tollfree_verifications.list_async(tollfree_phone_number_sid=number.sid, limit=1)
    status = found[0].status if found else "not requested"
    if status == "TWILIO_APPROVED":
        return [Finding(True, f"sms: {number.phone_number} is verified")]
    fix = "verify it in Twilio's console under Trust Hub; carriers block unverified toll-free numbers"
    return [Finding(False, f"sms: the toll-free verification of {number.phone_number} is {status}", fix)]


async def _service(settings: Settings, links: Links, client: Any) -> list[Finding]:
    try:
        service = await client.messaging.v1.services(settings.service).fetch_async()
    except Refusal as why:
        if why.status != 404:
            raise
        what = f"sms: there is no messaging service {settings.service} in this account"
        return [Finding(False, what, "correct messaging_service")]
    name = service.friendly_name
    pool = await client.messaging.v1.services(settings.service).phone_numbers.list_async(limit=NUMBERS)
    found = [Finding(True, f"sms: the service {name!r} has {len(pool)} numbers")]
    if not pool:
        fix = "add a number to its sender pool in Twilio's console"
        found = [Finding(False, f"sms: the service {name!r} has no numbers", fix)]
    if not service.us_app_to_person_registered and any(one.phone_number.startswith("+1") for one in pool):
        fix = "register brand and campaign for it in Twilio's console (10 to 15 working days)"
        found.append(Finding(False, f"sms: the service {name!r} is not registered for 10DLC", fix))
    wanted = links.inbound()
    elsewhere = not service.use_inbound_webhook_on_number and not _leads_to(service.inbound_request_url, wanted)
    if wanted and elsewhere:
        where = service.inbound_request_url or "no webhook"
        what = f"sms: inbound messages to the service {name!r} go to {where}: replies and STOP do not arrive"
        fix = f'under Integration choose "Send a webhook" and set the request URL to {wanted}'
        found.append(Finding(False, what, fix))
    return found


async def _numbers(links: Links, client: Any) -> list[Finding]:
    """The campaign chooses the sender: check every number of the account that can send."""
    owned = await client.incoming_phone_numbers.list_async(limit=NUMBERS)
    able = [number for number in owned if _can_sms(number)]
    if not able:
        fix = "buy one in Twilio's console, or set messaging_service"
        return [Finding(False, "sms: the account has no number that can send SMS", fix)]
    return [finding for number in able for finding in _number(number, links)]


def _webhooks(settings: Settings, links: Links) -> Iterator[Finding]:
    if links.inbound() is None:
        fix = "set http.public_url, and forward it to http.listen"
        yield Finding(False, "sms: no public URL: delivery reports, replies and STOP do not arrive", fix)
    if not settings.secrets:
        fix = "set auth_token too; an API key does not sign webhooks"
        yield Finding(False, "sms: webhooks cannot be verified, so all are refused", fix)


def _leads_to(url: str | None, wanted: str | None) -> bool:
    """Whether a webhook is the wanted one; the part after # sets Twilio's retries."""
    return (url or "").partition("#")[0] == wanted


def _can_sms(number: Any) -> bool:
    abilities = number.capabilities
    return isinstance(abilities, dict) and bool(abilities.get("sms"))
