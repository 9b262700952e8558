"""Attempts without an answer: looked up, never sent again without proof."""

from __future__ import annotations

from tests.engine.stage import DAY, MONDAY, SMS, Stage, person, spec


async def test_a_lost_answer_is_looked_up_and_never_sent_again(stage: Stage) -> None:
    async def accept_then_fail(message: object, attempt: object) -> None:
        stage.sms.accept(message, attempt)  # type: ignore[arg-type]
        raise ConnectionError("reset by peer")

    stage.sms.behaviours = [accept_then_fail]  # type: ignore[list-item]
    await stage.launch(spec(SMS), person(1))
    found = await stage.until_ended()
    assert max(stage.sms.tokens().values()) == 1
    assert (found["completed"], found["unknown"]) == (1, 0)


async def test_proof_of_absence_allows_another_try_and_only_then(stage: Stage) -> None:
    async def fail(*_: object) -> None:
        raise ConnectionError("reset by peer")

    stage.sms.behaviours = [fail]  # type: ignore[list-item]
    await stage.launch(spec(SMS), person(1))
    await stage.until_ended()
    assert [a.try_no for a, *_ in stage.sms.accepted] == [2]


async def test_what_nobody_can_prove_is_unknown_and_the_flow_goes_on(stage: Stage) -> None:
    async def fail(*_: object) -> None:
        raise ConnectionError("reset by peer")

    stage.sms.behaviours, stage.sms.cannot_tell = [fail], True  # type: ignore[list-item]
    await stage.launch(spec(SMS, SMS | {"id": "two", "after": "1 day"}), person(1))
    found = await stage.until_ended()
    assert found["unknown"] == 1
    assert stage.sms.steps() == ["two"]
    assert (await stage.do("unknown list"))["calls"][0]["reason"] == "the provider is not answering"


async def test_a_send_without_an_answer_is_given_up_and_asked_about(stage: Stage) -> None:
    async def hang(message: object, attempt: object) -> None:
        stage.sms.accept(message, attempt)  # type: ignore[arg-type]
        await stage.clock.sleep_until(MONDAY + 30 * DAY)

    stage.sms.behaviours = [hang]  # type: ignore[list-item]
    await stage.launch(spec(SMS), person(1))
    found = await stage.until_ended()
    assert (found["completed"], len(stage.sms.accepted)) == (1, 1)
