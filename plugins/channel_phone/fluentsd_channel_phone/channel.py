"""The phone channel: one Twilio account, its calls, and the conversations of its agents.

A send ends in a receipt when Twilio created the call, in an error of `fluentsd.api` when Twilio refused it or was never
reached, and in another error when the result is unknown; then the attempt stays open, and `lookup` asks. The outcome of
a call that was picked up comes from its conversation, of another from Twilio's status.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from fluentsd_channel_sms import inventory, signatures
from fluentsd_channel_sms.error_codes import NoAnswer, NotReached, Refusal, asks_to_slow_down, refuse
from fluentsd_channel_sms.lazy_client import LazyClient
from fluentsd_channel_sms.pacing import Pace
from fluentsd_channel_sms.wording import in_words

from fluentsd.api import (
    AgentSettings,
    AnalysisRequest,
    Attempt,
    Call,
    CallSocket,
    Cancelled,
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
    Pickup,
    PickupVerdict,
    Price,
    Receipt,
    Rejected,
    Reply,
    Request,
    Tools,
    Typist,
    Unavailable,
    WebhookResult,
    asks_to_stop,
)
from fluentsd_channel_phone import analysis, checks, recordings, webhooks
from fluentsd_channel_phone.completions import Completions, Model
from fluentsd_channel_phone.error_codes import verdict_of
from fluentsd_channel_phone.lookup import LOOK_AT, judge, made, receipt_of
from fluentsd_channel_phone.reception import Reception
from fluentsd_channel_phone.settings import SECOND, Settings
from fluentsd_channel_phone.webhooks import Purpose

#: The longest wait of a send for its turn, microseconds: well below the default channel timeout of 30 s.
WAIT_AT_MOST = 8 * SECOND
#: A contact window that closes within this time counts as closed, microseconds.
LEFT_AT_LEAST = 30 * SECOND
#: Seconds without Retry-After.
BACK_OFF = 5.0
#: Minutes that a call is expected to take, for its price.
USUAL_MINUTES = 2
#: Twilio ends a call that is so many seconds longer than the agent may talk.
LENGTH_MARGIN = 60


class PhoneChannel:
    """Calls through one account, from one number or the campaign's caller IDs."""

    kind: Kind = "phone"
    lookup_is_final = False  #: Twilio does not promise when a call is in its list
    lookup_after = 60 * SECOND
    calls_begin = True
    sender_interval = 0  #: Twilio limits the account, not the number

    def __init__(self, settings: Settings, tools: Tools, model: Model | None = None) -> None:
        self.settings, self._tools = settings, tools
        self.capacity = settings.concurrency
        self._model = model
        if model is None and settings.model is not None:
            self._model = Completions(tools.http, settings.model, settings.fallback)
        self._pace = Pace(tools.clock, settings.interval, WAIT_AT_MOST)
        self._client = LazyClient(settings, tools, lambda: asks_to_stop(""))  # the words of opt-outs are compiled
        self._reception = Reception(settings, tools, self._model)

    async def client(self) -> Any:
        """The SDK's client."""
        return await self._client.get()

    # Calls

    async def send(self, message: Message, attempt: Attempt) -> Receipt:
        """Create one call; it rings for the settings' time, and its outcome comes later."""
        order = self._order(message, attempt)
        client = await self.client()
        await self._pace.wait_turn("account")
        self._check_window(message)
        attempt.begin()
        try:
            created = await client.calls.create_async(**order)
        except NotReached as why:
            raise Unavailable(str(why), BACK_OFF) from why
        except Refusal as why:
            later = asks_to_slow_down(why, verdict_of)
            refuse(why, (why.retry_after or BACK_OFF) if later else 0.0, verdict_of)
        except NoAnswer:
            raise
        except Exception as why:  # a success the SDK cannot read
            raise NoAnswer("Twilio's answer cannot be read") from why
        if not isinstance(created.sid, str) or not created.sid:
            raise NoAnswer("Twilio's answer has no call in it")
        return Receipt(created.sid, currency=self.settings.currency)

    def _order(self, message: Message, attempt: Attempt) -> dict[str, Any]:
        """The parameters for Twilio; raises `NeedsHuman` for what every call would lack."""
        agent, callback = message.settings, self._tools.links.callback(attempt.token)
        if agent is None:
            raise NeedsHuman(f"there is no agent {message.agent!r}; add it: fluentsd agents apply FILE")
        if self._model is None:
            raise NeedsHuman("no model speaks for the agents; add [channel.phone.model] to fluentsd.toml")
        if callback is None:
            raise NeedsHuman("no public URL: Twilio could not ask what to say; set http.public_url")
        if not (sender := message.sender or self.settings.sender):
            raise NeedsHuman("no caller ID: set sender, or give the campaign a number")
        if (left := self._reception.model_rests_until - self._tools.clock.now()) > 0:
            raise Unavailable("the model failed in the last calls; nobody is called meanwhile", left / SECOND)
        order: dict[str, Any] = {
            "to": message.to,
            "from_": sender,
            "url": webhooks.url_for(callback, Purpose.pickup),
            "method": "POST",
            "status_callback": webhooks.url_for(callback, Purpose.status),
            "status_callback_event": ["initiated", "ringing", "answered", "completed"],
            "status_callback_method": "POST",
            "timeout": self.settings.ring,
            "time_limit": agent.length_s + LENGTH_MARGIN,
        }
        if self.settings.detects_machines:
            order |= {
                "machine_detection": "DetectMessageEnd",
                "async_amd": "true",
                "async_amd_status_callback": webhooks.url_for(callback, Purpose.machine),
                "async_amd_status_callback_method": "POST",
            }
        return order

    def _check_window(self, message: Message) -> None:
        """Do not dial when the phone could not ring before the contact window closes."""
        if message.valid_until_at is None:
            return
        left = message.valid_until_at - self._tools.clock.now()
        if left < LEFT_AT_LEAST:
            why = "the contact window closes before the call could be answered"
            raise Unavailable(why, max(left / SECOND, 0.0) + 1.0, only_this=True)

    async def lookup(self, attempt: Attempt) -> Lookup:
        """Ask for the call by its SID if it is known, else search the calls to the person."""
        client = await self.client()
        try:
            if attempt.provider_ref:
                return Found(receipt_of(self.settings, await client.calls(attempt.provider_ref).fetch_async()))
            newest = await client.calls.list_async(to=attempt.to, limit=LOOK_AT)
            return judge(self.settings, attempt, newest)
        except Exception as why:  # noqa: BLE001 - no answer, a refusal, or an unreadable answer: none proves anything
            return CannotTell(f"Twilio cannot be asked now: {in_words(why)}", asked=False)

    async def made_since(self, at: int, most: int) -> Sequence[Made]:
        """The newest calls that were made through the API, from our caller ID or any number of the account."""
        newest = await (await self.client()).calls.list_async(limit=most)
        return made(self.settings, newest, at)

    async def cancel(self, attempt: Attempt) -> bool | Cancelled:
        """Cancel a queued or ringing call. One that was never dialled has no start time."""
        client = await self.client()
        ref = attempt.provider_ref
        if ref is None:
            found = await self.lookup(attempt)
            ref = found.receipt.ref if isinstance(found, Found) else None
        if ref is None:
            return False
        try:
            call = await client.calls(ref).update_async(status="canceled")
        except Refusal:
            return False  # it has ended, or was picked up
        if call.status != "canceled":
            return False
        return Cancelled.before_ringing if call.start_time is None else Cancelled.may_have_rung

    @property
    def has_model(self) -> bool:
        """Whether a model speaks; else a script does, at a keyboard only."""
        return self._model is not None

    async def rehearse(self, message: Message, typist: Typist) -> Inbound:
        """Converse with somebody at a keyboard."""
        return await self._reception.rehearse(message, typist)

    async def fetch_recording(self, url: str, write: Callable[[bytes], Awaitable[None]]) -> str:
        """Read a recording of the account."""
        return await recordings.fetch(self.settings, self._tools.http(), url, write)

    async def analyse(self, request: AnalysisRequest) -> Mapping[str, Any]:
        """Let the model read the transcript of a conversation that is over."""
        if self._model is None:
            raise Rejected("no model reads the conversations; add [channel.phone.model] to fluentsd.toml")
        return await analysis.analyse(self._model, request)

    def price(self, message: Message) -> Price | None:
        """The price of a call of usual length; None without `minute_price`."""
        each = self.settings.minute_price
        return Price(USUAL_MINUTES * each, self.settings.currency) if each else None

    def unsupported(self, agent: AgentSettings) -> Sequence[str]:
        """What this channel cannot keep of an agent."""
        found = []
        if self._tools.links.callback("") is None and agent.recording:
            found.append("recording needs a public URL, where Twilio reports that it is ready; set http.public_url")
        if not self.settings.detects_machines and agent.voicemail:
            found.append("voicemail needs machine_detection = true in [channel.phone]")
        if self.settings.model is None and agent.model:
            found.append("model needs a service: add [channel.phone.model] to fluentsd.toml")
        return found

    # Calls that were made, see `reception`

    def webhook(self, request: Request) -> WebhookResult:
        """Verify that a request is Twilio's, then read it; raises `Forged`, or ValueError when it is invalid."""
        fields = signatures.prove(request, self.settings.secrets)
        if fields.get("AccountSid", self.settings.account_sid) != self.settings.account_sid:
            raise ValueError("the request is about another account")
        return self._reception.take(webhooks.read(request.url, fields))

    def answer(self, pickup: Pickup, verdict: PickupVerdict) -> Reply:
        """Connect the call to its conversation, or end it."""
        return self._reception.answer(pickup, verdict)

    async def serve_call(self, socket: CallSocket, call: Call) -> None:
        """Converse, then report the outcome."""
        await self._reception.serve(socket, call)

    async def listen(self, deliver: Callable[[Inbound], Awaitable[None]]) -> None:
        """Deliver the outcomes of conversations."""
        await self._reception.report_to(deliver)

    # The account

    async def check(self) -> Sequence[Finding]:
        """Ask Twilio about the account and its numbers, and the model's service; calls nobody."""
        return await checks.findings(self.settings, self._tools, await self.client())

    async def numbers(self) -> Sequence[Owned]:
        """Every number of the account."""
        return await inventory.owned(await self.client())

    async def forget(self, attempt: Attempt) -> None:
        """Delete the call at Twilio with its recordings, if its SID is known."""
        if attempt.provider_ref:
            await checks.delete(await self.client(), attempt.provider_ref)
