"""The control socket: answers, refusals, isolated errors, and tasks that share a client."""

from __future__ import annotations

import getpass
import json
import sqlite3
from pathlib import Path

import pytest
import trio
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from fluentsd.engine.runtime import Runtime
from fluentsd.fronts.control import client as client_side
from fluentsd.fronts.control import server
from fluentsd.fronts.control.client import connect
from fluentsd.fronts.control.protocol import ControlProblem, DaemonFailed, Unanswered
from fluentsd.fronts.control.server import serve
from fluentsd.verbs import Refused, Suggestion
from tests.fronts.control.raw_client import raw


async def test_a_verb_is_answered_and_its_caller_known_by_the_kernel(served: Path) -> None:
    async with connect(served) as client:
        answer = await client.ask("echo", {"words": "ünï\n"}, request_id="r1", revision=7)
    assert answer == {"words": "ünï\n", "actor": getpass.getuser(), "request_id": "r1", "revision": 7}


async def test_a_refusal_brings_its_suggestion(served: Path) -> None:
    async with connect(served) as client:
        with pytest.raises(Refused, match="has no hold") as caught:
            await client.ask("release", {"scope": "channel", "target": "sms"})
    assert caught.value.suggestion == Suggestion("holds", {})


async def test_one_connection_asks_many_times_and_real_verbs_work(served: Path) -> None:
    async with connect(served) as client:
        for n in range(20):
            assert (await client.ask("echo", {"words": str(n)}))["words"] == str(n)
        assert (await client.ask("campaign list"))["campaigns"] == []


async def test_answers_come_in_the_order_of_the_questions_even_when_sent_at_once(served: Path) -> None:
    lines = [json.dumps({"verb": "echo", "arguments": {"words": str(n)}}).encode() + b"\n" for n in range(50)]
    answers = await raw(served, *lines)
    assert [answer["answer"]["words"] for answer in answers] == [str(n) for n in range(50)]


async def test_tasks_share_a_client_without_mixing_answers(served: Path) -> None:
    async def ask(n: int) -> None:
        assert (await client.ask("echo", {"words": str(n)}))["words"] == str(n)

    async with connect(served) as client, trio.open_nursery() as nursery:
        for n in range(20):
            nursery.start_soon(ask, n)


async def test_a_refusal_says_why_and_the_conversation_goes_on(served: Path) -> None:
    async with connect(served) as client:
        with pytest.raises(Refused, match="ask again tomorrow"):
            await client.ask("no")
        with pytest.raises(Refused, match="there is no verb 'dance'"):
            await client.ask("dance")
        with pytest.raises(Refused, match="words is missing"):
            await client.ask("echo")
        assert (await client.ask("echo", {"words": "on"}))["words"] == "on"


@pytest.mark.parametrize(("verb", "error"), [("bug", "KeyError"), ("unspeakable", "TypeError")])
async def test_a_bug_in_a_verb_is_logged_without_what_people_said_and_harms_nobody(
    served: Path, verb: str, error: str
) -> None:
    async with connect(served) as client, connect(served) as other:
        with capture_logs() as logs, pytest.raises(DaemonFailed, match=error):
            await client.ask(verb)
        assert (await client.ask("echo", {"words": "on"}))["words"] == "on"
        assert (await other.ask("echo", {"words": "too"}))["words"] == "too"
    [entry] = logs
    assert (entry["event"], entry["log_level"], entry["verb"], entry["error"]) == ("control.verb", "error", verb, error)
    assert "misbehaving.py" in entry["where"] or "encoder.py" in entry["where"]
    assert "555" not in str(entry)


async def test_a_locked_database_is_an_error_and_not_a_bug(served: Path) -> None:
    async with connect(served) as client:
        with capture_logs() as logs, pytest.raises(DaemonFailed, match="locked by another program"):
            await client.ask("locked")
    assert logs == []


@pytest.mark.parametrize(
    ("line", "part"),
    [
        (b"campaign list\n", "not JSON"),
        (b"\n", "not JSON"),
        (b"\xff\xfe\n", "not JSON"),
        (b"[" * 100_000 + b"\n", "not JSON"),
        (b"[]\n", "is an object"),
        (b'{"arguments": {}}\n', 'is an object with "verb"'),
        (b'{"verb": 1}\n', "verb"),
        (b'{"verb": "echo", "arguments": []}\n', "arguments"),
        (b'{"verb": "echo", "request_id": 1, "revision": "x"}\n', "request_id, revision"),
    ],
)
async def test_what_is_not_a_request_is_answered_as_such(served: Path, line: bytes, part: str) -> None:
    fine = b'{"verb": "echo", "arguments": {"words": "on"}}\n'
    bad, good = await raw(served, line, fine)
    assert bad["ok"] is False
    assert part in bad["error"]
    assert good["answer"]["words"] == "on"


async def test_an_endless_line_is_cut_off_and_others_go_on(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for side in (server, client_side):
        monkeypatch.setattr(side, "LINE_AT_MOST", 1000)
    [answer] = await raw(served, b"x" * 1002)
    assert "longer than 1000 bytes" in answer["error"]
    async with connect(served) as client:
        with pytest.raises(ControlProblem, match="the limit is"):
            await client.ask("echo", {"words": "x" * 1000})
        assert (await client.ask("echo", {"words": "on"}))["words"] == "on"


async def test_people_who_leave_in_the_middle_harm_nobody(served: Path) -> None:
    with capture_logs() as logs:
        for message in (
            b"",
            b'{"verb": "ec',
            b'{"verb": "forever"}\n{"verb": "echo"}\n',
            b'{"verb": "campaign list"}\n',
        ):
            stream = await trio.open_unix_socket(str(served))
            await stream.send_all(message or b" ")
            await trio.aclose_forcefully(stream)
        async with connect(served) as client:
            assert (await client.ask("echo", {"words": "on"}))["words"] == "on"
    assert logs == []


async def test_a_slow_verb_holds_up_neither_others_nor_the_end(runtime: Runtime, path: Path) -> None:
    async def ask(verb: str) -> None:
        async with connect(path) as client:
            with pytest.raises(Unanswered, match="may have run"):
                await client.ask(verb)
        ended.append(verb)

    ended: list[str] = []
    async with trio.open_nursery() as shell, trio.open_nursery() as daemon:
        await daemon.start(serve, runtime, path)
        shell.start_soon(ask, "forever")
        shell.start_soon(ask, "heavy")
        await trio.testing.wait_all_tasks_blocked(0.05)
        async with connect(path) as client:
            assert (await client.ask("echo", {"words": "on"}))["words"] == "on"
        began = trio.current_time()
        daemon.cancel_scope.cancel()
    assert trio.current_time() - began < 4
    assert sorted(ended) == ["forever", "heavy"]


async def test_a_cancelled_question_ends_the_conversation(served: Path) -> None:
    async with connect(served) as client:
        with trio.move_on_after(0.01):
            await client.ask("forever")
        with pytest.raises(Unanswered):
            await client.ask("echo", {"words": "whose answer is this?"})


async def test_a_damaged_database_is_no_bug_of_ours(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT

    async def execute(*_: object) -> None:
        raise DBAPIError("SELECT", (), error)

    monkeypatch.setattr(server, "execute", execute)
    async with connect(served) as client:
        with pytest.raises(DaemonFailed, match=r"is damaged .*malformed.* replace it with the newest copy") as caught:
            await client.ask("campaign list")
    assert "bug" not in str(caught.value)
