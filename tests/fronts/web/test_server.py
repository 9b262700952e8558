"""The server of the web front: its port, its connections, and an orderly shutdown."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from fluentsd.config import HttpSettings
from fluentsd.fronts.web import middleware, server
from fluentsd.fronts.web.tokens import Tokens
from fluentsd.validation import Problems
from tests.fronts.web.clients import LINE, are_connected, is_well
from tests.fronts.web.front import PUBLIC, Front, fronted, hold_look_ups, pour, sign, whole


@pytest.mark.parametrize("wish", [b"", b"Connection: upgrade\r\nUpgrade: h2c\r\n"])
async def test_a_connection_whose_peer_has_ended_keeps_no_place(front: Front, wish: bytes) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", front.port) as stream:
        await stream.send_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + wish + b"\r\n")
        await stream.receive_some(10_000)
        await stream.send_eof()
        with trio.fail_after(10):
            await whole(stream)


async def test_an_answer_to_a_body_that_nobody_reads_ends_its_connection(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(middleware, "DISCARD_AT_MOST", 0)
    monkeypatch.setattr(middleware, "CLOSE_AFTER", 0.02)

    async def slow(self: Tokens, tokens: object) -> dict[str, str]:
        await trio.sleep(0.1)  # the server's queue fills
        return {}

    monkeypatch.setattr(Tokens, "channels", slow)
    async with await trio.open_tcp_stream("127.0.0.1", front.port) as stream:
        await stream.send_all(b"POST /u/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(trio.BrokenResourceError):
            await pour(stream, b"10000\r\n" + b"x" * 65_536 + b"\r\n")
    await are_connected(front, 1)


async def test_a_newcomer_takes_the_place_of_the_idlest_connection(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "CONNECTIONS_AT_MOST", 2)
    async with (
        await trio.open_tcp_stream("127.0.0.1", front.port) as first,
        await trio.open_tcp_stream("127.0.0.1", front.port) as second,
    ):
        await trio.testing.wait_all_tasks_blocked(0.01)
        await first.send_all(b"GET /metrics HTTP/1.1\r\n")  # heard later than the second one
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert await is_well(front)
        assert await whole(second) == b""
        await first.send_all(b"Host: x\r\nConnection: close\r\n\r\n")
        assert (await whole(first)).startswith(b"HTTP/1.1 200 ")


async def test_a_connection_that_is_being_answered_keeps_its_place(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = hold_look_ups(monkeypatch)
    monkeypatch.setattr(server, "CONNECTIONS_AT_MOST", 1)
    async with await trio.open_tcp_stream("127.0.0.1", front.port) as stream:
        await stream.send_all(b"POST /u/x HTTP/1.1\r\nHost: x\r\n\r\n")
        await look_up.began.wait()
        async with await trio.open_tcp_stream("127.0.0.1", front.port) as other:
            assert await whole(other) == b""
        look_up.goes_on.set()
        assert (await stream.receive_some(100)).startswith(b"HTTP/1.1 404 ")


async def test_a_port_that_is_taken_is_one_clear_mistake(front: Front) -> None:
    with pytest.raises(Problems, match=f"http.listen: 127.0.0.1:{front.port} cannot be opened") as caught:
        await server.listen(HttpSettings("127.0.0.1", front.port, None, ()), Path("fluentsd.toml"))
    assert "Address already in use" in str(caught.value)


async def test_leaving_waits_for_a_request_in_progress_and_takes_no_more(tmp_path: Path) -> None:
    async with fronted(f"sqlite+aiosqlite:///{tmp_path / 'f.db'}") as front:
        stream, idle = [await trio.open_tcp_stream("127.0.0.1", front.port) for _ in range(2)]
        signature = sign(f"{PUBLIC}/hooks/sms", b"[]").encode()
        await stream.send_all(LINE + b"X-Signature: " + signature + b"\r\nContent-Length: 2\r\n\r\n[")
        await trio.testing.wait_all_tasks_blocked(0.02)
        port, began = front.port, trio.current_time()

        async with trio.open_nursery() as nursery:

            async def end() -> None:
                assert await whole(idle) == b""  # closed at once
                with pytest.raises(OSError):
                    await trio.open_tcp_stream("127.0.0.1", port)
                await stream.send_all(b"]")
                assert (await whole(stream)).startswith(b"HTTP/1.1 204 ")

            nursery.start_soon(end)
            front.close()
            await front.closed.wait()
        assert trio.current_time() - began < 4
        await stream.aclose()
        await idle.aclose()


async def test_a_request_that_does_not_end_is_cut_off_when_leaving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "LEAVING_GRACE", 0.05)
    async with fronted(f"sqlite+aiosqlite:///{tmp_path / 'f.db'}") as front:
        stream = await trio.open_tcp_stream("127.0.0.1", front.port)
        await stream.send_all(LINE + b"Content-Length: 2\r\n\r\n[")
        await trio.testing.wait_all_tasks_blocked(0.02)
        front.close()
        with trio.fail_after(10):
            await front.closed.wait()
        assert await whole(stream) == b""
        await stream.aclose()


@pytest.mark.slow
async def test_a_peer_that_does_not_read_holds_nobody_up_when_leaving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "LEAVING_GRACE", 0.05)
    async with (
        fronted(f"sqlite+aiosqlite:///{tmp_path / 'f.db'}") as front,
        await trio.open_tcp_stream("127.0.0.1", front.port) as stream,
    ):
        with trio.move_on_after(0.2):
            await pour(stream, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
        front.close()
        with trio.fail_after(10):
            await front.closed.wait()
