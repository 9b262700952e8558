"""Limits requests, bodies and connections, so that no stranger uses up what others need.

Three things are limited. A request takes one of the slots only once its body is complete, so a slow body keeps nobody
out. The bytes of unfinished bodies are limited together, and the open connections too; when a limit is reached, the
client address that holds most gives way (the oldest body, the idlest connection), and the newcomer is admitted. An
address that sent an authentic request lately gives way only when nobody else does. An IPv6 client is its /64, because
one host owns that many addresses.

What must not live here: how long anything may take (`middleware`, `server`), and whether a request is authentic.
"""

from __future__ import annotations

import ipaddress
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Protocol, TypeVar

import trio

#: Most requests in progress at once, each with its whole body; further ones get a 503.
IN_PROGRESS_AT_MOST = 256
#: Most bytes of all unfinished bodies together.
UNFINISHED_AT_MOST = 32 << 20
#: Addresses remembered for an authentic request.
PROVED_AT_MOST = 1024


@lru_cache(maxsize=1024)
def origin_of(address: str) -> str:
    """The client address that limits count by: IPv4 as it is, of IPv6 the /64."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


class Held(Protocol):
    """Something of limited supply that a client holds."""

    @property
    def origin(self) -> str: ...


H = TypeVar("H", bound=Held)


class Origins:
    """The addresses, and which of them sent an authentic request lately."""

    def __init__(self) -> None:
        self._proved: OrderedDict[str, None] = OrderedDict()

    def prove(self, origin: str) -> None:
        """Note an authentic request."""
        self._proved[origin] = None
        self._proved.move_to_end(origin)
        if len(self._proved) > PROVED_AT_MOST:
            self._proved.popitem(last=False)

    def gives_way(self, held: Iterable[H], share: Callable[[H], int], age: Callable[[H], float]) -> H | None:
        """The one to give up: of the origin with the largest sum of `share`, the one with the smallest `age`."""
        held = list(held)
        sums: Counter[str] = Counter()
        for one in held:
            sums[one.origin] += share(one)
        return min(held, key=lambda one: (one.origin in self._proved, -sums[one.origin], age(one)), default=None)


class Body:
    """A body that is not complete yet."""

    __slots__ = ("began_at", "length", "origin", "scope")

    def __init__(self, origin: str, began_at: float) -> None:
        self.origin, self.began_at = origin, began_at
        self.length = 0
        self.scope = trio.CancelScope()


class Bodies:
    """The unfinished bodies of all clients."""

    def __init__(self, origins: Origins) -> None:
        self._origins = origins
        self._unfinished: dict[Body, None] = {}
        self._bytes = 0

    @contextmanager
    def reading(self, client: str) -> Iterator[Body]:
        """`with bodies.reading(client) as body`: the block is cancelled (`body.scope.cancelled_caught`) when this body
        has to give way to others."""
        body = Body(origin_of(client), trio.current_time())
        self._unfinished[body] = None
        try:
            with body.scope:
                yield body
        finally:
            self._drop(body)

    def add(self, body: Body, count: int) -> None:
        """Count bytes that have arrived; may cancel this body or others."""
        if body not in self._unfinished:
            return
        body.length += count
        self._bytes += count
        while self._bytes > UNFINISHED_AT_MOST:
            victim = self._origins.gives_way(self._unfinished, lambda one: one.length, lambda one: one.began_at)
            assert victim is not None  # noqa: S101 - bytes are held by somebody
            self._drop(victim)
            victim.scope.cancel()

    def _drop(self, body: Body) -> None:
        if body in self._unfinished:
            del self._unfinished[body]
            self._bytes -= body.length
