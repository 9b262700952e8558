"""A Twilio on loopback that makes calls: SIDs and states, a list that lags, signed webhooks, every bad day.

Real HTTP, one thread for each request. It refuses what Twilio refuses, keeps what it accepts, and posts nothing by
itself: the test takes the signed requests and hands them on. `test_contract.py` holds it to Twilio's contract.
"""

from __future__ import annotations

import base64
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from twilio.request_validator import RequestValidator

from fluentsd.api import Request
from plugins.channel_sms.tests.fake_wire import Raw, Refused, Serving, page

SECOND = 1_000_000
ACCOUNT = "AC" + "0123456789abcdef" * 2
TOKEN = "the-auth-token"
NUMBER = "+14155550100"
API = "2010-04-01"
_E164 = re.compile(r"\+[1-9]\d{6,14}")


@dataclass
class KeptCall:
    """One call as Twilio keeps it; `given` is the form that created it."""

    sid: str
    to: str
    sender: str
    created_at: int
    given: dict[str, list[str]]
    status: str = "queued"
    direction: str = "outbound-api"
    started_at: int | None = None
    duration: int | None = None
    answered_by: str | None = None
    recordings: list[str] = field(default_factory=list)

    def one(self, name: str) -> str:
        return self.given.get(name, [""])[0]

    def resource(self) -> dict[str, Any]:
        at = format_datetime(datetime.fromtimestamp(self.created_at / SECOND, UTC))
        began = at if self.started_at is not None else None
        path = f"/{API}/Accounts/{ACCOUNT}/Calls/{self.sid}"
        return {
            "sid": self.sid, "account_sid": ACCOUNT, "api_version": API, "to": self.to, "to_formatted": self.to,
            "from": self.sender, "from_formatted": self.sender, "parent_call_sid": None, "caller_name": None,
            "phone_number_sid": "PN" + "0" * 32, "status": self.status, "direction": self.direction,
            "date_created": at, "date_updated": at, "start_time": began,
            "end_time": at if self.duration is not None else None,
            "duration": None if self.duration is None else str(self.duration), "price": None, "price_unit": "USD",
            "answered_by": self.answered_by, "forwarded_from": None, "group_sid": None, "queue_time": "0",
            "trunk_sid": None, "uri": f"{path}.json", "subresource_uris": {"recordings": f"{path}/Recordings.json"},
        }  # fmt: skip


