"""The grammar: names, arguments, and what is answered to wrong commands."""

from __future__ import annotations

import html
from typing import Any

import pytest

from fluentsd.fronts.slack.blocks.help import help_of
from fluentsd.fronts.slack.command_table import BY_WORD, COMMANDS, Misread
from fluentsd.fronts.slack.grammar import parse
from fluentsd.fronts.slack.words import Named, tokens
from fluentsd.verbs.catalogue import VERBS

CAMPAIGNS = [
    Named(1, "spring-fair", "Spring fair", "active"),
    Named(2, "spring-sale", "Spring sale", "draft"),
    Named(42, "q2", "Q2 warm leads", "paused"),
    Named(7, "pause", "Pause", "draft"),
]


@pytest.mark.parametrize(
    ("text", "command", "ref", "arguments"),
    [
        ("", "overview", None, {}),
        ("?", "help", None, {}),
        ("help start", "help", None, {"topic": "start"}),
        ("STATUS C42", "status", "q2", {}),
        ("show #c42 share", "status", "q2", {"share": True}),
        ("status share", "status", None, {"share": True}),
        (
            "pause “Spring fair” for 2h because “lunch break”",
            "pause",
            "spring-fair",
            {"for": "2h", "because": "lunch break"},
        ),
        ("pause spring–fair until tomorrow 9am", "pause", "spring-fair", {"until": "tomorrow 9am"}),
        ("pause warm", "pause", "q2", {}),
        ("pause pause", "pause", "pause", {}),
        ("unpause q2", "resume", "q2", {}),
        ("abort q2", "stop", "q2", {}),
        ("go fair yes", "start", "spring-fair", {"yes": True}),
        ("schedule spring fair tomorrow 9am", "schedule", "spring-fair", {"when": "tomorrow 9am"}),
        ("schedule q2 clear", "schedule", "q2", {"when": "clear"}),
        ("calls q2 no answer", "calls", "q2", {"outcome": "no_answer"}),
        ("owner q2 <@U123|dana>", "owner", "q2", {"user": "U123"}),
        ("log by <@U1|x>", "log", None, {"by": "U1"}),
        ("why <mailto:p1@example.com|p1@example.com>", "why", None, {"person": "p1@example.com"}),
        ("copy q2 as Autumn fair", "copy", "q2", {"new": "Autumn fair"}),
        ("list running mine fair", "list", None, {"state": "active", "mine": True, "words": "fair"}),
        ("suppress +12125550001 because asked", "suppress", None, {"point": "+12125550001", "because": "asked"}),
        ("contacts q2 find Dana Doe", "contacts", "q2", {"find": "Dana Doe"}),
        ("list completed", "list", None, {"state": "completed"}),
        ("list done", "list", None, {"state": "ended"}),
        ("alerts here", "alerts", None, {"where": "here", "refs": []}),
        ("alerts here q2", "alerts", None, {"where": "here", "refs": ["q2"]}),
        (
            "alerts here Spring fair, q2 replies leads",
            "alerts",
            None,
            {"where": "here", "refs": ["spring-fair", "q2"], "kinds": ["replies", "leads"]},
        ),
        (
            "alerts here q2 and c7 changes",
            "alerts",
            None,
            {"where": "here", "refs": ["q2", "pause"], "kinds": ["changes"]},
        ),
        ("alerts off q2", "alerts", None, {"where": "off", "refs": ["q2"]}),
        ("digest here 9am", "digest", None, {"where": "here", "at": "09:00"}),
        ("digest here 12:30 pm", "digest", None, {"where": "here", "at": "12:30"}),
        ("digest here 12am", "digest", None, {"where": "here", "at": "00:00"}),
        ("digest off", "digest", None, {"where": "off"}),
        ("take over +12125550001", "take", None, {"person": "+12125550001"}),
        ("takeover Dana Doe", "take", None, {"person": "Dana Doe"}),
        ("give-back #12", "give-back", None, {"person": "#12"}),
        ("listen 01abc", "listen", None, {"attempt": "01abc"}),
        ("leads", "leads", None, {}),
        ("leads q2", "leads", "q2", {}),
        ("agents sales", "agents", None, {"words": "sales"}),
        # as people say it
        ("status of the spring fair campaign", "status", "spring-fair", {}),
        ("show me q2", "status", "q2", {}),
        ("pause q2 please", "pause", "q2", {}),
        ("pause q2 now", "pause", "q2", {}),
        ("start q2 now", "start", "q2", {}),  # and it is asked before anybody is contacted
        ("pause q2 because the office closes now", "pause", "q2", {"because": "the office closes now"}),
        ("pause everything", "pause", None, {}),
        ("resume all campaigns", "resume", None, {}),
        ("report q2 last 7 days", "report", "q2", {"period": "7d"}),
        ("start q2 first 50 people", "start", "q2", {"first": 50}),
        ("owner q2 me", "owner", "q2", {"me": True}),
        ("assign q2 to <@U2|kim>", "owner", "q2", {"user": "U2"}),
        ("give back +12125550001", "give-back", None, {"person": "+12125550001"}),
        ("who is +12125550001", "why", None, {"person": "+12125550001"}),
        ("archive q2 yes", "archive", "q2", {"yes": True}),
        ("dnc +12125550001 because asked", "suppress", None, {"point": "+12125550001", "because": "asked"}),
        ("schedule q2 for tomorrow 9am", "schedule", "q2", {"when": "for tomorrow 9am"}),
        ("duties q2", "duties", "q2", {}),
        ("Status? q2", "status", "q2", {}),
        ("/campaign status q2", "status", "q2", {}),
        ("campaign pause q2", "pause", "q2", {}),
        ("status all", "status", None, {}),
        ("calls all answered", "calls", None, {"outcome": "answered"}),
        ("pause q2 2h", "pause", "q2", {"for": "2h"}),
        ("pause q2 til monday 9am", "pause", "q2", {"until": "monday 9am"}),
        ("stop q2 right now", "stop", "q2", {}),
        ("why isn't Dana Doe called?", "why", None, {"person": "Dana Doe"}),
        ("opt out +12125550001 because asked", "suppress", None, {"point": "+12125550001", "because": "asked"}),
        ("log q2 by me", "log", "q2", {"me": True}),
        ("help!", "help", None, {}),
        ("owner q2 <@W0ENT|kim>", "owner", "q2", {"user": "W0ENT"}),
        ("contacts q2 export", "contacts", "q2", {"export": True}),
        ("contacts export spring fair exited", "contacts", "spring-fair", {"export": True, "state": "exited"}),
        ("people add q2", "contacts", "q2", {"add": True}),
    ],
)
def test_a_command_is_read(text: str, command: str, ref: str | None, arguments: dict[str, Any]) -> None:
    parsed = parse(text, CAMPAIGNS)
    assert (parsed.command.word, parsed.campaign and parsed.campaign.ref) == (command, ref)
    assert dict(parsed.arguments) == arguments


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pause\u00a0q2\u202fplease", ["pause", "q2", "please"]),
        ("status \ufeffq2\u2060", ["status", "q2"]),
        ("pause „Spring fair“", ["pause", "Spring fair"]),
        ("pause ‟Spring fair″", ["pause", "Spring fair"]),
        ("suppress <tel:+12125550001|(212) 555-0001> because asked", ["suppress", "+12125550001", "because", "asked"]),
        ("why <mailto:p1@example.com|p1@example.com>", ["why", "p1@example.com"]),
        ("status <http://acme.com|acme.com> launch", ["status", "acme.com", "launch"]),
        ("status <https://acme.com>", ["status", "https://acme.com"]),
        ('owner "R&amp;D &lt;east&gt;" <@U2|kim>', ["owner", "R&D <east>", "<@U2|kim>"]),
        ("owner q2 <!subteam^S12AB|@sales>", ["owner", "q2", "@sales"]),
        ("`status q2`", ["status", "q2"]),
        ("*status* _q2_", ["status", "q2"]),
        ("why _p1_@example.com", ["why", "_p1_@example.com"]),
        ("&amp;amp;", ["&amp;"]),
    ],
)
def test_a_text_is_read_as_it_was_typed(text: str, words: list[str]) -> None:
    assert [token.text for token in tokens(text)] == words


