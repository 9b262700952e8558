"""Templates: versions, the flows that use them, refusals, previews."""

from __future__ import annotations

from typing import Any

import pytest

from fluentsd.api import Finding, Message
from fluentsd.verbs import Refused
from tests.engine.stage import DAY, MINUTE, MONDAY, SMS, Stage, person, spec

NAMED = {"id": "named", "channel": "sms", "template": "hello"}
MAIL = {"name": "follow-up", "channel": "email", "subject": "For {{ first_name }}", "text": "Dear {{ first_name }}",
        "sender": "{{ owner | default: 'Sales' }} <sales@example.com>", "reply_to": "desk@example.com",
        "html": "<p>{{ first_name }}</p>"}  # fmt: skip


def sms(text: str, name: str = "hello") -> dict[str, Any]:
    return {"template": [{"name": name, "channel": "sms", "text": text}]}


async def keep(stage: Stage, file: dict[str, Any], **more: Any) -> dict[str, Any]:
    return await stage.do("templates apply", file=file, **more)


async def test_a_step_sends_its_templates_words(stage: Stage) -> None:
    await keep(stage, {"template": [MAIL]})
    await stage.launch(spec({"id": "mail", "channel": "email", "template": "follow-up"}), person(1, owner="Ada"))
    await stage.until_ended()
    [(_, message, _)] = stage.channels["email"].accepted
    assert (message.subject, message.text, message.html) == ("For P1", "Dear P1", "<p>P1</p>")
    assert (message.sender, message.reply_to) == ("Ada <sales@example.com>", "desk@example.com")


async def test_whoever_is_under_way_keeps_the_words_they_entered_with(stage: Stage) -> None:
    await keep(stage, sms("one"))
    await stage.launch(spec(SMS, NAMED | {"after": "1 day"}), person(1))
    await stage.until(MONDAY + MINUTE)
    answer = await keep(stage, sms("two"))
    assert answer["campaigns"] == [{"ref": "test", "keep_their_flow": 1}]
    assert answer["templates"] == [
        {"name": "hello", "channel": "sms", "version": 2, "changed": ["text"], "created": False}
    ]
    await stage.enroll(person(2))
    await stage.until(MONDAY + 2 * DAY)
    texts = {a.to[-1]: m.text for a, m, _ in stage.sms.accepted if a.step == "named"}
    assert texts == {"1": "one", "2": "two"}


async def test_an_upgrade_brings_the_new_words(stage: Stage) -> None:
    await keep(stage, sms("one"))
    await stage.launch(spec(SMS, NAMED | {"after": "1 day"}), person(1))
    await stage.until(MONDAY + MINUTE)
    await keep(stage, sms("two"))
    assert (await stage.do("campaign upgrade", ref="test"))["moved"] == 1
    await stage.until_ended()
    assert stage.sms.accepted[-1][1].text == "two"


async def test_before_the_start_everybody_gets_the_newest_words(stage: Stage) -> None:
    await keep(stage, sms("one"))
    await stage.do("campaign apply", file=spec(NAMED))
    await stage.enroll(person(1))
    assert (await keep(stage, sms("two")))["campaigns"] == [{"ref": "test", "keep_their_flow": 0}]
    applied = await stage.do("campaign apply", file=spec(SMS | {"id": "other"}, NAMED | {"after": "1 day"}))
    assert applied["keep_their_flow"] == 0
    await stage.do("campaign start", ref="test")
    await stage.until_ended()
    assert [(a.step, m.text) for a, m, _ in stage.sms.accepted] == [("other", "Hello P1"), ("named", "two")]


async def test_the_same_words_again_change_nothing(stage: Stage) -> None:
    await keep(stage, sms("one"))
    await stage.do("campaign apply", file=spec(NAMED))
    before = await stage.do("campaign show", ref="test")
    answer = await keep(stage, sms("one"))
    assert (answer["templates"][0]["changed"], answer["campaigns"]) == ([], [])
    applied = await stage.do("campaign apply", file=spec(NAMED))
    assert applied["changes"] == []
    assert (await stage.do("campaign show", ref="test"))["revision"] == before["revision"]
    assert len((await stage.do("templates show", name="hello"))["versions"]) == 1


async def test_a_dry_run_says_what_would_change_and_changes_nothing(stage: Stage) -> None:
    await keep(stage, sms("one"))
    await stage.do("campaign apply", file=spec(NAMED))
    answer = await keep(stage, sms("two"), dry_run=True)
    assert (answer["templates"][0]["version"], answer["campaigns"][0]["ref"]) == (2, "test")
    assert (await stage.do("templates show", name="hello"))["file"] == sms("one")


