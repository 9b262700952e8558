"""A Twilio whose calls live by themselves: they ring, are picked up, converse over ConversationRelay, and end.

Beside `FakeVoice`'s API on loopback it posts its signed requests and opens its WebSockets to a daemon, from a thread of
its own, so it goes on while the daemon is dead: what it then posts is refused, and lost, as Twilio's is. It is rough: a
part of the creates is spoilt; reports are lost, late, doubled and out of order. A chat service that answers at once is
on the same thread.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import httpx
import trio
from trio_websocket import ConnectionClosed, HandshakeError, wrap_client_stream

from fluentsd.api import Request
from plugins.channel_phone.tests.fake_voice import FakeVoice, KeptCall

#: What becomes of a call that rings, in shares.
FATES = {"talk": 0.4, "stop": 0.1, "key": 0.05, "machine": 0.1, "no-answer": 0.15, "busy": 0.1, "failed": 0.1}
#: Shares of the reports about calls that come late (so after others), and that come twice; seconds of lateness.
LATE, TWICE, LATE_BY = 0.15, 0.2, 0.6
#: Seconds until a call rings, until something becomes of it, and a person's pause before they speak.
QUEUED, RINGS, THINKS = 0.08, 0.15, 0.05
_BROKEN = (ConnectionClosed, HandshakeError, OSError, trio.TooSlowError, trio.BrokenResourceError,
           trio.ClosedResourceError)  # fmt: skip
_EVENTS = [{"choices": [{"delta": {"content": word}}]} for word in ("Yes", ", of", " course.")]
_EVENTS.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
_BODY = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in _EVENTS) + b"data: [DONE]\n\n"
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n" % len(_BODY) + _BODY


def token_of(kept: KeptCall) -> str:
    """The attempt in a call's URLs."""
    return urlsplit(kept.one("Url")).path.rpartition("/")[2]


@dataclass
class Life:
    """What has become of one call."""

    fate: str
    turns: int = 0  #: of the agent that were heard whole
    promised: bool = False  #: the person heard that nobody will contact them again


