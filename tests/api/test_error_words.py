"""What went wrong, in words for people."""

from __future__ import annotations

import socket
import ssl
import urllib.error

import httpx
import pytest
import trio

from fluentsd.api import Rejected, Unavailable, in_words, trouble

REFUSED = "it refuses the connection"


def raised_from(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.ConnectError(""), "no connection"),
        (httpx.ConnectTimeout(""), "no connection in time"),
        (httpx.ReadTimeout(""), "no answer in time"),
        (httpx.ReadError(""), "the connection broke"),
        (httpx.PoolTimeout(""), "all connections are in use"),
        (httpx.RemoteProtocolError(""), "the connection was closed"),
        (TimeoutError(), "no answer in time"),
        (trio.TooSlowError(), "no answer in time"),
        (ConnectionRefusedError(111, "refused"), REFUSED),
        (ConnectionResetError(104, "reset"), "the connection broke"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (urllib.error.URLError(socket.gaierror(-2, "unknown")), "its name is not known"),
        (urllib.error.URLError(ssl.SSLCertVerificationError(1, "bad")), "its certificate is not valid"),
        (raised_from(httpx.ConnectError(""), OSError("all failed")), "no connection"),
        (raised_from(httpx.ConnectError(""), ExceptionGroup("", [ConnectionRefusedError()])), REFUSED),
    ],
)
def test_a_connection_that_fails_is_told(error: Exception, words: str) -> None:
    assert trouble(error) == words


class NoAnswer(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Rejected("the number is not valid"), "the number is not valid"),
        (Unavailable(""), "a mistake in the plugin (Unavailable)"),
        (NoAnswer("the answer cannot be read"), "the answer cannot be read"),
        (NoAnswer(), "a mistake in the plugin (NoAnswer)"),
        (KeyError("sid"), "a mistake in the plugin (KeyError: 'sid')"),
        (ConnectionResetError(104, "reset"), "the connection broke"),
        (httpx.ReadTimeout("read timed out"), "no answer in time"),
    ],
)
def test_an_error_of_a_plugin_is_told(error: Exception, words: str) -> None:
    assert in_words(error) == words


async def test_a_server_that_is_not_there_is_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with httpx.AsyncClient() as http:
        with pytest.raises(httpx.ConnectError) as raised:
            await http.get(f"http://127.0.0.1:{port}/")
    assert trouble(raised.value) == REFUSED