async def test_a_name_that_was_removed_goes_on_where_it_was(stage: Stage) -> None:
    await keep(stage, sms("one"))
    await stage.do("templates remove", name="hello")
    assert (await stage.do("templates list"))["templates"] == []
    with pytest.raises(Refused, match="there is no template 'hello'; there are: none yet"):
        await stage.do("templates remove", name="hello")
    assert (await stage.do("templates show", name="hello", version=1))["file"] == sms("one")
    assert (await keep(stage, sms("one")))["templates"][0]["version"] == 2
    assert [v["version"] for v in (await stage.do("templates show", name="hello"))["versions"]] == [2, 1]


async def test_a_template_in_use_cannot_be_removed_nor_change_its_channel(stage: Stage) -> None:
    await keep(stage, sms("one"))
    await stage.do("campaign apply", file=spec(NAMED))
    with pytest.raises(Refused, match="hello is used by test; change or archive them first"):
        await stage.do("templates remove", name="hello")
    with pytest.raises(Refused, match="step named is by sms, but the template 'hello' is for email"):
        await keep(stage, {"template": [MAIL | {"name": "hello"}]})
    assert (await stage.do("templates show", name="hello"))["version"] == 1


@pytest.mark.parametrize("dry_run", [False, True])
async def test_a_campaign_cannot_name_what_is_not_there(stage: Stage, dry_run: bool) -> None:
    with pytest.raises(Refused, match="step named: no template is called 'hello'"):
        await stage.do("campaign apply", file=spec(NAMED), dry_run=dry_run)
    assert (await stage.do("campaign list"))["campaigns"] == []


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (sms(""), "a template by sms needs text"),
        (sms("{{ a"), "not valid liquid"),
        (sms("hi", name="Hello!"), "write it like 'hello'"),
        ({"template": [{"name": "a", "channel": "sms", "text": "t", "subject": "s"}]}, "by sms has no subject"),
        ({"template": [{"name": "a", "channel": "email", "text": "t"}]}, "by email needs subject"),
        ({"template": [*sms("a")["template"], *sms("b")["template"]]}, "two templates are called 'hello'"),
        ({"template": []}, "template"),
        (spec(SMS), "this looks like a campaign file"),
    ],
)
async def test_a_wrong_file_is_refused_whole(stage: Stage, file: dict[str, Any], why: str) -> None:
    with pytest.raises(Refused, match=why):
        await keep(stage, file)
    assert (await stage.do("templates list"))["templates"] == []


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (NAMED | {"text": "own"}, "has both template and text"),
        ({"id": "call", "channel": "phone", "template": "hello"}, "phone steps use agent"),
    ],
)
async def test_a_step_has_a_template_or_words_of_its_own(stage: Stage, step: dict[str, Any], why: str) -> None:
    with pytest.raises(Refused, match=why):
        await stage.do("campaign apply", file=spec(step))


async def test_a_preview_is_the_message_as_one_person_gets_it(stage: Stage) -> None:
    await keep(stage, {"template": [MAIL, *sms("{{ first_name }}: {{ note }}")["template"]]})
    await stage.do("campaign apply", file=spec(SMS))
    await stage.enroll(person(1, note="{{ first_name }}<b>"), person(2))
    seen = await stage.do("templates preview", name="hello", person="+12125550001")
    assert (seen["text"], seen["to"]) == ("P1: {{ first_name }}<b>", "+12125550001")
    mail = await stage.do("templates preview", name="follow-up", person="+12125550001")
    assert (mail["sender"], mail["to"], mail["subject"]) == ("Sales <sales@example.com>", "p1@example.com", "For P1")
    with pytest.raises(Refused, match="hello cannot be rendered for \\+12125550002: 'note' is undefined"):
        await stage.do("templates preview", name="hello", person="+12125550002")
    assert (await stage.do("templates preview", name="hello"))["text"] == "Jane: note"
    assert (await stage.do("templates preview", name="follow-up"))["to"] == "jane@example.com"
    assert stage.sms.accepted == []


async def test_what_a_channel_says_of_a_message_is_told_before_the_start(stage: Stage) -> None:
    def findings(message: Message) -> list[Finding]:
        long = len(message.text) > 20
        return [Finding(not long, f"{len(message.text)} characters", "shorten it" if long else "")]

    stage.sms.findings = findings  # type: ignore[attr-defined]
    stage.resolve("sms")
    await keep(stage, sms("short"))
    await stage.do("campaign apply", file=spec(NAMED))
    await stage.enroll(person(1))
    assert (await stage.do("campaign check", ref="test"))["errors"] == []
    seen = await stage.do("templates preview", name="hello", person="+12125550001")
    assert seen["findings"] == [{"ok": True, "what": "5 characters", "fix": ""}]
    await keep(stage, sms("much too long for this channel"))
    with pytest.raises(Refused, match="step named: 30 characters; shorten it; 1 person"):
        await stage.do("campaign start", ref="test")
