"""Cards of replies: masked, with buttons that answer, settle, call back and suppress."""

from __future__ import annotations

from typing import Any

import pytest

from fluentsd.api import Inbound, Outcome
from fluentsd.testing.slack import Shown
from fluentsd.verbs import slack_posts
from tests.engine.stage import CALL, SMS, person, spec
from tests.fronts.slack.conftest import LATER, Office, until
from tests.fronts.slack.test_cards import database_url, menu_of, office, settled, stage

__all__ = ["database_url", "office", "stage"]


async def a_reply(
    office: Office,
    text: str = "Call me at +1 415 555 0123, dana@example.com",
    outcome: Outcome = Outcome.replied,
    shown: str = "answered in",
    people: int = 1,
) -> Shown:
    if people:
        await office.campaign(people=people)
    await office.say("start spring yes")
    await settled(office)
    [(attempt, _, _)] = office.stage.sms.accepted
    await office.stage.sms.tell(Inbound(token=attempt.token, outcome=outcome, text=text))
    card = await office.slack.wait_shown(shown)
    await until(lambda: slack_posts.of_kind(office.stage.runtime, "reply"))  # it is noted after it is posted
    return card


async def open_replies(office: Office) -> list[Any]:
    return list((await office.stage.do("campaign replies", ref="spring"))["replies"])


async def test_a_reply_is_shown_masked(office: Office) -> None:
    card = await a_reply(office)
    assert "••• 0123" in card.whole
    assert "d•••@example.com" in card.whole
    assert "💬 *P0* (••• 0000) answered in *Spring fair* by text" in card.whole
    assert "2125550000" not in card.whole
    assert card.buttons == ["Reply…", "Take over", "Mark as handled"]
    assert menu_of(card) == ["Suppress…"]


async def test_a_call_back_is_offered_where_the_persons_flow_has_a_call(office: Office) -> None:
    await office.campaign(people=0)
    with_call = spec(SMS, LATER, CALL | {"after": "2 days"}, ref="spring", name="Spring fair")
    await office.stage.do("campaign apply", file=with_call)
    await office.stage.enroll(person(0), ref="spring")
    card = await a_reply(office, people=0)
    assert menu_of(card) == ["Call back…", "Suppress…"]
    await office.stage.do("campaign apply", file=spec(SMS, LATER, ref="spring", name="Spring fair"))
    shown = await office.slack.command("person +12125550000", "U1")
    assert menu_of(shown) == ["Call back…", "Suppress…"]  # people keep the flow that they entered with


async def test_an_opt_out_offers_no_contact(office: Office) -> None:
    card = await a_reply(office, "Stop texting me", Outcome.opted_out, "not to be contacted")
    assert "suppression list" in card.whole
    assert card.buttons == ["Mark as handled"]


async def test_a_manager_answers_from_the_form(office: Office) -> None:
    card = await a_reply(office)
    await office.slack.press(card, "Reply")
    view = await office.slack.opened_view()
    assert "*P0*\n>Call me at ••• 0123, d•••@example.com" in view["blocks"][0]["text"]["text"]
    ack = await office.slack.submit(view, {"text": {"type": "plain_text_input", "value": "I call you at five"}})
    assert "on its way" in str(ack.payload)
    await until(lambda: len(office.stage.sms.accepted) == 2)
    assert office.stage.sms.accepted[-1][1].text == "I call you at five"
    assert await open_replies(office) == []


async def test_a_handled_reply_says_by_whom(office: Office) -> None:
    card = await a_reply(office)
    await office.slack.press(card, "Mark as handled", "U2")
    await office.slack.wait_shown("handled by <@U2>")
    assert await open_replies(office) == []


async def test_a_reply_is_taken_over_and_nobody_is_reminded_of_it(office: Office) -> None:
    card = await a_reply(office)
    await office.slack.click(card, "Take over")
    await until(lambda: "taken over by <@U1>" in card.whole)
    office.stage.clock.step(2 * 3600 * 1_000_000)
    await office.front.target.look()
    assert not any(one.thread_ts == card.ts for one in office.slack.messages.values())


async def test_somebody_is_reminded_of_a_reply_that_nobody_handles(office: Office) -> None:
    card = await a_reply(office)
    office.stage.clock.step(2 * 3600 * 1_000_000)
    await office.front.target.look()
    assert "⏰ @sales this reply" in (await office.slack.wait_shown("⏰")).whole
    assert (await office.slack.wait_shown("⏰")).thread_ts == card.ts


