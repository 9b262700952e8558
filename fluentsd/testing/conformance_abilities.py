"""The promises of a channel's optional abilities; each check does nothing for a channel without the ability."""

from __future__ import annotations

from contextlib import suppress

import trio

from fluentsd.api import (
    AnswersPickups,
    Call,
    Channel,
    Pickup,
    PickupVerdict,
    Price,
    Prices,
    Reply,
    ServesCalls,
    SocketClosed,
)
from fluentsd.api.abilities import CHANNEL_ABILITIES
from fluentsd.api.contract import ContractBroken
from fluentsd.api.contract import require as keep_contract
from fluentsd.testing.run_checks import ConformanceFailure, require
from fluentsd.testing.trial import Case, ClosedSocket


async def abilities_are_whole(case: Case) -> None:
    """The channel has every optional ability wholly or not at all."""
    async with case.channel() as channel:
        try:
            keep_contract(channel, Channel, CHANNEL_ABILITIES)
        except ContractBroken as why:
            raise ConformanceFailure(str(why)) from None


async def a_price_is_an_amount(case: Case) -> None:
    """`price` gives an amount in a currency, or None, and never fails."""
    async with case.channel() as channel:
        if isinstance(channel, Prices):
            price = channel.price(case.trial(channel.kind).message)
            require(price is None or isinstance(price, Price), f"price returned {price!r}")
            if price is not None:
                require(price.micros >= 0 and len(price.currency) == 3, f"price returned {price!r}")


async def a_refused_call_is_ended(case: Case) -> None:
    """`answer` words both verdicts, differently, and only the good one names the call's WebSocket."""
    async with case.channel() as channel:
        if not isinstance(channel, AnswersPickups):
            return
        trial, url = case.trial(channel.kind), "wss://calls.example.com/relay/phone/conformance"
        pickup = Pickup("conformance", trial.token)
        goes = channel.answer(pickup, PickupVerdict(go=True, relay_url=url, message=trial.message))
        ends = channel.answer(pickup, PickupVerdict(go=False, reason="the window has closed"))
        for reply in (goes, ends):
            require(isinstance(reply, Reply), f"answer returned {reply!r} instead of a Reply")
        require(goes != ends, "answer says the same for a call that goes on and one that must end")
        require(url.encode() not in ends.body, "the answer to a refused call connects it")
        if isinstance(channel, ServesCalls):
            require(b"conformance" in goes.body, "the answer to a call that goes on does not name its relay_url")


async def a_call_ends_with_its_socket(case: Case) -> None:
    """`serve_call` ends when the other side closes, and when it is cancelled."""
    async with case.channel() as channel:
        if not isinstance(channel, ServesCalls):
            return
        for code in (1000, 1006):
            with trio.move_on_after(case.patience) as scope:
                with suppress(SocketClosed):
                    await channel.serve_call(ClosedSocket(code), Call(channel.kind, "conformance"))
            require(not scope.cancelled_caught, "serve_call goes on although its socket has closed")
