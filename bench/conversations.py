"""The latency of a phone agent's turn: from what the person said to the first token, beside a bare echo.

`python bench/conversations.py [CALLS …]`, by default 20 100 200. Client, WebSocket server, runtime and a model that
answers at once share one process and its core, so the figures are an upper bound. Each call takes a turn every five
seconds, as people do. The collector of garbage is set as in the daemon: without that one turn of a hundred meets a
collection of all modules. `cpu` is the processor time of a whole turn, both ends and the model included; unlike the
waits it hardly depends on what else runs on the machine.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from functools import partial
from typing import Any

import httpx
import trio
from fluentsd_channel_phone.completions import Completions
from fluentsd_channel_phone.conversation import Conversation
from fluentsd_channel_phone.settings import Endpoint
from fluentsd_channel_phone.skills import Skills
from trio_websocket import ConnectionClosed, WebSocketRequest, open_websocket, serve_websocket

from fluentsd.api import AgentSettings, SocketClosed, asks_to_stop
from fluentsd.bootstrap import freeze_gc

TURNS, EVERY = 5, 5.0
AGENT = AgentSettings("bench", prompt="Answer.", opening="Hello.", silence_s=60.0)
_CHUNKS = [{"choices": [{"delta": {"content": word}}]} for word in ("Yes", ", of", " course", ".")]
_CHUNKS.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
_BODY = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in _CHUNKS) + b"data: [DONE]\n\n"
_ANSWER = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n" % len(_BODY) + _BODY
)  # a whole answer at once: a model without latency


class Socket:
    """A WebSocket of trio-websocket as a `CallSocket`."""

    def __init__(self, ws: Any) -> None:
        self._ws = ws

    async def receive(self) -> str | bytes:
        try:
            message: str | bytes = await self._ws.get_message()
        except ConnectionClosed:
            raise SocketClosed(1000) from None
        return message

    async def send(self, data: str | bytes) -> None:
        try:
            await self._ws.send_message(data)
        except ConnectionClosed:
            raise SocketClosed(1000) from None

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self._ws.aclose()


async def model(stream: trio.SocketStream) -> None:
    """A model's service: reads requests with a body, answers each at once."""
    data = b""
    async with stream:
        while True:
            head, found, rest = data.partition(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
            if found and len(rest) >= length:
                data = rest[length:]
                await stream.send_all(_ANSWER)
                continue
            try:
                part = await stream.receive_some(65_536)
            except trio.BrokenResourceError:
                return
            if not part:
                return
            data += part


async def serve(client: httpx.AsyncClient, base_url: str, request: WebSocketRequest) -> None:
    ws = await request.accept()
    if request.path == "/echo":
        try:
            while True:
                await ws.send_message(await ws.get_message())
        except ConnectionClosed:
            return
    skills = Skills(AGENT, "", lambda: 0, lambda: client, {})
    speaks = Completions(lambda: client, Endpoint(base_url, "m"), None)
    await Conversation(AGENT, {"first_name": "Dana"}, speaks, skills, lambda how: trio.Event()).serve(Socket(ws))


async def call(port: int, path: str, times: list[float]) -> None:
    """One call: its opening, then turns at random moments."""
    async with open_websocket("127.0.0.1", port, path, use_ssl=False) as ws:
        await ws.send_message(json.dumps({"type": "setup", "callSid": "CA"}))
        await _whole_turn(ws, path)
        await trio.sleep(random.uniform(0, EVERY))
        for _ in range(TURNS):
            began = trio.current_time()
            prompt = {"type": "prompt", "voicePrompt": "What is it, then?", "last": True}
            await ws.send_message(json.dumps(prompt))
            await ws.get_message()
            times.append((trio.current_time() - began) * 1000)
            if path != "/echo":
                await _whole_turn(ws, path)
            await trio.sleep(EVERY)


async def _whole_turn(ws: Any, path: str) -> None:
    while path != "/echo" and not json.loads(await ws.get_message()).get("last"):
        pass
    if path == "/echo":
        await ws.get_message()


async def measure(calls: int) -> dict[str, tuple[list[float], float]]:
    """Milliseconds of every turn, of an echo and of the agent, in the same minute; and the processor's for each."""
    found: dict[str, tuple[list[float], float]] = {}
    limits = httpx.Limits(max_connections=1000, max_keepalive_connections=200, keepalive_expiry=15.0)  # the daemon's
    async with httpx.AsyncClient(limits=limits, trust_env=False) as client, trio.open_nursery() as nursery:
        (listener, *_) = await nursery.start(partial(trio.serve_tcp, model, 0, host="127.0.0.1"))
        base_url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}/v1"
        handler = partial(serve, client, base_url)
        server = await nursery.start(partial(serve_websocket, handler, "127.0.0.1", 0, ssl_context=None))
        for path in ("/echo", "/agent"):
            times: list[float] = []
            began = time.process_time()
            async with trio.open_nursery() as many:
                for _ in range(calls):
                    many.start_soon(call, server.port, path, times)
            found[path[1:]] = times, (time.process_time() - began) * 1000 / len(times)
        nursery.cancel_scope.cancel()
    return found


def main() -> None:
    """Print a line for each number of calls."""
    asks_to_stop("")  # the daemon loads the words before the first call
    freeze_gc()
    print(f"{'calls':>6} {'what':>6} {'p50':>8} {'p95':>8} {'p99':>8} {'cpu':>8}  ms from words to first token")
    for calls in [int(word) for word in sys.argv[1:]] or [20, 100, 200]:
        for what, (times, each) in trio.run(measure, calls).items():
            cuts = statistics.quantiles(times, n=100)
            print(f"{calls:>6} {what:>6} {cuts[49]:>8.1f} {cuts[94]:>8.1f} {cuts[98]:>8.1f} {each:>8.1f}")


if __name__ == "__main__":
    main()