#: What is typed, a part of what is said, and the commands that are offered.
WRONG = [
    ("stauts q2", "is not a command", ("status q2",)),
    ("puase q2", "is not a command", ("pause q2",)),
    ("pasue q2", "is not a command", ("pause q2",)),
    ("shedule q2 tomorrow 9am", "is not a command", ("schedule q2 tomorrow 9am",)),
    ("resmue q2", "is not a command", ("resume q2",)),
    ("strat q2", "Did you mean start?", ("start q2",)),
    ("sotp q2", "is not a command", ("stop q2",)),
    ("forcast q2", "is not a command", ("forecast q2",)),
    ("reprot q2", "is not a command", ("report q2",)),
    ("lsit", "is not a command", ("list",)),
    ("hlep", "is not a command", ("help",)),
    ("repleis", "is not a command", ("replies",)),
    ("unstart q2", "is not a command", ("stop q2",)),
    ("unschedule q2", "is not a command", ("schedule q2 clear",)),
    ("unpuase q2", "is not a command", ("resume q2",)),
    ("depause q2", "is not a command", ("resume q2",)),
    ("unresume q2", "is not a command", ("pause q2",)),
    ("dont pause q2", "is not a command", ()),
    ("don’t stop q2", "is not a command", ()),
    ("not q2", "is not a command", ()),
    ("xyzzy", "is not a command", ()),
    ("please pause q2", "is not a command", ("pause q2",)),
    ("q2 pause", "is not a command", ("pause q2",)),
    ("spring fair pause", "is not a command", ("pause spring fair",)),
    ("pause", "which campaign", ("pause spring-fair", "pause spring-sale", "pause q2", "pause pause")),
    ("start", "which campaign", ("start spring-fair",)),
    ("stop", "which campaign", ("stop spring-fair",)),
    ("report", "which campaign", ("report spring-fair",)),
    ("pause spring", "several campaigns fit 'spring'", ("pause spring-fair", "pause spring-sale")),
    ("stop spring because over", "several campaigns fit", ("stop spring-fair because over",)),
    ("schedule spring mon 9am", "several campaigns fit", ("schedule spring-fair mon 9am",)),
    ("status sprng fair", "no campaign is called", ("status spring-fair",)),
    ("pause c99", "no campaign is called", ()),
    ("pause #c99", "no campaign is called", ()),
    ("pause nothing", "There are: spring-fair", ()),
    ('pause "spring"', "no campaign is called", ("pause spring-sale", "pause spring-fair")),
    ("status <!channel>", "no campaign is called", ()),
    ("pause q2 foo", "for <duration>, until <when> or because <reason>", ()),
    ("pause q2 for", "needs a time", ()),
    ("pause q2 until", "needs a time", ()),
    ("resume q2 tomorrow", "nothing may follow", ("resume q2",)),
    ("stop q2 tomorrow", "because <reason>", ()),
    ("start q2 tomorrow 9am", "schedule is for later", ("schedule q2 tomorrow 9am",)),
    ("status q2 loud", "nothing may follow", ("status q2",)),
    ("calls q2 ansered", "did you mean answered", ()),
    ("calls q2 nonsense", "is not an outcome", ()),
    ("owner q2", "who is the new owner", ()),
    ("owner q2 dana", "who is the new owner", ()),
    ("owner q2 @", "who is the new owner", ()),
    ("test q2", "where should the test go", ()),
    ("suppress", "whom?", ()),
    ("copy q2", "what is the copy called", ()),
    ("copy q2 as", "what is the copy called", ()),
    ("contacts q2 find", "what should be found", ()),
    ("contacts q2 delete", "nothing may follow", ("contacts q2",)),
    ("report q2 yesterday", "is no period; there are today, 7d", ("report q2 today",)),
    ("alerts", "here or off", ("alerts here",)),
    ("alerts on", "here or off", ("alerts here",)),
    ("digest daily", "here or off", ("digest here",)),
    ("alerts here sprng fair", "no campaign is called", ("alerts here spring-fair",)),
    ("alerts here spring", "several campaigns fit", ("alerts here spring-fair", "alerts here spring-sale")),
    ("alerts here q2, spring leads", "several campaigns fit", ("alerts here q2, spring-fair leads",)),
    ("alerts here q2 loud", "no campaign is called", ("alerts here q2",)),
    ("alerts off q2 replies", "off stops everything", ()),
    ("alrets here", "is not a command", ("alerts here",)),
    ("digest here 9 in the morning", "a time like 09:00", ()),
    ("digest here 25:00", "no time of the day", ()),
    ("digest here 13pm", "no time of the day", ()),
    ("digest off 09:00", "is not understood here", ()),
    ("take", "whom?", ()),
    ("take over", "whom?", ()),
    ("give-back", "whom?", ()),
    ("untake +12125550001", "is not a command", ("give-back +12125550001",)),
    ("taek over +12125550001", "is not a command", ("take over +12125550001",)),
    ("listen", "which call?", ()),
    ("listen to it", "which call?", ()),
    ("laeds", "is not a command", ("leads",)),
    ("leads sprng fair", "no campaign is called", ("leads spring-fair",)),
    ("agnets", "is not a command", ("agents",)),
    ("log q2 by dana", "by whom? Mention the person", ()),
    ("pause this", "this channel", ()),
    ("reopen", "which campaign", ("reopen spring-fair",)),
    # what a sales manager types who has not read the help
    ("how is spring fair doing", "use status", ("status spring-fair",)),
    ("what is running", "what is active, what comes next", ("overview",)),
    ("q2", "What should be done with", ("status q2", "report q2", "edit q2")),
    ("c7", "What should be done with", ("status pause",)),
    ("delete q2", "not deleted", ("archive q2",)),
    ("remove the spring fair campaign", "not deleted", ("archive spring-fair",)),
    ("rename q2 to Summer", "first page of the campaign's form", ("edit q2 name",)),
    ("add contacts to q2", "is not a command", ("contacts to q2",)),
    ("upload leads.csv", "at the page Contacts", ()),
    ("import people.csv q2", "at the page Contacts", ("edit q2 contacts",)),
    ("call +12125550001", "by the buttons of a reply or a hot lead", ("leads",)),
    ("text +12125550001 hello", "by the buttons of a reply or a hot lead", ("leads",)),
    ("undo", "by its opposite", ("log",)),
    ("yes", "answered by its button", ("overview",)),
    ("hi", "Type help", ()),
    ("thanks", "Type help", ()),
    ("export q2", "come as a file", ("contacts q2 export",)),
    ("contacts q2 export everyone", "is no state of a person; there are queued", ()),
    ("timezone q2", "at the page window", ("edit q2 window",)),
    ("stop all", "one campaign at a time", ("pause all",)),
    ("stop everything", "one campaign at a time", ("pause all",)),
    ("report all", "one campaign at a time", ("overview",)),
    ("start q2 at 9am", "schedule is for later", ("schedule q2 at 9am",)),
    ("start q2 first", "is not a number of people", ()),
    ("start q2 first ten", "'ten' is not a number of people", ()),
    ("unsubscribe +12125550001", "write it after because", ()),
    ("dnc p1@example.com because", "write it after because", ()),
    ("calls q2 interested", "what a conversation came to", ()),
    ("report q2 30d", "today, 7d (the last seven days) and all", ("report q2 today",)),
    ("owner q2 Kim", "like @dana, or me", ()),
    ("log by dana", "by whom? Mention the person", ()),
    ("pause q2 after lunch", "for <duration>, until <when> or because <reason>", ()),
    ("copy q2 Summer", "what is the copy called", ("copy q2 as Summer",)),
    ("alerts here only replies", "no campaign is called 'only'", ()),
    # what forty more sales managers type
    ("launch spring fair today at 3", "schedule is for later", ("schedule spring-fair today at 3",)),
    ("start q2 with 50 people", "schedule is for later", ("start q2 first 50",)),
    ("start q2 for Dana only", "schedule is for later", ()),
    ("start everything", "one campaign at a time", ("overview",)),
    ("pause q2, spring fair", "one campaign at a time", ("pause q2", "pause spring-fair")),
    ("pause q2 and spring fair", "one campaign at a time", ("pause q2", "pause spring-fair")),
    ("stop spring fair, c7 and q2", "one campaign at a time", ("stop spring-fair", "stop pause", "stop q2")),
    ("pause q2 for", "needs a time", ()),
    ("pause q2 half a day", "for <duration>, until <when>", ()),
    ("show replies for q2", "replies is a command of its own", ("replies q2",)),
    ("show me the hot leads", "hot is a command of its own", ("hot leads",)),
    ("see all calls of spring fair", "calls is a command of its own", ("calls spring fair",)),
    ("who replied", "who replied is listed by replies", ()),
    ("who answered in q2", "listed by calls <campaign> answered", ()),
    ("calls q2 voicemail today", "did you mean voicemail? Usage", ()),
    ("calls yesterday", "no campaign is called 'yesterday'", ()),
    ("report q2 last month", "is no period", ("report q2 today",)),
    ("report q2 march", "is no period", ("report q2 today",)),
    ("find Dana", "People are found with contacts find", ("contacts find Dana",)),
    ("search dana@example.com", "People are found with", ("contacts find dana@example.com",)),
    ("is Dana in q2", "says why, with the number or name", ()),
    ("do not call +12125550001", "write suppress", ()),
    ("remove +12125550001", "write suppress", ()),
    ("never contact dana@example.com", "write suppress", ()),
    ("opt out +12125550001", "write it after because", ()),
    ("do not pause q2", "do is not a command", ()),
    ("send a test to me", "A step is tried on yourself with test", ()),
    ("test q2 to me", "your own number or address", ()),
    ("mute", "switched off with alerts off", ("alerts off",)),
    ("unmute", "switched on with alerts here", ("alerts here",)),
    ("quiet", "switched off with alerts off", ("alerts off",)),
    ("restart q2", "goes on with resume, an ended one with reopen", ("status q2",)),
    ("reset q2", "goes on with resume", ("status q2",)),
    ("undo stop q2", "undo is not a command", ("reopen q2",)),
    ("undo pause q2", "undo is not a command", ("resume q2",)),
    ("revert schedule q2", "revert is not a command", ("schedule q2 clear",)),
    ("undo report q2", "undo is not a command", ()),
    ("set q2 hours 9-5", "What should be done with", ("status q2", "report q2", "edit q2")),
    ("forecast q2 in march", "nothing may follow", ("forecast q2",)),
    ("forecast all", "one campaign at a time", ("overview",)),
    ("settings roles", "nothing may follow", ()),
    ("cancel the launch of q2", "no campaign is called", ()),
    ("status q2; stop q2", "nothing may follow", ("status q2",)),
    ("'; DROP TABLE campaign; --", "is not a command", ()),
    ("¿ayuda?", "Type help", ()),
]


