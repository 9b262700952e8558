"""Faults of a connection, in words that people read in reasons, checks and histories: never an exception's name.

What must not live here: what follows from a fault (`error_codes`).
"""

from __future__ import annotations

from fluentsd_channel_sms.error_codes import NoAnswer, NotReached, Refusal

#: The name of an exception of httpx, or of a class it is made from, and what it means.
_MEANINGS = {
    "ConnectTimeout": "no connection in time",
    "PoolTimeout": "all connections are in use",
    "TimeoutException": "no answer in time",
    "ConnectError": "no connection",
    "NetworkError": "the connection broke",
    "RemoteProtocolError": "the connection was closed",
    "TooManyRedirects": "it redirects without an end",
    "HTTPError": "the connection failed",
}


def in_words(why: BaseException) -> str:
    """What went wrong between us and a service; of a refusal its number alone, because its text may have a person's."""
    if isinstance(why, Refusal):
        return f"it answers {why.status}{'' if why.code is None else f' ({why.code})'}"
    if isinstance(why, NoAnswer | NotReached):
        return in_words(why.__cause__) if why.__cause__ is not None else str(why)
    names = (one.__name__ for one in type(why).__mro__)
    return next((_MEANINGS[name] for name in names if name in _MEANINGS), "its answer cannot be read")
