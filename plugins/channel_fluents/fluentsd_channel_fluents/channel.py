"""The channel: calls by hosted agents, their ends by webhook and by polling.

A webhook of Fluents carries no signature, so it is a hint: whatever it says, the call is fetched before anything is
reported, and a call that this account does not have changes nothing. A webhook that never comes is found by polling.
Our token travels in the call's context, so that a call whose creation was not answered can be found in the list.
"""

from __future__ import annotations

import hmac
import json
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import trio

from fluentsd.api import (
    Attempt,
    Cancelled,
    CannotTell,
    Finding,
    Forged,
    Found,
    Inbound,
    Kind,
    Lookup,
    Made,
    Message,
    NeedsHuman,
    PluginError,
    Price,
    Receipt,
    Rejected,
    Request,
    Tools,
    Unavailable,
    WebhookResult,
    in_words,
    trouble,
)
from fluentsd_channel_fluents.call_list import MARK, made, token_of
from fluentsd_channel_fluents.outcomes import Ended, ended
from fluentsd_channel_fluents.service import NoAnswer, Service
from fluentsd_channel_fluents.settings import UUID, Settings

SECOND = 1_000_000
#: The newest calls that a look-up reads; minutes of a usual call.
LOOK_AT, USUAL_MINUTES = 200, 2
#: Seconds until a recording is asked for again.
RECORDING_AGAIN = 30.0
#: Looks at a call after its end that may still find more, or at one that the account does not have any more; calls
#: whose last report is remembered.
LOOKS_AFTER_END, REMEMBERED = 6, 2000
#: Hints that wait; more are dropped, because polling finds the calls too. Calls that are looked at together, so that an
#: answer that does not come delays no other call.
HINTS_AT_MOST, TOGETHER = 10_000, 8
#: A contact window that closes within this time counts as closed, microseconds.
LEFT_AT_LEAST = 30 * SECOND


