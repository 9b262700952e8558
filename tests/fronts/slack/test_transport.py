"""Socket Mode: acknowledgements, repetitions, and connections that end in every way."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio_websocket import ConnectionClosed, WebSocketConnection
from wsproto.events import Ping

from fluentsd.fronts.slack.front import SlackFront
from fluentsd.fronts.slack.router import Router
from fluentsd.fronts.slack.transport import SocketMode, Timing
from fluentsd.fronts.slack.web_api import WebApi
from fluentsd.testing.slack import fake_slack
from tests.engine.stage import Stage
from tests.fronts.slack.conftest import Office, an_office, slack_settings, until


@pytest.fixture
def database_url(tmp_path: object) -> str:
    """One database: the transport knows none."""
    return f"sqlite+aiosqlite:///{tmp_path}/fluentsd.db"


async def test_a_second_connection_serves_before_the_first_is_recycled(office: Office) -> None:
    await office.slack.disconnect("refresh_requested")
    await office.slack.wait_opened(2)
    assert len(office.slack.sockets) == 2
    assert "No campaign is active" in await office.say("")
    await office.slack.sockets[0].aclose()
    assert "No campaign is active" in await office.say("")
    assert office.front.health() == ""


async def test_a_reset_connection_is_replaced_at_once(office: Office) -> None:
    with trio.fail_after(10):
        await office.slack.sockets[0]._stream.aclose()  # the network goes without a closing frame
        await office.slack.wait_opened(2)
    assert "No campaign is active" in await office.say("")


async def test_a_silent_connection_is_noticed_by_our_own_pings(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    pings: list[object] = []

    async def counted(socket: WebSocketConnection, event: Ping) -> None:
        pings.append(event)
        if len(pings) > 3:
            await trio.sleep_forever()
        await answer(socket, event)

    answer = WebSocketConnection._handle_ping_event
    monkeypatch.setattr(WebSocketConnection, "_handle_ping_event", counted)
    async with an_office(stage, Timing(ping_every=0.05, answer_within=1.0)) as office:
        await until(lambda: len(pings) > 3)
        assert office.slack.opened == 1, "a ping that is answered changes nothing"
        monkeypatch.setattr(office.slack.sockets[0], "_send", trio.sleep_forever)
        with trio.fail_after(10):
            await office.slack.wait_opened(2)


async def test_a_connection_that_slack_leaves_open_is_closed_by_us(stage: Stage) -> None:
    async with an_office(stage, Timing(retires_after=0.1)) as office:
        await office.slack.disconnect("warning")
        await office.slack.wait_opened(2)
        await until(lambda: len(office.slack.sockets) == 1)
        assert "No campaign is active" in await office.say("")


@pytest.mark.parametrize(
    "greeting", [{"type": "hello"}, ["no", "object"], {"type": "of tomorrow", "num_connections": "x"}]
)
async def test_a_greeting_may_have_any_fields(stage: Stage, monkeypatch: pytest.MonkeyPatch, greeting: object) -> None:
    monkeypatch.setattr("fluentsd.testing.slack.socket_mode.hello", lambda _: greeting)
    async with an_office(stage) as office:
        assert "No campaign is active" in await office.say("")


async def test_an_envelope_before_the_greeting_is_answered(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    first = {"envelope_id": "e-first", "type": "slash_commands", "accepts_response_payload": True,
             "payload": {"command": "/campaign", "text": "help", "user_id": "U1", "team_id": "T0001"}}  # fmt: skip
    monkeypatch.setattr("fluentsd.testing.slack.socket_mode.hello", lambda _: first)
    async with an_office(stage) as office:
        await until(lambda: office.slack.acks["e-first"])
        assert "What you can type" in str(office.slack.acks["e-first"][0].payload)


async def test_a_repeated_envelope_is_acknowledged_and_not_handled_again(office: Office) -> None:
    await office.campaign()
    payload = {"team_id": "T0001", "channel_id": "C1", "user_id": "U1", "command": "/campaign",
               "text": "start spring yes", "response_url": "", "trigger_id": "1.same"}  # fmt: skip
    first = await office.slack.send("slash_commands", payload, envelope_id="e-same")
    second = await office.slack.send("slash_commands", payload, envelope_id="e-same")
    assert first.payload == second.payload
    assert "is started" in str(first.payload)
    third = await office.slack.send("slash_commands", payload, envelope_id="e-other")  # the same, in another envelope
    assert "is started" in str(third.payload)
    entries = (await office.stage.do("log", target="spring"))["entries"]
    assert [entry["verb"] for entry in entries].count("start") == 1


async def test_an_event_that_comes_again_is_handled_once(office: Office) -> None:
    event = {"type": "app_mention", "user": "U1", "channel": "C1", "text": "<@UBOT> help", "ts": "1.1"}
    await office.slack.event(event, "Ev-1")
    await office.slack.event(event, "Ev-1")
    await until(lambda: office.slack.calls["chat.postMessage"])
    await office.say("")
    assert office.slack.calls["chat.postMessage"] == 1


async def test_an_error_in_a_handler_is_acknowledged_with_a_message(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("fluentsd.fronts.slack.session.execute", broken)
    assert "Something went wrong in fluentsd" in await office.say("")


async def test_an_envelope_that_cannot_be_read_is_acknowledged(office: Office) -> None:
    assert (await office.slack.send("slash_commands", None)).payload is None
    assert (await office.slack.send("something_new", {"type": "something_new"})).payload is None


async def test_a_late_answer_follows_the_acknowledgement(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it, the words "Working on it…" of the acknowledgement would take the answer's place."""
    order: list[str] = []
    send, respond, work = SocketMode._send, WebApi.respond, Router._answer

    async def working(router: Router, *given: Any) -> Any:
        await trio.sleep(0.05)
        return await work(router, *given)

    async def slow(socket: SocketMode, *given: Any) -> None:
        await trio.sleep(0.2)
        await send(socket, *given)
        order.append("acknowledged")

    async def noted(api: WebApi, *given: Any) -> Any:
        order.append("answered")
        return await respond(api, *given)

    monkeypatch.setattr("fluentsd.fronts.slack.router.ACK_WITHIN", 0.0)
    monkeypatch.setattr(Router, "_answer", working)
    monkeypatch.setattr(SocketMode, "_send", slow)
    monkeypatch.setattr(WebApi, "respond", noted)
    assert "No campaign is active" in await office.say("")
    assert order == ["acknowledged", "answered"]