async def test_suppress_asks_and_ends_all_contact(office: Office) -> None:
    card = await a_reply(office)
    await office.slack.press(card, "Suppress…")
    view = await office.slack.opened_view()
    assert (view["title"]["text"], view["submit"]["text"]) == ("Never contact again?", "Never contact")
    assert (await office.stage.do("suppression list"))["entries"] == []
    assert "never contacted again" in str((await office.slack.submit(view, {})).payload)
    await office.slack.wait_shown("never contacted again by <@U1>")
    found = await office.stage.do("suppression list")
    assert [entry["value"] for entry in found["entries"]] == ["+12125550000"]


async def test_a_second_click_on_a_settled_reply_is_told(office: Office) -> None:
    card = await a_reply(office)
    await office.slack.press(card, "Mark as handled", "U2")
    await office.slack.wait_shown("handled by <@U2>")
    old = Shown(card.channel, card.ts, card.text, [*card.blocks, *(await stale_buttons(card))], "", "")
    assert "🚫" in (await office.slack.click(old, "Mark as handled", "U1")).whole


async def stale_buttons(card: Shown) -> list[Any]:
    """The buttons as a client shows them that has not yet got the edit."""
    from fluentsd.fronts.slack.blocks.layout import actions, button

    return [actions(button("Mark as handled", "reply:handled", {"ref": "spring", "person": "#1"}))]


async def test_the_card_of_a_reply_leads_to_the_history_of_the_person(office: Office) -> None:
    card = await a_reply(office)
    shown = await office.slack.click(card, "History")
    for part in (
        "👤 ", "*P0* · ••• 0000", "*Spring fair* (", "*1 attempt, newest first*", " · text · replied · Spring fair",
        ">Call me at ••• 0123", "For this person it is Mon 10:0", "New York time",
    ):  # fmt: skip
        assert part in shown.whole, part
    assert "2125550000" not in shown.whole
    assert shown.buttons == ["Reply…", "Take over", "Mark as handled"]
    await office.slack.press(shown, "Suppress…")
    view = await office.slack.opened_view()
    assert "ts" not in view["private_metadata"]  # the history is no card that could be settled
    await office.slack.press(shown, "Reply…")
    await until(lambda: "Your answer" in str(office.slack.views))
    assert "taken this person over" in (await office.slack.click(shown, "Take over")).whole
    assert "🤝 taken over by <@U1>" in await office.say("person +12125550000")
    assert "+12125550000" in await office.say("person #1", channel="DU1")
    assert "never contacted again, on any channel" in str((await office.slack.submit(view, {})).payload)
    assert await open_replies(office) == []
    assert (await office.slack.command("person #1")).buttons == ["Go on"]


@pytest.mark.parametrize("label", ["Mark as handled", "Suppress…", "Reply…"])
async def test_a_viewer_cannot_settle_a_reply(office: Office, label: str) -> None:
    card = await a_reply(office)
    assert "needs the role manager" in (await office.slack.click(card, label, "U3")).whole
    assert len(await open_replies(office)) == 1


async def test_a_reply_that_was_marked_as_handled_by_mistake_is_open_again_where_it_was(office: Office) -> None:
    card = await a_reply(office)
    await office.slack.press(card, "Mark as handled")
    await office.slack.wait_shown("handled by <@U1>")
    assert card.buttons == ["Undo"]
    await office.front.target.look()
    assert card.buttons == ["Undo"]
    await office.slack.press(card, "Undo", "U2")
    await until(lambda: "Mark as handled" in card.buttons)
    assert "answered in *Spring fair*" in card.whole
    assert len(await open_replies(office)) == 1
    await office.front.target.look()
    assert card.buttons == ["Reply…", "Take over", "Mark as handled"]
    await office.slack.press(card, "Mark as handled", "U2")
    await office.slack.wait_shown("handled by <@U2>")


async def test_the_card_follows_when_the_shell_opens_a_reply_again(office: Office) -> None:
    card = await a_reply(office)
    await office.stage.do("campaign answer", ref="spring", person="+12125550000", nothing=True)
    await office.front.target.look()
    assert card.buttons == ["Open again"]
    await office.stage.do("campaign unhandle", ref="spring", person="+12125550000")
    await office.front.target.look()
    assert card.buttons == ["Reply…", "Take over", "Mark as handled"]


