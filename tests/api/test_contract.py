"""Protocols are resolved once; what is wrong with an object is a sentence that names protocol and method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from fluentsd.api import (
    Attempt,
    Channel,
    Finding,
    Forgets,
    Made,
    Message,
    Outcome,
    Owned,
    Pickup,
    PickupVerdict,
    Price,
    Prices,
    Receipt,
    Reply,
    Request,
    WebhookResult,
)
from fluentsd.api.abilities import CHANNEL_ABILITIES
from fluentsd.api.contract import ContractBroken, abilities_of, check, members
from fluentsd.clock import SimClock
from fluentsd.plugins import PluginProblem, Plugins, discover
from fluentsd.testing import tools
from tests.engine.stage import MONDAY, FakeChannel


class Plain(FakeChannel):
    def __init__(self) -> None:
        super().__init__("sms", SimClock(MONDAY))


class Able(Plain):
    calls_begin = True
    capacity: int | None = 7
    sender_interval = 1_000_000

    async def aclose(self) -> None: ...

    async def made_since(self, at: int, most: int) -> Sequence[Made]:
        return []

    async def numbers(self) -> Sequence[Owned]:
        return []

    async def forget(self, attempt: Attempt) -> None: ...

    def findings(self, message: Message) -> Sequence[Finding]:
        return []

    def price(self, message: Message) -> Price | None:
        return None

    def webhook(self, request: Request) -> WebhookResult:
        return WebhookResult()

    async def said_at(self, message_ref: str) -> int | None:
        return None

    def answer(self, pickup: Pickup, verdict: PickupVerdict) -> Reply:
        return Reply()

    async def serve_call(self, socket: Any, call: Any) -> None: ...

    def unsupported(self, agent: Any) -> list[str]:
        return []

    has_model = False

    async def rehearse(self, message: Any, typist: Any) -> Any: ...

    async def fetch_recording(self, url: str, write: Any) -> str:
        return ""

    async def analyse(self, request: Any) -> dict[str, Any]:
        return {}


def test_a_channel_without_abilities_has_none() -> None:
    found = abilities_of(Plain())
    assert (found.closes, found.webhooks, found.pickups, found.calls, found.prices) == (None,) * 5
    assert (found.calls_begin, found.capacity, found.sender_interval) == (False, None, 0)


def test_every_ability_is_found() -> None:
    channel = Able()
    found = abilities_of(channel)
    for name in (
        "closes",
        "lists_attempts",
        "lists_numbers",
        "forgets",
        "previews",
        "prices",
        "webhooks",
        "dates",
        "pickups",
        "calls",
        "agents",
        "rehearses",
        "analyses",
        "fetches",
    ):
        assert getattr(found, name) is channel, name
    assert (found.calls_begin, found.capacity, found.sender_interval) == (True, 7, 1_000_000)
    named = {name for ability in CHANNEL_ABILITIES for name in members(ability)}
    assert named <= set(dir(channel))


def having(**attributes: Any) -> Plain:
    return type("Odd", (Plain,), attributes)()


def two(self: object, only: object) -> None: ...


async def co(self: object, attempt: object) -> None: ...


async def generator(self: object) -> Any:
    yield 1


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ({"answer": lambda self, pickup, verdict: Reply()}, "AnswersPickups.webhook is missing"),
        ({"forget": two}, "Forgets.forget must be an async method"),
        ({"findings": co}, "Previews.findings must be a plain method, not an async one"),
        ({"serve_call": co}, "ServesCalls.serve_call must accept (socket, call)"),
        ({"price": lambda self: None}, "Prices.price must accept (message)"),
        ({"numbers": 5}, "ListsNumbers.numbers is not a method"),
        ({"numbers": generator}, "ListsNumbers.numbers must be an async method"),
        ({"capacity": "many"}, "LimitsConcurrency.capacity is 'many' instead of int or NoneType"),
        ({"sender_interval": True}, "SpacesSends.sender_interval is True instead of int"),
        ({"calls_begin": 1}, "BeginsAttempts.calls_begin is 1 instead of bool"),
    ],
)
def test_a_part_of_an_ability_is_refused(attributes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ContractBroken) as why:
        abilities_of(having(**attributes))
    assert why.value.mistakes == [sentence]


def test_an_ability_that_is_named_as_a_base_must_be_there() -> None:
    class Promises(Plain, Prices, Forgets):
        pass

    with pytest.raises(ContractBroken, match=r"Forgets\.forget is missing; Prices\.price is missing"):
        abilities_of(Promises())


def test_more_arguments_with_defaults_are_fine() -> None:
    def price(self: object, message: Message, region: str = "us") -> Price:
        return Price(1)

    assert abilities_of(having(price=price)).prices is not None


def test_a_channel_that_is_none_is_told_what_it_lacks() -> None:
    class Half:
        kind = "fax"
        lookup_is_final = True
        lookup_after = 0

        async def send(self, message: Message) -> Receipt:
            return Receipt("1", Outcome.sent)

        async def check(self) -> Sequence[Finding]:
            return []

        async def listen(self, deliver: Callable[..., Any]) -> None: ...

    assert check(Half(), Channel) == [
        "Channel.kind is 'fax' instead of 'phone', 'sms', 'email'",
        "Channel.send must accept (message, attempt)",
        "Channel.lookup is missing",
        "Channel.cancel is missing",
    ]


def test_a_half_implemented_plugin_cannot_be_built(tmp_path: Any) -> None:
    plugins = Plugins(channels={"odd": lambda config, tools: having(forget=two)})
    with pytest.raises(PluginProblem) as why:
        plugins.build_channel("odd", {}, tools(folder=tmp_path))
    assert str(why.value) == (
        "the plugin 'odd' returned a Odd that is not a channel of API 1: Forgets.forget must be an async method. "
        "Correct the plugin, or install a version of it for this fluentsd."
    )


@pytest.mark.parametrize("offer", ["source", "agent_provider"])
def test_a_source_or_agent_provider_that_is_none_is_refused(offer: str, tmp_path: Any) -> None:
    plugins = Plugins(sources={"odd": lambda config, tools: object()}, agent_providers={"odd": lambda *_: object()})
    with pytest.raises(PluginProblem, match=r"(Source|AgentProvider)\.\w+ is missing"):
        getattr(plugins, f"build_{offer}")("odd", {}, tools(folder=tmp_path))
    with pytest.raises(
        PluginProblem, match=rf"no {offer.replace('_', ' ')} plugin is called 'other' \(installed: odd\)"
    ):
        getattr(plugins, f"build_{offer}")("other", {}, tools(folder=tmp_path))


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        ({}, "it does not say for which plugin API it was written; its module must have FLUENTSD_API = 1"),
        ({"FLUENTSD_API": 2}, "it is written for plugin API 2, and this fluentsd has API 1; update fluentsd"),
        ({"FLUENTSD_API": 0}, "it is written for plugin API 0, and this fluentsd has API 1; install a version of the"),
        ({"FLUENTSD_API": "1"}, "it is written for plugin API '1', and this fluentsd has API 1; install a version of"),
    ],
)
def test_the_api_version_of_a_plugin_is_checked(declared: dict[str, Any], sentence: str) -> None:
    broken = discover({"old": type("Old", (), declared)()}).broken["old"]
    assert sentence in broken
    assert broken.startswith("The plugin 'old' is installed but cannot be loaded: it ")
