"""The control socket and every verb: each line is answered, none is a bug, and the daemon goes on."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from fluentsd.clock import SimClock
from fluentsd.engine.channel_state import ChannelState
from fluentsd.engine.nursery import running
from fluentsd.engine.runtime import Runtime
from fluentsd.fronts.control.client import connect
from fluentsd.fronts.control.server import serve
from fluentsd.verbs.catalogue import VERBS
from fluentsd.verbs.verb import Verb
from tests.databases import open_whole
from tests.engine.stage import MONDAY, SMS, FakeChannel, spec
from tests.fuzz.conftest import fuzz

pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")  # long texts in a report
TEXTS = st.one_of(
    st.sampled_from(["test", "+12125550001", "p1@example.com", "sms", "phone", "text", "2026-12-24T10:00", "all", "*", "", "no", "1 day",
                     "5/hour", "\0", "\ud800", "%", "x" * 20_000, "{{ x }}", "active", "first-call", "tag", "../x", "0", "-1"]),
    st.text(max_size=20),
)  # fmt: skip
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXTS, "int": st.integers(-(2**70), 2**70), "flag": st.booleans(), "texts": st.lists(TEXTS, max_size=4),
    "moment": st.one_of(TEXTS, st.integers()), "data": st.one_of(JSON, st.just(spec(SMS))), "file": st.one_of(JSON, st.just(spec(SMS))),
}  # fmt: skip


def arguments(verb: Verb) -> st.SearchStrategy[dict[str, Any]]:
    required = {p.name: PLAIN.get(p.kind, TEXTS) for p in verb.params if p.required}
    optional = {p.name: st.one_of(PLAIN.get(p.kind, TEXTS), JSON) for p in verb.params if not p.required}
    return st.fixed_dictionaries(required, optional=optional)


def lines() -> st.SearchStrategy[bytes]:
    def line(name: str) -> st.SearchStrategy[bytes]:
        given = arguments(VERBS[name])
        whole = st.fixed_dictionaries(
            {"verb": st.just(name), "arguments": given}, optional={"request_id": TEXTS, "revision": st.integers(0, 3)}
        )
        return whole.map(lambda request: json.dumps(request).encode())

    names = sorted(VERBS)
    broken = st.one_of(st.binary(max_size=60), JSON.map(lambda value: json.dumps(value).encode()))
    return st.one_of(st.sampled_from(names).flatmap(line), broken).map(
        lambda raw: raw.replace(b"\n", b" ").replace(b"\r", b" ")
    )


@fuzz(12)
@given(st.lists(lines(), min_size=1, max_size=40))
def test_every_line_is_answered_and_none_is_a_bug(requests: list[bytes]) -> None:
    with tempfile.TemporaryDirectory(prefix="fsd-") as folder, capture_logs() as logs:
        trio.run(_talk, Path(folder), requests)
    bugs = [entry for entry in logs if entry["event"] in ("control.verb", "connection")]
    assert not bugs


async def _talk(folder: Path, requests: list[bytes]) -> None:
    clock, path = SimClock(MONDAY), folder / "control.sock"
    async with (
        open_whole(f"sqlite+aiosqlite:///{folder / 'f.db'}", busy=clock.busy) as store,
        trio.open_nursery() as nursery,
    ):
        channels: dict[Any, Any] = {
            kind: ChannelState(kind, FakeChannel(kind, clock)) for kind in ("sms", "email", "phone")
        }
        runtime = Runtime(store, clock, channels)
        async with running(runtime, grace=0.1), trio.open_nursery() as fronts:
            await fronts.start(serve, runtime, path)
            async with connect(path) as client:
                await client.ask("campaign apply", {"file": spec(SMS)})
            async with await trio.open_unix_socket(path) as stream:
                for request in requests:
                    await stream.send_all(request + b"\n")
                    answer = json.loads(await _line(stream))
                    assert answer["ok"] is True or answer.get("refused") or answer.get("error")
            fronts.cancel_scope.cancel()
        nursery.cancel_scope.cancel()


async def _line(stream: trio.SocketStream) -> bytes:
    got = b""
    with trio.fail_after(30):
        while not got.endswith(b"\n"):
            more = await stream.receive_some(1 << 20)
            assert more, "the daemon closed the connection"
            got += more
    return got