async def test_a_handled_card_is_forgotten_after_a_day_and_its_undo_still_works(office: Office) -> None:
    card = await a_reply(office)
    await office.slack.press(card, "Mark as handled")
    await office.slack.wait_shown("handled by <@U1>")
    office.stage.clock.step(25 * 3600 * 1_000_000)
    await office.front.target.look()
    assert await slack_posts.of_kind(office.stage.runtime, "reply") == []
    await office.slack.press(card, "Undo")
    await until(lambda: "Mark as handled" in card.buttons)


async def test_handled_in_a_history_is_undone_there(office: Office) -> None:
    await a_reply(office)
    shown = await office.slack.command("person +12125550000")
    answered = await office.slack.click(shown, "Mark as handled")
    assert "handled by <@U1>" in answered.whole
    again = await office.slack.click(answered, "Undo")
    assert "Mark as handled" in again.buttons
    assert "is marked as handled; nothing was changed" in await office.say("unhandle spring +12125550000")


async def test_by_keyboard_a_handled_reply_is_open_again(office: Office) -> None:
    await a_reply(office)
    await office.stage.do("campaign answer", ref="spring", person="+12125550000", nothing=True)
    assert "1 reply or hot lead of ••• 0000 open again" in await office.say("unhandle spring +12125550000")
    assert len(await open_replies(office)) == 1


async def suppressed_on(office: Office) -> Shown:
    """A card whose number was suppressed by mistake."""
    card = await a_reply(office)
    await office.slack.press(card, "Suppress…")
    await office.slack.submit(await office.slack.opened_view(), {})
    await office.slack.wait_shown("never contacted again by <@U1>")
    await office.front.target.look()
    assert "never contacted again by <@U1>" in card.whole
    assert card.buttons == ["Undo…"]
    return card


async def asked_why(office: Office, card: Shown, user: str = "U1") -> dict[str, Any]:
    """The form of *Undo…*."""
    await office.slack.press(card, "Undo…", user)
    await until(lambda: any("What was the mistake?" in str(view) for view in office.slack.views.values()))
    return next(view for view in office.slack.views.values() if "What was the mistake?" in str(view))


async def test_a_number_that_was_suppressed_by_mistake_is_taken_back_with_a_reason(office: Office) -> None:
    card = await suppressed_on(office)
    view = await asked_why(office, card)
    short = await office.slack.submit(view, {"because": {"type": "plain_text_input", "value": "oops"}})
    assert "explain in a sentence" in str(short.payload)
    view = await asked_why(office, card)
    why = {"because": {"type": "plain_text_input", "value": "I clicked the wrong card"}}
    done = await office.slack.submit(view, why)
    assert "••• 0000 may be contacted again" in str(done.payload)
    assert card.buttons == ["Reply…", "Take over", "Mark as handled"]
    assert (await office.stage.do("suppression list"))["entries"] == []
    [entry] = (await office.stage.do("suppression why", point="+12125550000"))["entries"]
    assert (entry["lifted_by"], entry["lifted_because"]) == ("slack:U1 Dana", "I clicked the wrong card")


async def test_a_colleague_does_not_take_back_what_another_has_suppressed(office: Office) -> None:
    card = await suppressed_on(office)
    view = await asked_why(office, card, "U2")
    done = await office.slack.submit(view, {"because": {"type": "plain_text_input", "value": "Dana was wrong"}}, "U2")
    assert "Dana has entered" in str(done.payload)
    assert "2125550000" not in str(done.payload)
    assert len((await office.stage.do("suppression list"))["entries"]) == 1


async def test_what_a_person_asked_for_is_never_undone_in_slack(office: Office) -> None:
    await a_reply(office, "Stop texting me", Outcome.opted_out, "not to be contacted")
    said = await office.say("unsuppress +12125550000 because they changed their mind", "U9")
    assert "the person has asked for it" in said
    assert len((await office.stage.do("suppression list"))["entries"]) == 2


async def test_by_keyboard_a_suppressed_number_is_taken_back(office: Office) -> None:
    await office.campaign(people=1)
    shown = await office.slack.command("suppress +12125550000 because asked by phone")
    assert shown.buttons == ["Undo…"]
    assert "why was it a mistake" in await office.say("unsuppress +12125550000")
    done = await office.say("unsuppress +12125550000 because it was another number")
    assert "••• 0000 may be contacted again" in done
    again = await office.say("unsuppress +12125550000 because it was another number")
    assert "is not on the suppression list; nothing was changed" in again
