"""Webhooks that answer: the provider's response, pick-ups, and the reports of agent providers."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

import pytest
import trio

from fluentsd.api import (
    Attempt,
    Call,
    CallSocket,
    Forged,
    Inbound,
    Message,
    Outcome,
    Pickup,
    PickupVerdict,
    Receipt,
    Reply,
    Request,
    WebhookResult,
)
from fluentsd.clock import SimClock
from fluentsd.engine.channel_state import ChannelState
from tests.engine.stage import FakeChannel, person, spec
from tests.fronts.web.front import PUBLIC, Front

CALL = {"id": "call", "channel": "phone", "agent": "sales"}
#: The simulated clock runs ahead while a request is under way.
ALWAYS = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "hours": "00:00-24:00"}


class Phone(FakeChannel):
    """Its requests are JSON: the arguments of a `Pickup`, or a list of those of `Inbound`."""

    def __init__(self, clock: SimClock) -> None:
        super().__init__("phone", clock)
        self.always = self._ring
        self.stands = ExitStack()  #: what holds the clock
        self.verdicts: list[PickupVerdict] = []

    def _ring(self, message: Message, attempt: Attempt) -> Receipt:
        self.accept(message, attempt)
        return Receipt(f"CA-{attempt.token}")

    def webhook(self, request: Request) -> WebhookResult:
        if request.headers.get("x-key") != "k":
            raise Forged("the key is wrong")
        event = json.loads(request.body)
        if isinstance(event, dict):
            return WebhookResult(pickup=Pickup(**event))
        inbounds = [Inbound(Outcome(one.pop("outcome")), **one) for one in event]
        return WebhookResult(inbounds, reply=Reply(202, "text/xml", b"<Response/>"))

    def answer(self, pickup: Pickup, verdict: PickupVerdict) -> Reply:
        self.verdicts.append(verdict)
        return Reply(200, "text/xml", b"<Connect/>" if verdict.go else b"<Hangup/>")

    async def serve_call(self, socket: CallSocket, call: Call) -> None:
        await trio.sleep_forever()


class Agents:
    """An agent provider whose reports are JSON."""

    def webhook(self, request: Request) -> WebhookResult:
        if request.headers.get("x-key") != "k":
            raise Forged("the key is wrong")
        return WebhookResult([Inbound(Outcome(one.pop("outcome")), **one) for one in json.loads(request.body)])


async def ring(front: Front) -> tuple[Phone, str]:
    """A call that rings; from now on the simulated clock stands, or it would run past the lawful hours."""
    runtime, phone = front.stage.runtime, Phone(front.stage.clock)
    phone.stands.enter_context(front.stage.clock.busy())
    runtime.channels["phone"] = ChannelState("phone", phone)
    runtime.agent_providers["eleven"] = Agents()  # type: ignore[assignment]  # only its webhook is used
    await front.stage.launch(spec(CALL, window=ALWAYS), person(1), checked=False)
    await front.until("SELECT count(*) FROM attempt WHERE provider_ref IS NOT NULL", [(1,)])
    return phone, phone.accepted[0][0].token


async def post(front: Front, path: str, event: Any, key: str = "k") -> tuple[int, str, str]:
    answer = await front.client.post(path, content=json.dumps(event).encode(), headers={"X-Key": key})
    return answer.status_code, answer.headers.get("content-type", ""), answer.text


async def test_a_pick_up_gets_the_channels_words(front_on_both: Front) -> None:
    front = front_on_both
    phone, token = await ring(front)
    path = f"/hooks/phone/{token}"
    assert (await post(front, path, {"ref": f"CA-{token}"}, key="x"))[0] == 403
    assert (await post(front, "/hooks/phone/" + "f" * 32, {"ref": "CA"}))[0] == 404
    assert phone.verdicts == []
    assert await post(front, path, {"ref": f"CA-{token}"}) == (200, "text/xml; charset=utf-8", "<Connect/>")
    url = phone.verdicts[0].relay_url
    assert url is not None
    assert url.startswith("wss://calls.example.com/relay/phone/")
    assert url.removeprefix("wss").split("/relay")[0] == PUBLIC.removeprefix("https")
    assert (await post(front, path, {"ref": f"CA-{token}"}))[2] == "<Hangup/>"
    metrics = (await front.client.get("/metrics")).text
    assert 'fluentsd_webhooks_total{channel="phone",result="pickup"} 2' in metrics


async def test_a_report_gets_the_response_that_the_provider_expects_also_when_repeated(front: Front) -> None:
    _, token = await ring(front)
    for _ in range(2):
        answer = await post(front, f"/hooks/phone/{token}", [{"outcome": "answered"}])
        assert answer == (202, "text/xml; charset=utf-8", "<Response/>")
    assert await front.ask("SELECT state, outcome FROM attempt") == [("settled", "answered")]


async def test_an_inbound_call_has_no_attempt(front: Front) -> None:
    phone, _ = await ring(front)
    assert (await post(front, "/hooks/phone", {"ref": "CA-in", "address": "+12125550009"}))[2] == "<Connect/>"
    url = phone.verdicts[0].relay_url
    assert url is not None
    call = front.stage.runtime.calls.admit("phone", url.rpartition("/")[2], front.stage.clock.now())
    assert call == Call("phone", "CA-in", address="+12125550009")


async def test_an_agent_provider_reports_about_calls(front: Front) -> None:
    _, token = await ring(front)
    event = [{"outcome": "answered", "token": token, "transcript": "Hello."}]
    assert (await post(front, "/hooks/agents/eleven", event, key="x"))[0] == 403
    assert (await post(front, "/hooks/agents/other", event))[0] == 404
    assert (await post(front, "/hooks/agents/eleven", event))[0] == 204
    assert await front.ask("SELECT outcome FROM attempt") == [("answered",)]
    assert await front.ask("SELECT text FROM content WHERE kind = 'transcript'") == [("Hello.",)]


async def test_a_channel_without_webhooks_has_no_such_path(front: Front) -> None:
    front.stage.runtime.channels["phone"] = ChannelState("phone", FakeChannel("phone", front.stage.clock))
    assert (await post(front, "/hooks/phone", []))[0] == 404


async def test_a_pick_up_from_a_channel_that_cannot_answer_is_its_fault(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone, token = await ring(front)
    monkeypatch.delattr(Phone, "answer")
    front.stage.runtime.channels["phone"] = ChannelState("phone", phone)
    assert (await post(front, f"/hooks/phone/{token}", {"ref": f"CA-{token}"}))[0] == 500
    assert await front.ask("SELECT state FROM attempt") == [("open",)]
