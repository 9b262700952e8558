"""Twilio's requests: proved first, then read for what they prove and no more."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest
import trio
import trio.testing
from fluentsd_channel_phone import twiml

from fluentsd.api import Forged, Outcome, PickupVerdict
from plugins.channel_phone.tests.stage import PERSON, an_agent


async def test_a_pick_up_connects_the_call_to_its_conversation(stage):
    call = stage.dial(an_agent(language="es-US", voice="Lupe", interruption="low", endpointing="relaxed"))
    found = stage.channel.webhook(stage.twilio.picked_up(call.kept))
    assert (found.pickup.ref, found.pickup.token, found.pickup.resumes) == (call.kept.sid, call.attempt.token, False)
    connect = stage.answer(call, found).find("Connect")
    assert connect.get("action") == f"https://outreach.example/hooks/phone/{call.attempt.token}?for=end"
    relay = connect.find("ConversationRelay")
    assert relay.get("url") == "wss://outreach.example/relay/phone/once"
    assert "?" not in relay.get("url")
    wanted = {"language": "es-US", "voice": "Lupe", "interruptible": "any", "interruptSensitivity": "low",
              "speechTimeout": "1500", "dtmfDetection": "true"}  # fmt: skip
    assert {name: relay.get(name) for name in wanted} == wanted


async def test_a_call_that_may_not_go_on_is_ended(stage):
    call = stage.dial()
    assert stage.pick_up(call, go=False).find("Hangup") is not None
    assert stage.pick_up(call, go=False).find("Connect") is None


async def test_a_call_to_us_is_ended(stage):
    kept = stage.dial().kept
    found = stage.channel.webhook(stage.twilio.post(kept, "https://outreach.example/hooks/phone"))
    assert (found.pickup.token, found.pickup.address) == (None, kept.sender)
    verdict = PickupVerdict(go=True, relay_url="wss://outreach.example/relay/phone/x")
    assert b"Hangup" in stage.channel.answer(found.pickup, verdict).body


async def test_a_recording_is_made_only_when_the_agent_says_so(stage):
    assert stage.pick_up(stage.dial()).find("Start") is None
    call = stage.dial(an_agent(recording=True))
    recording = stage.pick_up(call).find("Start/Recording")
    assert recording.get("recordingStatusCallback").endswith("?for=recording")
    url = "https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/RE1"
    found = stage.post(call, "recording", RecordingUrl=url, RecordingStatus="completed")
    assert [(one.outcome, one.recording) for one in found.inbounds] == [(Outcome.unknown, url)]


@pytest.mark.parametrize(
    ("status", "more", "outcome", "dead"),
    [
        ("busy", {}, Outcome.busy, False),
        ("no-answer", {}, Outcome.no_answer, False),
        ("failed", {"SipResponseCode": "404"}, Outcome.failed, True),
        ("failed", {"SipResponseCode": "503"}, Outcome.failed, False),
        ("failed", {"SipResponseCode": "x", "ErrorCode": "13224"}, Outcome.failed, True),
        ("canceled", {}, Outcome.no_answer, False),
    ],
)
async def test_the_end_of_a_call_that_nobody_answered(stage, status, more, outcome, dead):
    call = stage.dial()
    (found,) = stage.channel.webhook(stage.twilio.ended(call.kept, status, **more)).inbounds
    assert (found.outcome, found.dead, found.token, found.ref) == (outcome, dead, call.attempt.token, call.kept.sid)
    assert found.cost_micros == 0


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"SipResponseCode": "603"}, "person"),  # they declined the call
        ({"SipResponseCode": "607"}, "message"),
        ({"SipResponseCode": "608"}, "message"),
        ({"ErrorCode": "13225"}, "person"),
        ({"ErrorCode": "10004"}, "message"),
        ({"ErrorCode": "13227"}, "person"),  # the country of this number alone
        ({"ErrorCode": "20003"}, "sender"),
        ({"ErrorCode": "21210"}, "sender"),
    ],
)
async def test_a_call_that_failed_is_the_fault_of_whom_the_code_names(stage, more, fault):
    """One call that is declined or refused stops no caller ID: only "sender" does."""
    call = stage.dial()
    (found,) = stage.channel.webhook(stage.twilio.ended(call.kept, "failed", **more)).inbounds
    assert (found.outcome, found.fault) == (Outcome.failed, fault)


@pytest.mark.parametrize("status", ["queued", "initiated", "ringing", "in-progress", "something-new"])
async def test_a_call_on_its_way_says_nothing_yet(stage, status):
    call = stage.dial()
    call.kept.status = status
    found = stage.post(call, "status")
    assert (list(found.inbounds), found.pickup, found.reply) == ([], None, None)


async def test_a_person_who_hangs_up_before_a_word_did_not_answer(stage):
    call = stage.dial()
    stage.pick_up(call)
    (found,) = stage.channel.webhook(stage.twilio.ended(call.kept, "completed", CallDuration="3")).inbounds
    assert (found.outcome, found.duration_s) == (Outcome.no_answer, 3)


async def test_a_machine_that_is_hung_up_on_before_a_word_is_voicemail(stage):
    call = stage.dial()
    stage.pick_up(call)
    stage.channel.webhook(stage.twilio.detected(call.kept, "machine_end_beep"))
    (found,) = stage.channel.webhook(stage.twilio.ended(call.kept, "completed")).inbounds
    assert found.outcome == Outcome.voicemail


@pytest.mark.parametrize("answered_by", ["machine_end_beep", "machine_start", "fax"])
async def test_a_detection_after_the_end_makes_the_outcome_more_precise(stage, answered_by):
    """It comes once more; the engine knows a repetition."""
    call = stage.dial()
    stage.pick_up(call)
    (found,) = stage.channel.webhook(stage.twilio.ended(call.kept, "completed", CallDuration="3")).inbounds
    assert found.outcome == Outcome.no_answer
    (found,) = stage.channel.webhook(stage.twilio.detected(call.kept, answered_by)).inbounds
    assert (found.outcome, found.token, found.ref) == (Outcome.voicemail, call.attempt.token, call.kept.sid)
    assert found.reason == f"detected as {answered_by}, nobody spoke"
    assert not stage.channel.webhook(stage.twilio.detected(call.kept, answered_by)).inbounds


@pytest.mark.parametrize(("words", "answered_by"), [("", "machine_end_other"), ("Hello", "machine_start")])
async def test_a_detection_after_a_conversation_changes_only_a_silent_one(autojump_clock, stage, words, answered_by):
    async with stage.talking() as call:
        if words:
            call.line.say(words)
            await call.line.heard(2)
    found = stage.channel.webhook(stage.twilio.detected(call.kept, answered_by)).inbounds
    before = Outcome.answered if words else Outcome.no_answer
    assert [one.outcome for one in stage.reports] == [before]
    assert [one.outcome for one in found] == ([] if words else [Outcome.voicemail])


async def test_a_detection_in_the_last_status_counts(stage):
    call = stage.dial()
    stage.pick_up(call)
    ended = stage.twilio.ended(call.kept, "completed", CallDuration="3", AnsweredBy="machine_end_silence")
    (found,) = stage.channel.webhook(ended).inbounds
    assert (found.outcome, found.reason) == (Outcome.voicemail, "detected as machine_end_silence, nobody spoke")


@pytest.mark.parametrize(
    ("call_status", "session", "resumes"),
    [
        ("in-progress", "failed", True), ("in-progress", "completed", True), ("completed", "failed", False),
        ("completed", "completed", False), ("", "failed", True), ("", "completed", False),
    ],
)  # fmt: skip
async def test_a_socket_that_ended_is_resumed_for_a_person_on_the_line(stage, call_status, session, resumes):
    call = stage.dial()
    stage.pick_up(call)
    found = stage.post(call, "end", CallStatus=call_status, SessionStatus=session)
    assert (found.pickup is not None) == resumes
    assert resumes or b"Hangup" in found.reply.body


@pytest.mark.parametrize("answered_by", ["human", "unknown", ""])
async def test_a_late_detection_of_no_machine_changes_nothing(stage, answered_by):
    call = stage.dial()
    stage.pick_up(call)
    stage.channel.webhook(stage.twilio.ended(call.kept, "completed", CallDuration="3"))
    assert not stage.channel.webhook(stage.twilio.detected(call.kept, answered_by)).inbounds


async def test_a_fax_is_left_no_message(autojump_clock, stage):
    async with stage.talking(an_agent(voicemail="Acme called.")) as call:
        stage.channel.webhook(stage.twilio.detected(call.kept, "fax"))
        await call.line.gone()
    assert "Acme called." not in call.line.turns
    assert (stage.reports[0].outcome, stage.reports[0].reason) == (Outcome.voicemail, "detected as fax, nobody spoke")


async def test_a_conversation_that_a_restart_lost_is_unknown(stage):
    call = stage.dial()
    (found,) = stage.channel.webhook(stage.twilio.ended(call.kept, "completed", CallDuration="61")).inbounds
    assert (found.outcome, found.duration_s, found.cost_micros) == (Outcome.unknown, 61, None)
    stage.use(minute_price=10)
    (found,) = stage.channel.webhook(stage.twilio.ended(call.kept, "completed", CallDuration="61")).inbounds
    assert found.cost_micros == 20


async def test_detection_that_comes_before_the_conversation_is_kept(autojump_clock, stage):
    call = stage.dial(an_agent(voicemail="Acme called."))
    stage.channel.webhook(stage.twilio.detected(call.kept, "human"))
    stage.pick_up(call)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.channel.serve_call, call.line, call.call)
        call.line.setup()
        await call.line.heard(1)
        call.line.say("Hello")
        await call.line.heard(2)
        call.line.hang_up()
    assert "detected as human" in stage.channel._reception.reports.receive_nowait()[0].reason


async def test_a_machine_detected_before_the_conversation_hears_the_message_alone(autojump_clock, stage, chat):
    call = stage.dial(an_agent(voicemail="Acme called."))
    stage.channel.webhook(stage.twilio.detected(call.kept, "machine_end_beep"))
    stage.pick_up(call)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.channel.serve_call, call.line, call.call)
        call.line.setup()
        await call.line.gone()
    assert call.line.turns == ["Acme called."]
    assert stage.channel._reception.reports.receive_nowait()[0].outcome == Outcome.voicemail


async def test_a_detection_without_a_result_takes_nothing_back(autojump_clock, stage):
    call = stage.dial()
    stage.channel.webhook(stage.twilio.detected(call.kept, "human"))
    stage.channel.webhook(stage.twilio.detected(call.kept, ""))
    assert stage.channel._reception._calls.known(call.kept.sid).evidence.answered_by == "human"


async def test_a_transfer_that_nobody_takes_is_apologised_for(stage):
    call = stage.dial()
    assert b"nobody is available" in stage.post(call, "dialled", DialCallStatus="no-answer").reply.body
    assert b"Say" not in stage.post(call, "dialled", DialCallStatus="completed").reply.body


# Proof


@pytest.mark.parametrize("purpose", ["pickup", "status", "machine", "end", "dialled", "recording"])
async def test_a_forged_request_changes_nothing(stage, purpose):
    call = stage.dial()
    url = f"https://outreach.example/hooks/phone/{call.attempt.token}?for={purpose}"
    good = stage.twilio.post(call.kept, url, AnsweredBy="human")
    for bad in (
        replace(good, body=good.body + b"&x=1"),
        replace(good, url=good.url.replace("outreach", "0utreach")),
        replace(good, url=good.url.replace(f"for={purpose}", "for=status" if purpose != "status" else "for=end")),
        replace(good, headers={"content-type": good.headers["content-type"]}),
    ):
        with pytest.raises(Forged):
            stage.channel.webhook(bad)


async def test_an_authentic_request_that_makes_no_sense_is_refused(stage):
    call = stage.dial()
    with pytest.raises(ValueError, match="purpose"):
        stage.post(call, "anything")
    with pytest.raises(ValueError, match="another account"):
        stage.post(call, "status", AccountSid="AC" + "9" * 32)
    with pytest.raises(ValueError, match="CallSid"):
        stage.post(call, "status", CallSid="")


# TwiML


def test_what_a_person_or_an_operator_wrote_cannot_break_out_of_twiml():
    agent = an_agent(voice='"/><Dial>+1900</Dial><x y="', language="en-US\x00")
    tree = ElementTree.fromstring(twiml.converse(agent, "wss://x/relay", "https://x/?a=1&b=2"))
    assert [element.tag for element in tree.iter()] == ["Response", "Connect", "ConversationRelay"]
    assert tree.find("Connect").get("action") == "https://x/?a=1&b=2"
    spoken = ElementTree.fromstring(twiml.say_and_hang_up("<Dial>5</Dial> & more"))
    assert spoken.find("Say").text == "<Dial>5</Dial> & more"
    dial = ElementTree.fromstring(twiml.transfer("+1<Number>", PERSON, "https://x/"))
    assert dial.find("Dial/Number").text == "+1<Number>"