@pytest.mark.parametrize(("text", "said", "offers"), WRONG, ids=[text for text, _, _ in WRONG])
def test_a_wrong_command_is_answered_with_what_to_do(text: str, said: str, offers: tuple[str, ...]) -> None:
    with pytest.raises(Misread) as caught:
        parse(text, CAMPAIGNS)
    assert said in str(caught.value)
    assert caught.value.offers[: len(offers)] == offers
    assert bool(caught.value.offers) == bool(offers)


def test_there_are_a_hundred_wrong_commands() -> None:
    assert len({text for text, _, _ in WRONG}) >= 100


@pytest.mark.parametrize(("typed", "opposite"), [("puase q2", "resume"), ("rsume q2", "pause"), ("stopp q2", "start")])
def test_the_opposite_is_never_offered(typed: str, opposite: str) -> None:
    with pytest.raises(Misread) as caught:
        parse(typed, CAMPAIGNS)
    assert all(not offer.startswith(opposite) for offer in caught.value.offers)


def test_the_help_is_whole_however_the_command_is_called() -> None:
    shown = help_of("", "/the-campaigns-of-all-our-sales-teams")
    read = "\n".join(block["text"]["text"] for block in shown.body()["blocks"] if block["type"] == "section")
    assert [one.word for one in COMMANDS if one.help not in html.unescape(read)] == []


def test_every_command_has_help_and_a_verb_of_the_catalogue() -> None:
    for command in COMMANDS:
        assert command.help
        assert not command.verb or command.verb in VERBS
    assert len(BY_WORD) == sum(1 + len(command.aliases) for command in COMMANDS)  # no word means two commands
