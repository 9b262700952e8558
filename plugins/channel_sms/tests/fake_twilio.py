"""A Twilio on loopback: messages with SIDs and states, a list that lags, signed callbacks, opt-outs, and every bad day.

Real HTTP, one thread for each request. It refuses what Twilio refuses, keeps what it accepts, and posts nothing by
itself: callbacks lie in `posts` until the test takes them, twice, late or in another order as it likes. What Twilio's
published contract says of requests and answers, `test_contract.py` holds it to.
"""

from __future__ import annotations

import base64
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from twilio.request_validator import RequestValidator

from fluentsd.api import Request
from plugins.channel_sms.tests.fake_wire import Raw, Refused, Serving, meta_page, page

SECOND = 1_000_000
ACCOUNT = "AC" + "0123456789abcdef" * 2
TOKEN = "the-auth-token"
SERVICE = "MG" + "fedcba9876543210" * 2
NUMBER = "+14155550100"
API = "2010-04-01"
_E164 = re.compile(r"\+[1-9]\d{6,14}")
#: What cannot be deleted yet.
UNFINISHED = ("accepted", "queued", "sending", "sent", "receiving", "scheduled")
ORDER = ("accepted", "queued", "sending", "sent", "delivered")


@dataclass
class Bad:
    """One way to misbehave on the next creates: see `FakeTwilio.misbehave`."""

    kind: str
    times: int | None = None
    to: str | None = None
    retry_after: int | None = None


@dataclass
class Kept:
    """One message as Twilio keeps it."""

    sid: str
    to: str
    body: str
    created_at: int
    sender: str | None
    service: str | None
    callback: str | None
    validity: int
    status: str = "queued"
    direction: str = "outbound-api"
    error_code: int | None = None

    def resource(self) -> dict[str, Any]:
        at = format_datetime(datetime.fromtimestamp(self.created_at / SECOND, UTC))
        sent = self.status not in ("accepted", "queued", "sending")
        path = f"/{API}/Accounts/{ACCOUNT}/Messages/{self.sid}"
        return {
            "sid": self.sid, "account_sid": ACCOUNT, "api_version": API, "to": self.to, "from": self.sender,
            "messaging_service_sid": self.service, "body": self.body, "status": self.status,
            "direction": self.direction,
            "num_segments": "0" if self.sender is None else "1", "num_media": "0", "date_created": at,
            "date_updated": at,
            "date_sent": at if sent else None, "error_code": self.error_code, "error_message": None, "price": None,
            "price_unit": "USD", "uri": f"{path}.json", "subresource_uris": {"media": f"{path}/Media.json"},
        }  # fmt: skip


