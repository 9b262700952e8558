"""The sandbox carrier keeps every promise of a channel, and the suite notices carriers that do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
from fluentsd_channel_sandbox import Carrier, CarrierBroke, Noop, PhoneCarrier, read_ledger, read_settings

from fluentsd.api import Absent, Attempt, Channel, Lookup, Message, Outcome, Price, Receipt, Tools, Unavailable
from fluentsd.testing import ConformanceFailure, Fault, discover, exercise_channel, tools


class SandboxProvider:
    """Plays a fault by making it certain; its ledger is the truth."""

    faults = tuple(Fault)

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        self.config, self.folder = dict(config), folder
        self.fault: Fault | None = None

    def make(self, tools: Tools) -> Channel:
        faults = dict(self.config.get("faults", {}))
        if self.fault is not None:
            faults[self.fault.value] = 1.0
        make = PhoneCarrier if self.config["kind"] == "phone" else Carrier
        return make(read_settings({**self.config, "faults": faults}), tools)

    def arrange(self, fault: Fault | None) -> None:
        self.fault = fault

    def held(self, token: str) -> Sequence[str]:
        reading = read_ledger(self.folder / f"ledger-{self.config['kind']}.jsonl")
        return [entry.to for entry in reading.accepted if entry.token == token]


@pytest.mark.parametrize("kind", ["phone", "sms", "email"])
@pytest.mark.parametrize("lookup", ["final", "fuzzy"])
@pytest.mark.parametrize("faults", [{}, {"latency": 0.2, "list_lag": 3}])
async def test_keeps_every_promise(kind, lookup, faults, tmp_path, autojump_clock):
    provider = SandboxProvider(tmp_path, {"kind": kind, "lookup": lookup, "faults": faults})
    await exercise_channel(provider.make, tools=tools(folder=tmp_path), provider=provider, patience=900)


async def test_noop_keeps_the_promises_that_need_no_provider(tmp_path, autojump_clock):
    await exercise_channel(lambda t: Noop({"kind": "sms"}, t), tools=tools(folder=tmp_path))


def test_both_names_are_discovered():
    found = discover()
    assert {"sandbox", "noop"} <= set(found.channels), found.broken


class Denies(Carrier):
    """Says "unavailable" when the answer was lost: the lie that contacts people twice."""

    async def send(self, message: Message, attempt: Attempt) -> Receipt:
        try:
            return await super().send(message, attempt)
        except CarrierBroke as why:
            raise Unavailable("500") from why


class Forgets(Carrier):
    """Says "absent", finally, of what it accepted."""

    async def lookup(self, attempt: Attempt) -> Lookup:
        return Absent()


class Repeats(Carrier):
    """Retries on its own, which the engine does not see."""

    async def send(self, message: Message, attempt: Attempt) -> Receipt:
        await super().send(message, attempt)
        return await super().send(message, attempt)


class Mixes(Carrier):
    """Gives everybody the same reference."""

    async def send(self, message: Message, attempt: Attempt) -> Receipt:
        await super().send(message, attempt)
        return Receipt("same", Outcome.sent)


class Crashes(Carrier):
    def webhook(self, request):
        raise KeyError(request.body)


class Swallows(Carrier):
    """Does not let itself be cancelled."""

    async def send(self, message: Message, attempt: Attempt) -> Receipt:
        with trio.CancelScope(shield=True), trio.move_on_after(3000):
            return await super().send(message, attempt)
        raise CarrierBroke("gave up")


@pytest.mark.parametrize(
    ("liar", "check"),
    [
        (Denies, "an_uncertain_send_stays_open"),
        (Forgets, "a_send_ends_in_a_receipt"),
        (Repeats, "a_send_ends_in_a_receipt"),
        (Mixes, "sends_do_not_mix"),
        (Crashes, "garbage_is_not_a_crash"),
        (Swallows, "a_send_can_be_cancelled"),
    ],
)
async def test_a_channel_that_lies_is_found_out(liar, check, tmp_path, autojump_clock):
    provider = SandboxProvider(tmp_path, {"kind": "sms"})

    def make(t):
        return liar(provider.make(t).settings, t)

    with pytest.raises(ConformanceFailure, match=check):
        await exercise_channel(make, tools=tools(folder=tmp_path), provider=provider, patience=600)


class Connects(PhoneCarrier):
    """Connects a call that must end, as if it might go on."""

    url = None

    def answer(self, pickup, verdict):
        self.url = verdict.relay_url or self.url
        return super().answer(pickup, replace(verdict, go=True, relay_url=self.url))


class Stays(PhoneCarrier):
    """Does not notice that its call has ended."""

    async def serve_call(self, socket, call):
        await trio.sleep_forever()


class Half(PhoneCarrier):
    answer = None


class Overcharges(PhoneCarrier):
    def price(self, message):
        return Price(-1)


@pytest.mark.parametrize(
    ("liar", "check"),
    [
        (Connects, "a_refused_call_is_ended"),
        (Stays, "a_call_ends_with_its_socket"),
        (Half, "abilities_are_whole: AnswersPickups.answer is not a method"),
        (Overcharges, "a_price_is_an_amount"),
    ],
)
async def test_a_phone_that_lies_is_found_out(liar, check, tmp_path, autojump_clock):
    provider = SandboxProvider(tmp_path, {"kind": "phone"})

    def make(t):
        return liar(provider.make(t).settings, t)

    with pytest.raises(ConformanceFailure, match=check):
        await exercise_channel(make, tools=tools(folder=tmp_path), provider=provider, patience=600)
