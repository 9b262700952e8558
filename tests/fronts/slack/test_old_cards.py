"""Buttons that earlier versions have posted: each still does what it says, or says that it does nothing.

Their ids and values are those of cards that stand in channels; an id that is given up belongs into `GONE`.
"""

from __future__ import annotations

from typing import Any

from fluentsd.domain.time.durations import SECOND
from fluentsd.fronts.slack.blocks.layout import actions, button
from fluentsd.testing.slack import Shown
from tests.engine.stage import HOUR
from tests.fronts.slack.conftest import Office
from tests.fronts.slack.test_cards import database_url, office, stage
from tests.fronts.slack.test_replies import a_reply, open_replies

__all__ = ["database_url", "office", "stage"]

#: Words, id, value, and what the answer says, in an order in which each has something to do.
COMMANDS = [
    ("Details", "say:report", {"text": "report c1"}, "*Contacted*"),
    ("Look", "say:look", {"text": "start c1"}, "can be started"),
    ("What waits", "say:replies", {"text": "replies spring"}, "every reply is handled"),
    ("Hot leads", "say:leads", {"text": "leads"}, "every hot lead is handled"),
    ("Errors", "say:errors", {"text": "errors c1"}, "nobody is in error"),
    ("Unknown", "say:unknown", {"text": "unknown c1"}, "no attempt has an unknown result"),
    ("Attempts", "say:calls", {"text": "calls spring"}, "attempts of spring"),
    ("Edit people", "say:edit", {"text": "person #1"}, "👤 *P0*"),
    ("Pause", "say:pause", {"text": "pause c1"}, "is paused"),
    ("Resume", "say:resume", {"text": "resume c1"}, "goes on"),
    ("Pause all", "say:all", {"text": "pause all yes"}, "Spring fair"),
    ("Stop", "say:stop", {"text": "stop c1 yes"}, "is stopped"),
    ("Reopen", "say:reopen", {"text": "reopen c1"}, "is open again"),
]  # fmt: skip
ABOUT = {"ref": "spring", "person": "#1"}
PERSONS = [
    ("Take over", "person:take", ABOUT, "you have taken this person over"),
    ("Go on", "person:resume", ABOUT, "the campaigns go on"),
    ("Listen", "person:listen", ABOUT | {"attempt": "0" * 32}, "🚫"),
    (
        "Release",
        "release",
        {"scope": "channel", "target": "sms"},
        "nothing holds all texts any more",
    ),
    ("Try all again", "retry", {"ref": "spring"}, "nobody in spring is in error"),
]
#: Ids that no version answers any more.
GONE = ["csv:upload", "text:new", "people:known", "open:nothing", "no such id"]


def a_card(office: Office, *buttons: Any) -> Shown:
    """A message of the app with these buttons, as Slack keeps it."""
    words = {"text": "an old card", "blocks": [actions(*buttons)]}
    return office.slack.show("C1", words, "")


async def test_the_commands_of_old_cards_are_still_commands(office: Office) -> None:
    await office.campaign()
    await office.say("start spring yes")
    for words, action, value, part in COMMANDS:
        shown = await office.slack.click(a_card(office, button(words, action, value)), words)
        assert part in shown.whole, (words, shown.whole)


async def test_the_answers_of_old_cards_still_answer_and_find_their_conversation_without_its_attempt(
    office: Office,
) -> None:
    await a_reply(office)
    for words, action, value, part in PERSONS:
        shown = await office.slack.click(a_card(office, button(words, action, value)), words)
        assert part in shown.whole, (words, shown.whole)
    assert len(await open_replies(office)) == 1
    await office.slack.press(a_card(office, button("Call back…", "open:callback", ABOUT)), "Call back…")
    view = await office.slack.opened_view()
    at = (office.stage.clock.now() + 24 * HOUR) // SECOND
    done = await office.slack.submit(view, {"when": {"type": "datetimepicker", "selected_date_time": at}})
    assert "has no step by phone, so nothing was changed; its steps are by text" in str(done.payload)
    old = a_card(office, button("Suppress", "reply:suppress", {"ref": "spring", "person": "+12125550000"}))
    await office.slack.press(old, "Suppress")
    await office.slack.wait_shown("never contacted again by <@U1>")
    assert [one["value"] for one in (await office.stage.do("suppression list"))["entries"]] == ["+12125550000"]
    assert await open_replies(office) == []


async def test_a_button_that_is_gone_says_so_and_shows_the_way(office: Office) -> None:
    await office.campaign()
    for action in GONE:
        shown = await office.slack.click(a_card(office, button("Old", action, ABOUT)), "Old")
        assert "this button is of an earlier version, so nothing was changed" in shown.whole, action
        assert shown.buttons == ["/campaign overview"]
    without = button("Suppress", "reply:suppress", {"ref": "spring"})
    assert "whom it is about; nothing was changed" in (
        await office.slack.click(a_card(office, without), "Suppress")
    ).whole  # fmt: skip
