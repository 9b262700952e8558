"""Acknowledgements in Socket Mode: our transport beside Bolt's stock handler, both in processes of their own.

A fake Slack in this process sends commands and measures, in milliseconds, the time until each acknowledgement: one at a
time, and fifty at once; and in seconds the recovery after a TCP reset and the time of a shutdown with commands in
flight. Run: `python bench/slack_acks.py`.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import quantiles
from typing import Any

import trio

sys.path.insert(0, str(Path(__file__).parents[1]))

ONE_AT_A_TIME, BURSTS, AT_ONCE = 200, 4, 50


# ── the apps ─────────────────────────────────────────────────────────────────────────────────────────────────────


def serve_ours(address: str) -> None:
    """Our transport and listener, with a handler that answers after one checkpoint of Trio."""
    import structlog

    from fluentsd.config import SlackSettings
    from fluentsd.fronts.slack.identity import Identity
    from fluentsd.fronts.slack.listener import Listener
    from fluentsd.fronts.slack.transport import SocketMode
    from fluentsd.fronts.slack.web_api import WebApi

    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())

    async def handle(_: Mapping[str, Any]) -> Mapping[str, Any]:
        await trio.lowlevel.checkpoint()
        return {"response_type": "ephemeral", "text": "ok"}

    async def main() -> None:
        log = structlog.get_logger()
        api = WebApi(SlackSettings("xapp-1-test", "xoxb-test", "/campaign", None, {}, (), None, f"{address}/api/"), log)
        socket = SocketMode(api.open_socket, Listener(api, Identity(), handle, log).answer, log)
        with trio.open_signal_receiver(signal.SIGTERM) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(socket.run)
                async for _ in signals:
                    nursery.cancel_scope.cancel()

    trio.run(main)


def serve_bolt(address: str) -> None:
    """Bolt as its documentation shows it."""
    from slack_bolt import App
    from slack_bolt.adapter.socket_mode import SocketModeHandler
    from slack_sdk import WebClient

    client = WebClient(token="xoxb-test", base_url=f"{address}/api/")
    app = App(client=client)
    app.command("/campaign")(lambda ack: ack("ok"))
    handler = SocketModeHandler(app, "xapp-1-test", web_client=client)
    handler.connect()
    signal.sigwait({signal.SIGTERM})
    handler.close()


# ── the measure ──────────────────────────────────────────────────────────────────────────────────────────────────


async def measure(which: str) -> dict[str, float]:
    from fluentsd.testing.slack import fake_slack

    async with fake_slack() as slack:
        app = subprocess.Popen(  # noqa: ASYNC220 - before anything is measured
            [
                sys.executable,
                __file__,
                which,
                slack.address,
            ]
        )
        try:
            await slack.wait_opened(1)

            async def one(took: list[float], number: str) -> None:
                payload = {"team_id": "T0001", "user_id": "U1", "command": "/campaign", "text": "x",
                           "trigger_id": number, "response_url": ""}  # fmt: skip
                began = trio.current_time()
                ack = await slack.send("slash_commands", payload)
                took.append((ack.at - began) * 1000)

            for warm in range(10):
                await one([], f"w{warm}")
            single: list[float] = []
            for number in range(ONE_AT_A_TIME):
                await one(single, f"s{number}")
                await trio.sleep(0.01)
            burst: list[float] = []
            for round_ in range(BURSTS):
                async with trio.open_nursery() as nursery:
                    for number in range(AT_ONCE):
                        nursery.start_soon(one, burst, f"b{round_}-{number}")
            began = trio.current_time()
            opened = slack.opened
            await slack.sockets[-1]._stream.aclose()
            with trio.move_on_after(70):
                while slack.opened == opened:
                    await slack._changed.wait()
            reset = trio.current_time() - began
            began = time.monotonic()
            app.send_signal(signal.SIGTERM)
            await trio.to_thread.run_sync(app.wait)
            return {
                "one_p50_ms": percentile(single, 50), "one_p99_ms": percentile(single, 99),
                "burst_p50_ms": percentile(burst, 50), "burst_max_ms": max(burst),
                "reset_s": round(reset, 3), "shutdown_s": round(time.monotonic() - began, 3),
            }  # fmt: skip
        finally:
            app.kill()


def percentile(values: list[float], which: int) -> float:
    return round(quantiles(values, n=100)[which - 1], 2)


def main() -> None:
    if len(sys.argv) == 3:
        {"ours": serve_ours, "bolt": serve_bolt}[sys.argv[1]](sys.argv[2])
        return
    found = {which: trio.run(measure, which) for which in ("bolt", "ours")}
    print(json.dumps(found, indent=2))
    ours, bolt = found["ours"], found["bolt"]
    ratio = ours["one_p50_ms"] / bolt["one_p50_ms"]
    print(f"p50 of ours is {ratio:.2f} of Bolt's; p99 differs by {ours['one_p99_ms'] - bolt['one_p99_ms']:+.1f} ms")


if __name__ == "__main__":
    main()
