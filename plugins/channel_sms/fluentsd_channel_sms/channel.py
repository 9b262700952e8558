"""The SMS channel: one Twilio account, its senders, and inbound events.

A send ends in a receipt when Twilio created the message, in an error of `fluentsd.api` when Twilio refused it or was
never reached, and in another error when the result is unknown; then the attempt stays open, and `lookup` asks.
"""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fluentsd.api import (
    Attempt,
    CannotTell,
    Finding,
    Found,
    Inbound,
    Kind,
    Lookup,
    Made,
    Message,
    NeedsHuman,
    Owned,
    Price,
    Receipt,
    Rejected,
    Request,
    Tools,
    Unavailable,
    WebhookResult,
)
from fluentsd_channel_sms import checks, erasure, inventory, signatures, webhooks
from fluentsd_channel_sms.error_codes import NoAnswer, NotReached, Refusal, asks_to_slow_down, refuse
from fluentsd_channel_sms.lazy_client import LazyClient
from fluentsd_channel_sms.lookup import LOOK_AT, Owners, judge, made, receipt_of
from fluentsd_channel_sms.pacing import OneAtATime, Pace
from fluentsd_channel_sms.segments import count
from fluentsd_channel_sms.settings import SECOND, VALIDITY_MOST, Settings
from fluentsd_channel_sms.wording import in_words

#: Twilio's limit, characters.
BODY_AT_MOST = 1600
#: The longest wait of a send for its sender's turn, microseconds: well below the default channel timeout of 30 s.
WAIT_AT_MOST = 8 * SECOND
#: A contact window that closes within this time counts as closed, microseconds.
LEFT_AT_LEAST = 5 * SECOND
#: Back-off without Retry-After: seconds, doubled each time.
BACK_OFF, BACK_OFF_MOST = 0.5, 30.0
#: The longest time until look-ups have found an attempt or given up, microseconds.
DOUBT_LASTS = 600 * SECOND