class FluentsChannel:
    """Calls through one account."""

    kind: Kind = "phone"
    lookup_is_final = False  #: nothing is promised of the list
    lookup_after = 60 * SECOND
    calls_begin = True

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self.settings, self._tools = settings, tools
        self.capacity = settings.concurrency
        self._service = Service(settings, tools)
        self._under_way: dict[str, str] = {}  #: calls that are looked at → their attempts
        self._ended: dict[str, int] = {}  #: those of them that have ended → how often they were looked at since
        self._told: OrderedDict[str, Inbound] = OrderedDict()  #: what was reported last of a call
        self._put, self._hints = trio.open_memory_channel[str](HINTS_AT_MOST)
        self._hinted: set[str] = set()  #: calls of the hints that wait

    async def send(self, message: Message, attempt: Attempt) -> Receipt:
        """Create one call; its outcome comes later."""
        body = self._body(message, attempt)
        attempt.begin()
        ref = await self._service.create(body)
        self._under_way[ref] = attempt.token
        return Receipt(ref, currency=self.settings.currency)

    def _body(self, message: Message, attempt: Attempt) -> dict[str, Any]:
        agent = self.settings.agents.get(message.agent, message.agent)
        if not UUID.fullmatch(agent):
            known = ", ".join(sorted(self.settings.agents)) or "none"
            raise NeedsHuman(f"no agent at Fluents is called {message.agent!r}; in [channel.phone.agents]: {known}")
        if not (sender := message.sender or self.settings.sender):
            raise NeedsHuman("no caller ID: set sender, or give the campaign a number")
        now, until_at = self._tools.clock.now(), message.valid_until_at
        if until_at is not None and until_at - now < LEFT_AT_LEAST:
            why = "the contact window closes before the call could be answered"
            raise Unavailable(why, max((until_at - now) / SECOND, 0.0) + 1.0, only_this=True)
        context = {str(name): str(value) for name, value in message.variables.items()}
        return {
            "from_number": sender, "to_number": message.to, "agent": agent, "run_do_not_call_detection": True,
            "on_no_human_answer": self.settings.no_human, "context": context | {MARK: attempt.token},
        }  # fmt: skip

    async def lookup(self, attempt: Attempt) -> Lookup:
        """Ask for the call by its id, else look for our token in the newest calls."""
        try:
            if attempt.provider_ref:
                call = await self._service.call(attempt.provider_ref)
                if call is None:
                    return CannotTell("Fluents does not have this call")
                return self._found(attempt, attempt.provider_ref, call)
            for one in await self._service.newest(LOOK_AT, lambda call: token_of(call) == attempt.token):
                if token_of(one) == attempt.token and isinstance(one.get("id"), str):
                    return self._found(attempt, one["id"], one)
        except (PluginError, NoAnswer) as why:
            return CannotTell(f"Fluents cannot be asked now: {in_words(why)}", asked=False)
        return CannotTell("no call of the list carries our token")

    def _found(self, attempt: Attempt, ref: str, call: Mapping[str, Any]) -> Found:
        """A call of this attempt. One that goes on is looked at like those of this process: it may have outlived the
        daemon that made it, and its webhook may never come."""
        receipt = self._receipt(ref, call)
        if receipt.outcome is None:
            self._under_way[ref] = attempt.token
        return Found(receipt, by_token=token_of(call) == attempt.token)

    def _receipt(self, ref: str, call: Mapping[str, Any]) -> Receipt:
        found = ended(call)
        if found is None:
            return Receipt(ref, currency=self.settings.currency)
        cost = self._cost(found.duration_s)
        return Receipt(ref, found.outcome, cost, self.settings.currency, found.duration_s, found.fault)

    def _cost(self, seconds: int | None) -> int:
        return math.ceil((seconds or 0) / 60) * self.settings.minute_price

    async def made_since(self, at: int, most: int) -> Sequence[Made]:
        """The newest calls of the account that may be ours, from our caller ID or any number of the account."""
        return made(self.settings.sender, await self._service.newest(most), at)

    async def cancel(self, attempt: Attempt) -> bool | Cancelled:
        """End a call that nobody has picked up yet."""
        if not attempt.provider_ref:
            return False
        try:
            call = await self._service.call(attempt.provider_ref)
            if call is None or ended(call) is not None or call.get("stage") not in (None, "created"):
                return False
            done = await self._service.end(attempt.provider_ref)
        except (PluginError, NoAnswer):
            return False
        return Cancelled.may_have_rung if done else False

    def price(self, message: Message) -> Price | None:
        """The price of a call of usual length; None without `minute_price`."""
        each = self.settings.minute_price
        return Price(USUAL_MINUTES * each, self.settings.currency) if each else None

    # Reports

    def webhook(self, request: Request) -> WebhookResult:
        """A hint about one call; the secret in the URL keeps strangers from asking for fetches. Raises `Forged`."""
        given = parse_qs(urlsplit(request.url).query).get("secret", [""])[0]
        secret = self.settings.webhook_secret
        if not secret or not hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode()):
            raise Forged("the webhook's secret is wrong")
        try:
            body = json.loads(request.body)
        except (ValueError, RecursionError):
            raise ValueError("a webhook that is not JSON") from None
        ref = _call_of(body)
        if not isinstance(ref, str) or not UUID.fullmatch(ref):
            raise ValueError("a webhook without the id of a call in call_id")
        self._hint(ref)
        return WebhookResult()

    def _hint(self, ref: str) -> None:
        """Have a call looked at soon."""
        if ref not in self._hinted:
            with suppress(trio.WouldBlock):  # polling finds it
                self._put.send_nowait(ref)
                self._hinted.add(ref)

    async def listen(self, deliver: Callable[[Inbound], Awaitable[None]]) -> None:
        """Fetch the calls that webhooks hint at, and from time to time all that are under way; deliver their ends."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._poll)
            for _ in range(TOGETHER):
                nursery.start_soon(self._follow_hints, deliver)

    async def _poll(self) -> None:
        clock = self._tools.clock
        while True:
            await clock.sleep_until(clock.now() + round(self.settings.poll * SECOND))
            for ref in list(self._under_way):
                self._hint(ref)

    async def _follow_hints(self, deliver: Callable[[Inbound], Awaitable[None]]) -> None:
        async for ref in self._hints:
            self._hinted.discard(ref)
            await self._look(ref, deliver)

    async def _look(self, ref: str, deliver: Callable[[Inbound], Awaitable[None]]) -> None:
        """Fetch one call, and report its end if it has ended."""
        try:
            call = await self._service.call(ref)
        except (PluginError, NoAnswer):
            return  # the next look asks again
        if call is None:  # deleted there: the reconciler decides
            self._settle(ref, is_whole=False)
            return
        if str(call.get("id")).lower() != ref.lower() or (found := ended(call)) is None:
            return
        inbound = self._inbound(ref, call, found)
        if self._told.get(ref) != inbound:
            await deliver(inbound)
            self._told[ref] = inbound
            while len(self._told) > REMEMBERED:
                self._told.popitem(last=False)
        self._settle(ref, is_whole=found.is_whole)

    def _settle(self, ref: str, *, is_whole: bool) -> None:
        """Look at a call that is over no more, once nothing about it can still come: what the person wanted, and what
        was said, are known some time after the end."""
        if ref not in self._under_way:
            return
        self._ended[ref] = looks = self._ended.get(ref, 0) + 1
        if is_whole or looks > LOOKS_AFTER_END:
            self._under_way.pop(ref, None)
            self._ended.pop(ref, None)

    def _inbound(self, ref: str, call: Mapping[str, Any], found: Ended) -> Inbound:
        token = token_of(call) or self._under_way.get(ref)
        recording = f"{self.settings.base_url}/v1/calls/recording?id={ref}" if found.has_recording else ""
        return Inbound(
            found.outcome, token, ref, reason=found.reason, fault=found.fault,
            transcript=found.transcript, duration_s=found.duration_s, cost_micros=self._cost(found.duration_s),
            disposition=found.disposition, recording=recording,
        )  # fmt: skip

    async def fetch_recording(self, url: str, write: Callable[[bytes], Awaitable[None]]) -> str:
        """Read a recording of the account; only its own address is asked."""
        prefix = f"{self.settings.base_url}/v1/calls/recording?id="
        if not url.startswith(prefix) or not UUID.fullmatch(url.removeprefix(prefix)):
            raise Rejected("the address is not of a recording of this account")
        try:
            return await self._read_recording(url, write)
        except httpx.HTTPError as why:
            what = f"the recording cannot be read now ({trouble(why)})"
            raise Unavailable(what, RECORDING_AGAIN, only_this=True) from why

    async def _read_recording(self, url: str, write: Callable[[bytes], Awaitable[None]]) -> str:
        headers = {"authorization": f"Bearer {self.settings.key}"}
        async with self._tools.http().stream("GET", url, headers=headers, follow_redirects=True) as answer:
            status = answer.status_code
            if status in (401, 403):
                raise NeedsHuman(f"Fluents refuses the recording ({status}); correct the key")
            if status == 410:
                raise Rejected("the recording was deleted at Fluents")
            if status != 200:
                raise Unavailable(f"the recording cannot be read yet ({status})", RECORDING_AGAIN, only_this=True)
            async for piece in answer.aiter_bytes():
                await write(piece)
            return str(answer.headers.get("content-type", ""))

    async def check(self) -> Sequence[Finding]:
        """Ask for the list of calls; calls nobody."""
        try:
            await self._service.newest(1)
        except NeedsHuman as why:
            return [Finding(False, f"phone: {why}", "correct [channel.phone] key")]
        except (PluginError, NoAnswer) as why:
            return [Finding(False, f"phone: {why}", "check base_url and the network")]
        found = [Finding(True, f"phone: Fluents answers; agents: {', '.join(sorted(self.settings.agents)) or 'by id'}")]
        if not self.settings.webhook_secret:
            fix = "set webhook_secret, and add …/hooks/phone?secret=… as a webhook to each agent"
            found.append(
                Finding(True, f"phone: no webhooks; calls are looked at every {self.settings.poll:.0f} s", fix)
            )
        return found


def _call_of(body: Any) -> Any:
    """The id of the call that a webhook is about: in `call_id`, or in its payload."""
    if not isinstance(body, Mapping):
        return None
    payload = body.get("payload")
    return body.get("call_id") or (payload.get("call_id") if isinstance(payload, Mapping) else None)
