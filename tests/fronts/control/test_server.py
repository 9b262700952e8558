"""The control socket: answers, refusals, isolated errors, and a client without a daemon."""

# ruff: noqa: ASYNC240 - a test's own small files

from __future__ import annotations

import getpass
import grp
import json
import os
import pwd
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from sqlalchemy import text
from structlog.testing import capture_logs

from fluentsd.clock import SystemClock
from fluentsd.engine.runtime import Runtime
from fluentsd.fronts.access import Access, User
from fluentsd.fronts.control import client as client_side
from fluentsd.fronts.control import server
from fluentsd.fronts.control.client import connect
from fluentsd.fronts.control.protocol import ControlProblem, DaemonFailed, NoDaemon, NotAllowed, SocketTaken, Unanswered
from fluentsd.fronts.control.server import serve
from fluentsd.unavailable import StoreBusy
from fluentsd.verbs import Call, Refused, Suggestion, catalogue, operations
from fluentsd.verbs.call import ROLES, Role
from fluentsd.verbs.catalogue import VERBS
from fluentsd.verbs.verb import Param, Verb
from tests.databases import open_whole


@pytest.fixture
def path() -> Iterator[Path]:
    """A short path for a socket, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="fsd-") as folder:
        yield Path(folder) / "control.sock"


@pytest.fixture
async def runtime(tmp_path: Path) -> AsyncIterator[Runtime]:
    async with open_whole(f"sqlite+aiosqlite:///{tmp_path / 'f.db'}") as store:
        yield Runtime(store, SystemClock(), {})


@pytest.fixture
async def served(runtime: Runtime, path: Path, nursery: trio.Nursery) -> Path:
    """A socket that is being served."""
    await nursery.start(serve, runtime, path)
    return path


async def _echo(runtime: Runtime, call: Call, words: str) -> dict[str, Any]:
    return {"words": words, "actor": call.actor, "request_id": call.request_id, "revision": call.revision}


async def _bug(runtime: Runtime, call: Call) -> dict[str, Any]:
    raise KeyError("+12125550123")


async def _locked(runtime: Runtime, call: Call) -> dict[str, Any]:
    raise StoreBusy("The database is locked by another program")


async def _unspeakable(runtime: Runtime, call: Call) -> dict[str, Any]:
    return {"answer": object()}


async def _no(runtime: Runtime, call: Call) -> dict[str, Any]:
    raise Refused("not on a Sunday; ask again tomorrow")


async def _forever(runtime: Runtime, call: Call) -> dict[str, Any]:
    await trio.sleep_forever()
    raise AssertionError


async def _heavy(runtime: Runtime, call: Call) -> dict[str, Any]:
    query = text(
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1000000000) SELECT count(*) FROM c"
    )
    await runtime.store.read(lambda conn: conn.execute(query))
    raise AssertionError


@pytest.fixture(autouse=True)
def verbs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verbs that misbehave as real ones must not."""
    words = (Param("words", "text", "what to say", required=True),)
    for name, run, params in (
        ("echo", _echo, words), ("bug", _bug, ()), ("locked", _locked, ()), ("unspeakable", _unspeakable, ()),
        ("no", _no, ()), ("forever", _forever, ()), ("heavy", _heavy, ()),
    ):  # fmt: skip
        monkeypatch.setattr(operations, f"test_{name}", run, raising=False)
        monkeypatch.setitem(catalogue.VERBS, name, Verb(name, "a test's", f"operations.test_{name}", params))


async def raw(path: Path, *lines: bytes) -> list[dict[str, Any]]:
    """The answers to these bytes, until the daemon closes or as many answers as lines have arrived."""
    async with await trio.open_unix_socket(str(path)) as stream:
        await stream.send_all(b"".join(lines))
        received = b""
        while received.count(b"\n") < len(lines):
            more = await stream.receive_some(65536)
            if not more:
                break
            received += more
    return [json.loads(line) for line in received.splitlines()]


