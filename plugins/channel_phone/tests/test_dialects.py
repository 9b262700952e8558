"""The same contracts as others spell them: chat services, ConversationRelay, Twilio's fields, and proxies."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace

import httpx
import pytest
import trio
from fluentsd_channel_phone import frames, webhooks
from fluentsd_channel_phone.completions import Completions, ModelFailed
from fluentsd_channel_phone.settings import Endpoint
from fluentsd_channel_sms.error_codes import NoAnswer

from fluentsd.api import Found, NeedsHuman, Outcome, Unavailable
from plugins.channel_phone.tests.stage import an_agent
from plugins.channel_phone.tests.test_sending import message
from plugins.channel_sms.tests.fake_wire import Raw

EVENTS = {"content-type": "text/event-stream"}
WHOLE = {"choices": [{"message": {"content": "Yes."}, "finish_reason": "stop"}]}


def event(delta: object, **more: object) -> str:
    return f"data: {json.dumps({'choices': [{'delta': delta, **more}]})}\n\n"


async def answered(*bodies: str | httpx.Response, agent=None):
    """What a service that answers so is understood to say, and the requests it got."""
    asked, left, said = [], list(bodies), []

    def serve(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        body = left.pop(0)
        return body if isinstance(body, httpx.Response) else httpx.Response(200, headers=EVENTS, text=body)

    async def say(text: str) -> None:
        said.append(text)

    async with httpx.AsyncClient(transport=httpx.MockTransport(serve)) as client:
        model = Completions(lambda: client, Endpoint("http://m.example/v1", "m"), None)
        answers = [await model.answer(agent or an_agent(), [], [], say)]
        while left:
            answers.append(await model.answer(agent or an_agent(), [], [], say))
    assert "".join(said) == "".join(answer.text for answer in answers)
    return answers, asked


@pytest.mark.parametrize(
    "body",
    [
        event({"content": "Yes."}) + "data: [DONE]\n\n",  # no reason of the end
        event({"content": "Yes."}) + event({}, finish_reason="stop"),  # no mark of the end
        event({"content": [{"type": "text", "text": "Yes"}, {"type": "text", "text": "."}]}) + "data: [DONE]\n\n",
        ": hello\r\nevent: message\r\nid: 1\r\n" + event({"content": "Yes.", "reasoning": "hm"}).replace("\n", "\r\n")
        + "data:[DONE]\r\n\r\n",
        event({"role": "assistant", "content": None, "tool_calls": None}) + event({"content": "Yes."}, index=0)
        + 'data: {"choices": null, "usage": {"total_tokens": 2.5}}\n\ndata: [DONE]',
        "\ufeff" + event({"content": "Yes."}) + "data: [DONE]\n\n",
        httpx.Response(200, headers={"content-type": "application/json"},
                       text=event({"content": "Yes."}) + "data: [DONE]\n\n"),  # a stream that is called a document
        httpx.Response(200, headers=EVENTS, text=json.dumps(WHOLE, indent=1)),  # a document that is called a stream
        httpx.Response(200, headers=EVENTS | {"content-encoding": "gzip"},
                       content=gzip.compress((event({"content": "Yes."}) + "data: [DONE]\n\n").encode())),
    ],
)  # fmt: skip
async def test_a_stream_is_understood(body):
    [answer], _ = await answered(body)
    assert (answer.text, answer.calls) == ("Yes.", ())


async def test_a_stream_without_any_end_has_broken_off():
    with pytest.raises(ModelFailed):
        await answered("", event({"role": "assistant"}))


async def test_calls_without_an_index_are_told_apart_by_their_ids():
    def part(id, name, arguments):
        return event({"tool_calls": [{"id": id, "function": {"name": name, "arguments": arguments}}]})

    body = part("a", "note_result", '{"x"') + part(None, None, ": 1}") + part("b", "end_call", {"y": 2})
    [answer], _ = await answered(body + event({}, finish_reason="tool_calls") + "data: [DONE]\n\n")
    assert [(call.id, call.name, json.loads(call.arguments)) for call in answer.calls] == [
        ("a", "note_result", {"x": 1}), ("b", "end_call", {"y": 2}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "parts",
    [
        [{"index": 0, "id": "a", "function": {"name": "note_result", "arguments": {"x": 1}}},
         {"index": 0, "id": "b", "function": {"name": "end_call", "arguments": "{}"}}],  # each has the index 0
        [{"function": {"name": "note_result", "arguments": '{"x": 1}'}},
         {"function": {"name": "end_call", "arguments": "{}"}}],  # neither index nor id
        [{"index": 0, "id": "", "function": {"name": "note_result", "arguments": '{"x": 1}'}},
         {"index": 0, "id": "", "function": {"name": "end_call", "arguments": "{}"}}],
        [{"index": 1.0, "id": "b", "function": {"name": "end_call", "arguments": ""}},
         {"index": 0.0, "id": "a", "function": {"name": "note_result", "arguments": '{"x"'}},
         {"index": 1, "function": {"arguments": "{}"}}, {"index": 0, "id": None, "function": {"arguments": ": 1}"}}],
        [{"index": 0, "id": "a", "function": {"name": "note_result", "arguments": '{"x"'}},
         {"index": 0, "id": "a", "function": {"name": "note_result", "arguments": ": 1}"}},  # all of it each time
         {"index": 0, "id": "a", "function": {"name": "note_result", "arguments": ""}},
         {"index": 1, "id": "b", "function": {"name": "end_call", "arguments": "{}"}}],
    ],
)  # fmt: skip
@pytest.mark.parametrize("at_once", [True, False])
async def test_tool_calls_are_told_apart_however_they_are_numbered(parts, at_once):
    events = [event({"tool_calls": parts})] if at_once else [event({"tool_calls": [part]}) for part in parts]
    [answer], _ = await answered("".join(events) + event({}, finish_reason="tool_calls") + "data: [DONE]\n\n")
    assert [(call.name, json.loads(call.arguments)) for call in answer.calls] == [
        ("note_result", {"x": 1}), ("end_call", {}),
    ]  # fmt: skip
    assert len({call.id for call in answer.calls}) == 2


async def test_two_calls_with_one_id_get_one_each():
    parts = [{"index": n, "id": "call_1", "function": {"name": "note_result", "arguments": "{}"}} for n in (0, 1)]
    [answer], _ = await answered(event({"tool_calls": parts}) + event({}, finish_reason="tool_calls"))
    assert [call.id for call in answer.calls] == ["call_1", "call_1_1"]


async def test_an_empty_answer_is_asked_for_once_more():
    filtered = event({"role": "assistant", "content": ""}) + event({}, finish_reason="content_filter")
    [answer], asked = await answered(filtered, event({"content": "Yes."}) + "data: [DONE]\n\n")
    assert (answer.text, len(asked)) == ("Yes.", 2)
    [answer], asked = await answered(filtered, filtered)
    assert (answer.text, answer.calls, len(asked)) == ("", (), 2)


@pytest.mark.parametrize(
    "body", ["<html>502</html>", "data: " + "x" * 1_100_000, event([]) + "data: 7\n\n", '{"error": {"message": "no"}}']
)
async def test_what_is_no_answer_is_a_failure(body):
    with pytest.raises(ModelFailed):
        await answered(body, body)


class _LeftOpen(httpx.AsyncByteStream):
    """A stream whose service forgets to end it."""

    async def __aiter__(self):
        yield (event({"content": "Yes."}) + event({}, finish_reason="stop")).encode()
        await trio.sleep_forever()


class _OnlyComments(httpx.AsyncByteStream):
    """A stream that is kept open and never answers, perhaps after a first piece."""

    def __init__(self, *first):
        self.first = first

    async def __aiter__(self):
        for one in self.first:
            yield one.encode()
        while True:
            yield b": PROCESSING\n\n" + b'data: {"choices": []}\n\n'
            await trio.sleep(1)


async def test_comments_are_no_answer(autojump_clock):
    with trio.fail_after(30), pytest.raises(ModelFailed, match="does not answer in time"):
        await answered(*(httpx.Response(200, headers=EVENTS, stream=_OnlyComments()) for _ in range(2)))
    began = event({"content": "Yes"})
    with trio.fail_after(30):
        [answer], _ = await answered(httpx.Response(200, headers=EVENTS, stream=_OnlyComments(began)))
    assert answer.text == "Yes"  # as far as it was said


async def test_an_answer_that_has_ended_is_not_waited_for(autojump_clock):
    began = trio.current_time()
    [answer], _ = await answered(httpx.Response(200, headers=EVENTS, stream=_LeftOpen()))
    assert answer.text == "Yes."
    assert trio.current_time() - began < 1


async def test_a_service_that_takes_only_the_newer_parameters_gets_them_from_then_on():
    refusal = httpx.Response(400, json={"error": {"message": "Use 'max_completion_tokens' instead.", "param": "x"}})
    good = event({"content": "Yes."}) + "data: [DONE]\n\n"
    answers, asked = await answered(refusal, good, good, agent=an_agent(temperature=0.3))
    assert [answer.text for answer in answers] == ["Yes.", "Yes."]
    assert [("max_tokens" in one, "max_completion_tokens" in one, "temperature" in one) for one in asked] == [
        (True, False, True), (False, True, False), (False, True, False),
    ]  # fmt: skip


@pytest.mark.parametrize("status", [400, 422])
async def test_a_service_that_takes_no_temperature_gets_none_from_then_on(status):
    said = {"error": {"message": "Unsupported value: 'temperature' does not support 0.3 with this model.",
                      "param": "temperature", "code": "unsupported_value"}}  # fmt: skip
    good = event({"content": "Yes."}) + "data: [DONE]\n\n"
    answers, asked = await answered(httpx.Response(status, json=said), good, good, agent=an_agent(temperature=0.3))
    assert [answer.text for answer in answers] == ["Yes.", "Yes."]
    assert [("max_tokens" in one, "temperature" in one) for one in asked] == [
        (True, True),
        (True, False),
        (True, False),
    ]


async def test_a_refusal_of_what_is_not_sent_is_one():
    refusal = [httpx.Response(400, json={"error": {"message": "temperature"}}) for _ in range(2)]
    with pytest.raises(ModelFailed, match="answers 400"):
        await answered(*refusal, agent=an_agent(temperature=None))


async def test_another_refusal_is_no_reason_to_ask_otherwise():
    with pytest.raises(ModelFailed, match="answers 400"):
        await answered(httpx.Response(400, text="no"), httpx.Response(400, text="no"))


@pytest.mark.parametrize(
    ("raw", "frame"),
    [
        ('{"type":"dtmf","digit":9}', frames.Key("9")),
        ('{"type":"dtmf","digit":"9","duration":"120.5"}', frames.Key("9")),
        ('{"type":"dtmf"}', frames.Strange("a key that is none")),
        ('{"type":"dtmf","digit":true}', frames.Strange("a key that is none")),
        ('{"type":"prompt","voicePrompt":"Hi","last":"false"}', frames.Prompt("Hi", last=False)),
        ('{"type":"prompt","voicePrompt":"Hi"}', frames.Prompt("Hi", last=True)),
        ('{"type":"prompt","voicePrompt":"Hi","last":true,"agentSpeaking":"true"}', frames.Prompt("Hi", last=True)),
        ('{"type":"interrupt","utteranceUntilInterrupt":"We","durationUntilInterruptMs":1.5}', frames.Interrupt("We")),
        ('{"type":"error","description":null}', frames.Trouble("")),
        ('{"type":"info","name":"tokensPlayed","value":"Hello"}', frames.Strange("a frame of type info")),
        ('{"type":["dtmf"]}', frames.Strange("a frame of type unknown")),
        (b"\xff\xfe", frames.Strange("a frame that is not JSON")),
    ],
)  # fmt: skip
def test_a_frame_is_understood(raw, frame):
    assert frames.read(raw) == frame


@pytest.mark.parametrize(
    ("value", "number"),
    [("30", 30), ("30.0", 30), (" 7.9 ", 7), ("", None), ("-1", None), ("1e3", None), ("٣", None), ("9" * 12, None)],
)
def test_a_number_in_a_field_is_understood(value, number):
    event = webhooks.Event(webhooks.Purpose.status, "CA", None, "", {"CallDuration": value})
    assert event.number("CallDuration") == number


@pytest.mark.parametrize("duration", ["30", 30, 30.5, "30.2", None, "soon"])
async def test_the_length_of_a_call_is_understood_in_any_type(build, twilio, tried, duration):
    channel, attempt = build(), tried()
    receipt = await channel.send(message(), attempt)
    twilio.call().status, resource = "completed", twilio.call().resource
    twilio.call().resource = lambda: resource() | {"duration": duration, "new_field": [1.5]}
    found = await channel.lookup(replace(attempt, provider_ref=receipt.ref))
    assert isinstance(found, Found)
    assert found.receipt.outcome == Outcome.unknown
    assert found.receipt.duration_s == (30 if str(duration).startswith("30") else None)


@pytest.mark.parametrize(
    ("status", "error"),
    [(500, NoAnswer), (502, NoAnswer), (503, NoAnswer), (429, Unavailable), (401, NeedsHuman), (403, NoAnswer),
     (400, NoAnswer), (302, NoAnswer), (200, NoAnswer)],
)  # fmt: skip
async def test_a_page_in_twilios_place_asserts_no_more_than_its_status(build, twilio, tried, status, error):
    def create(given):
        raise Raw(status, b"<html><body>Bad gateway</body></html>")

    twilio._create = create
    with pytest.raises(error):
        await build().send(message(), tried())
