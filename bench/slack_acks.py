"""Acknowledgements in Socket Mode: our transport beside Bolt's stock handler, both in processes of their own.

A fake Slack in this process sends commands and measures, in milliseconds, the time until each acknowledgement: one at a
time, and fifty at once; and in seconds the recovery after a TCP reset, and a shutdown while twenty commands are being
answered. Run: `python bench/slack_acks.py`, or `make bench ONLY=slack` for three pairs in turn.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import trio
from rows import BenchFailed, Row
from turns import in_turn

sys.path.insert(0, str(Path(__file__).parents[1]))

ONE_AT_A_TIME, BURSTS, AT_ONCE, IN_FLIGHT = 200, 4, 50, 20
#: What a command says that is answered after `SLOW` seconds.
SLOWLY, SLOW = "slowly", 2.0


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

    async def handle(body: Mapping[str, Any], sent: trio.Event) -> Mapping[str, Any]:
        await trio.sleep(SLOW if body.get("text") == SLOWLY else 0)
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

    @app.command("/campaign")
    def answer(ack: Any, body: dict[str, Any]) -> None:
        if body.get("text") == SLOWLY:
            time.sleep(SLOW)
        ack("ok")

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

            async def one(took: list[float], number: str, text: str = "x") -> None:
                payload = {"team_id": "T0001", "user_id": "U1", "command": "/campaign", "text": text,
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
            async with trio.open_nursery() as nursery:
                for number in range(IN_FLIGHT):
                    nursery.start_soon(one, [], f"f{number}", SLOWLY)
                await trio.sleep(0.5)  # all are with the app, and none is answered
                began = time.monotonic()
                app.send_signal(signal.SIGTERM)
                await trio.to_thread.run_sync(app.wait)
                shutdown = time.monotonic() - began
                nursery.cancel_scope.cancel()
            return {
                "one_p50_ms": percentile(single, 50), "one_p99_ms": percentile(single, 99),
                "burst_p50_ms": percentile(burst, 50), "burst_max_ms": max(burst),
                "reset_s": round(reset, 3), "shutdown_s": round(shutdown, 3),
            }  # fmt: skip
        finally:
            app.kill()


def percentile(values: list[float], which: int) -> float:
    return round(quantiles(values, n=100)[which - 1], 2)


def acks(_: Path) -> list[Row]:
    """A row for each bar, from pairs in turn."""
    try:
        pairs = in_turn(partial(trio.run, measure, "ours"), partial(trio.run, measure, "bolt"))
    except Exception as why:
        raise BenchFailed(f"{type(why).__name__}: {why}") from why
    ours, bolt = ({name: median(pair[at][name] for pair in pairs) for name in pairs[0][at]} for at in (0, 1))
    ratio = round(median(a["one_p50_ms"] / b["one_p50_ms"] for a, b in pairs), 2)
    later = round(median(a["one_p99_ms"] - b["one_p99_ms"] for a, b in pairs), 2)
    reset = f"until connected again; Bolt's {bolt['reset_s']} s"
    return [
        Row("slack ack p50", ours["one_p50_ms"], bolt["one_p50_ms"], "ms", ratio, 0.6, "at most",
            "beside Bolt's stock Socket Mode handler"),
        Row("slack ack p99, later than Bolt's", later, None, "ms", None, 10, "at most",
            f"ours {ours['one_p99_ms']}, Bolt's {bolt['one_p99_ms']} ms"),
        Row("slack 50 at once", round(ours["burst_max_ms"] / 1000, 3), None, "s", None, 0.5, "at most",
            f"the last of them; Bolt's {bolt['burst_max_ms'] / 1000:.3f} s"),
        Row("slack reset", ours["reset_s"], None, "s", None, 1, "at most", reset),
        Row("slack shutdown", ours["shutdown_s"], None, "s", None, 0.5, "at most",
            f"with {IN_FLIGHT} commands in flight; Bolt's {bolt['shutdown_s']} s"),
    ]  # fmt: skip


def main() -> None:
    if len(sys.argv) == 3:
        {"ours": serve_ours, "bolt": serve_bolt}[sys.argv[1]](sys.argv[2])
        return
    found = {which: trio.run(measure, which) for which in ("bolt", "ours")}
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
