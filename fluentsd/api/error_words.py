"""Errors in words for people: what a history, a status or a check shows in place of the name of a Python class.

What must not live here: what a provider says (each plugin's own tables), log lines, which name the class as well.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

from fluentsd.api.errors import PluginError

#: By kind, the first that fits. A kind of httpx or Trio is given by its name: to import it costs a command a tenth of a
#: second.
_CONNECTION: tuple[tuple[type[BaseException] | str, str], ...] = (
    (ssl.SSLCertVerificationError, "its certificate is not valid"),
    (ssl.SSLError, "no encrypted connection"),
    (socket.gaierror, "its name is not known"),
    (ConnectionRefusedError, "it refuses the connection"),
    ("ConnectTimeout", "no connection in time"),
    ("PoolTimeout", "all connections are in use"),
    (TimeoutError, "no answer in time"),
    ("TimeoutException", "no answer in time"),
    ("TooSlowError", "no answer in time"),
    ("ConnectError", "no connection"),
    ("RemoteProtocolError", "the connection was closed"),
    ("TooManyRedirects", "it redirects without an end"),
)


def trouble(error: BaseException) -> str:
    """What went wrong with a connection or a request, told by the error or what it was raised from."""
    found = list(_with_causes(error))
    for kind, words in _CONNECTION:
        if any(_is(one, kind) for one in found):
            return words
    if isinstance(error, OSError) and not isinstance(error, ConnectionError) and error.strerror:
        return error.strerror  # a disk's, or a network's that has words of its own
    return "the connection broke"


def in_words(error: Exception) -> str:
    """What a plugin's error says. One without words for people, a mistake in the plugin, is called by its class."""
    text = str(error).strip()
    if isinstance(error, PluginError) and text:
        return text
    if isinstance(error, OSError) or any(_is(error, kind) for kind in ("HTTPError", "TooSlowError")):
        return trouble(error)
    if text and type(error).__module__ != "builtins":
        return text
    return f"a mistake in the plugin ({type(error).__name__}{text and f': {text}'})"


def _is(error: BaseException, kind: type[BaseException] | str) -> bool:
    if isinstance(kind, str):
        return any(base.__name__ == kind for base in type(error).__mro__)
    return isinstance(error, kind)


def _with_causes(error: BaseException | None, depth: int = 8) -> Iterator[BaseException]:
    """The error, the members of a group, `URLError.reason`, and what each was raised from."""
    if error is None or not depth:
        return
    yield error
    # also a context that is hidden from tracebacks: httpcore raises its errors "from None"
    for one in (
        *getattr(error, "exceptions", ()),
        getattr(error, "reason", None),
        error.__cause__ or error.__context__,
    ):
        if isinstance(one, BaseException):
            yield from _with_causes(one, depth - 1)
