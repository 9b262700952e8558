"""A stop with calls: ringing ones are withdrawn, live ones go on for their grace, reports are recorded meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

from fluentsd import daemon
from fluentsd.api import Call, CallSocket, Inbound, Outcome
from fluentsd.engine.runtime import Runtime
from tests.engine.stage import CALL, SMS, FakeChannel, person, spec
from tests.installation import ALWAYS, Place, launch, living, terminate

HTTP = '[http]\nlisten = "127.0.0.1:0"\n[daemon]\ncall_grace = "{grace}"\n'


class Phone(FakeChannel):
    async def serve_call(self, socket: CallSocket, call: Call) -> None:
        async for message in socket:
            await socket.send(message)


@pytest.fixture
def runtimes(place: Place, monkeypatch: pytest.MonkeyPatch) -> list[Runtime]:
    """The runtime of the daemon, whose channels serve calls."""
    found: list[Runtime] = []
    real = daemon.open_runtime

    @asynccontextmanager
    async def spied(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        async with real(*args, **kwargs) as runtime:
            found.append(runtime)
            yield runtime

    def build(self: Place, config: Any, tools: Any) -> FakeChannel:
        channel = self.channels[config["kind"]] = Phone(config["kind"], tools.clock)
        return channel

    monkeypatch.setattr(daemon, "open_runtime", spied)
    monkeypatch.setattr(Place, "_build", build)
    return found


@asynccontextmanager
async def live(runtime: Runtime) -> AsyncIterator[WebSocketConnection]:
    """A call in progress."""
    token = runtime.calls.expect(Call("phone", "c1"), runtime.clock.now())
    assert runtime.listens_at is not None
    host, port = runtime.listens_at.split(":")
    async with await trio.open_tcp_stream(host, int(port)) as stream, trio.open_nursery() as nursery:
        client = await wrap_client_stream(nursery, stream, host, f"/relay/phone/{token}")
        await client.send_message("hello")
        assert await client.get_message() == "hello"
        yield client
        await client.aclose()


async def until(place: Place, query: str, answer: list[Any]) -> None:
    with trio.fail_after(10):
        while place.ask(query) != answer:  # noqa: ASYNC110 - what is awaited is in the database
            await trio.sleep(0.01)


async def test_a_call_that_outlasts_its_grace_is_ended(place: Place, runtimes: list[Runtime]) -> None:
    with trio.fail_after(20):
        async with living(place, place.settings(HTTP.format(grace="1 s"))), live(runtimes[0]) as client:
            began = trio.current_time()
            terminate()
            with pytest.raises(ConnectionClosed) as closed:
                await client.get_message()
            assert closed.value.reason is not None
            assert closed.value.reason.code == 1001
            assert trio.current_time() - began >= 1
    assert place.logged("daemon.stopped")


async def test_while_a_call_goes_on_nothing_is_claimed_and_reports_are_recorded(
    place: Place, runtimes: list[Runtime]
) -> None:
    with trio.fail_after(20):
        async with living(place, place.settings(HTTP.format(grace="1 min"))) as client:
            await launch(client, spec(CALL, window=ALWAYS), person(1))
            await until(place, "SELECT count(*) FROM attempt WHERE provider_ref IS NOT NULL", [(1,)])
            await launch(client, spec(SMS, window=ALWAYS) | {"ref": "texts", "name": "Texts"}, person(2))
            await until(place, "SELECT count(*) FROM attempt WHERE outcome = 'sent'", [(1,)])
            token = place.channels["sms"].accepted[0][0].token
            async with live(runtimes[0]) as call:
                terminate()
                await until(place, "SELECT reason FROM attempt WHERE channel = 'phone'", _WITHDRAWN)
                run = await client.ask("contacts begin-import", {"source": "more.csv", "ref": "texts"})
                await client.ask("contacts take", {"run": run, "people": [person(3)]})
                await place.channels["sms"].tell(Inbound(Outcome.delivered, token=token))
                await until(place, "SELECT count(*) FROM attempt WHERE outcome = 'delivered'", [(1,)])
                await call.send_message("still here")
                assert await call.get_message() == "still here"
    assert place.channels["sms"].tokens().total() == 1
    assert place.ask("SELECT count(*) FROM attempt") == [(2,)]


_WITHDRAWN = [("withdrawn by the end of the daemon; before it rang",)]


async def test_without_a_call_nothing_waits(place: Place, runtimes: list[Runtime]) -> None:
    with trio.fail_after(5):
        async with living(place, place.settings(HTTP.format(grace="1 hour"))):
            terminate()
    assert place.logged("daemon.stopped")