async def test_a_verb_is_answered_and_its_caller_known_by_the_kernel(served: Path) -> None:
    async with connect(served) as client:
        answer = await client.ask("echo", {"words": "ünï\n"}, request_id="r1", revision=7)
    assert answer == {"words": "ünï\n", "actor": getpass.getuser(), "request_id": "r1", "revision": 7}


async def test_a_refusal_brings_its_suggestion(served: Path) -> None:
    async with connect(served) as client:
        with pytest.raises(Refused, match="has no hold") as caught:
            await client.ask("release", {"scope": "channel", "target": "sms"})
    assert caught.value.suggestion == Suggestion("holds", {})


KIM = User(54_321, "kim", frozenset({"kim", "@staff"}))


@pytest.mark.parametrize("role", ROLES)
async def test_the_role_of_a_group_is_enforced(
    runtime: Runtime, path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch, role: Role
) -> None:
    async def peer(stream: trio.SocketStream) -> User:
        return KIM

    monkeypatch.setattr(server, "_peer", peer)
    await nursery.start(serve, runtime, path, Access(None, {role: ["@staff"]}))
    async with connect(path) as client:
        for verb in VERBS.values():
            with pytest.raises(Refused) as caught:
                await client.ask(verb.name, {"no such parameter": 1})
            refused = f"{verb.name} needs the role {verb.role}, and kim is {role}" in str(caught.value)
            assert refused is (ROLES.index(role) < ROLES.index(verb.role)), verb.name


async def test_a_user_without_a_role_is_refused_with_the_fix(
    runtime: Runtime, path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def peer(stream: trio.SocketStream) -> User:
        return KIM

    monkeypatch.setattr(server, "_peer", peer)
    await nursery.start(serve, runtime, path, Access(None, {"viewer": ["lee"]}))
    async with connect(path) as client:
        with pytest.raises(Refused, match=r'kim has no role here; .*viewer = \["kim"\]'):
            await client.ask("campaign list")


async def test_the_socket_of_a_group_is_open_to_it_and_to_nobody_else(
    runtime: Runtime, path: Path, nursery: trio.Nursery
) -> None:
    mine = grp.getgrgid(os.getgid())
    await nursery.start(serve, runtime, path, Access(mine.gr_name))
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_gid) == (0o660, mine.gr_gid)


async def test_an_unknown_group_ends_the_start_with_the_fix(runtime: Runtime, path: Path) -> None:
    with pytest.raises(ControlProblem, match=r"there is no group no-such-group; correct \[daemon\] socket_group"):
        await serve(runtime, path, Access("no-such-group"))
    assert not path.exists()