async def test_fifty_commands_at_once_are_all_acknowledged(office: Office) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(50):
            payload = {"team_id": "T0001", "user_id": "U1", "command": "/campaign", "text": "", "trigger_id": f"{_}.t"}
            nursery.start_soon(office.slack.send, "slash_commands", payload)


async def test_the_front_starts_without_slack_and_connects_when_it_comes(stage: Stage) -> None:
    async with fake_slack() as slack, trio.open_nursery() as nursery:
        slack.is_away = True
        front = SlackFront(stage.runtime, slack_settings(slack), stage.runtime.log, Timing(longest_pause=0.2))
        nursery.start_soon(front.serve)
        await until(lambda: "cannot be reached" in front.health())
        slack.is_away = False
        await slack.wait_opened(1)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("error", ["invalid_auth", "missing_scope"])
async def test_a_refused_token_is_told_with_its_fix(stage: Stage, error: str) -> None:
    async with fake_slack() as slack, trio.open_nursery() as nursery:
        slack.fail("apps.connections.open", error)
        front = SlackFront(stage.runtime, slack_settings(slack), stage.runtime.log, Timing(refusal_pause=0.1))
        nursery.start_soon(front.serve)
        await until(lambda: error in front.health())
        await slack.wait_opened(1)
        nursery.cancel_scope.cancel()


async def test_a_pause_that_slack_asks_for_is_kept(stage: Stage) -> None:
    async with fake_slack() as slack, trio.open_nursery() as nursery:
        slack.fail("apps.connections.open", retry_after=1)
        began = trio.current_time()
        front = SlackFront(stage.runtime, slack_settings(slack), stage.runtime.log)
        nursery.start_soon(front.serve)
        await slack.wait_opened(1)
        assert trio.current_time() - began >= 1.0
        nursery.cancel_scope.cancel()


async def test_a_closed_socket_of_the_fake_is_seen(office: Office) -> None:
    socket = office.slack.sockets[0]
    await socket.aclose()
    with pytest.raises(ConnectionClosed):
        await socket.send_message("x")
    await office.slack.wait_opened(2)
