"""Hot leads in Slack: a masked card for each, with what can be done, and one reminder of what nobody has handled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fluentsd.api import Disposition, Inbound, Outcome, Pickup
from fluentsd.engine.calls.inbound_calls import answer
from fluentsd.engine.recordings.folder import Recordings
from fluentsd.testing.slack import Shown
from fluentsd.verbs import slack_posts
from tests.engine.after_calls.stage import AGENT, CALL, GOOD, Analyst
from tests.engine.calls.test_inbound_calls import Conversing
from tests.engine.recordings.test_fetching import URL, Tape
from tests.engine.stage import HOUR, MINUTE, SMS, person, spec
from tests.engine.sync.fake_source import FakeCrm
from tests.fronts.slack.conftest import Office, until
from tests.fronts.slack.test_cards import database_url, menu_of, office, stage

__all__ = ["database_url", "office", "stage"]

SUMMARY = "Wants a roof. Call +1 415 555 0123 or dana@example.com <!channel>"
LATER = SMS | {"id": "later", "after": "1 day"}


async def a_call(office: Office, owner: str = "slack:U1 Dana", **more: Any) -> str:
    """A campaign whose call is picked up; the attempt."""
    stage = office.stage
    stage.runtime.sources.setdefault("crm", FakeCrm(stage.clock))
    await stage.do("agents apply", file={"agent": [AGENT]})
    await stage.launch(spec(CALL, LATER, ref="spring", name="Spring fair", **more), person(0))
    await stage.do("campaign owner", ref="spring", owner=owner)
    await until(lambda: stage.phone.accepted)
    return stage.phone.accepted[0][0].token


async def a_lead(office: Office, answer: dict[str, Any] | None = None, **more: Any) -> Shown:
    """The card of a call that the analysis finds hot."""
    analyst = Analyst(answer or GOOD | {"summary": SUMMARY})
    office.stage.phone.analyse = analyst.analyse  # type: ignore[attr-defined]
    office.stage.resolve("phone")
    token = await a_call(office, **more)
    await office.stage.phone.tell(
        Inbound(Outcome.answered, token, transcript="agent: Hi\nperson: A roof, please.", duration_s=61)
    )
    card = await office.slack.wait_shown("hot lead in")
    await until(lambda: slack_posts.of_kind(office.stage.runtime, "lead"))  # it is noted after it is posted
    return card


async def open_leads(office: Office) -> list[dict[str, Any]]:
    return list((await office.stage.do("campaign leads"))["leads"])


async def test_a_lead_is_shown_masked_with_its_owner_and_what_can_be_done(office: Office) -> None:
    card = await a_lead(office)
    for part in (
        "🔥 *P0* (••• 0000) is *interested*", "answered, 1 min", "Wants a roof", "••• 0123", "d•••@example.com",
        "owner <@U1>", "*not handled yet*", "0000",
    ):  # fmt: skip
        assert part in card.whole, part
    for part in ("2125550000", "<!channel>", "415 555 0123"):
        assert part not in card.whole, part
    assert card.buttons == ["Reply…", "Call back…", "Mark as handled"]
    assert menu_of(card) == ["Take over", "Suppress…"]
    [lead] = await open_leads(office)
    assert lead["zones"] == "America/New_York"
    report = await office.say("report spring")
    assert "*1 call* · answered 1 (100%)" in report
    assert "*1 call with a conversation* (1 analysed) · interested 1 (100%)" in report


@pytest.mark.parametrize(
    ("disposition", "words"), [("callback", "asks for a call back"), ("angry", "was *angry*"), ("wrong_number", "")]
)
async def test_what_the_conversation_came_to_is_said_and_others_get_no_card(
    office: Office, disposition: str, words: str
) -> None:
    stage = office.stage
    plain = {name: value for name, value in AGENT.items() if name != "analysis"}
    await stage.do("agents apply", file={"agent": [plain]})
    await stage.launch(spec(CALL, LATER, ref="spring"), person(0), person(1))
    await until(lambda: len(stage.phone.accepted) == 2)
    first, second = (attempt.token for attempt, _, _ in stage.phone.accepted)
    await stage.phone.tell(Inbound(Outcome.answered, first, disposition=Disposition(disposition)))
    await stage.phone.tell(Inbound(Outcome.answered, second, disposition=Disposition.interested))
    await office.slack.wait_shown("*interested*")

    async def are_done() -> bool:
        return bool((await stage.overview("spring"))["exited"] == 2)

    await until(are_done)

    def cards() -> list[Shown]:
        return [one for one in office.slack.messages.values() if "hot lead in" in one.whole]

    if words:
        assert any(words in one.whole for one in await until(lambda: len(cards()) == 2 and cards()))
    else:
        assert len(cards()) == 1


async def test_taking_over_holds_the_person_in_all_campaigns_until_it_goes_on(office: Office) -> None:
    card = await a_lead(office)
    await office.stage.launch(spec(LATER, ref="autumn"), person(0), checked=False)
    assert "taken this person over" in (await office.slack.click(card, "Take over", "U2")).whole
    await until(lambda: "taken over by <@U2>" in card.whole)
    assert "Go on" in card.buttons
    assert "a colleague has taken the person over" in await office.say("why +12125550000")
    overview = await office.slack.command("")
    assert "🤝 <@U2> has taken a person over" in overview.whole
    assert "#1 by" not in overview.whole
    assert "🤝 <@U2>" in await office.say("leads")
    assert "the campaigns go on" in (await office.slack.click(card, "Go on")).whole
    await until(lambda: "taken over" not in card.whole)


async def test_a_person_who_is_taken_over_is_given_back_from_the_overview_when_no_card_is_left(office: Office) -> None:
    card = await a_lead(office)
    await office.slack.click(card, "Take over", "U2")
    await until(lambda: "Go on" in card.buttons)
    await office.slack.press(card, "Mark as handled")
    await until(lambda: card.buttons == ["Undo"])
    await office.slack.press(await office.slack.command(""), "History")
    history = await until(lambda: next((one for one in office.slack.ephemerals if "Go on" in one.buttons), None))
    await office.slack.press(history, "Go on")
    await until(lambda: "the campaigns go on" in office.slack.ephemerals[-1].whole)
    assert (await office.stage.do("holds"))["holds"] == []


async def test_a_lead_is_answered_as_a_text_or_an_e_mail_and_is_handled(office: Office) -> None:
    card = await a_lead(office)
    await office.slack.press(card, "Reply")
    view = await office.slack.opened_view()
    email = {"type": "static_select", "selected_option": {"value": "email"}}
    ack = await office.slack.submit(
        view, {"text": {"type": "plain_text_input", "value": "Here is the offer"}, "by": email}
    )
    assert "on its way" in str(ack.payload)
    await until(lambda: office.stage.email.accepted)
    assert office.stage.email.accepted[0][1].text == "Here is the offer"
    assert await open_leads(office) == []
    await office.front.target.look()
    assert "handled by <@U1>" in card.whole
    assert card.buttons == ["Open again"]


@pytest.mark.parametrize(("missing", "offered"), [("email", ["text"]), ("sms", ["e-mail"]), ("both", [])])
async def test_a_lead_is_answered_only_by_a_channel_that_is_set_up(
    office: Office, missing: str, offered: list[str]
) -> None:
    card = await a_lead(office)
    for kind in ("sms", "email") if missing == "both" else (missing,):
        office.stage.runtime.channels.pop(kind)  # type: ignore[arg-type]
    await office.slack.press(card, "Reply")
    view = await office.slack.opened_view()
    options = [one["element"]["options"] for one in view["blocks"] if one.get("block_id") == "by"]
    assert [one["text"]["text"] for some in options for one in some] == offered
    assert bool(offered) is ("submit" in view)
    assert bool(offered) is not ("Neither texts nor e-mails are set up" in str(view["blocks"]))


async def test_a_person_whose_flow_has_ended_is_called_back_at_the_promised_time(office: Office) -> None:
    card = await a_lead(office)
    await office.slack.press(card, "Call back")
    view = await office.slack.opened_view()
    at = office.stage.clock.now() // 1_000_000 + 3600
    ack = await office.slack.submit(view, {"when": {"type": "datetimepicker", "selected_date_time": at}})
    assert "ahead of the flow" in str(ack.payload)
    office.stage.clock.step(HOUR + MINUTE)
    await until(lambda: len(office.stage.phone.accepted) == 2)


async def test_suppress_and_handled_settle_the_card_by_whom(office: Office) -> None:
    card = await a_lead(office)
    await office.slack.press(card, "Suppress…")
    await office.slack.submit(await office.slack.opened_view(), {})
    await office.slack.wait_shown("never contacted again by <@U1>")
    [entry] = (await office.stage.do("suppression list"))["entries"]
    assert entry["value"] == "+12125550000"
    assert await open_leads(office) == []


async def test_what_another_front_handles_is_shown_with_the_next_look(office: Office) -> None:
    card = await a_lead(office)
    await office.stage.do("campaign answer", ref="spring", person="+12125550000", nothing=True)
    await office.front.target.look()
    assert "handled by tester" in card.whole


async def test_the_words_of_an_erased_person_leave_the_card(office: Office) -> None:
    card = await a_lead(office)
    await office.stage.do("contacts erase", person="+12125550000", because="asked by letter")
    await office.front.target.look()
    assert "Wants a roof" not in card.whole
    assert "kept no more" in card.whole


async def test_nobody_handled_it_in_a_business_hour_so_the_owner_is_reminded_once(office: Office) -> None:
    card = await a_lead(office)  # Monday, ten o'clock
    office.stage.clock.step(HOUR - MINUTE)
    await office.front.target.look()
    office.stage.clock.step(2 * MINUTE)
    await office.front.target.look()
    await office.front.target.look()
    reminders = [one for one in office.slack.messages.values() if one.thread_ts == card.ts]
    assert len(reminders) == 1
    assert "⏰ <@U1> this hot lead" in reminders[0].whole


async def test_a_business_hour_is_one_of_the_contact_window(office: Office) -> None:
    office.stage.clock.step(6 * HOUR + 50 * MINUTE)  # ten minutes before it closes
    card = await a_lead(office)
    office.stage.clock.step(12 * HOUR)
    await office.front.target.look()
    assert not any(one.thread_ts == card.ts for one in office.slack.messages.values())
    office.stage.clock.step(5 * HOUR)  # ten to ten, the next day: fifty minutes of it
    await office.front.target.look()
    assert any(one.thread_ts == card.ts for one in office.slack.messages.values())


async def test_a_recording_is_heard_by_a_link_of_ones_own(office: Office, tmp_path: Path) -> None:
    office.stage.phone.fetch_recording = Tape().fetch_recording  # type: ignore[attr-defined]
    office.stage.runtime.recordings = Recordings(tmp_path, "https://calls.example")
    token = await a_call(office)
    await office.stage.phone.tell(Inbound(Outcome.answered, token, recording=URL))
    office.stage.phone.analyse = Analyst().analyse  # type: ignore[attr-defined]
    office.stage.resolve("phone")
    await until(lambda: list(tmp_path.glob("*.mp3")))
    await office.stage.phone.tell(Inbound(Outcome.answered, token, transcript="person: yes"))
    card = await office.slack.wait_shown("hot lead in")
    heard = await office.slack.click(card, "Listen")
    assert heard.user == "U1"
    assert "<https://calls.example/r/" in heard.whole
    assert "needs the role manager" in (await office.slack.click(card, "Listen", "U3")).whole
    assert "https://calls.example/r/" in await office.say(f"listen {token}")
    entries = (await office.stage.do("log", target=token))["entries"]
    assert [entry["actor"].split()[0] for entry in entries] == ["slack:U1", "slack:U1"]


@pytest.mark.parametrize("label", ["Take over", "Mark as handled", "Suppress…", "Call back…"])
async def test_a_viewer_changes_nothing(office: Office, label: str) -> None:
    card = await a_lead(office)
    assert "needs the role manager" in (await office.slack.click(card, label, "U3")).whole
    assert len(await open_leads(office)) == 1


async def test_by_keyboard_a_person_is_taken_over_and_given_back(office: Office) -> None:
    await a_lead(office)
    shown = await office.slack.command("take over +1 212 555 0000")
    assert "••• 0000 over" in shown.whole
    again = await office.slack.command("takeover +12125550000")
    assert "is taken over by Dana already; nothing was changed" in again.whole
    assert again.buttons == ["give-back +12125550000"]
    assert "the campaigns go on with ••• 0000" in await office.say("give-back +12125550000")
    assert "1 hot lead not handled yet" in await office.say("leads spring")


async def test_another_owner_is_mentioned_and_gets_a_summary(office: Office) -> None:
    card = await a_lead(office)
    assert "belongs to <@U2> now" in await office.say("owner spring <@U2|lee>")
    await until(lambda: "owner <@U2>" in card.whole)
    summary = await office.slack.wait_shown("is yours now, given by <@U1>")
    assert summary.channel == "DU2"
    assert "Not handled yet: 1 hot lead." in summary.whole
    await office.slack.wait_shown("given to <@U2>")


async def test_what_belongs_to_a_deactivated_owner_is_the_admins_business(office: Office) -> None:
    office.slack.users["U1"]["deleted"] = True
    card = await a_lead(office)
    assert "<@U9> (the owner is deactivated)" in card.whole


async def test_a_person_who_calls_us_is_shown_with_what_to_decide(office: Office) -> None:
    stage = office.stage
    await stage.do("numbers add", number="+12125550900")
    await stage.launch(spec(LATER, ref="spring"), person(0))
    state = stage.runtime.channels["phone"]
    await answer(stage.runtime, state, Pickup("CA1", "+12125550000", to="+12125550900"), "+12125550000", can_talk=False)
    said = {"ref": "CA1", "address": "+12125550000", "called_us": True}
    await stage.phone.tell(Inbound(Outcome.answered, **said, summary="Asks for a quote.", duration_s=30))
    card = await office.slack.wait_shown("has called us")
    for part in ("••• 0000", "answered by announcement", "Asks for a quote", "until somebody decides"):
        assert part in card.whole, part
    assert "call was" not in card.whole  # no hot lead
    assert "call to us · ••• 0000 · answered" in await office.say("calls")
    assert "the campaigns go on" in (await office.slack.click(card, "Go on")).whole
    await answer(stage.runtime, state, Pickup("CA2", "+13105550123", to="+12125550900"), "+13105550123", can_talk=False)
    await stage.phone.tell(Inbound(Outcome.answered, ref="CA2", address="+13105550123", called_us=True))
    await stage.phone.tell(Inbound(Outcome.answered, **said))
    assert len([one for one in office.slack.messages.values() if "has called us" in one.whole]) == 1


async def test_a_hot_lead_who_called_us_is_a_card_with_what_to_decide(office: Office) -> None:
    stage = office.stage
    await stage.do("numbers add", number="+12125550900")
    agent = {"name": "ava", "company": "Acme", "prompt": "Sell."}
    await stage.do("agents apply", file={"agent": [agent]})
    for name in ("serve_call", "unsupported", "webhook", "answer"):
        setattr(stage.phone, name, getattr(Conversing(), name))
    stage.resolve("phone")
    await stage.do("numbers inbound", number="+12125550900", agent="ava")
    await stage.launch(spec(LATER, ref="spring"), person(0))
    await stage.do("campaign owner", ref="spring", owner="slack:U1 Dana")
    state, pickup = stage.runtime.channels["phone"], Pickup("CA1", "+12125550000", to="+12125550900")
    await answer(stage.runtime, state, pickup, "+12125550000", can_talk=True)
    said = {"ref": "CA1", "address": "+12125550000", "called_us": True, "disposition": Disposition.interested}
    await stage.phone.tell(Inbound(Outcome.answered, **said, summary="Asks for a quote.", transcript="person: Hi"))
    card = await office.slack.wait_shown("is *interested*")
    for part in ("••• 0000", "has called us", "Asks for a quote", "until somebody decides", "not handled yet"):
        assert part in card.whole, part
    assert len(await open_leads(office)) == 1
    assert "the campaigns go on" in (await office.slack.click(card, "Go on")).whole
    await office.slack.press(card, "Mark as handled")
    await office.slack.wait_shown("handled by <@U1>")
    assert await open_leads(office) == []
    assert not [one for one in office.slack.messages.values() if "has called us" in one.whole]  # one card, settled
