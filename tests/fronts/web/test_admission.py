"""The bounds of the web front: who gives way when a limit is reached."""

from __future__ import annotations

import pytest
import trio

from fluentsd.fronts.web import admission
from fluentsd.fronts.web.admission import Bodies, Body, Origins, origin_of


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("a unix socket", "a unix socket"),
    ],
)
def test_an_ipv6_client_is_its_64(address: str, origin: str) -> None:
    assert origin_of(address) == origin


async def test_the_oldest_body_of_the_address_with_most_bytes_gives_way(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "UNFINISHED_AT_MOST", 100)
    bodies, ended = Bodies(Origins()), dict[str, bool]()
    begun: dict[str, Body] = {}

    async def read(name: str, client: str, stop: trio.Event) -> None:
        with bodies.reading(client) as body:
            begun[name] = body
            await stop.wait()
        ended[name] = body.scope.cancelled_caught

    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        for name, client in (("old", "10.0.0.1"), ("young", "10.0.0.1"), ("other", "10.0.0.2")):
            nursery.start_soon(read, name, client, stop)
            await trio.sleep(1)
        bodies.add(begun["old"], 20)
        bodies.add(begun["young"], 35)
        bodies.add(begun["other"], 45)
        await trio.sleep(1)
        assert ended == {}
        bodies.add(begun["other"], 5)  # 105 bytes: 55 of them from the first address
        await trio.sleep(1)
        assert ended == {"old": True}
        bodies.add(begun["other"], 20)  # 105 again, and now the second address holds most
        await trio.sleep(1)
        assert ended == {"old": True, "other": True}
        stop.set()
    assert ended == {"old": True, "other": True, "young": False}
    with bodies.reading("10.0.0.3") as body:
        bodies.add(body, 100)  # everything was given back
    assert not body.scope.cancelled_caught


class One:
    def __init__(self, origin: str, age: float) -> None:
        self.origin, self.age = origin, age


def test_an_address_with_an_authentic_request_gives_way_last() -> None:
    origins = Origins()
    held = [One("10.0.0.1", 5), One("10.0.0.1", 3), One("10.0.0.1", 4), One("10.0.0.2", 1), One("10.0.0.2", 2)]

    def victim() -> One | None:
        return origins.gives_way(held, lambda one: 1, lambda one: one.age)

    assert victim() is held[1]
    origins.prove("10.0.0.1")
    assert victim() is held[3]
    origins.prove("10.0.0.2")
    assert victim() is held[1]
    assert origins.gives_way([], lambda one: 1, lambda one: 0.0) is None


def test_only_the_latest_authentic_addresses_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "PROVED_AT_MOST", 2)
    origins, held = Origins(), [One("10.0.0.1", 1), One("10.0.0.2", 2), One("10.0.0.3", 3)]
    for origin in ("10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.3"):
        origins.prove(origin)
    assert origins.gives_way(held, lambda one: 1, lambda one: one.age) is held[1]