@dataclass
class BusyTwilio(FakeVoice):
    """A context manager like `FakeVoice`. `faults` are the chances of spoilt creates, `lost` of a report that never
    comes; `base` is the daemon's public address, `port` where it listens; `chat` is the chat service's address."""

    seed: int = 0
    faults: Mapping[str, float] = field(default_factory=dict)
    lost: float = 0.0
    base: str = "https://team.example"
    port: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._chance, self._mood = random.Random(self.seed), threading.local()
        self.lives: dict[str, Life] = {}
        self.withheld: set[str] = set()  #: attempts whose creation was not answered
        self.creates = 0
        self._ready = threading.Event()

    @property
    def bad(self) -> str:  # type: ignore[override]
        return getattr(self._mood, "bad", "")

    @bad.setter
    def bad(self, kind: str) -> None:
        """Each create has its own."""

    def __enter__(self) -> BusyTwilio:
        super().__enter__()
        self._lines = threading.Thread(target=trio.run, args=(self._run,), name="calls", daemon=True)
        self._lines.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *given: object) -> None:
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._nursery.cancel_scope.cancel)
        self._lines.join(10)
        super().__exit__(*given)

    def _create(self, given: dict[str, list[str]]) -> dict[str, Any]:
        with self._lock:
            self.creates += 1
            die = self._chance.random()
        self._mood.bad = ""
        for kind, chance in self.faults.items():
            die -= chance
            if die < 0:
                self._mood.bad = kind
                break
        if self._mood.bad not in ("", "429"):
            self.withheld.add(urlsplit(given["Url"][0]).path.rpartition("/")[2])
        return super()._create(given)

    def _keep(self, given: dict[str, list[str]]) -> KeptCall:
        kept = super()._keep(given)
        with self._lock:
            fate = self._chance.choices(list(FATES), list(FATES.values()))[0]
            pauses = [self._chance.uniform(0, most) for most in (QUEUED, RINGS, THINKS)]
        self.lives[kept.sid] = Life(fate)
        self._token.run_sync_soon(partial(self._nursery.start_soon, self._live, kept, pauses))
        return kept

    # The lives of calls, on the thread of Trio

    async def _run(self) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=5.0) as self._http, trio.open_nursery() as nursery:
            self._nursery, self._token = nursery, trio.lowlevel.current_trio_token()
            (listener, *_) = await nursery.start(partial(trio.serve_tcp, _chat, 0, host="127.0.0.1"))
            self.chat = f"http://127.0.0.1:{listener.socket.getsockname()[1]}/v1"
            self._ready.set()
            await trio.sleep_forever()

    async def _live(self, kept: KeptCall, pauses: list[float]) -> None:
        life, (queued, rings, thinks) = self.lives[kept.sid], pauses
        await trio.sleep(queued)
        if kept.status == "queued":
            kept.status, kept.started_at = "ringing", self.clock()
            await self._report(self.post(kept, kept.one("StatusCallback")))
            await trio.sleep(rings)
        if kept.status == "canceled":
            await self._report(self.ended(kept, "canceled"))
            return
        if life.fate in ("no-answer", "busy", "failed"):
            await self._report(self.ended(kept, life.fate))
            return
        found = await self._post(self.picked_up(kept))
        is_machine = life.fate == "machine"
        if kept.one("AsyncAmdStatusCallback"):
            await self._report(self.detected(kept, "machine_end_beep" if is_machine else "human"))
        for _ in range(3):  # the conversation, once more after a broken socket, and the last document
            relay = None if found is None else found.find("Connect/ConversationRelay")
            if found is None or relay is None:
                break
            await self._converse(kept, life, relay.attrib["url"], thinks)
            found = await self._post(self.post(kept, found.find("Connect").attrib["action"], SessionId="VX1",
                                               SessionStatus="ended", SessionDuration="1"))  # type: ignore[union-attr]  # fmt: skip
        await self._report(self.ended(kept, "completed"))

    async def _report(self, request: Request) -> None:
        """Post a report, whose delivery and order Twilio does not promise."""
        with self._lock:
            luck, late_by = self._chance.random(), self._chance.uniform(0, LATE_BY)
        if luck < self.lost:
            return
        if luck < self.lost + LATE:
            self._nursery.start_soon(self._post, request, late_by)
            return
        await self._post(request)
        if luck < self.lost + LATE + TWICE:
            self._nursery.start_soon(self._post, request, late_by)

    async def _converse(self, kept: KeptCall, life: Life, url: str, thinks: float) -> None:
        """One WebSocket, until the person or the agent ends it, or it breaks."""
        try:
            stream = await trio.open_tcp_stream("127.0.0.1", self.port)
            async with stream, trio.open_nursery() as nursery:
                with trio.fail_after(5):  # trio-websocket does not notice the end of a stream before its handshake
                    socket = await wrap_client_stream(nursery, stream, "127.0.0.1", urlsplit(url).path)
                await socket.send_message(json.dumps({"type": "setup", "callSid": kept.sid, "sessionId": "VX1"}))
                said = ["I am not available, leave a message after the beep."] if life.fate == "machine" else [
                    "Yes, hello?", "Tell me more.", *(["Stop calling me."] if life.fate == "stop" else [])]  # fmt: skip
                for words in said:
                    await self._hear(socket, life)
                    await trio.sleep(thinks)
                    await socket.send_message(json.dumps({"type": "prompt", "voicePrompt": words, "last": True}))
                if life.fate == "key":
                    await socket.send_message(json.dumps({"type": "dtmf", "digit": "9"}))
                if life.fate in ("stop", "key", "machine"):
                    while True:
                        await self._hear(socket, life)
                await self._hear(socket, life)
                await socket.aclose()
        except* _BROKEN:
            pass  # the daemon was killed, or ended the conversation

    async def _hear(self, socket: Any, life: Life) -> None:
        """One whole turn of the agent, or its end of the conversation."""
        text = ""
        while True:
            frame = json.loads(await socket.get_message())
            if frame["type"] == "end":
                await socket.aclose()
            text += frame.get("token", "")
            if "will not be contacted again" in text:
                life.promised = True
            if frame.get("last"):
                life.turns += 1
                await socket.send_message(json.dumps({"type": "info", "name": "agentSpeaking", "value": "off"}))
                return

    async def _post(self, request: Request, after: float = 0) -> ElementTree.Element | None:
        """Post once, and once more when nobody listens, as Twilio does; the document of the answer, if there is one."""
        await trio.sleep(after)
        url = f"http://127.0.0.1:{self.port}{request.url.removeprefix(self.base)}"
        for again in (True, False):
            try:
                found = await self._http.post(url, content=request.body, headers=dict(request.headers))
            except httpx.ConnectError:
                if again:
                    await trio.sleep(0.1)
            except httpx.HTTPError:
                return None
            else:
                is_xml = found.status_code == 200 and found.headers.get("content-type", "").startswith("text/xml")
                return ElementTree.fromstring(found.content) if is_xml else None
        return None


async def _chat(stream: trio.SocketStream) -> None:
    """A chat completions service that answers each request at once."""
    data = b""
    async with stream:
        while True:
            head, found, rest = data.partition(b"\r\n\r\n")
            lines = head.lower().split(b"\r\n")
            length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
            try:
                if found and len(rest) >= length:
                    data = rest[length:]
                    await stream.send_all(_ANSWER)
                    continue
                part = await stream.receive_some(65_536)
            except trio.BrokenResourceError:
                return
            if not part:
                return
            data += part
