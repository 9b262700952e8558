"""Prices: the channel's price of a message is reserved in the budget when the message is claimed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fluentsd.api import Message, Price
from tests.engine.stage import DAY, MINUTE, SMS, Stage, person, spec


def priced(stage: Stage, price: Callable[[Message], Price | None]) -> None:
    stage.sms.price = price  # type: ignore[attr-defined]
    stage.resolve("sms")


async def reserved(stage: Stage) -> list[int]:
    from sqlalchemy import text

    async def unit(conn: Any) -> list[int]:
        return list((await conn.execute(text("SELECT cost_micros FROM attempt ORDER BY id"))).scalars())

    return await stage.runtime.store.read(unit)


async def launch(stage: Stage, count: int, **limits: Any) -> None:
    limits = {"budget": "1.00 USD/day", "concurrency": 1} | limits
    people = [person(n) for n in range(1, count + 1)]
    await stage.launch(spec(SMS, limits=limits), *people, checked=False)
    await stage.until(stage.clock.now() + 10 * MINUTE)


async def test_a_price_is_reserved_and_ends_the_day_at_the_budget(stage: Stage) -> None:
    priced(stage, lambda message: Price(300_000))
    await launch(stage, 5)
    assert await reserved(stage) == [300_000] * 3
    await stage.until(stage.clock.now() + DAY)
    assert await reserved(stage) == [300_000] * 5


async def test_the_price_is_of_this_message(stage: Stage) -> None:
    priced(stage, lambda message: Price(len(message.text)))
    await launch(stage, 2)
    assert await reserved(stage) == [len("Hello P1")] * 2


@pytest.mark.parametrize("price", [None, Price(300_000, "EUR")])
async def test_a_price_that_is_not_known_in_the_currency_reserves_nothing(stage: Stage, price: Price | None) -> None:
    priced(stage, lambda message: price)
    await launch(stage, 4)
    assert await reserved(stage) == [0] * 4


async def test_a_plugin_that_cannot_price_stops_nobody(stage: Stage) -> None:
    def fail(message: Message) -> Price:
        raise KeyError(message.to)

    priced(stage, fail)
    await launch(stage, 2)
    assert await reserved(stage) == [0, 0]


async def test_the_cost_that_a_campaign_names_comes_first(stage: Stage) -> None:
    priced(stage, lambda message: Price(300_000))
    await launch(stage, 3, cost={"sms": 0.5})
    assert await reserved(stage) == [500_000] * 2