@dataclass
class FakeVoice(Serving):
    """A context manager: `with FakeVoice() as twilio:` serves on `twilio.url` until the block ends."""

    clock: Callable[[], int] = lambda: time.time_ns() // 1000
    token: str = TOKEN
    lag: int = 0  #: microseconds until a call is in the list
    status: str = "active"
    codes: dict[str, int] = field(default_factory=dict)  #: person → error code of a create
    bad: str = ""  #: the way creates are spoilt: see `_create`
    calls: list[KeptCall] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, list[str]]]] = field(default_factory=list)
    answers: list[tuple[str, str, int, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock, self._over, self._count = threading.RLock(), threading.Event(), 0

    # What a test does to it

    def behave(self) -> None:
        self.bad = ""
        self.codes.clear()

    def held(self, token: str) -> list[str]:
        """Whom it has called under an attempt's token."""
        return [one.to for one in self.calls if f"/{token}?" in one.one("Url")]

    def call(self, sid: str | None = None) -> KeptCall:
        return self.calls[-1] if sid is None else next(one for one in self.calls if one.sid == sid)

    def post(self, kept: KeptCall, url: str, **more: str) -> Request:
        """A signed request about a call, as Twilio posts it."""
        fields = {
            "CallSid": kept.sid, "AccountSid": ACCOUNT, "From": kept.sender, "To": kept.to, "ApiVersion": API,
            "Caller": kept.sender, "Called": kept.to, "CallerCountry": "US", "CalledCountry": "US", "CallerCity": "",
            "CallStatus": kept.status, "Direction": kept.direction, **more,
        }  # fmt: skip
        signature = RequestValidator(self.token).compute_signature(url, fields)
        headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}
        return Request("POST", url, headers, urlencode(fields).encode())

    def picked_up(self, kept: KeptCall) -> Request:
        """Somebody picks up: Twilio asks what to do."""
        kept.status, kept.started_at = "in-progress", self.clock()
        return self.post(kept, kept.one("Url"))

    def ended(self, kept: KeptCall, status: str, **more: str) -> Request:
        """The call ends."""
        kept.status = status
        if status == "completed":
            kept.duration = int(more.setdefault("CallDuration", "30"))
        sequence = {"CallbackSource": "call-progress-events", "SequenceNumber": "3", "Timestamp": "Mon, 05 Jan 2026"}
        return self.post(kept, kept.one("StatusCallback"), **sequence, **more)

    def detected(self, kept: KeptCall, answered_by: str) -> Request:
        """The detection's result."""
        kept.answered_by = answered_by
        url = kept.one("AsyncAmdStatusCallback")
        return self.post(kept, url, AnsweredBy=answered_by, MachineDetectionDuration="3200")

    # The wire

    def answer(self, method: str, target: str, login: str, body: bytes) -> tuple[int, Any, dict[str, str]]:
        path = urlsplit(target).path
        given = parse_qs(body.decode() or urlsplit(target).query, keep_blank_values=True)
        with self._lock:
            self.requests.append((method, path, given))
        try:
            if login != "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode():
                raise Refused(401, 20003, "Authenticate")
            status, document = self._route(method, path, given)
        except Refused as why:
            status = why.status
            document = {"code": why.code, "message": why.message, "status": why.status,
                        "more_info": f"https://www.twilio.com/docs/errors/{why.code}"}  # fmt: skip
        self.answers.append((method, path, status, document))
        return status, document, {}

    def _route(self, method: str, path: str, given: dict[str, list[str]]) -> tuple[int, Any]:
        base = f"/{API}/Accounts/{ACCOUNT}"
        if path == f"{base}.json":
            return 200, {"sid": ACCOUNT, "status": self.status, "type": "Full", "friendly_name": "Ours"}
        if path == f"{base}/IncomingPhoneNumbers.json":
            numbers = [{"sid": "PN" + "0" * 32, "phone_number": NUMBER, "friendly_name": NUMBER,
                        "capabilities": {"voice": True, "sms": True}}]  # fmt: skip
            return 200, page(path, "incoming_phone_numbers", numbers, _flat(given), 1000)
        if path == f"{base}/Calls.json":
            return (201, self._create(given)) if method == "POST" else (200, self._list(path, given))
        if found := re.fullmatch(rf"{base}/Calls/(CA\w+)(/Recordings)?\.json", path):
            kept = next((one for one in self.calls if one.sid == found[1]), None)
            if kept is None:
                raise Refused(404, 20404, f"The requested resource {path} was not found")
            if found[2]:
                listed = [{"sid": sid, "call_sid": kept.sid, "account_sid": ACCOUNT} for sid in kept.recordings]
                return 200, page(path, "recordings", listed, _flat(given), 1000)
            return self._one(method, kept, given)
        if method == "DELETE" and (found := re.fullmatch(rf"{base}/Recordings/(RE\w+)\.json", path)):
            for kept in self.calls:
                kept.recordings = [sid for sid in kept.recordings if sid != found[1]]
            return 204, None
        raise Refused(404, 20404, f"The requested resource {path} was not found")

    def _one(self, method: str, kept: KeptCall, given: dict[str, list[str]]) -> tuple[int, Any]:
        if method == "DELETE":
            if kept.duration is None and kept.status in ("queued", "ringing", "in-progress"):
                raise Refused(409, 20009, "The call is not finished")
            self.calls.remove(kept)
            return 204, None
        if wanted := given.get("Status"):
            if kept.status not in ("queued", "ringing", "in-progress"):
                raise Refused(400, 21220, "Call is not in-progress. Cannot redirect.")
            if wanted == ["completed"] or (wanted == ["canceled"] and kept.status != "in-progress"):
                kept.status = wanted[0]
        return 200, kept.resource()

    def _create(self, given: dict[str, list[str]]) -> dict[str, Any]:
        if self.bad == "hang":
            self._over.wait(60)
        if self.bad == "429":
            raise Refused(429, 20429, "Too Many Requests")
        if self.bad == "500":
            raise Refused(500, 20500, "Internal Server Error")
        kept = self._keep(given)
        if self.bad == "accept_hang":
            self._over.wait(60)
        if self.bad == "accept_500":
            raise Refused(500, 20500, "Internal Server Error")
        if self.bad in ("accept_drop", "accept_nonsense"):
            raise Raw(201, None if self.bad == "accept_drop" else b"<html>ok</html>")
        return kept.resource()

    def _keep(self, given: dict[str, list[str]]) -> KeptCall:
        to, sender = given.get("To", [""])[0], given.get("From", [""])[0]
        if not sender:
            raise Refused(400, 21213, "No 'From' number specified")
        if not _E164.fullmatch(to):
            raise Refused(400, 21211, f"Invalid 'To' Phone Number: {to}")
        if sender != NUMBER:
            raise Refused(400, 21210, "The source phone number is not verified")
        if not given.get("Url"):
            raise Refused(400, 21205, "Url parameter is required")
        if not 1 <= int(given.get("Timeout", ["60"])[0]) <= 600:
            raise Refused(400, 21401, "Invalid Timeout")
        if to in self.codes:
            raise Refused(400, self.codes[to], "as the test wants it")
        with self._lock:
            self._count += 1
            kept = KeptCall(f"CA{self._count:032x}", to, sender, self.clock(), given)
            self.calls.append(kept)
        return kept

    def _list(self, path: str, given: dict[str, list[str]]) -> dict[str, Any]:
        now = self.clock()
        found = [
            one.resource()
            for one in reversed(self.calls)
            if given.get("To", [one.to]) == [one.to] and one.created_at + self.lag <= now
        ]
        return page(path, "calls", found, _flat(given), 1000)


def _flat(given: dict[str, list[str]]) -> dict[str, str]:
    return {name: values[0] for name, values in given.items()}
