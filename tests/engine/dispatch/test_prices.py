"""Prices: the channel's price of a message is reserved in the budget when the message is claimed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fluentsd.api import Message, Price
from fluentsd.verbs import Refused
from tests.engine.stage import DAY, HOUR, MINUTE, MONDAY, SMS, Stage, person, spec


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
    limits = {name: value for name, value in limits.items() if value is not None}
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


def fail(message: Message) -> Price:
    raise KeyError(message.to)


@pytest.mark.parametrize("price", [lambda m: None, lambda m: Price(300_000, "EUR"), fail])
async def test_without_a_price_in_the_currency_a_budget_holds_the_campaign_and_nothing_else(
    stage: Stage, price: Callable[[Message], Price | None]
) -> None:
    priced(stage, price)
    other = {"id": "mail", "channel": "email", "subject": "s", "text": "t"}
    await stage.launch(spec(other, ref="other"), person(9))
    await launch(stage, 4)
    assert await reserved(stage) == [0]
    [hold] = (await stage.do("campaign status", ref="test"))["holds"]
    assert (hold["scope"], hold["target"], hold["by"]) == ("campaign", "test", "fluentsd")
    assert "the price of sms in USD is not known" in hold["reason"]
    assert "cost = { sms = 0.01 }" in hold["reason"]
    assert len(stage.email.accepted) == 1


async def test_a_start_without_a_price_is_refused(stage: Stage) -> None:
    await stage.do("campaign apply", file=spec(SMS, limits={"budget": "1 USD/day"}))
    await stage.enroll(person(1))
    with pytest.raises(Refused, match="the price of sms in USD is not known"):
        await stage.do("campaign start", ref="test", yes=True)
    priced(stage, lambda message: Price(10_000))
    await stage.do("campaign start", ref="test")


async def test_a_price_is_not_needed_without_a_budget(stage: Stage) -> None:
    priced(stage, fail)
    await launch(stage, 2, budget=None)
    assert await reserved(stage) == [0, 0]


async def test_a_budget_is_a_cap_at_any_concurrency(stage: Stage) -> None:
    priced(stage, lambda message: Price(10_000))
    await launch(stage, 60, budget="0.25 USD/day", concurrency=50)
    assert len(stage.sms.accepted) == 25
    await stage.until(stage.clock.now() + DAY)
    assert len(stage.sms.accepted) == 50


async def test_a_dear_message_waits_for_the_next_day(stage: Stage) -> None:
    priced(stage, lambda message: Price(500_000 if "P4" in message.text else 300_000))
    await launch(stage, 4, concurrency=50)
    assert await reserved(stage) == [300_000] * 3
    await stage.until(stage.clock.now() + DAY)
    assert await reserved(stage) == [300_000] * 3 + [500_000]


async def test_the_budgets_day_is_the_campaigns(stage: Stage) -> None:
    """Monday 10:00 in New York is 07:00 in Los Angeles; in UTC a new day begins there at 16:00."""
    window = {"timezone": "America/Los_Angeles", "hours": "00:00-24:00"}
    limits = {"budget": "1 USD/day", "cost": {"sms": 1.0}}
    await stage.launch(spec(SMS, window=window, limits=limits), *(person(n) for n in range(3)), checked=False)
    await stage.until(MONDAY + 3 * DAY)
    assert [at - MONDAY for *_, at in stage.sms.accepted] == [0, 17 * HOUR, 41 * HOUR]


async def test_the_cost_that_a_campaign_names_comes_first(stage: Stage) -> None:
    priced(stage, lambda message: Price(300_000))
    await launch(stage, 3, cost={"sms": 0.5})
    assert await reserved(stage) == [500_000] * 2