class SmsChannel:
    """Sends through one account, from one number, one messaging service, or the campaign's caller IDs."""

    kind: Kind = "sms"
    lookup_is_final = False  #: Twilio does not promise when a message is in its list
    lookup_after = 60 * SECOND
    calls_begin = True

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self.settings = settings
        self._tools = tools
        self._pace = Pace(tools.clock, settings.interval, WAIT_AT_MOST)
        self.sender_interval = settings.interval
        one_sender = bool(settings.sender or settings.service)
        #: With one sender, no more sends at once than can have their turn in time.
        self.capacity = max(1, WAIT_AT_MOST // settings.interval) if one_sender else None
        self._one = OneAtATime(tools.clock, DOUBT_LASTS)
        self._owners = Owners()
        self._refused = 0  #: consecutive requests of Twilio to slow down
        self._slow_until = 0
        self._client = LazyClient(settings, tools)

    async def client(self) -> Any:
        """The SDK's client."""
        return await self._client.get()

    async def send(self, message: Message, attempt: Attempt) -> Receipt:
        """Create one message; Twilio's acceptance is the end of the step (`Outcome.sent`)."""
        order = self._order(message, attempt)
        client = await self.client()
        with self._one.only(attempt.token, message.to, message.text):
            await self._pace.wait_turn(message.sender or self.settings.sender or self.settings.service)
            order["validity_period"] = self._validity(message)
            created = await self._create(client, order, attempt)
        receipt = receipt_of(self.settings, created, count(message.text).segments)
        self._owners.learn(receipt.ref, attempt.token)
        self._refused = 0
        return receipt

    def _order(self, message: Message, attempt: Attempt) -> dict[str, Any]:
        """The parameters for Twilio, without the validity, which is computed at the last moment."""
        if not message.text.strip():
            raise Rejected("the text is empty")
        if len(message.text) > BODY_AT_MOST:
            raise Rejected(f"the text has {len(message.text)} characters; Twilio takes {BODY_AT_MOST}")
        order: dict[str, Any] = {"to": message.to, "body": message.text}
        if sender := message.sender or self.settings.sender:
            order["from_"] = sender
        elif self.settings.service:
            order["messaging_service_sid"] = self.settings.service
        else:
            raise NeedsHuman("no sender: set sender or messaging_service, or give the campaign a number")
        if callback := self._tools.links.callback(attempt.token):
            order["status_callback"] = callback
        if self.settings.risk_check:
            order["risk_check"] = self.settings.risk_check
        return order

    def price(self, message: Message) -> Price | None:
        """The price of its segments; None without `segment_price`."""
        each = self.settings.segment_price
        return Price(count(message.text).segments * each, self.settings.currency) if each else None

    def findings(self, message: Message) -> Sequence[Finding]:
        """The number of segments, and how to reduce it."""
        if len(message.text) > BODY_AT_MOST:
            why = f"the text has {len(message.text)} characters; Twilio takes {BODY_AT_MOST}"
            return [Finding(False, why, "shorten it")]
        counted = count(message.text)
        many = f"{counted.segments} segment{'' if counted.segments == 1 else 's'} of {counted.encoding}"
        cost = f", {counted.segments * self.settings.segment_price / 1_000_000:.4f} {self.settings.currency}"
        return [Finding(True, f"{many}{cost if self.settings.segment_price else ''}", counted.advice)]

    def _validity(self, message: Message) -> int:
        """Seconds for Twilio and the carriers to deliver: at most to the end of the person's contact window."""
        most = min(self.settings.validity, VALIDITY_MOST)
        if message.valid_until_at is None:
            return most
        left = message.valid_until_at - self._tools.clock.now()
        if left < LEFT_AT_LEAST:
            why = "the contact window closes before the message could arrive"
            raise Unavailable(why, max(left / SECOND, 0.0) + 1.0, only_this=True)
        return min(left // SECOND, most)

    async def _create(self, client: Any, order: dict[str, Any], attempt: Attempt) -> Any:
        attempt.begin()
        try:
            created = await client.messages.create_async(**order)
        except NotReached as why:
            raise Unavailable(str(why), self._slower(attempt, None)) from why
        except Refusal as why:
            refuse(why, self._slower(attempt, why.retry_after) if asks_to_slow_down(why) else 0.0)
        except NoAnswer:
            raise
        except Exception as why:  # a success the SDK cannot read
            raise NoAnswer("Twilio's answer cannot be read") from why
        if not isinstance(created.sid, str) or not created.sid:
            raise NoAnswer("Twilio's answer has no message in it")
        return created

    def _slower(self, attempt: Attempt, asked: float | None) -> float:
        """Seconds to back off: Twilio's Retry-After if there is any, else twice as long as before, spread by a tenth.

        Concurrent refused sends count once.
        """
        now = self._tools.clock.now()
        if now >= self._slow_until:
            self._refused += 1
        spread = 0.9 + zlib.crc32(attempt.token.encode()) % 201 / 1000
        after = asked or min(BACK_OFF * 2.0 ** min(self._refused - 1, 10), BACK_OFF_MOST) * spread
        self._slow_until = max(self._slow_until, now + round(after * SECOND))
        return after

    async def lookup(self, attempt: Attempt) -> Lookup:
        """Ask for the message by its SID if it is known, else search the messages to the person."""
        client = await self.client()
        try:
            if attempt.provider_ref:
                message = await client.messages(attempt.provider_ref).fetch_async()
                answer: Lookup = Found(receipt_of(self.settings, message))
            else:
                newest = await client.messages.list_async(to=attempt.to, limit=LOOK_AT)
                answer = judge(self.settings, attempt, newest, self._owners)
        except Exception as why:  # noqa: BLE001 - no answer, a refusal, or an unreadable answer: none proves anything
            return CannotTell(f"Twilio cannot be asked now: {in_words(why)}", asked=False)
        if isinstance(answer, Found):
            self._one.settle(attempt.token)
        return answer

    async def made_since(self, at: int, most: int) -> Sequence[Made]:
        """The newest messages that were made through the API, from our sender or any number of the account."""
        newest = await (await self.client()).messages.list_async(limit=most)
        return made(self.settings, newest, at)

    async def cancel(self, attempt: Attempt) -> bool:
        """Impossible: Twilio can cancel only scheduled messages, and ours are not scheduled."""
        return False

    async def listen(self, deliver: Callable[[Inbound], Awaitable[None]]) -> None:
        """All events arrive by webhook."""

    def webhook(self, request: Request) -> WebhookResult:
        """Verify that a request is Twilio's, then read it; raises `Forged`, or ValueError when it is invalid."""
        fields = signatures.prove(request, self.settings.secrets)
        if fields.get("AccountSid", self.settings.account_sid) != self.settings.account_sid:
            raise ValueError("the request is about another account")
        return WebhookResult(webhooks.read(request.url, fields))

    async def said_at(self, message_ref: str) -> int | None:
        """When Twilio received a message; its webhooks do not say (to the second)."""
        message = await (await self.client()).messages(message_ref).fetch_async()
        created: dt.datetime | None = message.date_created
        return round(created.timestamp() * SECOND) if created is not None else None

    async def check(self) -> Sequence[Finding]:
        """Ask Twilio about the account, its senders, their webhooks and registration; sends nothing."""
        return await checks.findings(self.settings, self._tools.links, await self.client())

    async def numbers(self) -> Sequence[Owned]:
        """Every number of the account, with its channels and messaging services."""
        return await inventory.owned(await self.client())

    async def forget(self, attempt: Attempt) -> None:
        """Delete the message at Twilio, if its SID is known."""
        if attempt.provider_ref:
            await erasure.delete(await self.client(), attempt.provider_ref)
