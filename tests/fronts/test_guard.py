"""A front that fails is restarted, told once in the log and in /healthz, and costs nobody else anything."""

from __future__ import annotations

from functools import partial
from typing import Any

import httpx
import pytest
import trio
from structlog.testing import capture_logs

from fluentsd.fronts import guard
from fluentsd.fronts.control.client import connect
from fluentsd.fronts.guard import guarded_server
from tests.engine.stage import SMS, person, spec
from tests.installation import ALWAYS, Place, launch, living, until

HTTP = '[http]\nlisten = "127.0.0.1:0"\n'


async def test_what_prevents_the_first_start_is_raised() -> None:
    async def serve(*, task_status: Any) -> None:
        raise ValueError("no socket")

    import structlog

    with pytest.raises(ExceptionGroup) as caught:
        async with trio.open_nursery() as nursery:
            await nursery.start(guarded_server, "x", serve, structlog.get_logger())
    assert isinstance(caught.value.exceptions[0], ValueError)


async def test_a_server_that_fails_serves_again(autojump_clock: trio.testing.MockClock) -> None:
    problems, lives, last = [], 0, trio.Event()

    async def serve(*, task_status: Any) -> None:
        nonlocal lives
        lives += 1
        task_status.started(lives)
        if lives == 3:
            last.set()
            await trio.sleep_forever()
        raise RuntimeError("a bug")

    import structlog

    with capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            assert await nursery.start(guarded_server, "x", serve, structlog.get_logger(), problems.append) == 1
            await last.wait()
            nursery.cancel_scope.cancel()
    assert [bool(problem) for problem in problems] == [False, True, False, True, False]
    assert [entry["event"] for entry in logs] == ["front.failed", "front.failed"]


async def _break(nursery: trio.Nursery) -> None:
    async def fail() -> None:
        raise RuntimeError("a bug in the front")

    nursery.start_soon(fail)


@pytest.mark.slow
async def test_each_front_is_killed_while_people_are_contacted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "FIRST_PAUSE", 0.3)
    nurseries: dict[str, trio.Nursery] = {}
    original = trio.serve_listeners

    async def spied(handler: Any, listeners: Any, **more: Any) -> None:
        name = "web" if isinstance(listeners[0].socket.getsockname(), tuple) else "control"
        async with trio.open_nursery() as nursery:
            nurseries[name] = nursery
            nursery.start_soon(partial(original, handler, listeners, **more))

    monkeypatch.setattr(trio, "serve_listeners", spied)
    settings = place.settings(HTTP)
    async with living(place, settings) as client:
        await launch(client, spec(SMS, window=ALWAYS), *(person(n) for n in range(500)))
        address = (await client.ask("state"))["http"]
        await _break(nurseries.pop("control"))
        await until(lambda: place.logged("front.failed"))
        async with httpx.AsyncClient(base_url=f"http://{address}", trust_env=False) as http:
            said = (await http.get("/healthz")).json()
        assert "failed" in str(said["parts"]["control"] if "parts" in said else said)
        await until(lambda: "control" in nurseries)
        await _break(nurseries.pop("web"))
        await until(lambda: "web" in nurseries)
        await until(lambda: len(place.channels["sms"].accepted) == 500, 60)
        async with connect(settings.socket) as again:
            assert (await again.ask("state"))["closing"] is False
    assert max(place.channels["sms"].tokens().values()) == 1
    assert [entry["front"] for entry in place.logged("front.failed")] == ["control", "web"]
