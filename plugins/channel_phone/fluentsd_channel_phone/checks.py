"""The checks of `fluentsd check` for calls, and the erasure of a call at Twilio.

All checks are read-only. The model's service is asked for its list of models, which costs nothing.
"""

from __future__ import annotations

from typing import Any

import httpx
from fluentsd_channel_sms.error_codes import NoAnswer, NotReached, Refusal
from fluentsd_channel_sms.wording import in_words

from fluentsd.api import Finding, NeedsHuman, Tools, Unavailable
from fluentsd_channel_phone.settings import Endpoint, Settings

#: Seconds for the model's service.
ANSWER_WITHIN = 5.0
#: Twilio's codes: not found, not finished.
GONE, UNFINISHED = 20404, (20009, 21220)


async def findings(settings: Settings, tools: Tools, client: Any) -> list[Finding]:
    """All findings, in the order of dependency."""
    try:
        found = [await _account(settings, client), *await _numbers(settings, client)]
    except (NotReached, NoAnswer) as why:
        fix = "make sure that this machine reaches https://api.twilio.com (network, DNS, firewall, proxy)"
        return [Finding(False, f"phone: {why}", fix)]
    except Refusal as why:
        fix = "correct account_sid and auth_token, or api_key and api_secret"
        return [Finding(False, f"phone: Twilio refuses the request ({why})", fix)]
    except Exception as why:  # noqa: BLE001 - an answer the SDK cannot read
        fix = "check base_url, and that no proxy answers in Twilio's place"
        return [Finding(False, f"phone: the answer is not from Twilio: {in_words(why)}", fix)]
    if tools.links.inbound() is None:
        fix = "set http.public_url, and forward it to http.listen; it must allow WebSockets"
        found.append(Finding(False, "phone: no public URL: Twilio could not ask what to say, so nobody is called", fix))
    if not settings.secrets:
        found.append(Finding(False, "phone: webhooks cannot be verified, so all are refused", "set auth_token too"))
    if settings.model is None:
        fix = "add [channel.phone.model] with base_url, model and key"
        return [*found, Finding(False, "phone: no model speaks for the agents, so nobody is called", fix)]
    for name, endpoint in (("model", settings.model), ("fallback", settings.fallback)):
        if endpoint is not None:
            found.append(await _model(name, endpoint, tools))
    return found


async def _account(settings: Settings, client: Any) -> Finding:
    account = await client.api.v2010.accounts(settings.account_sid).fetch_async()
    if account.status != "active":
        return Finding(False, f"phone: the account is {account.status}", "open it in Twilio's console")
    if account.type == "Trial":
        return Finding(False, "phone: a trial account calls only verified numbers", "upgrade it in Twilio's console")
    return Finding(True, f"phone: logged in to the account {account.friendly_name!r}")


async def _numbers(settings: Settings, client: Any) -> list[Finding]:
    named = {"phone_number": settings.sender} if settings.sender else {}
    owned = await client.incoming_phone_numbers.list_async(limit=50, **named)
    able = [one.phone_number for one in owned if isinstance(one.capabilities, dict) and one.capabilities.get("voice")]
    if not able:
        what = settings.sender or "the account"
        fix = "buy a number with voice in Twilio's console, or correct sender"
        return [Finding(False, f"phone: {what} has no number that can call", fix)]
    return [Finding(True, f"phone: can call from {', '.join(able[:5])}{' …' if len(able) > 5 else ''}")]


async def _model(name: str, endpoint: Endpoint, tools: Tools) -> Finding:
    headers = {"authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
    try:
        found = await tools.http().get(f"{endpoint.base_url}/models", headers=headers, timeout=ANSWER_WITHIN)
    except httpx.HTTPError as why:
        return Finding(False, f"phone: the {name}'s service cannot be reached: {in_words(why)}",
                       f"check [channel.phone.{name}] base_url")  # fmt: skip
    if found.status_code in (401, 403):
        fix = f"correct [channel.phone.{name}] key"
        return Finding(False, f"phone: the {name}'s service refuses the key ({found.status_code})", fix)
    known = _names(found)
    if known and endpoint.model not in known:
        fix = f"use one of: {', '.join(sorted(known)[:8])}"
        return Finding(False, f"phone: the {name}'s service has no model {endpoint.model!r}", fix)
    return Finding(True, f"phone: {endpoint.model} speaks for the agents" if name == "model" else
                   f"phone: {endpoint.model} steps in when the model fails")  # fmt: skip


def _names(found: httpx.Response) -> set[str]:
    """The models that a service lists; empty when it lists none in a form that is known."""
    try:
        return {str(one["id"]) for one in found.json()["data"]}
    except (ValueError, KeyError, TypeError):
        return set()


async def delete(client: Any, ref: str) -> None:
    """Delete one call and its recordings; returns also when they are gone. Raises `Unavailable` or `NeedsHuman`."""
    try:
        for recording in await client.calls(ref).recordings.list_async():
            await client.recordings(recording.sid).delete_async()
        await client.calls(ref).delete_async()
    except Refusal as why:
        if why.code == GONE:
            return
        if why.code in UNFINISHED:
            raise Unavailable("Twilio: the call is not finished yet", 60.0, only_this=True) from why
        if why.status in (401, 403):
            raise NeedsHuman(f"Twilio refuses the request ({why}); check the credentials") from why
        raise Unavailable(f"Twilio cannot delete the call now ({why})", why.retry_after or 5.0) from why
    except (NotReached, NoAnswer) as why:
        raise Unavailable(f"{why}; the result of the deletion is unknown", 5.0) from why
