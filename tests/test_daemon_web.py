"""The daemon's web front: where it listens, and what becomes of a request at the end."""

from __future__ import annotations

import socket

import httpx
import pytest
import trio

from fluentsd.validation import Problems
from tests.engine.stage import SMS, person, spec
from tests.installation import ALWAYS, AT_ONCE, Place, launch, living, run_daemon, terminate, until

WEB = '[http]\nlisten = "127.0.0.1:0"\n'


async def test_it_listens_when_it_is_told_to_and_says_where(place: Place) -> None:
    async with living(place, place.settings(WEB)) as client:
        where = (await client.ask("state"))["http"]
        [output] = place.logged("web.listening")
        assert output["socket"] == where
        async with httpx.AsyncClient(base_url=f"http://{where}", trust_env=False) as world:
            assert (await world.get("/healthz")).json()["ok"]
            await launch(client, spec(SMS, window=ALWAYS), person(1))
            await until(lambda: place.logged("campaign.completed"))
            token = place.channels["sms"].accepted[0][0].token
            assert (await world.post(f"/u/{token}")).status_code == 200
        assert place.ask("SELECT DISTINCT reason FROM suppression") == [("opted_out",)]
        began = trio.current_time()
    assert trio.current_time() - began < AT_ONCE
    assert not [entry for entry in place.logs if entry["log_level"] in ("error", "warning")]


async def test_without_http_it_listens_nowhere(place: Place) -> None:
    async with living(place) as client:
        assert (await client.ask("state"))["http"] is None
    assert not place.logged("web.listening")


async def test_a_port_that_is_taken_ends_the_start_before_anything_is_sent(place: Place) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        settings = place.settings(f'[http]\nlisten = "127.0.0.1:{port}"\n')
        with pytest.raises(Problems, match=f"http.listen: 127.0.0.1:{port} cannot be opened"):
            await run_daemon(place, settings, lambda: None)
    assert not place.logged("daemon.ready")
    async with living(place, settings):
        pass


async def test_a_request_in_progress_is_answered_before_the_daemon_leaves(place: Place) -> None:
    async with living(place, place.settings(WEB)) as client:
        host, _, port = (await client.ask("state"))["http"].partition(":")
        stream = await trio.open_tcp_stream(host, int(port))
        await stream.send_all(b"POST /hooks/sms HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n[")
        await trio.testing.wait_all_tasks_blocked(0.02)
        terminate()
        await until(lambda: not (place.folder / "fluentsd.sock").exists())
        await stream.send_all(b"]")
        assert (await stream.receive_some(1000)).startswith(b"HTTP/1.1 204 ")
        await stream.aclose()