async def test_a_user_without_a_name_goes_by_number(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    async with connect(served) as client:
        assert (await client.ask("echo", {"words": "x"}))["actor"] == f"uid {os.getuid()}"


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


async def test_the_socket_is_its_owners_alone_and_gone_afterwards(runtime: Runtime, path: Path) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(serve, runtime, path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        nursery.cancel_scope.cancel()
    assert not path.exists()


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
    assert "test_server.py" in entry["where"] or "encoder.py" in entry["where"]
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


# ── nobody there ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_without_a_daemon_the_shell_learns_so_at_once(path: Path) -> None:
    with pytest.raises(NoDaemon, match="fluentsd run"):
        async with connect(path):
            pass
    leave_stale(path)
    with pytest.raises(NoDaemon, match="Connection refused"):
        async with connect(path):
            pass


def leave_stale(path: Path) -> None:
    """The socket of a daemon that was killed."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))


async def test_another_users_socket_is_not_taken_for_no_daemon(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(_: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(trio, "open_unix_socket", refuse)
    with pytest.raises(NotAllowed, match="belongs to another user"):
        async with connect(path):
            pass


async def test_a_dead_daemons_socket_is_replaced(runtime: Runtime, path: Path, nursery: trio.Nursery) -> None:
    leave_stale(path)
    await nursery.start(serve, runtime, path)
    async with connect(path) as client:
        assert (await client.ask("echo", {"words": "on"}))["words"] == "on"


def cause(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        [group] = group.exceptions
    return group


async def start(runtime: Runtime, path: Path) -> ControlProblem:
    """The error that keeps the socket from opening."""
    with pytest.raises(BaseException) as caught:
        async with trio.open_nursery() as nursery:
            await nursery.start(serve, runtime, path)
    found = cause(caught.value)
    assert isinstance(found, ControlProblem)
    return found


async def test_a_living_daemons_socket_is_left_to_it(runtime: Runtime, served: Path) -> None:
    assert isinstance(await start(runtime, served), SocketTaken)
    async with connect(served) as client:
        assert (await client.ask("echo", {"words": "on"}))["words"] == "on"


async def test_a_file_in_the_sockets_place_is_left_alone(runtime: Runtime, path: Path) -> None:
    path.write_text("precious")
    assert "not a socket" in str(await start(runtime, path))
    assert path.read_text() == "precious"


async def test_a_path_too_long_for_a_socket_says_so(runtime: Runtime, tmp_path: Path) -> None:
    long = tmp_path / ("x" * 120)
    assert "the limit is 107" in str(await start(runtime, long))
    with pytest.raises(ControlProblem, match="the limit is 107"):
        async with connect(long):
            pass


async def test_a_folder_that_is_not_there_says_so(runtime: Runtime, path: Path) -> None:
    assert "No such file or directory" in str(await start(runtime, path.parent / "none" / "s"))


async def test_a_socket_that_another_daemon_took_over_is_not_removed(runtime: Runtime, path: Path) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(serve, runtime, path)
        path.unlink()
        leave_stale(path)
        nursery.cancel_scope.cancel()
    assert path.exists()


# ── another release at the other end ─────────────────────────────────────────────────────────────────────────────


async def answered_by(path: Path, nursery: trio.Nursery, reply: bytes) -> Any:
    """The answer to `campaign list` of a daemon that sends these bytes."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1)

    async def daemon(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some(65536)
            await stream.send_all(reply + b"\n")

    listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(listener))]
    await nursery.start(trio.serve_listeners, daemon, listeners)
    async with connect(path) as client:
        return await client.ask("campaign list")


@pytest.mark.parametrize(
    "reply",
    [
        {"ok": True, "answer": {"campaigns": []}},  # before there was a protocol number
        {"ok": True, "answer": {"campaigns": []}, "protocol": 1, "weather": "fine"},
    ],
)
async def test_a_daemon_of_another_release_is_understood(
    path: Path, nursery: trio.Nursery, reply: dict[str, Any]
) -> None:
    assert await answered_by(path, nursery, json.dumps(reply).encode()) == {"campaigns": []}


@pytest.mark.parametrize(
    "reply",
    [
        b'{"ok": true, "answer": {"campaigns": []}, "protocol": 99}',
        b'{"ok": true, "answer": [], "protocol": 1}',
        b'{"answers": {}, "protocol": 2}',
        b"[]",
        b"HTTP/1.1 400 Bad Request",
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
async def test_a_reply_that_cannot_be_read_is_one_sentence(path: Path, nursery: trio.Nursery, reply: bytes) -> None:
    with pytest.raises(DaemonFailed, match="another release than this shell") as caught:
        await answered_by(path, nursery, reply)
    assert "\n" not in str(caught.value)


async def test_a_refusal_of_a_newer_daemon_is_still_a_refusal(path: Path, nursery: trio.Nursery) -> None:
    reply = {"ok": False, "refused": "not today", "suggestion": ["a list"], "protocol": 99}
    with pytest.raises(Refused, match="not today") as caught:
        await answered_by(path, nursery, json.dumps(reply).encode())
    assert caught.value.suggestion is None


async def test_a_newer_shell_is_refused_by_name(served: Path) -> None:
    """Its verbs and parameters are unknown here; unknown keys of the request are ignored."""
    verb, parameter, key = await raw(
        served,
        b'{"verb": "campaign dance"}\n',
        b'{"verb": "campaign list", "arguments": {"colour": "red"}}\n',
        b'{"verb": "campaign list", "protocol": 99, "colour": "red"}\n',
    )
    assert verb["refused"] == "there is no verb 'campaign dance'"
    assert parameter["refused"] == "campaign list: no such parameter: colour"
    assert (key["ok"], key["protocol"]) == (True, 1)