@dataclass
class FakeTwilio(Serving):
    """A context manager: `with FakeTwilio() as twilio:` serves on `twilio.url` until the block ends."""

    clock: Callable[[], int] = lambda: time.time_ns() // 1000
    token: str = TOKEN
    logins: dict[str, str] = field(default_factory=lambda: {ACCOUNT: TOKEN})
    lag: int = 0  #: microseconds until a message is in the list
    status: str = "active"
    type: str = "Full"
    numbers: dict[str, dict[str, Any]] = field(default_factory=dict)
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    verifications: dict[str, str] = field(default_factory=dict)  #: number SID → toll-free status
    codes: dict[str, int] = field(default_factory=dict)  #: person → error code of a create
    opted_out: set[tuple[str, str]] = field(default_factory=set)  #: (person, sender or service)
    messages: list[Kept] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, list[str]]]] = field(default_factory=list)
    answers: list[tuple[str, str, int, Any]] = field(default_factory=list)
    posts: list[Request] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    page_most: int = 1000  #: items in one page of a list
    busy: list[int | None] = field(default_factory=list)  #: the next requests other than creates get 429; Retry-After
    restricted: bool = False  #: the credentials do not reach messaging services
    shared_key: str = ""  #: sign with this secret and HMAC-SHA256 instead

    def __post_init__(self) -> None:
        self._lock, self._over = threading.Condition(threading.RLock()), threading.Event()
        self._count = 0
        if not self.numbers:
            self.own(NUMBER)
        if not self.services:
            self.services[SERVICE] = {
                "sid": SERVICE, "account_sid": ACCOUNT, "friendly_name": "Outreach", "inbound_request_url": None,
                "use_inbound_webhook_on_number": False, "us_app_to_person_registered": True,
            }  # fmt: skip

    # What a test does to it

    def own(self, number: str, **more: Any) -> dict[str, Any]:
        """Give the account a number; `services` are those whose pool it is in, all unless said."""
        sid = f"PN{len(self.numbers):032x}"
        about = {"sid": sid, "account_sid": ACCOUNT, "phone_number": number, "sms_url": "", "friendly_name": number,
                 "capabilities": {"voice": True, "sms": True, "mms": True, "fax": False}}  # fmt: skip
        self.numbers[number] = about | more
        return self.numbers[number]

    def misbehave(
        self, kind: str, *, times: int | None = None, to: str | None = None, retry_after: int | None = None
    ) -> None:
        """Spoil creates: `429`, `500`, `503` (nothing kept), `hang`, `html` and `redirect` (nothing kept), or, the
        message being kept: `accept_500`, `accept_hang`, `accept_drop`, `accept_nonsense`, `accept_empty`."""
        self.bad.append(Bad(kind, times, to, retry_after))

    def behave(self) -> None:
        self.bad.clear()
        self.codes.clear()

    def wait_for(self, count: int, seconds: float = 10.0) -> None:
        """Block until so many messages are kept; raises `TimeoutError`."""
        with self._lock:
            if not self._lock.wait_for(lambda: len(self.messages) >= count, seconds):
                raise TimeoutError(f"{len(self.messages)} messages, not {count}, in {seconds} s")

    def held(self, token: str) -> list[str]:
        """Whom it has messages to under an attempt's token."""
        return [one.to for one in self.messages if one.callback and one.callback.endswith(f"/{token}")]

    def move(self, sid: str, status: str, error_code: int | None = None) -> Request | None:
        """A message's state changes; what Twilio posts for it is returned, and lies in `posts`."""
        kept = next(one for one in self.messages if one.sid == sid)
        kept.status, kept.error_code = status, error_code
        if kept.sender is None and status != "accepted":
            kept.sender = NUMBER
        if kept.callback is None:
            return None
        fields = {"MessageSid": sid, "SmsSid": sid, "MessageStatus": status, "SmsStatus": status, "To": kept.to,
                  "From": kept.sender or "", "AccountSid": ACCOUNT, "ApiVersion": API}  # fmt: skip
        if error_code is not None:
            fields["ErrorCode"] = str(error_code)
        return self.post(kept.callback, fields)

    def deliver(self, sid: str) -> list[Request]:
        """The whole way of a message, a post for each state."""
        return [post for status in ORDER[2:] if (post := self.move(sid, status)) is not None]

    def write(self, person: str, body: str, to: str = NUMBER, **more: str) -> Request | None:
        """A person writes to one of the account's numbers; STOP and START are kept as Twilio keeps them."""
        word = body.strip().upper()
        if word in ("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"):
            self.opted_out |= {(person, to)}
        if word in ("START", "UNSTOP"):
            self.opted_out -= {(person, to)}
        sid = self._sid("SM")
        self.messages.append(Kept(sid, to, body, self.clock(), person, None, None, 0, "received", "inbound"))
        fields = {"MessageSid": sid, "SmsSid": sid, "SmsMessageSid": sid, "SmsStatus": "received", "From": person,
                  "To": to, "Body": body, "NumMedia": "0", "NumSegments": "1", "AccountSid": ACCOUNT}  # fmt: skip
        fields |= {"ApiVersion": API} | more
        url = self.numbers[to]["sms_url"]
        return self.post(url, fields) if url else None

    def post(self, url: str, fields: dict[str, str]) -> Request:
        """What Twilio would send: signed with the auth token, or with the shared key."""
        algorithm = "HMAC_SHA256" if self.shared_key else None
        signature = RequestValidator(self.shared_key or self.token).compute_signature(url, fields, algorithm)
        headers = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8", "x-twilio-signature": signature}
        if self.shared_key:
            headers["x-twilio-webhooks-signature-settings"] = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"
        self.posts.append(Request("POST", url, headers, urlencode(fields).encode()))
        return self.posts[-1]

    # What it does

    def answer(self, method: str, target: str, authorization: str, body: bytes) -> tuple[int, Any, dict[str, str]]:
        """One request: status, document, headers."""
        parts = urlsplit(target)
        given = parse_qs((body.decode() if method == "POST" else parts.query), keep_blank_values=True)
        with self._lock:
            self.requests.append((method, parts.path, given))
        try:
            self._login(authorization)
            if method != "POST" and self.busy:
                raise Refused(429, 20429, "Too Many Requests", self.busy.pop(0))
            status, document = self._route(method, parts.path, {name: values[-1] for name, values in given.items()})
            headers: dict[str, str] = {}
        except Refused as why:
            status = why.status
            document = {"code": why.code, "message": why.message, "status": status,
                        "more_info": f"https://www.twilio.com/docs/errors/{why.code}"}  # fmt: skip
            headers = {} if why.retry_after is None else {"Retry-After": str(why.retry_after)}
        with self._lock:
            self.answers.append((method, parts.path, status, document))
        return status, document, headers

    def _login(self, authorization: str) -> None:
        try:
            user, _, password = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        except ValueError:
            user = password = ""
        if self.logins.get(user) != password or not password:
            raise Refused(401, 20003, "Authenticate")

    def _route(self, method: str, path: str, given: dict[str, str]) -> tuple[int, Any]:
        account = f"/{API}/Accounts/{ACCOUNT}"
        if path == f"{account}.json":
            return 200, {"sid": ACCOUNT, "friendly_name": "A test", "status": self.status, "type": self.type}
        if path == f"{account}/Messages.json":
            return (201, self._create(given)) if method == "POST" else (200, self._list(path, given))
        if found := re.fullmatch(rf"{account}/Messages/(\w+)\.json", path):
            for kept in self.messages:
                if kept.sid == found[1]:
                    return self._delete(kept) if method == "DELETE" else (200, kept.resource())
        if path == f"{account}/IncomingPhoneNumbers.json":
            wanted = given.get("PhoneNumber")
            owned = [public(n) for n in self.numbers.values() if wanted in (None, n["phone_number"])]
            return 200, page(path, "incoming_phone_numbers", owned, given, self.page_most)
        if path == "/v1/Services":
            self._messaging()
            return 200, meta_page(path, "services", list(self.services.values()), given, self.page_most)
        found = re.fullmatch(r"/v1/Services/(\w+)(/PhoneNumbers)?", path)
        if found and found[1] in self.services:
            self._messaging()
            pool = [dict(public(n), service_sid=found[1]) for n in self.numbers.values() if in_pool(n, found[1])]
            page_of = meta_page(path, "phone_numbers", pool, given, self.page_most)
            return 200, page_of if found[2] else self.services[found[1]]
        if path == "/v1/Tollfree/Verifications":
            status = self.verifications.get(given.get("TollfreePhoneNumberSid", ""))
            listed = [] if status is None else [{"sid": "HH1", "status": status}]
            return 200, meta_page(path, "verifications", listed, given, self.page_most)
        raise Refused(404, 20404, f"The requested resource {path} was not found")

    def _messaging(self) -> None:
        """A restricted API key may not see messaging services."""
        if self.restricted:
            raise Refused(403, 70051, "Authorization error")

    def _create(self, given: dict[str, str]) -> dict[str, Any]:
        bad = self._bad(given.get("To", ""))
        if bad.kind == "hang":
            self._over.wait(60)
        if bad.kind == "429":
            raise Refused(429, 20429, "Too Many Requests", bad.retry_after)
        if bad.kind in ("500", "503"):
            raise Refused(int(bad.kind), 20500, "Internal Server Error")
        if bad.kind in ("html", "redirect"):
            raise Raw(502 if bad.kind == "html" else 302, b"<html>Bad gateway</html>")
        kept = self._keep(given)
        if bad.kind == "accept_hang":
            self._over.wait(60)
        if bad.kind == "accept_500":
            raise Refused(500, 20500, "Internal Server Error")
        if bad.kind in ("accept_drop", "accept_nonsense", "accept_empty"):
            raise Raw(201, {"accept_drop": None, "accept_nonsense": b"<html>ok</html>", "accept_empty": b""}[bad.kind])
        return kept.resource()

    def _delete(self, kept: Kept) -> tuple[int, None]:
        """Refused until the message is finished: a carrier's last word on one that was sent may still come."""
        if kept.status in UNFINISHED:
            raise Refused(409, 20009, f"Cannot delete message in state {kept.status.upper()}")
        with self._lock:
            self.messages.remove(kept)
        return 204, None

    def _bad(self, to: str) -> Bad:
        with self._lock:
            for bad in self.bad:
                if bad.to in (None, to) and bad.times != 0:
                    if bad.times is not None:
                        bad.times -= 1
                    return bad
        return Bad("")

    def _keep(self, given: dict[str, str]) -> Kept:
        """Refuse as Twilio does, else keep the message."""
        to, sender, service = given.get("To", ""), given.get("From"), given.get("MessagingServiceSid")
        body, validity = given.get("Body", ""), given.get("ValidityPeriod", "36000")
        if not to:
            raise Refused(400, 21604, "A 'To' phone number is required.")
        if not sender and not service:
            raise Refused(400, 21603, "A 'From' or 'MessagingServiceSid' parameter is required.")
        if not body:
            raise Refused(400, 21602, "Message body is required.")
        if len(body) > 1600:
            raise Refused(400, 21617, "The concatenated message body exceeds the 1600 character limit")
        if not validity.isdecimal() or not 1 <= int(validity) <= 36_000:
            raise Refused(400, 21624, "Invalid ValidityPeriod")
        if not _E164.fullmatch(to):
            raise Refused(400, 21211, f"Invalid 'To' Phone Number: {to}")
        if sender and sender not in self.numbers:
            raise Refused(400, 21660, f"Mismatch between the 'From' number {sender} and the account")
        if service and service not in self.services:
            raise Refused(404, 21701, "The messaging service does not exist")
        if (to, sender or service) in self.opted_out:
            raise Refused(400, 21610, "Attempt to send to unsubscribed recipient")
        if to in self.codes:
            status = 429 if self.codes[to] in (20429, 14107) else 401 if self.codes[to] == 20003 else 400
            raise Refused(status, self.codes[to], "as the test wants it")
        about = (sender, service, given.get("StatusCallback"), int(validity), "queued" if sender else "accepted")
        kept = Kept(self._sid("SM"), to, body, self.clock(), *about)
        with self._lock:
            self.messages.append(kept)
            self._lock.notify_all()
        return kept

    def _list(self, path: str, given: dict[str, str]) -> dict[str, Any]:
        """Newest first; what is younger than the lag is not there yet."""
        now = self.clock()
        found = [
            one.resource()
            for one in reversed(self.messages)
            if given.get("To") in (None, one.to)
            and given.get("From") in (None, one.sender)
            and one.created_at + self.lag <= now
        ]
        return page(path, "messages", found, given, self.page_most)

    def _sid(self, prefix: str) -> str:
        with self._lock:
            self._count += 1
            return f"{prefix}{self._count:032x}"


def public(number: dict[str, Any]) -> dict[str, Any]:
    """A number as Twilio shows it."""
    return {name: value for name, value in number.items() if name != "services"}


def in_pool(number: dict[str, Any], service: str) -> bool:
    return service in number.get("services", (service,))


@contextmanager
def twilio(**options: Any) -> Iterator[FakeTwilio]:
    """A fake that serves for the block."""
    with FakeTwilio(**options) as fake:
        yield fake
