"""The middleware: limits, slow and broken clients, isolated errors."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path

import pytest
import trio
from starlette.requests import Request

from fluentsd.fronts.web import admission, middleware, server
from fluentsd.fronts.web.middleware import client_of
from tests.fronts.web.clients import LINE, are_connected, gets_well, is_well
from tests.fronts.web.front import SECRET, Front, fronted, hold_look_ups, pour, whole


async def test_everything_else_is_a_404_in_json(front: Front) -> None:
    for path in ("/", "/hooks", "/hooks/", "/hooks/sms/", "/u/", "/u/a/b", "/.env", "/HEALTHZ", "/healthz/"):
        got = await front.client.get(path)
        assert (got.status_code, got.json()) == (404, {"error": "there is nothing at this path"}), path
    assert (await front.client.post("/nowhere", content=b"x" * 100_000)).status_code == 404


async def test_head_options_and_other_methods_are_told_what_there_is(front: Front) -> None:
    head = await front.client.head("/healthz")
    assert (head.status_code, head.content) == (200, b"")
    options = await front.client.options("/u/abc")
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, POST")
    put = await front.client.put("/hooks/sms", content=b"x")
    assert (put.status_code, put.headers["allow"]) == (405, "POST")
    assert (await front.client.get("/hooks/sms/abc")).status_code == 405


async def test_no_answer_names_its_server(front: Front) -> None:
    for got in (await front.client.get("/"), await front.client.get("/metrics"), await front.client.get("/u/x")):
        assert "server" not in got.headers
        assert got.headers["x-content-type-options"] == "nosniff"
        assert got.headers["referrer-policy"] == "no-referrer"


# ── too large, too slow, not HTTP ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
async def test_ten_megabytes_are_refused_unread_whether_announced_or_not(front: Front) -> None:
    body = b"x" * (10 << 20)
    got = await front.client.post("/hooks/sms", content=body)
    assert (got.status_code, got.headers["connection"]) == (413, "close")
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    assert (await front.raw(LINE + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 20)).startswith(b"HTTP/1.1 413 ")
    assert front.stage.sms.seen is None  # type: ignore[attr-defined]
    assert await is_well(front)


async def test_an_endless_body_is_cut_off(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "DISCARD_PATIENCE", 0.02)
    monkeypatch.setattr(middleware, "DISCARD_AT_MOST", 4)
    monkeypatch.setattr(middleware, "CLOSE_AFTER", 0.02)
    async with await trio.open_tcp_stream("127.0.0.1", front.port) as stream:
        await stream.send_all(LINE + b"Transfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(trio.BrokenResourceError):
            await pour(stream, b"10000\r\n" + b"x" * 65_536 + b"\r\n")
    await are_connected(front, 1)


async def test_the_largest_body_there_may_be_is_read(front: Front) -> None:
    assert await front.hook(body=b" " * (middleware.BODY_AT_MOST - 2) + b"[]") == 204
    assert await front.hook(body=b" " * (middleware.BODY_AT_MOST - 1) + b"[]") == 413


async def test_a_body_that_drips_is_given_up(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "BODY_PATIENCE", 0.05)
    monkeypatch.setattr(middleware, "DISCARD_PATIENCE", 0.01)
    got = await front.raw(LINE + b"Content-Length: 50\r\n\r\n", b"x")
    assert got.startswith(b"HTTP/1.1 408 ")
    assert 'result="too_slow"} 1' in (await front.client.get("/metrics")).text


@pytest.mark.slow
async def test_headers_that_drip_are_given_up_however_steadily(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "IDLE_AT_MOST", 0.3)
    async with fronted(f"sqlite+aiosqlite:///{tmp_path / 'f.db'}") as front, trio.open_nursery() as nursery:

        async def drip() -> None:
            async with await trio.open_tcp_stream("127.0.0.1", front.port) as stream:
                await stream.send_all(LINE)
                with pytest.raises(trio.BrokenResourceError):
                    await pour(stream, b"X-Y: z\r\n", 0.02)

        for _ in range(50):
            nursery.start_soon(drip)
        assert await front.hook({"outcome": "delivered", "token": "0" * 32}) == 204
        assert await is_well(front)


@pytest.mark.slow
async def test_a_peer_that_never_reads_its_answers_does_not_stay(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "READING_AT_MOST", 0.05)
    async with await trio.open_tcp_stream("127.0.0.1", front.port) as stream:
        with pytest.raises(trio.BrokenResourceError):
            await pour(stream, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
    assert await is_well(front)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),  # TLS
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 40_000 + b"\r\n\r\n", b"431"),
        (b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (LINE + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde", b"400"),
        (LINE + b"Content-Length: -1\r\n\r\n", b"400"),
        (LINE + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b""),
        (b"GET /hooks/sms HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
         b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", b"405"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64, b""),
        (b"GET /u/x HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: !\r\n\r\n", b"404"),
    ],
)  # fmt: skip
async def test_what_is_not_http_harms_nobody(front: Front, sent: bytes, status: bytes) -> None:
    stream = await trio.open_tcp_stream("127.0.0.1", front.port)
    async with stream:
        await stream.send_all(sent)
        await stream.send_eof()
        got = await whole(stream)
    assert status in got[:20]
    assert await is_well(front)


# ── faults ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
async def test_a_hundred_at_once_of_which_some_crash_are_each_answered_for_themselves(front: Front) -> None:
    tokens = await front.reach(80)
    statuses: dict[str, int] = {}

    async def report(token: str) -> None:
        statuses[token] = await front.hook({"outcome": "delivered"}, token=token)

    async def crash(nth: int) -> None:
        statuses[f"crash {nth}"] = await front.hook(body=b'"crash"')

    async with trio.open_nursery() as nursery:
        for nth, token in enumerate(tokens):
            nursery.start_soon(report, token)
            if nth % 4 == 0:
                nursery.start_soon(crash, nth)
    assert len(statuses) == 100
    assert {statuses[token] for token in tokens} == {204}
    assert {status for key, status in statuses.items() if key.startswith("crash")} == {500}
    assert await front.ask("SELECT outcome, count(*) FROM attempt GROUP BY outcome") == [("delivered", 80)]
    [fault] = front.logged("web.fault")  # the same fault is said once
    assert (fault["error"], fault["route"]) == ("KeyError", "/hooks")
    assert "fluentsd_web_faults_total 20\n" in (await front.client.get("/metrics")).text


async def test_more_requests_at_once_than_there_may_be_are_asked_to_come_again(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = hold_look_ups(monkeypatch)
    monkeypatch.setattr(admission, "IN_PROGRESS_AT_MOST", 1)
    async with await trio.open_tcp_stream("127.0.0.1", front.port) as stream, trio.open_nursery() as nursery:
        await stream.send_all(LINE + b"Content-Length: 2\r\n\r\n[")
        await trio.testing.wait_all_tasks_blocked(0.02)
        nursery.start_soon(front.client.post, "/u/x")
        await look_up.began.wait()
        got = await front.client.get("/healthz")
        assert (got.status_code, got.headers["retry-after"]) == (503, "5")
        await stream.send_all(b"]")
        assert (await stream.receive_some(100)).startswith(b"HTTP/1.1 503 ")
        look_up.goes_on.set()
    assert 'result="crowded_out"} 1' in (await front.client.get("/metrics")).text
    assert await is_well(front)


async def test_a_body_that_is_not_complete_takes_no_slot(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "IN_PROGRESS_AT_MOST", 1)
    async with await trio.open_tcp_stream("127.0.0.1", front.port) as stream:
        await stream.send_all(LINE + b"Content-Length: 2\r\n\r\n[")
        await gets_well(front)  # once its headers are read
        monkeypatch.setattr(admission, "IN_PROGRESS_AT_MOST", 2)  # the other client's slot may not be free yet
        await stream.send_all(b"]")
        assert (await stream.receive_some(100)).startswith(b"HTTP/1.1 403 ")


async def test_a_refused_body_that_goes_on_takes_no_slot(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "IN_PROGRESS_AT_MOST", 1)
    monkeypatch.setattr(middleware, "DISCARD_PATIENCE", 10)
    async with await trio.open_tcp_stream("127.0.0.1", front.port) as stream:
        await stream.send_all(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx")
        assert (await stream.receive_some(100)).startswith(b"HTTP/1.1 404 ")
        await gets_well(front)


async def test_a_database_that_does_not_answer_is_a_503_that_says_when_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fluentsd.store.db.bridge import Store
    from fluentsd.unavailable import StoreBusy

    async with fronted(f"sqlite+aiosqlite:///{tmp_path / 'f.db'}") as front:
        [token] = await front.reach()

        async def locked(*_: object, **__: object) -> None:
            raise StoreBusy("the database is locked")

        with monkeypatch.context() as patch:
            patch.setattr(Store, "read", locked)
            got = await front.client.post(f"/u/{token}")
            assert (got.status_code, got.headers["retry-after"]) == (503, "5")
            assert await front.hook({"outcome": "delivered"}, token=token) == 503
            health = await front.client.get("/healthz")
            assert (health.status_code, health.json()["parts"]["store"]["ok"]) == (503, False)
            metrics = (await front.client.get("/metrics")).text
        assert "fluentsd_store_up 0\n" in metrics
        assert 'result="unavailable"} 1' in metrics
        assert await front.hook({"outcome": "delivered"}, token=token) == 204
        assert not front.logged("web.fault")


async def test_canaries_are_in_no_log_no_metric_and_no_error(front: Front) -> None:
    tokens = await front.reach(2)
    words = "my-canary-words"
    await front.hook({"outcome": "replied", "address": "+12125550001", "text": words})
    await front.hook({"outcome": "opted_out", "address": "+12125550002"})
    await front.hook({"outcome": "opted_out"}, token=tokens[0], signature=SECRET)
    await front.hook(body=b'"crash"')
    await front.client.post(f"/u/{tokens[0]}")
    answers = [await front.client.post(f"/hooks/sms/{tokens[1]}", content=f'["{words}"]'.encode())]
    answers += [await front.client.get(path) for path in ("/metrics", "/healthz", f"/nowhere/{tokens[0]}")]
    result = json.dumps(front.logs, default=str) + "".join(got.text + str(got.headers) for got in answers)
    for canary in (SECRET, words, "2125550001", "2125550002", "p1@example.com", *tokens):
        assert canary not in result, canary
    assert front.logged("web.fault")
    assert front.logged("web.forged")


# ── who asks ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("peer", "header", "trusted", "client"),
    [
        ("127.0.0.1", "203.0.113.7", [], "127.0.0.1"),
        ("127.0.0.1", "203.0.113.7", ["127.0.0.1"], "203.0.113.7"),
        ("127.0.0.1", "6.6.6.6, 203.0.113.7", ["127.0.0.1"], "203.0.113.7"),
        ("127.0.0.1", "203.0.113.7, 10.1.2.3", ["127.0.0.1", "10.0.0.0/8"], "203.0.113.7"),
        ("198.51.100.1", "203.0.113.7", ["127.0.0.1"], "198.51.100.1"),
        ("127.0.0.1", "<script>", ["127.0.0.1"], "127.0.0.1"),
        ("::1", "2001:db8::1", ["::1"], "2001:db8::1"),
    ],
)
def test_a_clients_name_is_believed_only_from_trusted_proxies(
    peer: str, header: str, trusted: list[str], client: str
) -> None:
    scope = {"type": "http", "headers": [(b"x-forwarded-for", header.encode())], "client": (peer, 1)}
    assert client_of(Request(scope), [ipaddress.ip_network(one) for one in trusted]) == client
