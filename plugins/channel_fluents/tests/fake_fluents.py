"""Fluents' calls API in memory, after Vocode's published contract: stateful, and with every bad day."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

import httpx
import trio

KEY, AGENT = "a-key", "3fa85f64-5717-4562-b3fc-2c963f66afa6"


def _normalized(call: dict[str, Any]) -> dict[str, Any]:
    """A call as the list has it: its times are numbers there."""
    times = {name: call[name] for name in ("start_time", "end_time") if call[name] is not None}
    seconds = {n: dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC).timestamp() for n, at in times.items()}
    return call | seconds


class FakeFluents:
    """`calls` are what the account has; `bad` is the fault of the next requests."""

    def __init__(self) -> None:
        self.calls: dict[str, dict[str, Any]] = {}
        self.bodies: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.bad, self.status = "", 200
        self.stuck: set[str] = set()  #: calls whose fetch is not answered
        self.page_at_most, self.says_more = 100, True

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def held(self, token: str) -> list[str]:
        return [ref for ref, call in self.calls.items() if call["context"].get("fluentsd_attempt") == token]

    def end(self, ref: str, **facts: Any) -> None:
        self.calls[ref] |= {"status": "ended", "start_time": "2026-11-27T10:00:00", "end_time": "2026-11-27T10:01:01"}
        self.calls[ref] |= facts

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return httpx.Response(401, json={"message": "no", "statusCode": 401})
        match self.bad:
            case "refuse":
                return httpx.Response(400, json={"message": "bad number", "statusCode": 400})
            case "unavailable":
                return httpx.Response(429, headers={"retry-after": "2"})
            case "hang":
                await trio.sleep_forever()
            case "status":
                return httpx.Response(self.status, content=b"<html>busy</html>", headers={"location": "/elsewhere"})
            case "connect":
                raise httpx.ConnectError("no route")
        match request.method, request.url.path:
            case "POST", "/v1/calls/create":
                return await self._create(json.loads(request.content))
            case "GET", "/v1/calls/list":
                items = [_normalized(call) for call in reversed(self.calls.values())]
                number, size = (int(request.url.params.get(name, usual)) for name, usual in (("page", 1), ("size", 10)))
                size = min(size, self.page_at_most)
                page = {"page": number, "size": size, "total": len(items)}
                page |= {"has_more": number * size < len(items)} if self.says_more else {}
                shown = items[(number - 1) * size : number * size]
                return httpx.Response(200, json={"items": shown, **page, "total_is_estimated": False})
            case "GET", "/v1/calls/recording":
                return httpx.Response(200, content=b"RIFF", headers={"content-type": "audio/wav"})
            case "GET", "/v1/calls":
                if request.url.params["id"] in self.stuck:
                    await trio.sleep_forever()
                call = self.calls.get(request.url.params["id"])
                return httpx.Response(200, json=call) if call else httpx.Response(404, json={"statusCode": 404})
            case "POST", "/v1/calls/end":
                self.end(request.url.params["id"], stage_outcome="bot_disconnected")
                return httpx.Response(200, json=self.calls[request.url.params["id"]])
        return httpx.Response(404)

    async def _create(self, body: dict[str, Any]) -> httpx.Response:
        self.bodies.append(body)
        if body["agent"] != AGENT:
            return httpx.Response(404, json={"message": "no such agent", "statusCode": 404})
        ref = str(uuid.uuid4())
        self.calls[ref] = {
            "id": ref, "user_id": str(uuid.uuid4()), "status": "in_progress", "stage": "created", "stage_outcome": None,
            "human_detection_result": None, "do_not_call_result": None, "transcript": None, "start_time": None,
            "end_time": None, "recording_available": False, "to_number": body["to_number"], "error_message": None,
            "from_number": body["from_number"], "agent": {"id": AGENT}, "telephony_provider": "twilio",
            "agent_phone_number": body["from_number"], "context": body["context"],
        }  # fmt: skip
        if self.bad == "accept_then_error":
            return httpx.Response(500)
        if self.bad == "accept_then_hang":
            await trio.sleep_forever()
        if self.bad == "garbage":
            return httpx.Response(201, content=b"<html>")
        return httpx.Response(201, json=self.calls[ref])
