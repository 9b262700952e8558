"""Spoken opt-outs: none of the corpus is missed, in any place of a conversation, and everyday speech is none."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import trio

from fluentsd.api import Outcome, asks_to_stop
from plugins.channel_phone.tests.fake_line import Line
from plugins.channel_phone.tests.stage import an_agent

CORPUS = tomllib.loads(Path(__file__).with_name("spoken.toml").read_text("utf-8"))
STOPS = [text for texts in CORPUS["opt_out"].values() for text in texts]
GO_ON = [text for texts in CORPUS["go_on"].values() for text in texts]


def test_the_corpus_is_large_enough():
    assert len(set(STOPS)) >= 150
    assert len(CORPUS["opt_out"]["spanish"]) >= 50


def test_no_spoken_opt_out_is_missed():
    assert [text for text in STOPS if not asks_to_stop(text)] == []


def test_recognition_that_writes_capitals_and_marks_changes_nothing():
    shaped = [f"{text[0].upper()}{text[1:]}." for text in STOPS]
    assert [text for text in shaped if not asks_to_stop(text)] == []


def test_everyday_speech_is_no_opt_out():
    assert [text for text in GO_ON if asks_to_stop(text)] == []


async def talk(stage, text: str) -> Line:
    """A call in which the person says this after one turn, and hangs up at once."""
    call = stage.dial(an_agent())
    stage.pick_up(call)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.channel.serve_call, call.line, call.call)
        call.line.setup()
        await call.line.heard(1)
        call.line.say("Hello?")
        await call.line.heard(2)
        call.line.say(text)
        call.line.hang_up()
    return call.line


@pytest.mark.parametrize("text", [*STOPS[::12], "no me llamen más"])
async def test_a_person_who_says_so_and_hangs_up_is_heard(autojump_clock, stage, chat, text):
    await talk(stage, text)
    reports = stage.channel._reception.reports
    assert reports.receive_nowait()[0].outcome == Outcome.opted_out
    assert text not in str(chat.requests)


async def test_who_hears_the_goodbye_is_on_the_list(autojump_clock, stage, chat):
    """The last words promise it, so they wait until the opt-out is recorded; a store that hangs does not keep the
    person on the line."""
    dialled = stage.dial()
    stage.pick_up(dialled)
    let_go, reports = trio.Event(), []

    async def record(inbound):
        await let_go.wait()
        reports.append(inbound)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(stage.channel.listen, record)
        nursery.start_soon(stage.channel.serve_call, dialled.line, dialled.call)
        dialled.line.setup()
        await dialled.line.heard(1)
        dialled.line.say("Stop calling me.")
        await trio.sleep(1)
        assert not any("not be contacted" in turn for turn in dialled.line.turns)
        let_go.set()
        await dialled.line.hears("not be contacted")
        assert [one.outcome for one in reports] == [Outcome.opted_out]
        nursery.cancel_scope.cancel()


async def test_a_store_that_hangs_keeps_nobody_on_the_line(autojump_clock, stage, chat):
    dialled = stage.dial()
    stage.pick_up(dialled)
    began = trio.current_time()
    async with trio.open_nursery() as nursery:  # nobody takes the reports
        nursery.start_soon(stage.channel.serve_call, dialled.line, dialled.call)
        dialled.line.setup()
        await dialled.line.heard(1)
        dialled.line.say("Stop calling me.")
        await dialled.line.gone()
        assert "not be contacted" in dialled.line.turns[-1]
        assert trio.current_time() - began < 15
