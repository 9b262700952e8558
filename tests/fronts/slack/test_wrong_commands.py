"""What people type wrongly is answered with what happened, that nothing was changed, and a button for what is meant."""

from __future__ import annotations

from tests.fronts.slack.conftest import Office, until
from tests.fronts.slack.test_cards import database_url, office, stage

__all__ = ["database_url", "office", "stage"]

#: A line, words of its answer, and the buttons below it.
WRONG: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("pause for 2h spring", "the campaign comes first; nothing was changed", ("pause spring for 2h",)),
    ("schedule tomorrow 9am spring", "the campaign comes first", ("schedule spring tomorrow 9am",)),
    ("owner <@U2> spring", "the campaign comes first", ("owner spring <@U2>",)),
    ("schedule spring tomorrow 9", "is 9 in the morning? Write 9am, 9pm or 9:00; nothing was changed",
     ("schedule spring tomorrow 9am", "schedule spring tomorrow 9pm")),
    ("schedule spring next tuesday", "a day without a time", ("schedule spring next tuesday 9am",)),
    ("pause spring until tomorrow 9", "nothing was changed",
     ("pause spring until tomorrow 9am", "pause spring until tomorrow 9pm")),
    ("schedule spring 12/5", "a day without a time", ("schedule spring 12/5 9am",)),
    ("schedule spring jul 5", "a day without a time", ("schedule spring jul 5 9am",)),
    ("schedule spring friday morning", "is not a moment", ("schedule spring friday 9am",)),
    ("schedule spring yesterday", "is not a moment", ()),
    ("schedule spring eod", "is not a moment", ()),
    ("pause spring until jul 5", "a day without a time", ("pause spring until jul 5 9am",)),
    ("pause spring because of the holiday until friday", "a day without a time",
     ("pause spring until friday 9am because of the holiday",)),
    ("unsuppress 2125550001", "why was it a mistake? The reason is kept with the entry", ()),
    ("unsuppress 2125550001 wrong number", "why was it a mistake",
     ("unsuppress 2125550001 because wrong number",)),
    ("callback 2125550001 tomorrow", "by the buttons of a hot lead", ("leads",)),
    ("answer 2125550001 hello", "by the buttons of a reply", ("replies",)),
    ("resume winter", "cannot resume a campaign that is draft; nothing was changed", ("status winter",)),
    ("pause spring for half an hour", "'half an hour' is not a length of time", ()),
    ("pause spring for a while", "'a while' is not a length of time", ("pause spring because a while",)),
    ("unsuppress 2125550001 because oops", "explain in a sentence what the mistake was", ()),
    ("pause spring for lunch", "'lunch' is not a length of time", ("pause spring because lunch",)),
    ("start spring tomorrow 9", "schedule is for later; nothing was changed", ("schedule spring tomorrow 9",)),
    ("pause spring fair for 2 hours because of the holiday", "nothing was changed", ("status spring",)),
    ("status https://acme.slack.com/archives/C1/p1", "a link names no campaign, so nothing was changed; write its name",
     ("status winter", "status spring")),
    ("person <https://crm.example/contact/12>", "a link names no person; write their number, address or name", ()),
    ("why https://crm.example/contact/12", "a link names no person", ()),
    ("copy spring autumn", "nothing was changed. Usage: copy", ("copy spring as autumn",)),
    ("suppress 2125550001 she asked", "nothing was changed", ("suppress 2125550001 because she asked",)),
    ("suppress (212) 555-0001 she asked", "nothing was changed", ("suppress (212) 555-0001 because she asked",)),
    ("suppress dana because asked", "neither a number nor an address; look for the person first; nothing was changed",
     ("contacts find dana",)),
    ("resume spring tomorrow", "nothing may follow here, but there is 'tomorrow'; nothing was changed",
     ("resume spring",)),
    ("report spring yesterday", "is no period", ("report spring today", "report spring 7d", "report spring all")),
    ("alerts on", "write here or off; nothing was changed", ("alerts here",)),
    ("digest at 9:00", "nothing was changed", ("digest here 9:00",)),
    ("contacts find", "what should be found?", ()),
    ("list actve", "no campaign has 'actve' in its name", ("list active",)),
    ("list “no such”", "no campaign has 'no such' in its name", ("list",)),
    ("stop “Sprign fair”", "nothing was changed. Which one do you mean?", ("stop spring",)),
    ("test spring to me", "nothing was changed", ()),
)  # fmt: skip


def labelled(command: str) -> str:
    """A command on its button: without the name of the slash command where a small screen would hide its end."""
    return f"/campaign {command}" if len(command) <= 20 else command


async def test_a_wrong_command_says_what_happened_and_offers_what_is_meant(office: Office) -> None:
    await office.campaign()
    await office.campaign("winter", 1, name="Winter sale")
    before = await office.stage.do("campaign list")
    for line, words, buttons in WRONG:
        shown = await office.slack.command(line)
        assert words in shown.whole, (line, shown.whole)
        assert shown.buttons == [labelled(one) for one in buttons], (line, shown.buttons)
    assert await office.stage.do("campaign list") == before


async def test_without_a_campaign_the_first_one_is_offered(office: Office) -> None:
    for line in ("start", "report", "start spring", "forecast the fair"):
        shown = await office.slack.command(line)
        assert "here are no campaigns yet" in shown.whole
        assert shown.buttons == ["/campaign new"], line
    assert (await office.slack.command("list")).buttons == ["New campaign…"]
    assert (await office.slack.command("list", "U3")).buttons == []
    assert "no campaign is yours" in await office.say("list mine")


async def test_a_campaign_without_people_is_not_started_and_people_can_be_added_at_once(office: Office) -> None:
    await office.campaign(people=0)
    for line in ("start spring", "schedule spring tomorrow 9am"):
        shown = await office.slack.command(line)
        assert "nobody is enrolled" in shown.whole
        assert shown.buttons == ["Add people…", "Edit…"]
    assert (await office.slack.command("start spring", "U3")).buttons == []
    await office.slack.press(shown, "Add people…")
    await until(lambda: "0 people enrolled so far" in str(office.slack.views))


async def test_the_offer_for_a_campaign_at_the_end_does_what_was_typed(office: Office) -> None:
    await office.campaign()
    await office.say("start spring yes")
    shown = await office.slack.command("pause for 2h spring")
    assert "no contacts until it resumes by itself" in (await office.slack.click(shown, "/campaign pause")).whole
    assert (await office.stage.overview("spring"))["state"] == "paused"


async def test_a_wrong_command_in_a_thread_is_answered_there(office: Office) -> None:
    await office.campaign()
    said = {"user": "U1", "channel": "C1", "text": "<@UBOT> pause for 2h spring", "ts": "2.1", "thread_ts": "1.1"}
    await office.slack.event({"type": "app_mention", **said})
    shown = await office.slack.wait_shown("the campaign comes first; nothing was changed")
    assert shown.thread_ts == "1.1"
    assert shown.buttons == ["pause spring for 2h"]


async def test_a_refusal_names_people_and_not_their_ids(office: Office) -> None:
    await office.campaign(owner="slack:U2 Kim")
    said = await office.say("archive spring yes")
    assert "spring belongs to Kim; nothing was changed" in said
    assert "slack:U" not in said
