"""Calls that people make to us, over Twilio: connected, forwarded, announced; an opt-out by voice and by key."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
import trio
import trio.testing
from fluentsd_channel_phone.calls import Calls

from fluentsd.api import Call, Message, Outcome, PickupVerdict
from plugins.channel_phone.tests.fake_chat import FakeChat
from plugins.channel_phone.tests.fake_line import Line
from plugins.channel_phone.tests.fake_voice import NUMBER
from plugins.channel_phone.tests.stage import PERSON, Stage, an_agent

HOOK = "https://outreach.example/hooks/phone"
RELAY = "wss://outreach.example/relay/phone/once"


class Caller:
    """A person who calls us, and Twilio between."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.dialled = stage, stage.dial()
        self.ref = self.dialled.kept.sid

    def post(self, purpose: str = "", **fields: str):
        url = f"{HOOK}?for={purpose}" if purpose else HOOK
        usual = {"From": PERSON, "To": NUMBER, "Direction": "inbound", "CallStatus": "in-progress"}
        return self.stage.channel.webhook(self.stage.twilio.post(self.dialled.kept, url, **usual | fields))

    def answer(self, verdict: PickupVerdict) -> ElementTree.Element:
        found = self.post(CallStatus="ringing")
        assert found.pickup is not None
        assert (found.pickup.token, found.pickup.address, found.pickup.to) == (None, PERSON, NUMBER)
        return ElementTree.fromstring(self.stage.channel.answer(found.pickup, verdict).body)


@pytest.fixture
def caller(stage) -> Caller:
    return Caller(stage)


def message(**more) -> Message:
    return Message("phone", PERSON, NUMBER, agent="sales", settings=an_agent(**more), timezone="America/New_York")


async def talk(caller: Caller, chat: FakeChat, *heard: str, key: str = ""):
    """The agent answers, the person says something; the reports."""
    stage, line, said = caller.stage, Line(caller.ref), message(recording=True)
    twiml = caller.answer(PickupVerdict(go=True, relay_url=RELAY, message=said))
    reports = []

    async def keep(inbound):
        reports.append(inbound)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.channel.listen, keep)
        async with trio.open_nursery() as inner:
            inner.start_soon(stage.channel.serve_call, line, Call("phone", caller.ref, None, said, PERSON))
            line.setup()
            await line.heard(1)
            for number, text in enumerate(heard, 2):
                line.say(text)
                await line.heard(number)
            if key:
                line.press(key)
                await line.heard(2)
            line.hang_up()
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    return twiml, reports


async def test_the_agent_answers_and_the_call_is_reported_by_its_sid(stage, caller, chat, autojump_clock):
    chat.otherwise = "We have a red one."
    twiml, [report] = await talk(caller, chat, "Do you have bicycles?")
    relay = twiml.find("Connect/ConversationRelay")
    assert relay.get("url") == RELAY
    assert twiml.find("Connect").get("action") == f"{HOOK}?for=end"
    assert twiml.find("Start/Recording").get("recordingStatusCallback") == f"{HOOK}?for=recording"
    assert (report.called_us, report.token, report.ref, report.address) == (True, None, caller.ref, PERSON)
    assert report.outcome == Outcome.answered
    assert "person: Do you have bicycles?" in report.transcript
    assert caller.post("status", CallStatus="completed", CallDuration="9").inbounds == []
    [recorded] = caller.post("recording", RecordingUrl="https://x/RE1", RecordingStatus="completed").inbounds
    assert (recorded.called_us, recorded.ref, recorded.recording) == (True, caller.ref, "https://x/RE1")


@pytest.mark.parametrize(("words", "key"), [(("Please never call me again.",), ""), ((), "9")])
async def test_an_opt_out_by_voice_and_by_key_is_told_at_once(stage, caller, chat, autojump_clock, words, key):
    _, reports = await talk(caller, chat, *words, key=key)
    assert {report.outcome for report in reports} == {Outcome.opted_out}
    assert {(report.called_us, report.address) for report in reports} == {(True, PERSON)}
    assert chat.requests == []  # no model was asked


async def test_a_call_is_forwarded_and_its_end_is_known(stage, caller, autojump_clock):
    twiml = caller.answer(PickupVerdict(go=True, forward_to="+14155550177"))
    assert twiml.find("Dial/Number").text == "+14155550177"
    assert twiml.find("Dial").get("action") == f"{HOOK}?for=dialled"
    assert b"Hangup" in caller.post("dialled", DialCallStatus="completed").reply.body
    [report] = caller.post("status", CallStatus="completed", CallDuration="60").inbounds
    assert (report.outcome, report.reason, report.duration_s) == (Outcome.answered, "a colleague took it", 60)


async def test_a_colleague_who_is_not_there_leaves_an_announcement_with_the_opt_out_key(stage, caller, autojump_clock):
    caller.answer(PickupVerdict(go=True, forward_to="+14155550177"))
    twiml = ElementTree.fromstring(caller.post("dialled", DialCallStatus="no-answer").reply.body)
    assert "press 9" in twiml.find("Gather/Say").text
    assert twiml.find("Gather").get("action") == f"{HOOK}?for=key"
    [report] = caller.post("status", CallStatus="completed", CallDuration="5").inbounds
    assert (report.outcome, report.called_us) == (Outcome.no_answer, True)


async def test_the_key_in_an_announcement_opts_out_and_another_does_not(stage, caller, autojump_clock):
    twiml = caller.answer(PickupVerdict(go=True))
    assert "press 9" in twiml.find("Gather/Say").text
    assert caller.post("key", Digits="5").inbounds == ()
    found = caller.post("key", Digits="9", FinishedOnKey="", msg="Gather End")  # as Twilio posts it
    [report] = found.inbounds
    assert (report.outcome, report.address, report.called_us) == (Outcome.opted_out, PERSON, True)
    assert b"not be contacted again" in found.reply.body


async def test_a_dropped_socket_is_resumed_once(stage, caller, chat, autojump_clock):
    said = message()
    caller.answer(PickupVerdict(go=True, relay_url=RELAY, message=said))
    line = Line(caller.ref)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.channel.serve_call, line, Call("phone", caller.ref, None, said, PERSON))
        line.setup()
        await line.heard(1)
        line.hang_up(1006)
        await trio.testing.wait_all_tasks_blocked()
        found = caller.post("end")
        assert found.pickup is not None
        assert found.pickup.resumes
        again = ElementTree.fromstring(
            stage.channel.answer(found.pickup, PickupVerdict(go=True, relay_url=RELAY, message=said)).body
        )
        assert again.find("Connect/ConversationRelay") is not None
        assert b"Hangup" in caller.post("end").reply.body
        nursery.cancel_scope.cancel()


async def test_what_was_said_in_a_call_that_a_restart_lost_is_unknown(caller):
    caller.answer(PickupVerdict(go=True, relay_url=RELAY, message=message()))
    caller.stage.channel._reception._calls = Calls()  # of another process
    [report] = caller.post("status", CallStatus="completed", CallDuration="40").inbounds
    assert (report.outcome, report.duration_s, report.called_us) == (Outcome.unknown, 40, True)
    assert report.reason == "picked up for 40 s; the conversation is not known"
