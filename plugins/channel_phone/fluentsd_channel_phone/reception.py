"""The calls: what Twilio asks and reports about them, their conversations, and the outcomes.

A call that was picked up is connected with a conversation (`serve`), whose end is its outcome. Its socket may break:
then Twilio asks what to do (`<Connect action>`), and another socket goes on with the same conversation, once. A call
that a person makes to us has no attempt: it is known by its SID, and its requests come to the channel's own address.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

import trio

from fluentsd.api import (
    Call,
    CallSocket,
    Inbound,
    Message,
    Outcome,
    Pickup,
    PickupVerdict,
    Reply,
    Tools,
    Typist,
    WebhookResult,
)
from fluentsd_channel_phone import twiml, webhooks
from fluentsd_channel_phone.calls import Calls, LiveCall
from fluentsd_channel_phone.completions import Model
from fluentsd_channel_phone.conversation import Conversation
from fluentsd_channel_phone.error_codes import end_of
from fluentsd_channel_phone.lookup import price_of
from fluentsd_channel_phone.phrases import phrases
from fluentsd_channel_phone.rehearsal import ScriptedModel, rehearse, unhurried
from fluentsd_channel_phone.settings import SECOND, Settings
from fluentsd_channel_phone.skills import Skills
from fluentsd_channel_phone.webhooks import Event, Purpose

#: The key by which a caller opts out of an announcement; an agent has its own.
OPT_OUT_KEY = "9"
#: Conversations in a row that a failing model may spoil; then nobody is called for `MODEL_RESTS` seconds.
SPOILT_AT_MOST, MODEL_RESTS = 3, 60.0
#: Seconds to learn whether a call goes on after its socket has ended, in order or broken.
CONCLUDES_WITHIN, RESUMES_WITHIN = 3.0, 15.0


class Reception:
    """The calls of one channel. `reports` are the outcomes of its conversations, each with an event that is set when it
    is recorded; nobody should be called before `model_rests_until` (epoch microseconds), because the model has failed
    in the last ones."""

    def __init__(self, settings: Settings, tools: Tools, model: Model | None) -> None:
        self._settings, self._tools, self._model = settings, tools, model
        self._calls = Calls()
        self._put, self.reports = trio.open_memory_channel[tuple[Inbound, trio.Event]](math.inf)
        self._spoilt, self.model_rests_until = 0, 0

    def take(self, event: Event) -> WebhookResult:
        """One request of Twilio."""
        match event.purpose:
            case Purpose.pickup:
                return WebhookResult(pickup=_pickup(event))
            case Purpose.machine:
                return WebhookResult(self._detected(event))
            case Purpose.status:
                return WebhookResult(self._status(event))
            case Purpose.end:
                return self._ended(event)
            case Purpose.dialled:
                return self._dialled(event)
            case Purpose.recording:
                return WebhookResult(self._recorded(event))
            case Purpose.key:
                return self._pressed(event)
        return WebhookResult()

    def _detected(self, event: Event) -> Sequence[Inbound]:
        """A person or a machine: known to the conversation, or kept until it begins. Detection may take longer than the
        call: then it makes a reported outcome more precise."""
        call, answered_by = self._calls.known(event.ref), event.fields.get("AnsweredBy", "")[:30]
        if not answered_by:
            return []
        before = call.evidence.outcome()[0]
        call.evidence.answered_by = answered_by
        if call.conversation is not None and not call.is_reported:
            call.conversation.detected(answered_by)
            return []
        after, why = call.evidence.outcome()
        if not call.is_reported or before == after or after != Outcome.voicemail:
            return []
        return [replace(_news(event, after), reason=why)]

    def _status(self, event: Event) -> Sequence[Inbound]:
        """The end of a call that nobody picked up. Of another, only that it is over."""
        end = end_of(event.status, event.number("SipResponseCode"), event.number("ErrorCode"))
        if end is not None:
            news = _news(event, end.outcome)
            return [replace(news, reason=end.reason, dead=end.dead, fault=end.fault, cost_micros=0)]
        if event.status != "completed":
            return []
        call, seconds = self._calls.find(event.ref), event.number("CallDuration")
        if call is not None and not call.evidence.answered_by:
            call.evidence.answered_by = event.fields.get("AnsweredBy", "")[:30]
        if call is not None and call.conversation is not None:
            call.duration_s = seconds
            call.concluded.set()
            if not call.sockets:  # it was to go on, and no socket opened
                self._report(call)
            return []
        if event.token is None and call is not None:
            outcome = Outcome.answered if call.has_colleague else Outcome.no_answer
            why = "a colleague took it" if call.has_colleague else "nobody took it"
        elif call is not None and call.is_connected:  # the person was gone before the conversation began
            call.is_reported = True
            outcome, why = call.evidence.outcome()
        else:  # a restart lost it, or we ended it at pick-up
            outcome, why = Outcome.unknown, f"picked up for {seconds or 0} s; the conversation is not known"
        cost = price_of(self._settings, seconds or 0)
        return [replace(_news(event, outcome), reason=why, duration_s=seconds, cost_micros=cost)]

    def _ended(self, event: Event) -> WebhookResult:
        """What to do after the conversation's socket has ended: transfer, go on once with another, or hang up. A person
        who is still on the line hears why."""
        call = self._calls.find(event.ref)
        talk = call.conversation if call is not None else None
        if call is not None and talk is not None and talk.transfer_to and not talk.evidence.opted_out:
            number = talk.agent.transfers.get(talk.transfer_to, "")
            call.concluded.set()
            dial = twiml.transfer(number, call.caller_id, self._url(event.token, Purpose.dialled))
            return _reply(dial if number and event.is_on_the_line else twiml.HANG_UP)
        is_known = bool(event.token) or talk is not None
        if not event.is_on_the_line or not is_known or (talk is not None and talk.is_over):
            if call is not None:
                call.concluded.set()
            return _reply(twiml.HANG_UP)
        if not call_done(call):
            return WebhookResult(pickup=replace(_pickup(event), resumes=True))
        is_failed = event.fields.get("SessionStatus") == "failed"
        return _reply(_cut_off(call, "the connection of the call broke twice", is_failed=is_failed))

    def _dialled(self, event: Event) -> WebhookResult:
        """A transfer has ended; apologise when nobody took it."""
        call = self._calls.find(event.ref)
        if event.fields.get("DialCallStatus") in ("completed", "answered"):
            if call is not None:
                call.has_colleague = True
            return _reply(twiml.HANG_UP)
        if event.token is None and (call is None or call.conversation is None):
            return _reply(self._announcement())
        language = call.conversation.agent.language if call and call.conversation else ""
        return _reply(twiml.say_and_hang_up(phrases(language or "en").nobody_there, language))

    def _recorded(self, event: Event) -> Sequence[Inbound]:
        """A recording is ready: a part of the report, or news about a reported call."""
        url = event.fields.get("RecordingUrl", "")
        if not url or event.fields.get("RecordingStatus", "completed") != "completed":
            return []
        call = self._calls.find(event.ref)
        if call is not None and call.conversation is not None and not call.is_reported:
            call.recording = url
            return []
        return [replace(_news(event, Outcome.unknown), recording=url)]

    def _pressed(self, event: Event) -> WebhookResult:
        """A key during an announcement: the opt-out key, or another one, which changes nothing."""
        if event.token is not None or event.fields.get("Digits") != OPT_OUT_KEY:
            return _reply(twiml.HANG_UP)
        report = replace(
            _news(event, Outcome.opted_out), reason=f"pressed {OPT_OUT_KEY}, the opt-out key, in a call to us"
        )
        return WebhookResult([report], reply=_twiml(twiml.say_and_hang_up(phrases("en").opted_out)))

    def _announcement(self) -> str:
        """What a caller hears whom nobody can answer."""
        text = phrases("en").announcement.format(key=OPT_OUT_KEY)
        return twiml.announce(text, self._url(None, Purpose.key))

    def _url(self, token: str | None, purpose: Purpose) -> str:
        """Where Twilio asks about a call: of an attempt, or one that a person makes to us."""
        links = self._tools.links
        return webhooks.url_for((links.callback(token) if token else links.inbound()) or "", purpose)

    def answer(self, pickup: Pickup, verdict: PickupVerdict) -> Reply:
        """Connect the call to its conversation, or end it. A call to us may go on to a colleague instead."""
        agent = verdict.message.settings if verdict.message is not None else None
        can_talk = agent is not None and verdict.relay_url is not None and self._model is not None
        if pickup.resumes and not (verdict.go and can_talk):
            return _twiml(_cut_off(self._calls.find(pickup.ref), "the connection of the call broke"))
        if self._tools.links.inbound() is None or not verdict.go:
            return _twiml(twiml.HANG_UP)
        call = self._calls.known(pickup.ref)
        call.token, call.address = pickup.token, pickup.address
        if agent is None or verdict.relay_url is None or self._model is None:
            return _twiml(twiml.HANG_UP if pickup.token else self._without_agent(verdict))
        if pickup.resumes:
            call.is_resumed = True
            call.concluded.set()
        call.is_connected = True
        call.caller_id = pickup.details.get("caller_id", "")
        record = self._url(pickup.token, Purpose.recording) if agent.recording and not pickup.resumes else ""
        return _twiml(twiml.converse(agent, verdict.relay_url, self._url(pickup.token, Purpose.end), record))

    def _without_agent(self, verdict: PickupVerdict) -> str:
        """A call to us that no agent answers."""
        if verdict.forward_to:
            return twiml.transfer(verdict.forward_to, "", self._url(None, Purpose.dialled))
        return self._announcement()

    async def serve(self, socket: CallSocket, call: Call) -> None:
        """Converse, then report the outcome; a broken socket waits for another, once."""
        message = call.message
        if message is None or message.settings is None or self._model is None:
            return
        live = self._calls.known(call.ref)
        live.token, live.address = call.attempt.token if call.attempt is not None else None, call.address
        if live.began_at is None:
            live.began_at = self._tools.clock.now()
        if live.conversation is None:
            skills = Skills(message.settings, message.timezone, self._tools.clock.now, self._tools.http,
                            message.variables)  # fmt: skip
            tell = partial(self._tell_opt_out, live)
            live.conversation = Conversation(
                message.settings, message.variables, self._model, skills, tell, live.evidence
            )
        goes_on = live.is_resumed and not live.is_reported
        if goes_on:
            live.conversation.resume()
            live.concluded = trio.Event()
        live.sockets += 1
        try:
            await live.conversation.serve(socket)
            if await self._goes_on(live, resumed=goes_on):
                return
        except Exception:
            live.evidence.failed = "a fault of this program; its log says more"
            self._report(live)
            raise
        except BaseException:  # the daemon is stopping
            self._report(live)
            raise
        finally:
            live.sockets -= 1
        self._report(live)

    async def report_to(self, deliver: Callable[[Inbound], Awaitable[None]]) -> None:
        """Deliver the outcomes of conversations, in order; runs until cancelled."""
        async for inbound, recorded in self.reports:
            await deliver(inbound)
            recorded.set()

    async def rehearse(self, message: Message, typist: Typist) -> Inbound:
        """A conversation at a keyboard, and what would be reported of it."""
        if message.settings is None:
            raise ValueError("the message has no agent")
        agent = unhurried(message.settings)
        skills = Skills(agent, message.timezone, self._tools.clock.now, self._tools.http, message.variables)
        model = self._model or ScriptedModel()
        talk = Conversation(agent, message.variables, model, skills, opted_out=_nothing_to_record)
        await rehearse(talk, typist)
        return _report_of(talk)

    async def _goes_on(self, live: LiveCall, *, resumed: bool) -> bool:
        """Whether another socket goes on with the call, after this one has ended."""
        talk = live.conversation
        if talk is None or talk.is_over or talk.evidence.opted_out:
            return False
        with trio.move_on_after(RESUMES_WITHIN if talk.broke else CONCLUDES_WITHIN):
            await live.concluded.wait()
        return live.is_resumed and not resumed

    def _report(self, live: LiveCall) -> None:
        """The outcome of a conversation, once."""
        talk = live.conversation
        if talk is None or live.is_reported:
            return
        live.is_reported = True
        report = _report_of(talk)
        if not live.is_cut_off:
            self._note_model(report.outcome)
        seconds = live.duration_s
        if seconds is None and live.began_at is not None:
            seconds = max(0, (self._tools.clock.now() - live.began_at) // SECOND)
        cost = price_of(self._settings, seconds or 0)
        report = replace(report, duration_s=seconds, cost_micros=cost, recording=live.recording)
        self._put.send_nowait((_of(report, live), trio.Event()))

    def _tell_opt_out(self, live: LiveCall, how: str) -> trio.Event:
        """Report an opt-out at once, before the call has ended; the event is set when it is recorded."""
        words, recorded = live.conversation.transcript.said_last if live.conversation else "", trio.Event()
        self._put.send_nowait((_of(Inbound(Outcome.opted_out, text=words, reason=how), live), recorded))
        return recorded

    def _note_model(self, outcome: Outcome) -> None:
        """Nobody is called for a model that is gone."""
        self._spoilt = self._spoilt + 1 if outcome == Outcome.agent_error else 0
        if self._spoilt >= SPOILT_AT_MOST:
            self.model_rests_until = self._tools.clock.now() + round(MODEL_RESTS * SECOND)
            self._spoilt = SPOILT_AT_MOST - 1  # after the rest one call tries it


def _nothing_to_record(how: str) -> trio.Event:
    """What a rehearsal does about an opt-out."""
    done = trio.Event()
    done.set()
    return done


def _pickup(event: Event) -> Pickup:
    """What Twilio asks about a call that was picked up: ours, or one to us."""
    caller, details = event.fields.get("From", ""), {"call_sid": event.ref, "caller_id": event.fields.get("From", "")}
    if event.token is not None:
        return Pickup(event.ref, event.token, details=details)
    return Pickup(
        event.ref, None, caller, details | {"caller_id": event.fields.get("To", "")}, to=event.fields.get("To")
    )


def _news(event: Event, outcome: Outcome) -> Inbound:
    """News about the call of a request."""
    if event.token is not None:
        return Inbound(outcome, event.token, event.ref)
    return Inbound(outcome, None, event.ref, event.fields.get("From"), called_us=True)


def _of(report: Inbound, live: LiveCall) -> Inbound:
    """A report, about its call."""
    if live.token is not None:
        return replace(report, token=live.token, ref=live.ref)
    return replace(report, ref=live.ref, address=live.address, called_us=True)


def _report_of(talk: Conversation) -> Inbound:
    """What a conversation came to."""
    outcome, reason = talk.evidence.outcome()
    return Inbound(
        outcome,
        transcript=talk.transcript.written,
        reason=reason,
        disposition=talk.disposition,
        summary=talk.summary,
        callback_at=talk.callback_at,
    )


def call_done(call: LiveCall | None) -> bool:
    """Whether nothing more may be said in a call: its outcome is reported, or it was resumed once already."""
    return call is not None and (call.is_reported or call.is_resumed)


def _cut_off(call: LiveCall | None, why: str, *, is_failed: bool = False) -> str:
    """The last words to somebody on the line whose conversation cannot go on. If it broke, as the socket or the
    provider (`is_failed`) says, and had come to no result, the call has failed: the campaign says whether they are
    called again. A conversation that the other side ended in order is what it was."""
    talk = call.conversation if call is not None else None
    if call is not None:
        call.is_cut_off = True
        if talk is None or (talk.disposition is None and (talk.broke or is_failed)):
            call.evidence.failed = call.evidence.failed or why
        call.concluded.set()
    says = phrases(talk.agent.language if talk is not None else "en")
    words = says.opted_out if talk is not None and talk.evidence.opted_out else says.broken
    return twiml.say_and_hang_up(words, talk.agent.language if talk is not None else "")


def _twiml(document: str) -> Reply:
    return Reply(200, twiml.CONTENT_TYPE, document.encode())


def _reply(document: str) -> WebhookResult:
    return WebhookResult(reply=_twiml(document))
